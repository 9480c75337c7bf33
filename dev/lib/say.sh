# shellcheck shell=bash
# What the scripts tell the person at the terminal. All of it goes to stderr, so that the
# output of a command run by a script stays clean on stdout.

if [[ -t 2 && -z ${NO_COLOR:-} ]]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' yellow=$'\e[33m' plain=$'\e[0m'
else
    bold='' dim='' red='' green='' yellow='' plain=''
fi

say() { printf '%s==>%s %s\n' "$green$bold" "$plain" "$*" >&2; }
note() { printf '    %s%s%s\n' "$dim" "$*" "$plain" >&2; }
warn() { printf '%swarning:%s %s\n' "$yellow$bold" "$plain" "$*" >&2; }
fail() { printf '%serror:%s %s\n' "$red$bold" "$plain" "$*" >&2; }
die() {
    fail "$@"
    exit 1
}

# show_tail FILE: the end of a log, where the reason usually is.
show_tail() {
    [[ -s $1 ]] || return 0
    printf '%s--- the last lines of %s%s\n' "$dim" "$1" "$plain" >&2
    tail -n 30 "$1" >&2
    printf '%s---%s\n' "$dim" "$plain" >&2
}

# seconds_since START: START is an earlier $EPOCHREALTIME.
seconds_since() {
    local micros=$((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}))
    printf '%d.%d s' $((micros / 1000000)) $((micros / 100000 % 10))
}
