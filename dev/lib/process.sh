# shellcheck shell=bash
# Starting, watching and stopping processes. Needs say.sh.

# An ordinary user's PATH often lacks the places where dockerd, ip and iptables are.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

as_root() {
    if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# One question for the password up front: a sudo in the background could not ask.
require_root() {
    ((EUID == 0)) || sudo -v || die "$1 needs root: run as root, or install sudo"
}

# send SIGNAL PID…: bash's own kill, because a minimal system has no other.
send() {
    if ((EUID == 0)); then kill -s "$@" 2>/dev/null; else sudo bash -c 'kill -s "$@" 2>/dev/null' _ "$@"; fi
}

# Whether a process runs. A zombie does not, though its directory in /proc stays until its
# parent looks, which in some containers is never.
alive() {
    local stat
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    [[ $stat != *') Z '* ]]
}

# spawn NAME COMMAND…: starts a daemon that leaves its pid in NAME.pid and its output in
# NAME.log. It gets a session of its own, because Ctrl-C reaches everything in the
# terminal's group and the daemons must outlive the command that uses them. Descriptors 8
# and 9 are locks of whoever starts it, see scratch.sh and test-compose.sh.
spawn() {
    local name=$1
    shift
    # At once: whoever waits for it must not find what is left of the time before.
    rm -f "$name.pid"
    : >"$name.log"
    # shellcheck disable=SC2016 # expands in the inner shell
    "${spawn_prefix[@]}" setsid bash -c 'echo $$ >"$0" && exec "$@"' "$name.pid" "$@" \
        </dev/null >"$name.log" 2>&1 8>&- 9>&- &
}
spawn_prefix=()

spawn_as_root() {
    local spawn_prefix=()
    ((EUID == 0)) || spawn_prefix=(sudo)
    spawn "$@"
}

# wait_for NAME SECONDS COMMAND…: polls until COMMAND succeeds. Fails at once when the
# daemon NAME has died, so SECONDS may be what a busy machine takes.
wait_for() {
    local name=$1 seconds=$2
    shift 2
    local deadline=$((SECONDS + seconds))
    until "$@" >/dev/null 2>&1; do
        if [[ -s $name.pid ]] && ! alive "$(<"$name.pid")"; then return 1; fi
        if ((SECONDS >= deadline)); then return 1; fi
        sleep 0.05
    done
}

# ended_within TENTHS PID…
ended_within() {
    local tenths=$1 pid
    shift
    for pid; do
        while alive "$pid"; do
            ((tenths-- > 0)) || return 1
            sleep 0.1
        done
    done
}

# stop NAME [SIGNAL]: stops the daemon that spawn started, by force after five seconds. A
# pid may be somebody else's by now when NAME was left by a run that crashed, so the
# process must name the daemon's directory on its command line.
stop() {
    local name=$1 signal=${2:-TERM} pid
    [[ -s $name.pid ]] || return 0
    pid=$(<"$name.pid")
    grep -qszF -- "${name%/*}" "/proc/$pid/cmdline" || return 0
    send "$signal" "$pid" || return 0
    ended_within 50 "$pid" || kill_one "$pid"
}

# kill_one PID: it is gone when this returns, with the files and ports that it had; but for one
# that the system does not let go of.
kill_one() {
    send KILL "$1" || return 0
    ended_within 50 "$1" || true
}

# end_all PID…: asks, waits five seconds, insists.
end_all() {
    (($# > 0)) || return 0
    send TERM "$@" || true
    ended_within 50 "$@" || send KILL "$@" || true
}

# Processes with TEXT on their command line, and not this shell.
mentioning() {
    grep -lszF -- "$1" /proc/[0-9]*/cmdline | cut -d/ -f3 | grep -vx "$$" || true
}

# Processes started with SETTING (NAME=value) in their environment. Finds also those that
# have left their parent, which a walk down the tree of processes does not.
started_with() {
    grep -lszxF -- "$1" /proc/[0-9]*/environ | cut -d/ -f3 || true
}

# attend COMMAND…: runs a command as if in the foreground and returns its exit code, with
# one difference: bash would put off our traps until a foreground command ends, and a
# SIGTERM meant to stop us would wait for the tests to finish. `env` takes back that bash
# makes background commands deaf to Ctrl-C. SLIPWAY_STACK marks all that the command starts,
# see stack_remove. Needs scratch.sh.
attend() {
    local code=0
    env --default-signal=INT,QUIT SLIPWAY_STACK="${scratch:?}" "$@" <&0 8>&- 9>&- &
    attended=$!
    while :; do
        code=0
        wait "$attended" || code=$?
        alive "$attended" || return "$code"
    done
}
