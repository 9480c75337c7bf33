# shellcheck shell=bash
# The project that is tried: compose.yaml as it is, with the settings that a user would
# write into .env. Needs say.sh, process.sh, address.sh, engine-api.sh, $engine, $scratch
# and $dev; sets $url and $registry.
# shellcheck disable=SC2154,SC2034 # set and used by test-compose.sh

name=slipway-try
# Any number but root's: that the workers reach the socket must come from DOCKER_GID alone.
docker_gid=23750

project_write() {
    local api_port registry_port
    api_port=$(free_port 18080)
    registry_port=$(free_port 15000)
    url=http://127.0.0.1:$api_port
    registry=127.0.0.1:$registry_port
    as_root chgrp "$docker_gid" "${engine#unix://}"
    as_root chmod 660 "${engine#unix://}"
    cat >"$scratch/env" <<-END
	POSTGRES_PASSWORD=$(random_hex 16)
	RABBITMQ_PASSWORD=$(random_hex 16)
	SLIPWAY_KEY=$(head -c 32 /dev/urandom | base64)
	DOCKER_GID=$docker_gid
	DOCKER_SOCKET=${engine#unix://}
	API_PORT=$api_port
	REGISTRY_PORT=$registry_port
	LOG_FORMAT=json
	END
}

# project COMMAND…: docker compose, whichever of the two there is. Without the caller's
# environment, which would win over the file.
project() {
    local compose=(docker-compose)
    if docker compose version >/dev/null 2>&1; then compose=(docker compose); fi
    attend env -i PATH="$PATH" HOME="$HOME" DOCKER_HOST="$engine" "${compose[@]}" --project-name "$name" \
        --project-directory "$dev/.." --file "$dev/../compose.yaml" --env-file "$scratch/env" "$@"
}

project_down() {
    project --profile engines down --volumes --remove-orphans --timeout 10 >"$scratch/down.log" 2>&1 ||
        show_tail "$scratch/down.log"
}

# Waits until all is well: database, uploads, hosts, and the broker too, without which builds
# would come through all the same.
project_ready() {
    local deadline=$((SECONDS + 120)) health=''
    until health=$(api /health 2>/dev/null) && [[ $(jq --raw-output .status <<<"$health") == healthy ]]; do
        if ((SECONDS >= deadline)); then
            project logs --tail 20 >&2 || true
            die "not all is well: ${health:-the API does not answer}"
        fi
        sleep 0.2
    done
}

# The containers of a service that run, by id.
containers() {
    engine_api "$engine" "/containers/json?filters=$(jq -rn --arg p "$name" --arg s "$1" \
        '{label: ["com.docker.compose.project=\($p)", "com.docker.compose.service=\($s)"], status: ["running"]}
         | tostring | @uri')" | jq --raw-output '.[].Id'
}

project_leaves_nothing() {
    local left
    say "docker compose down"
    project --profile engines down --volumes --timeout 10
    left=$(
        engine_api "$engine" '/containers/json?all=true' | jq --raw-output '.[] | "container \(.Names[0])"'
        engine_api "$engine" /volumes | jq --raw-output '.Volumes // [] | .[] | "volume \(.Name)"'
        engine_api "$engine" /networks | jq --raw-output --arg p "$name" '.[] | select(.Name | startswith($p)) | "network \(.Name)"'
        engine_api "$engine" /images/json | jq --raw-output '.[].RepoTags // [] | .[] | select(test("slipway.invalid|examples/|tries/")) | "image \(.)"'
    )
    [[ -z $left ]] || die "left behind: $left"
}
