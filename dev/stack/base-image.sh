# shellcheck shell=bash
# A base image made on the spot from the static busybox: builds can write FROM and RUN
# without any image from a public registry. Needs say.sh and engine-api.sh.

static_busybox() { readlink -f "$(command -v busybox)"; }

# A root file system, as a tar: /bin with busybox under all of its names, and what programs
# expect of any system.
base_image_tar() (
    local root=$1
    umask 022 # whoever the image runs as has to get in
    mkdir -p "$root/bin" "$root/etc" "$root/tmp"
    chmod 1777 "$root/tmp"
    cp "$(static_busybox)" "$root/bin/busybox"
    "$root/bin/busybox" --install "$root/bin"
    echo 'root:x:0:0:root:/:/bin/sh' >"$root/etc/passwd"
    echo 'root:x:0:' >"$root/etc/group"
    tar --create --directory "$root" --sort=name --mtime=@0 --numeric-owner --owner=0 --group=0 .
    rm -rf "$root"
)

# base_image_push ENGINE IMAGE SCRATCH: IMAGE is registry/path:tag. The engine keeps no copy: what
# builds from it has to pull it, as it would any other.
base_image_push() {
    local engine=$1 image=$2 scratch=$3 name tag=${2##*:} answer
    name=${image%:*}
    answer=$(
        base_image_tar "$scratch/base" | engine_api "$engine" \
            "/images/create?fromSrc=-&repo=$name&tag=$tag&changes=CMD%20%5B%22%2Fbin%2Fsh%22%5D" \
            --request POST --header 'Content-Type: application/x-tar' --data-binary @-
        # The engine wants the header even where there is no login: this is {} in base64.
        engine_api "$engine" "/images/$name/push?tag=$tag" --request POST --header 'X-Registry-Auth: e30='
        engine_api "$engine" "/images/$image" --request DELETE
    ) || true
    # An engine reports failures inside an answer that began with 200.
    if [[ $answer == *'"error"'* || $answer != *'"aux"'* ]]; then
        fail "cannot push the base image $image"
        printf '%s\n' "$answer" | tail -n 5 >&2
        return 1
    fi
}
