#!/usr/bin/env bash
# Whether systemd understands the units in deploy/systemd. Says so and passes where there is
# no systemd to ask.
set -euo pipefail

dev=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib/say.sh
. "$dev/lib/say.sh"

if ! command -v systemd-analyze >/dev/null; then
    warn "systemd-analyze is not here: the units are not checked"
    exit 0
fi

units=$(mktemp -d)
trap 'rm -rf "$units"' EXIT
cp -r "$dev"/../deploy/systemd/slipwayd-* "$units"
# It looks whether the program is there; which need not be installed here.
sed -i 's|^ExecStart=/usr/local/bin/slipwayd|ExecStart=/bin/true|' "$units"/*.service
# A line that it does not understand is a warning to it; here it is an error.
complaints=$(SYSTEMD_UNIT_PATH=$units: systemd-analyze verify "$units"/*.service 2>&1) || {
    printf '%s\n' "$complaints" >&2
    exit 1
}
[[ -z $complaints ]] || die "$complaints"
# On a scale to 10: what is left is the network, the user's sockets and the Docker group.
for unit in "$units"/*.service; do
    SYSTEMD_UNIT_PATH=$units: systemd-analyze security --offline=true --threshold=20 "$unit" >/dev/null ||
        die "$(basename "$unit") is less hardened than it was: systemd-analyze security --offline=true tells by what"
done
