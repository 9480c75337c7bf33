# shellcheck shell=bash
# The builds that are sent through the project. Needs say.sh, example.sh, project.sh,
# engine-api.sh, $engine, $registry and $scratch.
# shellcheck disable=SC2154 # set by test-compose.sh

# submit IMAGE SECONDS: a build of one step that takes so long. Prints its id.
submit() {
    local image=$1 seconds=$2 from=${1%%/*}/base/busybox build
    build=$(jq --null-input --arg image "$image" \
        --arg file "FROM $from"$'\n'"RUN echo $image-$RANDOM && sleep $seconds"$'\n' \
        '{image: $image, source: {type: "dockerfile", content: $file}}' |
        api /api/v2/builds --header 'Content-Type: application/json' --data-binary @-) || return 1
    field "$build" .id
}

# ended ID…: waits for all, and fails unless each succeeded with the image in the registry.
ended() {
    local id build status image digest
    for id; do
        while :; do
            build=$(api "/api/v2/builds/$id") || return 1
            status=$(field "$build" .status) || return 1
            case $status in
                queued | preparing | building | pushing | purging) sleep 0.3 ;;
                *) break ;;
            esac
        done
        image=$(field "$build" .image) digest=$(field "$build" '.digest // "none"')
        note "$image $status on $(field "$build" '.host // "no host"'), attempt $(field "$build" .attempt)"
        [[ $status == succeeded ]] || die "the build $id $status: $(jq --compact-output .failure <<<"$build")"
        # The registry may go by another name inside; here it has one address.
        image=${image#*/}
        curl --silent --fail --noproxy '*' --head --output /dev/null \
            --header 'Accept: application/vnd.docker.distribution.manifest.v2+json' \
            "http://$registry/v2/${image%:*}/manifests/$digest" || die "$image@$digest is not in the registry"
    done
}

attempts() { api "/api/v2/builds/$1" | jq .attempt; }

# All workers lose all they have, with no chance to say a word; the engine restarts them.
builds_survive_a_kill() {
    local ids=() round container id again=0
    say "docker compose up --scale worker=3"
    project up --detach --scale worker=3
    [[ $(containers worker | wc -l) == 3 ]] || die "there are not three workers"
    for round in 1 2 3 4 5 6 7 8; do ids+=("$(submit "$registry/tries/kill:$round" 6)"); done
    wait_until_building "${ids[0]}"
    say "kill -9 of every worker"
    for container in $(containers worker); do
        send KILL "$(engine_api "$engine" "/containers/$container/json" | jq .State.Pid)"
    done
    ended "${ids[@]}"
    for id in "${ids[@]}"; do (($(attempts "$id") < 2)) || again=$((again + 1)); done
    ((again > 0)) || die "the kill hit no build"
    note "$again of ${#ids[@]} builds were begun again"
}

wait_until_building() {
    local deadline=$((SECONDS + 60))
    until [[ $(api "/api/v2/builds/$1" | jq --raw-output .status) == building ]]; do
        ((SECONDS < deadline)) || die "the build $1 does not begin: $(api "/api/v2/builds/$1" | jq --compact-output .waiting)"
        sleep 0.1
    done
}

# The profile with two engines, as .env.example says it.
engines_take_over() {
    local ids=() hosts round
    say "two engines instead of the machine's"
    cat >>"$scratch/env" <<-END
	COMPOSE_PROFILES=engines
	SLIPWAY_SETTINGS=./deploy/compose/two-engines.toml
	DOCKER_SOCKET=/dev/null
	END
    project up --detach --scale worker=3
    project_ready
    for round in 1 2 3 4 5 6 7 8; do ids+=("$(submit "registry:5000/tries/engines-$round:1" 5)"); done
    ended "${ids[@]}"
    hosts=$(for id in "${ids[@]}"; do api "/api/v2/builds/$id" | jq --raw-output .host; done | sort -u | tr '\n' ' ')
    [[ $hosts == 'engine-a engine-b ' ]] || die "the builds ran on $hosts only"
}
