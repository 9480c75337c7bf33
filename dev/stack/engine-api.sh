# shellcheck shell=bash
# Talks to a Docker Engine with curl: no docker client has to be installed, and none is
# there that is too new for the engine.

# engine_api HOST PATH [CURL OPTION…]: HOST in the notation of DOCKER_HOST.
engine_api() {
    local host=$1 path=$2
    shift 2
    case $host in
        unix://*) curl -sS --unix-socket "${host#unix://}" "$@" "http://engine$path" ;;
        tcp://*)
            if [[ -n ${DOCKER_TLS_VERIFY:-} ]]; then
                local certs=${DOCKER_CERT_PATH:-$HOME/.docker}
                curl -sS --cacert "$certs/ca.pem" --cert "$certs/cert.pem" --key "$certs/key.pem" \
                    "$@" "https://${host#tcp://}$path"
            else
                curl -sS "$@" "http://${host#tcp://}$path"
            fi
            ;;
        http://* | https://*) curl -sS "$@" "${host%/}$path" ;;
        *)
            echo "cannot talk to an engine at $host" >&2
            return 1
            ;;
    esac
}

engine_answers() {
    engine_api "$1" /_ping --fail --max-time 5 >/dev/null 2>&1
}
