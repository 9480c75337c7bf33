#!/usr/bin/env bash
# The official image's way with POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB.
set -euo pipefail

programs=$(dirname /usr/lib/postgresql/*/bin/postgres)
data=/var/lib/postgresql/data
as_postgres=(setpriv --reuid postgres --regid postgres --init-groups)

if [[ ! -s $data/PG_VERSION ]]; then
    chown postgres: "$data"
    printf '%s\n' "$POSTGRES_PASSWORD" >/tmp/password
    chown postgres: /tmp/password
    "${as_postgres[@]}" "$programs/initdb" --pgdata "$data" --username "$POSTGRES_USER" --pwfile /tmp/password \
        --auth-local trust --auth-host scram-sha-256 --encoding UTF8 --no-locale
    rm /tmp/password
    echo 'host all all all scram-sha-256' >>"$data/pg_hba.conf"
    echo "CREATE DATABASE $POSTGRES_DB" | "${as_postgres[@]}" "$programs/postgres" --single -D "$data" postgres
fi
# The first word of the command is the program.
exec "${as_postgres[@]}" "$programs/postgres" "${@:2}" -D "$data" -c listen_addresses='*'
