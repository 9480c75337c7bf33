# shellcheck shell=bash
# The images that compose.yaml names, in the engine that tries it: stand-ins for the public
# ones, and Slipway's own from the executable that was just compiled. What an engine has
# already it makes of its cache. Needs say.sh, process.sh, engine-api.sh and $engine.
# shellcheck disable=SC2154 # set by test-compose.sh

# The release of this machine, so that what is compiled here runs there; its name is the one
# in deploy/Dockerfile all the same.
runtime_image=debian:bookworm-slim

image_exists() { engine_api "$engine" "/images/$1/json" --fail --output /dev/null 2>/dev/null; }

import_distribution() {
    local root=$1 release components
    image_exists "$runtime_image" && return
    # shellcheck source=/dev/null
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    components=main
    if grep -q '^ID=ubuntu' /etc/os-release; then components=main,universe; fi
    say "making $runtime_image out of this machine's distribution ($release), once"
    if ! as_root debootstrap --variant=minbase --include=ca-certificates,git,openssh-client --components="$components" \
        "$release" "$root" >"$root.log" 2>&1; then
        show_tail "$root.log"
        die "debootstrap failed"
    fi
    as_root tar --create --directory "$root" --one-file-system --exclude='./var/cache/apt/archives/*.deb' . |
        engine_api "$engine" "/images/create?fromSrc=-&repo=${runtime_image%:*}&tag=${runtime_image#*:}" \
            --request POST --header 'Content-Type: application/x-tar' --data-binary @- >/dev/null
    as_root rm -rf "$root"
}

# image_build NAME QUERY: the context comes from stdin, as a tar. The classic builder, which
# every engine has.
image_build() {
    local name=$1 query=$2 log=$scratch/image.log
    engine_api "$engine" "/build?t=$name&forcerm=1&networkmode=host&$query" --request POST \
        --header 'Content-Type: application/x-tar' --header 'Expect:' --data-binary @- >"$log"
    if grep -q '"error"' "$log" || ! image_exists "$name"; then
        jq --raw-output '.stream // .error // empty' "$log" | tail -n 30 >&2
        die "the image $name cannot be built"
    fi
}

stand_ins() {
    local stage
    import_distribution "$scratch/distribution"
    say "making stand-ins for public images (the first time takes a minute or two)"
    for stage in postgres:postgres:17 rabbitmq:rabbitmq:4 registry:registry:2 engine:docker:28-dind; do
        tar --create --directory "$dev/compose/stand-ins" --mtime=@0 --owner=0 --group=0 . |
            image_build "${stage#*:}" "target=${stage%%:*}"
    done
}

# slipway_image EXECUTABLE
slipway_image() {
    local executable=$1 context=$scratch/image
    say "making slipway:latest"
    mkdir -p "$context/deploy" "$context/target/release"
    cp "$dev/../deploy/Dockerfile" "$dev/../deploy/healthcheck" "$context/deploy/"
    strip --strip-debug -o "$context/target/release/slipwayd" "$executable"
    tar --create --directory "$context" --owner=0 --group=0 . |
        image_build slipway:latest 'dockerfile=deploy/Dockerfile&target=prebuilt'
    rm -rf "$context"
}
