#!/usr/bin/env bash
# Writes the build context of examples/hello to stdout, as a tar: the files there, and a
# static busybox, which is not kept in the repository.
set -euo pipefail

dev=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
busybox=$(readlink -f "$(command -v busybox)")

tar --create --numeric-owner --owner=0 --group=0 --absolute-names \
    --transform="s|^$busybox\$|bin/busybox|" \
    --directory="$dev/../examples/hello" Dockerfile README.md "$busybox"
