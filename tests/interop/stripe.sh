#!/usr/bin/env bash
# Stripe's own Node library signs; ingress accepts what it should and nothing else.
#   stripe.sh BIN_DIR
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=$1
. "$here/../demo/services.sh"
. "$here/../demo/events.sh"
unset "${!TIERGATE_@}"
[ -d "$here/node_modules/stripe" ] || exit 77

dir=$(mktemp -d)
finish() {
	local status=$?
	services_stop || status=1
	rm -rf "$dir"
	exit "$status"
}
trap finish EXIT

wrong=0
post() { # EXPECTED STEP FLAG-OR-SECRET…: STEP makes the event's id
	local expected=$1 got
	life_event "$now" alice "$2" customer.created customer.json SUBJECT=alice >"$dir/event.json"
	shift 2
	got=$(node "$here/stripe.mjs" "http://$(services_value ingress listen)/api/v1/billing/webhook" "$dir/event.json" "$@")
	[ "$got" = "$expected" ] && return 0
	echo "expected $expected, got $got: $*" >&2
	wrong=1
}

now=$(date +%s)
old=$(new_secret) new=$(new_secret) other=$(new_secret)
printf 'old test %s\nnew test %s\n' "$old" "$new" >"$dir/webhook-secrets"
services_launch "$dir" "$bin" ingress --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 --journal-dir "$dir/journal" \
	--journal-pub "ipc://$dir/journal-pub" --journal-replay "ipc://$dir/journal-replay" \
	--webhook-secrets-file "$dir/webhook-secrets"
services_wait_ready

post '200 new' 1 "$new"
post '200 new' 2 "$old"
post '200 new' 3 "$old" "$new"
post '200 new' 4 "$other" "$new"
post '200 duplicate' 4 "$new"
post '200 new' 5 --at "$(($(date +%s) - 260))" "$new"
post '400 bad_signature' 6 "$other"
post '400 bad_signature' 6 --tamper "$new"
post '400 stale_timestamp' 6 --at "$(($(date +%s) - 310))" "$new"
post '400 future_timestamp' 6 --at "$(($(date +%s) + 400))" "$new"
post '200 new' 6 "$new"
exit "$wrong"
