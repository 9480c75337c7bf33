# shellcheck shell=bash
# A network bridge with a subnet of its own for each private engine: two engines that share
# one would give two containers the same address, and the first to stop would take the
# bridge away from the other. Needs say.sh and process.sh.

# Free: no route but the default one leads to the subnet, or to a part of it.
subnet_is_free() {
    local routes
    routes=$(
        ip -4 route show match "$1.1" | sed '/^default/d'
        ip -4 route show root "$1.0/24"
    )
    [[ -z $routes ]]
}

held_once() {
    (($(ip -4 -o addr show to "$1.1/32" | wc -l) == 1))
}

# bridge_create NAME: prints the first three numbers of the subnet that it took.
bridge_create() {
    local name=$1 subnet error attempt
    if ! error=$(as_root ip link add name "$name" type bridge 2>&1); then
        fail "cannot create a network bridge for a private Docker Engine: $error"
        note "In a container this takes --privileged (or CAP_NET_ADMIN). Or use an engine that"
        note "runs already: DOCKER_HOST=unix:///var/run/docker.sock"
        return 1
    fi
    for ((attempt = 0; attempt < 50; attempt++)); do
        subnet=172.$((RANDOM % 8 + 24)).$((RANDOM % 256))
        subnet_is_free "$subnet" || continue
        as_root ip addr add "$subnet.1/24" dev "$name" || continue
        # Looked again: another run may have taken the same one in the same moment.
        if held_once "$subnet"; then
            as_root ip link set "$name" up
            echo "$subnet"
            return
        fi
        as_root ip addr del "$subnet.1/24" dev "$name"
    done
    fail "found no free subnet in 172.24.0.0 to 172.31.255.0 for a private Docker Engine"
    return 1
}

bridge_remove() {
    if [[ -e /sys/class/net/$1 ]]; then as_root ip link del "$1"; fi
}
