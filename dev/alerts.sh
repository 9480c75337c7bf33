#!/usr/bin/env bash
# Whether the alarm rules speak of metrics that there are, and the handbook of the same
# alarms: whoever is woken by one has to find it there.
set -euo pipefail

dev=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$dev/.."
# shellcheck source=lib/say.sh
. "$dev/lib/say.sh"

rules=deploy/prometheus/slipway.rules.yml

while read -r metric; do
    grep -q "^| \`$metric\` " docs/metrics.md || die "$rules asks for $metric, which docs/metrics.md does not list"
done < <(grep '^[^#]*slipway_' "$rules" | grep -o 'slipway_[a-z_]*' | sed 's/_bucket$//' | sort -u)

raised=$(sed -n 's/^ *- alert: //p' "$rules" | sort)
# shellcheck disable=SC2016 # the backquotes are Markdown's
explained=$(sed -n 's/^| `\(Slipway[A-Za-z]*\)` .*/\1/p' docs/operations.md | sort)
if [[ $raised != "$explained" ]]; then
    diff <(echo "$raised") <(echo "$explained") >&2 || true
    die "$rules and docs/operations.md have different alarms"
fi
