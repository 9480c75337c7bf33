# shellcheck shell=bash
# A private Docker Engine that touches nothing of an engine the machine may run already: its
# own containerd (dockerd would join the system's), bridge, data, settings file and control
# group. Needs say.sh, process.sh, bridge.sh and outbound.sh.
#
# DIR is short and in /tmp, because a socket's path may have 107 characters at most. Its
# parent's name ends in a random part, which with DIR's own name makes up the names of the
# bridge and the control group: so whoever has DIR can remove all of it. DIR's own name has
# three letters at most, because a bridge's has 15.

engine_name() {
    local parent=${1%/*}
    echo "slw-${parent##*.}-${1##*/}"
}

# engine_start DIR DATA [outbound]: answers on DIR/docker.sock when it returns.
engine_start() {
    local dir=$1 data=$2 outbound=${3:-} name subnet
    name=$(engine_name "$dir")
    mkdir -p "$dir" "$data"
    echo "$data" >"$dir/data-root"
    subnet=$(bridge_create "$name") || return 1
    if [[ -n $outbound ]]; then
        echo "$subnet" >"$dir/outbound"
        outbound_open "$name" "$subnet" || warn "containers will have no network: iptables failed"
    fi

    containerd_settings "$dir" "$data" >"$dir/containerd.toml"
    engine_settings "$dir" "$data" "$name" >"$dir/daemon.json"
    spawn_as_root "$dir/containerd" containerd --config "$dir/containerd.toml"
    wait_for "$dir/containerd" 120 test -S "$dir/containerd.sock" || engine_failed "$dir/containerd.log" || return 1
    spawn_as_root "$dir/dockerd" dockerd --config-file "$dir/daemon.json"
    wait_for "$dir/dockerd" 120 engine_answers "unix://$dir/docker.sock" || engine_failed "$dir/dockerd.log"
}

# engine_start_again DIR: after dockerd alone was killed.
engine_start_again() {
    local dir=$1
    rm -f "$dir/docker.sock" "$dir/docker.pid" "$dir/dockerd.pid"
    spawn_as_root "$dir/dockerd" dockerd --config-file "$dir/daemon.json"
    wait_for "$dir/dockerd" 120 engine_answers "unix://$dir/docker.sock" || engine_failed "$dir/dockerd.log"
}

engine_failed() {
    fail "a private Docker Engine did not start"
    show_tail "$1"
    note "To use an engine that runs already, name it: DOCKER_HOST=unix:///var/run/docker.sock"
    return 1
}

containerd_settings() {
    local dir=$1 data=$2
    cat <<-END
	version = 2
	root = "$data/containerd"
	state = "$dir/containerd"
	disabled_plugins = ["io.containerd.grpc.v1.cri"]
	[grpc]
	  address = "$dir/containerd.sock"
	[plugins."io.containerd.internal.v1.opt"]
	  path = "$dir/opt"
	END
}

# The settings file takes the place of /etc/docker/daemon.json, which is about another
# engine. No iptables rules: see outbound.sh. cgroupfs: a group of our own needs no systemd.
engine_settings() {
    local dir=$1 data=$2 name=$3 runtime=''
    if [[ -n ${engine_runtime:-} ]]; then
        runtime="\"runtimes\": {\"ours\": {\"path\": \"$engine_runtime\"}}, \"default-runtime\": \"ours\","
    fi
    cat <<-END
	{
	  $runtime
	  "hosts": ["unix://$dir/docker.sock"$(engine_tcp "$dir")],$(engine_tls "$dir")
	  "group": "$(id -gn)",
	  "containerd": "$dir/containerd.sock",
	  "data-root": "$data/docker",
	  "exec-root": "$dir/exec",
	  "pidfile": "$dir/docker.pid",
	  "deprecated-key-path": "$dir/key.json",
	  "bridge": "$name",
	  "iptables": false,
	  "ip-forward": false,
	  "ip-masq": false,
	  "userland-proxy": true,
	  "exec-opts": ["native.cgroupdriver=cgroupfs"],
	  "cgroup-parent": "/$name",
	  "shutdown-timeout": 2
	}
	END
}

# Where there is a tls/address in DIR the engine listens there too, with the certificates
# beside it, and lets in who has one of their authority.
engine_tcp() {
    [[ ! -s $1/tls/address ]] || printf ', "tcp://%s"' "$(<"$1/tls/address")"
}

engine_tls() {
    local tls=$1/tls
    [[ ! -s $tls/address ]] || printf '\n"tlsverify": true, "tlscacert": "%s", "tlscert": "%s", "tlskey": "%s",' \
        "$tls/ca.pem" "$tls/cert.pem" "$tls/key.pem"
}

# engine_stop DIR: also after a start that got only half way, or a run that crashed.
engine_stop() {
    local dir=$1 name
    [[ -d $dir ]] || return 0
    name=$(engine_name "$dir")
    # What still runs in a container belongs to a command that has ended. It goes first, or
    # dockerd would wait for it.
    group_kill "$name"
    stop "$dir/dockerd"
    stop "$dir/containerd"
    group_kill "$name"
    unmount_below "$dir"
    if [[ -s $dir/data-root ]]; then unmount_below "$(<"$dir/data-root")"; fi
    group_remove "$name"
    if [[ -s $dir/outbound ]]; then outbound_close "$name" "$(<"$dir/outbound")" || true; fi
    bridge_remove "$name"
}

# A control group is one directory in version 2, and one per controller in version 1.
group_places() {
    find /sys/fs/cgroup -maxdepth 2 -type d -name "$1" 2>/dev/null
}

group_kill() {
    local place pids
    mapfile -t pids < <(
        for place in $(group_places "$1"); do
            find "$place" -name cgroup.procs -exec cat {} + 2>/dev/null
        done | sort -u
    )
    ((${#pids[@]} == 0)) || send KILL "${pids[@]}" || true
}

group_remove() {
    local place
    for place in $(group_places "$1"); do
        as_root find "$place" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
}

# Deepest first. Lazily, because a mount may be busy for a moment after its user has gone.
unmount_below() {
    local mount
    while read -r mount; do
        as_root umount --lazy "$mount" || true
    done < <(cut -d' ' -f2 /proc/mounts | grep -F -- "$1/" | sort -r)
}
