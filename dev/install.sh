#!/usr/bin/env bash
# Installs what is missing from the distribution's packages (Debian, Ubuntu). Says and does
# nothing when nothing is missing. Whatever is there already stays as it is: looked for is
# the program, not the package, so that another vendor's Docker Engine is not replaced.
#
#   dev/install.sh NEED…     compiler engine registry postgres rabbitmq busybox curl jq shellcheck
#                      compose debootstrap ssh faketime git sshd kcat browser openssl
set -euo pipefail

dev=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib/say.sh
. "$dev/lib/say.sh"
# shellcheck source=lib/process.sh
. "$dev/lib/process.sh"
# shellcheck source=stack/faketime.sh
. "$dev/stack/faketime.sh"

packages=()
services=()

have() { command -v "$1" >/dev/null; }

look_for() {
    case $1 in
        # SQLite and the cryptography are C, and so is Kafka's client, which speaks TLS by OpenSSL.
        compiler)
            if ! have cc || [[ ! -e /usr/include/stdio.h ]]; then packages+=(gcc libc6-dev); fi
            have c++ || packages+=(g++)
            have make || packages+=(make)
            have pkg-config || packages+=(pkg-config)
            [[ -e /usr/include/openssl/ssl.h ]] || packages+=(libssl-dev)
            ;;
        engine)
            if ! have dockerd || ! have containerd; then
                packages+=(docker.io)
                services+=(docker.service docker.socket containerd.service)
            fi
            have ip || packages+=(iproute2)
            have iptables || packages+=(iptables)
            # Where the kernel enforces AppArmor, dockerd starts no container without its tools.
            if grep -qs Y /sys/module/apparmor/parameters/enabled && ! have apparmor_parser; then
                packages+=(apparmor)
            fi
            ;;
        registry)
            have perl || packages+=(perl-base) # for a password's hash, see stack/registry.sh
            if ! have docker-registry; then
                packages+=(docker-registry)
                services+=(docker-registry.service)
            fi
            ;;
        postgres)
            if ! have postgres && ! compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; then
                packages+=(postgresql)
                services+=(postgresql.service)
            fi
            ;;
        rabbitmq)
            if ! have rabbitmq-server; then
                packages+=(rabbitmq-server)
                # Erlang's port mapper has a service of its own.
                services+=(rabbitmq-server.service epmd.service epmd.socket)
            fi
            ;;
        # It must be static: it runs in images that hold nothing else.
        busybox) if ! have busybox || ldd "$(command -v busybox)" >/dev/null 2>&1; then packages+=(busybox-static); fi ;;
        compose)
            if ! docker compose version >/dev/null 2>&1; then have docker-compose || packages+=(docker-compose); fi
            ;;
        faketime) [[ -n $(faketime_library) ]] || packages+=(libfaketime) ;;
        curl) have curl || packages+=(curl ca-certificates) ;;
        # Its keys, and its client at the agent of builds.
        ssh) if ! have ssh-keygen || ! have ssh-add; then packages+=(openssh-client); fi ;;
        # What a worker fetches repositories with.
        git)
            have git || packages+=(git)
            have ssh || packages+=(openssh-client)
            ;;
        # A server that tests fetch from.
        sshd)
            if ! have sshd && [[ ! -x /usr/sbin/sshd ]]; then
                packages+=(openssh-server)
                services+=(ssh.service ssh.socket)
            fi
            ;;
        # Chromium without a window: of the real ones the least to fetch. Ubuntu has it as a snap.
        # And what the pages of its time were written with.
        browser)
            if ! have chromium-headless-shell && ! have chromium && ! have chromium-browser &&
                ! have google-chrome; then
                if grep -qs '^ID=ubuntu' /etc/os-release; then
                    packages+=(chromium-browser)
                else
                    packages+=(chromium-headless-shell)
                fi
            fi
            [[ -e /usr/share/javascript/jquery/jquery.min.js ]] || packages+=(libjs-jquery)
            ;;
        jq | kcat | openssl | shellcheck | debootstrap) have "$1" || packages+=("$1") ;;
        *) die "dev/install.sh knows no \"$1\"" ;;
    esac
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
        apt-get -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 "$@"
}

update_and_install() {
    apt update && apt install --yes --no-install-recommends "${packages[@]}"
}

# Debian starts a service when its package is installed, and at each boot. These are wanted
# as programs only: started here, they would take ports of the machine (an open registry on
# port 5000). Debian's own way of saying so is a policy-rc.d that answers 101.
policy=/usr/sbin/policy-rc.d
hold_services() {
    if [[ -e $policy ]] && ! grep -q Slipway "$policy"; then as_root mv "$policy" "$policy.before-slipway"; fi
    printf '#!/bin/sh\n# Slipway installs packages at the moment.\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
}

release_services() {
    as_root rm -f "$policy"
    if [[ -e $policy.before-slipway ]]; then as_root mv "$policy.before-slipway" "$policy"; fi
    # Those only that came with this installation.
    if have systemctl && ((${#services[@]} > 0)); then
        as_root systemctl disable "${services[@]}" >/dev/null 2>&1 || true
    fi
}

for need in "$@"; do look_for "$need"; done
((${#packages[@]} > 0)) || exit 0

if ! have apt-get; then
    fail "not Debian or Ubuntu: please install what these packages of Debian hold"
    printf '    %s\n' "${packages[@]}" >&2
    exit 1
fi

say "installing ${packages[*]}"
require_root "installing packages"
began=$EPOCHREALTIME
log=$(mktemp)
trap 'release_services; rm -f "$log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
hold_services
# Tried twice: mirrors hiccup, and a list may be older than the packages it points to.
if ! update_and_install >"$log" 2>&1 && ! update_and_install >>"$log" 2>&1; then
    show_tail "$log"
    die "apt-get failed; to try by hand: apt-get install ${packages[*]}"
fi
note "installed in $(seconds_since "$began")"
