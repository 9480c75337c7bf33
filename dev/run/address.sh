# shellcheck shell=bash
# Addresses: who listens, and how to get there. Needs say.sh.

# Whether somebody answers at HOST PORT.
taken() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }

# The address at which a listener can be reached from here: one that listens everywhere
# (0.0.0.0) is reached by loopback.
reachable() {
    local port=${1##*:} host=${1%:*}
    case $host in
        0.0.0.0 | '[::]' | '') host=127.0.0.1 ;;
    esac
    echo "$host:$port"
}

# The first free port on loopback, from FIRST on.
free_port() {
    local port
    for ((port = $1; port < $1 + 100; port++)); do
        if ! taken 127.0.0.1 "$port"; then
            echo "$port"
            return
        fi
    done
    die "no free port from $1 to $((port - 1))"
}
