# shellcheck shell=bash
# A directory in /tmp for one run: sockets, process ids, data that nobody keeps. Whoever
# runs holds its lock (descriptor 9), so that a later run can tell a crash from a neighbour
# and clear up. Needs say.sh.

# scratch_make KIND: sets $scratch. The lock is taken before it gets its name: a directory
# with a lock in it that nobody holds is always an abandoned one.
scratch_make() {
    scratch=$(mktemp -d "/tmp/slipway-$1.XXXXXX")
    exec 9>"$scratch/lock.new"
    flock 9
    mv "$scratch/lock.new" "$scratch/lock"
    # The database runs as another user, who must be able to pass.
    chmod 711 "$scratch"
}

# scratch_clear_abandoned KIND: after a kill -9 or a crash, nobody else could.
scratch_clear_abandoned() {
    local found
    for found in /tmp/slipway-"$1".*/; do
        found=${found%/}
        # Only what is our own: in /tmp, anybody can make a directory with such a name.
        [[ -O $found && ! -L $found && -e $found/lock ]] || continue
        if flock --nonblock "$found/lock" true; then
            note "clearing what an earlier run left in $found"
            stack_remove "$found"
        fi
    done
}
