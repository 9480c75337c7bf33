#!/usr/bin/env bash
# Builds Slipway and runs it on this machine: with a Docker Engine and a registry of its own
# where none is there already, and with an example image built on the way. Stays until
# Ctrl-C, and then stops all that it started. The data stays in ./slipway-data.
#
#   DOCKER_HOST=…              the engine to use; otherwise /var/run/docker.sock, if it answers
#   SLIPWAY_REGISTRY=host:port the registry to use; otherwise one on loopback
#   SLIPWAY__HTTP__LISTEN=…    where to listen; otherwise 127.0.0.1:8080
#   SLIPWAY_DATA_DIR=…         where the data is; otherwise ./slipway-data
#   SLIPWAY_RUN_ONCE=1         leave after the example, with its result as the exit code
set -euo pipefail

dev=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$dev/.."
# shellcheck source=stack/all.sh
. "$dev/stack/all.sh"
# shellcheck source=run/address.sh
. "$dev/run/address.sh"
# shellcheck source=run/example.sh
. "$dev/run/example.sh"
# shellcheck source=run/welcome.sh
. "$dev/run/welcome.sh"

listen=${SLIPWAY__HTTP__LISTEN:-127.0.0.1:8080}
url=http://$(reachable "$listen")
data=${SLIPWAY_DATA_DIR:-$PWD/slipway-data}
engine='' registry=${SLIPWAY_REGISTRY:-} scratch='' slipwayd=''

check_address() {
    local address=${url#http://} host
    host=${address%:*}
    host=${host#[}
    if taken "${host%]}" "${address##*:}"; then
        fail "$address is taken by another program"
        note "choose another address:  SLIPWAY__HTTP__LISTEN=127.0.0.1:$(free_port 8081) make run"
        exit 1
    fi
}

# Sets $engine where one answers.
find_engine() {
    local candidate
    for candidate in ${DOCKER_HOST:+"$DOCKER_HOST"} unix:///var/run/docker.sock; do
        if engine_answers "$candidate"; then
            engine=$candidate
            return
        fi
        if [[ $candidate == "${DOCKER_HOST:-}" ]]; then warn "no engine answers at DOCKER_HOST=$candidate"; fi
    done
}

# An engine elsewhere cannot push to this machine's loopback.
check_registry() {
    if [[ -z $registry && $engine == *://* && ! $engine =~ ^(unix:|[a-z]+://(127\.|localhost)) ]]; then
        die "the engine at $engine is on another machine: name a registry that it can reach with SLIPWAY_REGISTRY=host:port"
    fi
}

install_needs() {
    local needs=(compiler curl jq busybox git)
    [[ -n $engine ]] || needs+=(engine)
    [[ -n $registry ]] || needs+=(registry)
    "$dev/install.sh" "${needs[@]}"
    [[ -n $engine ]] || require_root "a private Docker Engine"
    command -v cargo >/dev/null || die "Rust is missing: install it with rustup, then try again"
}

# The private ones start while the compiler works.
start_rest() {
    if [[ -z $engine ]]; then
        say "starting a private Docker Engine"
        engine=unix://$scratch/own/docker.sock
        stack_start engine_start "$scratch/own" "$data/engine" outbound
        # They speak of another engine.
        unset DOCKER_TLS_VERIFY DOCKER_CERT_PATH DOCKER_CONTEXT
    fi
    if [[ -z $registry ]]; then
        registry=127.0.0.1:$(free_port 5000)
        say "starting a registry on $registry"
        stack_start registry_start "$scratch/registry" "$data/registry" "$registry"
    fi
}

compile() {
    say "compiling (the first time takes minutes)"
    # Optimising the executable as a whole saves memory and costs minutes: here somebody waits.
    attend env CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        cargo build --release --locked -p slipway-server
}

# For FROM in the first builds of whoever tries this.
provide_base_image() {
    local image=base/busybox
    if ! curl --silent --fail --output /dev/null --noproxy '*' --max-time 10 \
        --header 'Accept: application/vnd.docker.distribution.manifest.v2+json' \
        "http://$registry/v2/$image/manifests/latest"; then
        base_image_push "$engine" "$registry/$image:latest" "$scratch" ||
            warn "there will be no $registry/$image to build from"
    fi
}

start_slipwayd() {
    say "starting slipwayd"
    ln -sf "$data/slipwayd.log" "$scratch/slipwayd.log"
    spawn "$scratch/slipwayd" env SLIPWAY_STACK="$scratch" DOCKER_HOST="$engine" \
        "${CARGO_TARGET_DIR:-target}/release/slipwayd" standalone --data-dir "$data"
    slipwayd=$!
    if ! wait_for "$scratch/slipwayd" 60 api /health/ready --fail; then
        fail "slipwayd did not get ready"
        show_tail "$data/slipwayd.log"
        exit 1
    fi
}

# Ends when slipwayd does, which it should not by itself; or by a signal, see the traps.
serve() {
    local code=0
    wait "$slipwayd" || code=$?
    fail "slipwayd ended by itself, with code $code"
    show_tail "$data/slipwayd.log"
    exit 1
}

# slipwayd lets the builds that run finish, within its grace time. Told a second time, it
# hands them back to the line at once.
stop_slipwayd() {
    [[ -n $slipwayd ]] && alive "$slipwayd" || return 0
    say "stopping (Ctrl-C again: at once)"
    trap 'send INT "$slipwayd"' INT TERM
    send TERM "$slipwayd"
    ended_within 1200 "$slipwayd" || send KILL "$slipwayd"
}

tear_down() {
    # Ctrl-C also ends what the output is piped into, and a message that nobody reads must
    # not end this.
    trap '' PIPE
    set +e
    trap '' HUP
    stop_slipwayd
    trap '' INT TERM
    stack_stop_starting
    stack_remove "$scratch"
    say "all stopped; your builds and images are in $data"
}

scratch_clear_abandoned run
check_address
find_engine
check_registry
install_needs

# As slipwayd would make it: the key of the secrets is in there.
(umask 077 && mkdir -p "$data")
data=$(cd "$data" && pwd)
scratch_make run
trap tear_down EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

start_rest
compile
stack_started
provide_base_image
start_slipwayd

code=0
example_build "$registry/examples/hello:latest" || code=1
if [[ -n ${SLIPWAY_RUN_ONCE:-} ]]; then exit "$code"; fi
welcome
# From here on it is the usual way to leave.
trap 'exit 0' INT
serve
