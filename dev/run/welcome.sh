# shellcheck shell=bash
# What is there now, and what to do with it. Needs say.sh, $url, $registry and $data.
# shellcheck disable=SC2154 # set by run.sh

welcome() {
    cat <<-END

	${bold}  Slipway is up.${plain}  Ctrl-C stops it and all that was started with it.

	    API         $url/api/v2
	    docs        $url/docs
	    registry    $registry
	    engine      $engine
	    data, log   $data, slipwayd.log in it

	  A build of your own:

	    curl $url/api/v2/builds -H 'Content-Type: application/json' -d '{
	      "image": "$registry/me/first:latest",
	      "source": {"type": "dockerfile", "content": "FROM $registry/base/busybox\nRUN echo built on \$(uname -m) > /made\n"}
	    }'

	  How it goes:

	    curl "$url/api/v2/builds?limit=5"

	END
}
