#!/usr/bin/env bash
# The quick part of the tests: needs no database, engine or registry.
set -euo pipefail

dev=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$dev/.."
. "$dev/lib/say.sh"
. "$dev/lib/timing.sh"
. "$dev/lib/checks.sh"

"$dev/install.sh" compiler shellcheck
checks
step_summary
