# shellcheck shell=bash
# What billing and the example backend say of the subjects of seed.sh, through the proxy. Sourced, after stripe.sh and seed.sh.
#
#   states_check      true when all are as their names say; prints each
#   states_buy NAME   a new subject buys pro as the page does, and is let in; false when not within a minute
#
# Set before: states_at, the proxy's HOST:PORT; states_token, a command that prints the token of a subject; stripe_at

states_ask() { # SUBJECT METHOD PATH [JSON]
	local stripe_at=$states_at stripe_key
	stripe_key=$("$states_token" "$1")
	shift
	stripe_call "$@"
}

states_check() {
	local name what state got wrong=0 deadline=$((SECONDS + 120))
	while read -r -u 5 name what; do
		state=${name%_no_card}
		while got=$(states_ask "$name" GET /api/v1/billing/subscription-status 2>&1 | stripe_field state) && [ "$got" != "$state" ]; do
			[ "$SECONDS" -lt "$deadline" ] || { wrong=1 got="$got WRONG"; break; }
			sleep 0.2
		done
		printf '%-22s %-24s %s\n' "$name" "$got" "$what"
	done 5< <(seed_names)
	return "$wrong"
}

states_buy() {
	local answer session deadline=$((SECONDS + 60))
	if states_ask "$1" GET /api/live-trading >/dev/null 2>&1; then
		echo "$1 may trade before paying" >&2
		return 1
	fi
	answer=$(states_ask "$1" POST /api/v1/billing/create-checkout-session '{"tier":"pro"}') || return 1
	session=$(stripe_field id <<<"$answer")
	stripe_press "$(stripe_field url <<<"$answer")" outcome=ok || return 1
	states_ask "$1" POST /api/v1/billing/confirm-checkout-session "{\"session_id\":\"$session\"}" >/dev/null || return 1
	until states_ask "$1" GET /api/live-trading >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$deadline" ] || { echo "$1 has paid and may not trade" >&2; return 1; }
		sleep 0.1
	done
	echo "$1 has paid, and may trade"
}
