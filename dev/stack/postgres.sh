# shellcheck shell=bash
# A private PostgreSQL cluster in a directory. Needs say.sh and process.sh.

# The newest version that is installed. Debian keeps the server's programs out of PATH.
postgres_programs() {
    local found
    if found=$(compgen -G '/usr/lib/postgresql/*/bin/postgres' | sort -V | tail -n 1); then
        dirname "$found"
    else
        dirname "$(command -v postgres)"
    fi
}

# PostgreSQL refuses to run as root.
as_postgres=()
if ((EUID == 0)); then as_postgres=(setpriv --reuid postgres --regid postgres --init-groups); fi

# postgres_start DIR: its URL is in DIR/url when it returns.
postgres_start() {
    local dir=$1 programs attempt port
    programs=$(postgres_programs)
    mkdir -p "$dir/run"
    # initdb makes and guards its own directory, and must own the one above it.
    if ((EUID == 0)); then chown -R postgres: "$dir"; fi
    if ! "${as_postgres[@]}" "$programs/initdb" --pgdata "$dir/data" --username slipway --auth trust \
        --encoding UTF8 --no-locale --no-sync >"$dir.initdb.log" 2>&1 </dev/null; then
        fail "initdb failed"
        show_tail "$dir.initdb.log"
        return 1
    fi
    # A port that is free when we look may be taken when PostgreSQL binds it.
    for ((attempt = 0; attempt < 5; attempt++)); do
        port=$((RANDOM % 12000 + 20000))
        postgres_serve "$dir" "$programs" "$port" || continue
        echo "postgres://slipway@127.0.0.1:$port/postgres" >"$dir.url"
        return
    done
    fail "a private PostgreSQL did not start"
    show_tail "$dir.log"
    return 1
}

# Nothing here has to survive a power cut, hence no fsync, unless SLIPWAY_STACK_DURABLE is set:
# a benchmark pays for what users pay for. Only with postgres_commit=on does a commit survive
# that the server is killed. Many connections: each test has a database and a pool of its own.
postgres_serve() {
    local dir=$1 programs=$2 port=$3
    local durable=off
    [[ -z ${SLIPWAY_STACK_DURABLE:-} ]] || durable=on postgres_commit=on
    rm -f "$dir.pid"
    spawn "$dir" "${as_postgres[@]}" "$programs/postgres" -D "$dir/data" -p "$port" -k "$dir/run" \
        -c listen_addresses=127.0.0.1 -c max_connections=300 \
        -c fsync="$durable" -c full_page_writes="$durable" \
        -c synchronous_commit="${postgres_commit:-off}"
    # Asked over the socket in our own directory: on the port, another server might answer.
    wait_for "$dir" 120 "$programs/pg_isready" --quiet --host "$dir/run" --port "$port"
}

# SIGINT: does not wait for clients to leave, but gives shared memory back.
postgres_stop() { stop "$1" INT; }

# The server's children notice that it is gone and go, too; a new one has to wait for them,
# because they hold its memory. They stand in its data directory.
postgres_kill() {
    local dir=$1 pids tenths
    mapfile -t pids < <(mentioning "$dir/data")
    stop "$dir" KILL
    end_all "${pids[@]}"
    for ((tenths = 0; tenths < 100; tenths++)); do
        [[ -n $(as_root find /proc/[0-9]*/cwd -maxdepth 0 -lname "$dir/data" 2>/dev/null) ]] || break
        sleep 0.1
    done
    # A killed process that nobody has waited for would look like a server that runs.
    as_root rm -f "$dir/data/postmaster.pid" "$dir"/run/.s.PGSQL.*
}
