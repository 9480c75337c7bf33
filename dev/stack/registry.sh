# shellcheck shell=bash
# A private registry that keeps its images in a directory. Needs say.sh and process.sh.

# registry_start DIR DATA ADDRESS [USER PASSWORD]: with port 0 in ADDRESS the registry takes
# a free one. Its address is in DIR/address when it returns.
registry_start() {
    local dir=$1 data=$2 address=$3 user=${4:-} password=${5:-}
    mkdir -p "$dir" "$data"
    if [[ -n $user ]]; then htpasswd_line "$user" "$password" >"$dir/htpasswd"; fi
    registry_settings "$dir" "$data" "$address" >"$dir/settings.yml"
    # Without our environment: every REGISTRY_… variable in it would override the file.
    spawn "$dir/registry" env -i PATH="$PATH" docker-registry serve "$dir/settings.yml"
    if ! wait_for "$dir/registry" 120 grep -q 'listening on' "$dir/registry.log"; then
        fail "a private registry did not start on $address"
        show_tail "$dir/registry.log"
        return 1
    fi
    grep -o 'listening on [^ ",]*' "$dir/registry.log" | cut -d' ' -f3 >"$dir/address"
}

registry_stop() { stop "$1/registry"; }

registry_settings() {
    local dir=$1 data=$2 address=$3
    cat <<-END
	version: 0.1
	log: {level: info, accesslog: {disabled: true}}
	storage:
	  filesystem: {rootdirectory: "$data"}
	  delete: {enabled: true}
	  maintenance: {uploadpurging: {enabled: false}}
	http:
	  addr: "$address"
	  secret: "$(random_hex 16)"
	END
    if [[ -e $dir/htpasswd ]]; then
        echo "auth: {htpasswd: {realm: slipway, path: \"$dir/htpasswd\"}}"
    fi
}

random_hex() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

# The registry takes bcrypt only. Perl is part of every Debian and its crypt() knows bcrypt,
# so that nothing has to be installed for one line. A salt has 22 characters; the last one
# carries two bits, which "." leaves at zero.
htpasswd_line() {
    local user=$1 password=$2 salt
    salt=$(random_hex 11)
    # shellcheck disable=SC2016 # expands in perl
    printf '%s:%s\n' "$user" "$(perl -e 'print crypt($ARGV[0], $ARGV[1])' "$password" "\$2b\$05\$${salt:0:21}.")"
}
