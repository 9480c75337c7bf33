#!/usr/bin/env bash
# runc, for a machine that is itself a container and has not all capabilities: runc would
# start no privileged container there, because it cannot give what the machine has not.
# Such containers get what there is.
set -euo pipefail

bundle=''
previous=''
for argument; do
    if [[ $previous == --bundle ]]; then bundle=$argument; fi
    previous=$argument
done

if [[ -n $bundle && " $* " == *' create '* ]]; then
    here=$(setpriv --dump | sed -n 's/^Capability bounding set: //p')
    settings=$(jq --arg here "$here" '($here | split(",") | map("CAP_" + ascii_upcase)) as $here
        | .process.capabilities |= map_values(map(select(IN($here[]))))' "$bundle/config.json")
    printf '%s' "$settings" >"$bundle/config.json"
fi
exec runc "$@"
