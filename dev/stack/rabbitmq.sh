# shellcheck shell=bash
# A private RabbitMQ broker in a directory: own ports, data, cookie and port mapper (epmd),
# all on loopback. Needs say.sh and process.sh.

# The script that Debian has in the PATH insists on root and writes to /var/log.
rabbitmq_program() {
    local found=/usr/lib/rabbitmq/bin/rabbitmq-server
    if [[ -x $found ]]; then echo "$found"; else command -v rabbitmq-server; fi
}

# rabbitmq_prepare DIR: chooses ports and a password. The broker's URL is in DIR/url and that
# of its management API in DIR/api when it returns, long before the broker answers. A
# DIR/advanced.config goes over its settings.
rabbitmq_prepare() {
    local dir=$1 port password
    mkdir -p "$dir"
    # Four in a row: clients, management, other nodes, port mapper.
    port=$(free_ports 4)
    password=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
    echo "$port" >"$dir/port"
    echo "amqp://slipway:$password@127.0.0.1:$port" >"$dir/url"
    echo "http://slipway:$password@127.0.0.1:$((port + 1))/api" >"$dir/api"
    rabbitmq_settings "$port" "$password" >"$dir/rabbitmq.conf"
    [[ -e $dir/advanced.config ]] || echo '[].' >"$dir/advanced.config"
    # Its API makes a virtual host in 20 ms, where rabbitmqctl takes two seconds.
    echo '[rabbitmq_management].' >"$dir/plugins"
}

# rabbitmq_start DIR: after rabbitmq_prepare, or once more after rabbitmq_kill. Answers when
# it returns, which takes some five seconds of a processor.
rabbitmq_start() {
    local dir=$1 port epmd
    port=$(<"$dir/port")
    # Started here, because Erlang would start one that stays for ever; by a link in DIR, so
    # that its command line says whose it is.
    epmd=$(readlink -f "$(command -v epmd)")
    ln -sf "$epmd" "$dir/epmd.program"
    spawn "$dir/epmd" "$dir/epmd.program" -port "$((port + 3))" -address 127.0.0.1
    # "detached" makes the script become the broker instead of its parent.
    spawn "$dir/rabbitmq" env -i PATH="$PATH" HOME="$dir" LANG=C.UTF-8 detached=true \
        ERL_EPMD_PORT="$((port + 3))" ERL_EPMD_ADDRESS=127.0.0.1 \
        RABBITMQ_NODENAME="slipway-$port@localhost" RABBITMQ_DIST_PORT="$((port + 2))" \
        RABBITMQ_MNESIA_BASE="$dir/data" RABBITMQ_LOG_BASE="$dir" \
        RABBITMQ_CONFIG_FILE="$dir/rabbitmq.conf" RABBITMQ_CONF_ENV_FILE="$dir/none" \
        RABBITMQ_ADVANCED_CONFIG_FILE="$dir/advanced.config" ERL_CRASH_DUMP="$dir/crash.dump" \
        RABBITMQ_ENABLED_PLUGINS_FILE="$dir/plugins" \
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +A 4' \
        "$(rabbitmq_program)"
    if ! wait_for "$dir/rabbitmq" 180 rabbitmq_answers "$dir"; then
        fail "a private RabbitMQ did not start"
        show_tail "$dir/rabbitmq.log"
        return 1
    fi
}

rabbitmq_answers() {
    curl --silent --fail --max-time 10 --output /dev/null "$(<"$1/api")/overview"
}

# As a power cut would.
rabbitmq_kill() {
    stop "$1/rabbitmq" KILL
    stop "$1/epmd" KILL
}

rabbitmq_settings() {
    local port=$1 password=$2
    cat <<-END
	listeners.tcp.default = 127.0.0.1:$port
	management.tcp.ip = 127.0.0.1
	management.tcp.port = $((port + 1))
	default_user = slipway
	default_pass = $password
	vm_memory_high_watermark.absolute = 512MiB
	disk_free_limit.absolute = 1MB
	log.file = false
	log.console = true
	log.console.level = warning
	END
}

# free_ports COUNT: the first of COUNT ports in a row that nobody listens on.
free_ports() {
    local count=$1 first port
    while :; do
        first=$((RANDOM % 12000 + 20000))
        for ((port = first; port < first + count; port++)); do
            # shellcheck disable=SC2016 # expands in the inner shell
            if bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0"' "$port" 2>/dev/null; then continue 2; fi
        done
        echo "$first"
        return
    done
}
