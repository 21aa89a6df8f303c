#!/usr/bin/env bash
# A client from proto/examples asks the three services, which run as processes of their own.
#   check.sh BIN_DIR python | node | PROGRAM
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
examples=$here/../../proto/examples
bin=$1
. "$here/../demo/services.sh"
. "$here/../demo/events.sh"
unset "${!TIERGATE_@}"

dir=$(mktemp -d)
finish() {
	local status=$?
	services_stop || status=1
	rm -rf "$dir"
	exit "$status"
}
trap finish EXIT

case $2 in
python)
	/usr/bin/python3 -c 'import zmq, msgpack' || exit 77
	client=(/usr/bin/python3 "$examples/check.py")
	;;
node)
	[ -d "$here/node_modules/zeromq" ] || exit 77
	cp "$examples/check.mjs" "$dir/" # a module finds its packages beside itself
	ln -s "$here/node_modules" "$dir/node_modules"
	client=(node "$dir/check.mjs")
	;;
*) client=("$2") ;;
esac

said='' # what the client printed last, on either stream
# A client gives up after three seconds: who stood still for as long is asked again.
ask() {
	local tries
	for tries in {1..20}; do
		said=$("${client[@]}" "$(services_value query listen)" "$@" 2>&1) || true
		[[ $said == 'error timeout'* || $said == 'error not_ready'* ]] || return 0
	done
	echo "no answer to $tries questions" >&2
}

expect() { # WHAT PATTERN
	# shellcheck disable=SC2053 # a pattern
	[[ $said == $2 ]] && return 0
	echo "$1: expected $2, got: $said" >&2
	exit 1
}

send() { # STEP TYPE TEMPLATE EXPECTED VALUE…: a customer's life up to the trial
	local step=$1 type=$2 template=$3
	[ -n "$template" ] && [ "$step" -le 3 ] || return 0
	shift 4
	life_event "$now" alice "$step" "$type" "$template" "$@" >"$dir/event.json"
	"$bin/tiergate" send "$dir/event.json" --timeout 60s --webhook-secrets-file "$dir/webhook-secrets" \
		--webhook-url "http://$(services_value ingress listen)/api/v1/billing/webhook" >/dev/null
}

printf 'interop test %s\n' "$(new_secret)" >"$dir/webhook-secrets"
services_launch_all "$dir" "$bin"
services_wait_ready

ask alice live_trading
expect "before anything was sent" 'denied*unknown_subject*'

now=$(date +%s)
life_each send
deadline=$((SECONDS + 60))
while ask alice live_trading && [[ $said != allowed* ]] && [ "$SECONDS" -lt "$deadline" ]; do :; done
expect "with a trial of pro" 'allowed*trialing*'
ask alice fix_connectivity
expect "a feature of a higher tier" 'denied*feature_not_in_tier*'
ask nobody basic_scanner
expect "a feature that everybody has" 'allowed*'
ask alice no_such_feature
[[ $said != *allowed* && $said != *denied* ]] || expect "an unknown feature" 'an error'
echo "four answers and one refusal, as expected; the last was: $said"
