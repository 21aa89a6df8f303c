# shellcheck shell=bash
# A customer's life, played by stripe-sim: what is done to alice, and what Tiergate must answer then. Sourced, after
# services.sh, stripe.sh and life.sh, whose life_answer and life_line it uses.
#
#   life_sim       plays it and prints the table; false when an answer is not the expected one
#
# Set before: life_who; life_ask; stripe_at; life_reconcile, an array: the command that runs a pass of the reconciler.

do_nothing() { :; }
do_subscribe() { page=$(stripe_checkout alice pro_monthly 14) && stripe_press "$page" outcome=ok; }
do_move() { stripe_call POST /_sim/clock "{\"advance\":$(($1 * 86400))}" >/dev/null; }
do_card() { stripe_call POST /_sim/card "{\"customer\":\"$(stripe_customer alice)\",\"outcome\":\"$1\"}" >/dev/null; }
do_renew() { do_card declined && do_move 31; }
do_settle() {
	do_card ok
	stripe_call POST "/v1/invoices/$(stripe_call GET "/v1/subscriptions/$(stripe_subscription alice)" | stripe_field latest_invoice)/pay" >/dev/null
}
do_portal() { stripe_press "$(stripe_portal alice)/$1" "subscription=$(stripe_subscription alice)&${2:-}"; }
do_upgrade() { do_portal switch "price=$(stripe_price institutional_monthly)"; }
do_lose() {
	stripe_call POST /_sim/misbehave '{"drop":1}' >/dev/null && do_portal resume
	stripe_call POST /_sim/misbehave '{}' >/dev/null
}
do_reconcile() { "${life_reconcile[@]}" >"$life_dir/reconcile" 2>&1 || { cat "$life_dir/reconcile" >&2 && return 1; }; }

# WHAT | COMMAND | tier reason live_trading fix_connectivity. Time runs only when it is moved.
life_sim_table() {
	cat <<-'END'
		nobody has heard of alice|do_nothing|free unknown_subject no no
		she pays, with 14 days free|do_subscribe|pro trialing yes no
		15 days later|do_move 15|pro active yes no
		her card expires, a month passes|do_renew|pro grace yes no
		8 more days|do_move 8|free past_due no no
		a new card, and she pays|do_settle|pro active yes no
		she switches to institutional|do_upgrade|institutional active yes yes
		she cancels in the portal|do_portal cancel when=period_end|institutional canceling yes yes
		she stays, but the webhook is lost|do_lose|institutional canceling yes yes
		the reconciler looks|do_reconcile|institutional active yes yes
		she cancels in the portal|do_portal cancel when=period_end|institutional canceling yes yes
		the period ends|do_move 32|free no_subscription no no
	END
}

life_sim_step() { # WHAT COMMAND EXPECTED
	local got deadline verdict='' done=0
	# shellcheck disable=SC2086 # a command and its words
	$2 && stripe_call POST /_sim/flush '{}' >/dev/null || done=$?
	deadline=$((SECONDS + life_wait_s))
	while got=$(life_answer) && [ "$got" != "$3" ] && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.02; done
	[ "$got" = "$3" ] || verdict="WRONG: expected $3"
	[ "$done" = 0 ] || verdict="WRONG: it could not be done"
	read -ra got <<<"$got"
	printf '%-36s %-14s %-16s %-13s %-16s %s\n' "$1" "${got[@]}" "$verdict"
	[ -z "$verdict" ] || life_wrong=1
}

life_sim() {
	local what command expected
	life_wrong=0
	stripe_call POST /_sim/settings '{"after_retries":"past_due"}' >/dev/null
	printf '%-36s %-14s %-16s %-13s %s\n' "what happens" tier reason live_trading fix_connectivity
	while IFS='|' read -r -u 4 what command expected; do
		life_sim_step "$what" "$command" "$expected"
	done 4< <(life_sim_table)
	return "$life_wrong"
}
