# shellcheck shell=bash
# The way from a private engine's containers to the rest of the world, for RUN steps that
# download. Our own three rules instead of the engine's forty: the engine removes none of
# its rules when it stops, and takes for granted that no other engine uses its chains.
# Needs process.sh.

outbound_rules() {
    local verb=$1 bridge=$2 subnet=$3
    local ours=(-m comment --comment "$bridge")
    as_root iptables -w -t nat "$verb" POSTROUTING -s "$subnet.0/24" ! -o "$bridge" "${ours[@]}" -j MASQUERADE &&
        as_root iptables -w "$verb" FORWARD -i "$bridge" "${ours[@]}" -j ACCEPT &&
        as_root iptables -w "$verb" FORWARD -o "$bridge" -m conntrack --ctstate RELATED,ESTABLISHED "${ours[@]}" -j ACCEPT
}

outbound_open() {
    # Not switched off again afterwards: an engine that was started meanwhile may count on it.
    if [[ $(</proc/sys/net/ipv4/ip_forward) == 0 ]]; then
        as_root sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
    fi
    # Inserted, not appended: another engine may have left a rule that drops the rest.
    outbound_rules -I "$@"
}

outbound_close() {
    outbound_rules -D "$@" 2>/dev/null
}
