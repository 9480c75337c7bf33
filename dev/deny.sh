#!/usr/bin/env bash
# Licences, banned crates and sources of all that Cargo.lock names; see deny.toml.
set -euo pipefail

dev=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$dev/.."
. "$dev/lib/say.sh"

version=0.20.2
tools=$PWD/target/tools
tool=$tools/bin/cargo-deny

# Built once and kept in target/. Without optimisation and debug information: building it
# is what takes time, and it runs for a second.
if [[ $("$tool" --version 2>/dev/null) != "cargo-deny $version" ]]; then
    note "building cargo-deny $version, once"
    CARGO_PROFILE_DEV_DEBUG=false cargo install --quiet --locked --debug --force --root "$tools" "cargo-deny@$version"
fi

"$tool" --locked check --hide-inclusion-graph licenses bans sources
