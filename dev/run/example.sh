# shellcheck shell=bash
# The example build, as any client would do it: upload a context, submit, follow the log,
# ask how it ended. Needs say.sh, process.sh, $dev and $url.
# shellcheck disable=SC2154 # set by run.sh

api() {
    local path=$1
    shift
    curl --silent --show-error --noproxy '*' "$@" "$url$path"
}

# example_build IMAGE: fails unless the build succeeds.
example_build() {
    local image=$1 upload build id
    say "building examples/hello"
    upload=$("$dev/hello-context.sh" | api /api/v2/uploads --request POST --upload-file - \
        --header 'Content-Type: application/x-tar' --header 'Expect:') || return 1
    id=$(field "$upload" .id) || return 1
    note "uploaded $(field "$upload" .size) bytes"

    build=$(jq --null-input --arg image "$image" --arg id "$id" \
        '{image: $image, source: {type: "upload", id: $id}}' |
        api /api/v2/builds --header 'Content-Type: application/json' --data-binary @-) || return 1
    id=$(field "$build" .id) || return 1
    note "build $id"
    attend curl --silent --show-error --noproxy '*' --no-buffer "$url/api/v2/builds/$id/logs?follow=true" || true
    example_result "$id"
}

# The log may end a moment before the build does: the host is tidied up after the push.
example_result() {
    local id=$1 build status
    while :; do
        build=$(api "/api/v2/builds/$id") || return 1
        status=$(field "$build" .status) || return 1
        case $status in
            queued | preparing | building | pushing | purging) sleep 0.1 ;;
            *) break ;;
        esac
    done
    if [[ $status != succeeded ]]; then
        fail "the example $status: $(jq -r '.failure | [.message, .hint] | map(values) | join("; ")' <<<"$build")"
        return 1
    fi
    say "the example $status"
    jq -r '"image   \(.image)", "digest  \(.digest)",
        "time    \(.timings.total_ms) ms: " + ([.timings
            | (["queued", .queued_ms], ["preparing", .preparing_ms], ["building", .building_ms],
               ["pushing", .pushing_ms], ["purging", .purging_ms])
            | select(.[1] != null) | "\(.[0]) \(.[1])"] | join(", "))' <<<"$build" |
        while read -r line; do note "$line"; done
}

# field JSON FILTER: an answer without the field is an error, and shown.
field() {
    if ! jq -er "$2" <<<"$1" 2>/dev/null; then
        fail "unexpected answer: $1"
        return 1
    fi
}
