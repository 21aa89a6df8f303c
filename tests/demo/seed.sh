# shellcheck shell=bash
# One subject in each state that a subscription can be in, each named after it, with the past that leads there. Sourced, after
# stripe.sh; bash alone.
#
#   seed_subjects    plays the past hundred days at a stripe-sim that has its prices (stripe_seed) and no subject yet, then its
#                    clock is where it was. What it sends is held back until seed_send, so that it is signed in the present
#   seed_send        sends it; false when Stripe's side cannot be reached
#   seed_done        whether they are there already
#   seed_names       the subjects, and what each shows

seed_names() {
	cat <<-'END'
		free                  nothing bought
		trialing              a trial of Pro, with a card
		trialing_no_card      a trial of Pro that has no card
		active                Pro, for a hundred days
		past_due              the renewal could not be collected; access goes on for a while
		incomplete            the bank must confirm the first payment
		canceling             ends with the period
		canceled              ended
		unpaid                the renewal was given up
		paused                the trial ended without a card
		downgrade_scheduled   Institutional, and Pro from the next period on
		disputed              the bank was asked for the money
		refunded              the payment was given back
		granted               Institutional, by hand, for 30 days
	END
}

seed_at() { stripe_call POST /_sim/clock "{\"to\":$((seed_now - $1 * 86400))}" >/dev/null; } # DAYS ago

seed_card() { stripe_call POST /_sim/card "{\"customer\":\"$(stripe_customer "$1")\",\"outcome\":\"$2\"}" >/dev/null; }

seed_buy() { # USER KEY [TRIAL DAYS]
	local page
	page=$(stripe_checkout "$@") && stripe_press "$page" outcome=ok
}

seed_trial_without_card() { # USER DAYS END_BEHAVIOUR
	local form
	form="customer=$(stripe_customer "$1")&items[0][price]=$(stripe_price pro_monthly)&trial_period_days=$2"
	stripe_call POST /v1/subscriptions "$form&trial_settings[end_behavior][missing_payment_method]=$3&metadata[user_id]=$1" >/dev/null
}

seed_charge() { # USER: the latest one
	stripe_call GET "/v1/charges?limit=1&customer=$(stripe_customer "$1")" | grep -o '"id":"\(ch\|py\)_[^"]*"' | head -n 1 | cut -d '"' -f 4
}

seed_incomplete() {
	seed_card incomplete requires_action || return 1
	stripe_call POST /v1/subscriptions "customer=$(stripe_customer incomplete)&items[0][price]=$(stripe_price pro_monthly)\
&payment_behavior=allow_incomplete&metadata[user_id]=incomplete" >/dev/null
}

seed_downgrade() {
	local id start end
	id=$(stripe_call POST /v1/subscription_schedules "from_subscription=$(stripe_subscription downgrade_scheduled)" |
		tee "$seed_scratch" | stripe_field id) || return 1
	start=$(grep -o '"start_date":[0-9]*' "$seed_scratch" | head -n 1 | cut -d : -f 2)
	end=$(grep -o '"end_date":[0-9]*' "$seed_scratch" | head -n 1 | cut -d : -f 2)
	stripe_call POST "/v1/subscription_schedules/$id" "end_behavior=release\
&phases[0][items][0][price]=$(stripe_price institutional_monthly)&phases[0][start_date]=$start&phases[0][end_date]=$end\
&phases[1][items][0][price]=$(stripe_price pro_monthly)&phases[1][iterations]=1" >/dev/null
}

seed_past() {
	seed_at 100 && seed_buy active pro_monthly && seed_buy canceling pro_yearly &&
		seed_buy downgrade_scheduled institutional_monthly && seed_buy canceled pro_monthly || return 1
	seed_at 40 && seed_buy unpaid pro_monthly && seed_card unpaid declined || return 1
	seed_at 32 && seed_buy past_due pro_monthly && seed_card past_due declined || return 1
	seed_at 20 && seed_buy disputed pro_monthly && seed_buy refunded pro_monthly || return 1
	seed_at 10 && seed_trial_without_card paused 7 pause || return 1
	seed_at 5 && seed_buy trialing pro_monthly 14 && seed_trial_without_card trialing_no_card 14 cancel || return 1
	stripe_call DELETE "/v1/subscriptions/$(stripe_subscription canceled)" >/dev/null || return 1
	seed_at 1 && stripe_press "$(stripe_portal canceling)/cancel" "subscription=$(stripe_subscription canceling)&when=period_end" &&
		seed_downgrade && stripe_call POST /_sim/dispute "{\"charge\":\"$(seed_charge disputed)\"}" >/dev/null &&
		stripe_call POST /v1/refunds "charge=$(seed_charge refunded)" >/dev/null || return 1
	seed_at 0 && seed_incomplete
}

seed_subjects() {
	local done=0
	if seed_has active; then
		echo "an earlier start was stopped while it made the subjects" >&2
		return 1
	fi
	seed_now=$(stripe_call GET /_sim/clock | stripe_field now) || return 1
	seed_scratch=$(mktemp) || return 1
	stripe_call POST /_sim/settings '{"after_retries":"unpaid"}' >/dev/null &&
		stripe_call POST /_sim/misbehave '{"delay_s":[31536000,31536000]}' >/dev/null &&
		stripe_call POST /_sim/clock "{\"set\":$((seed_now - 101 * 86400))}" >/dev/null && seed_past || done=1
	rm -f "$seed_scratch"
	stripe_call POST /_sim/misbehave '{}' >/dev/null && return "$done"
}

seed_has() { stripe_call GET "/v1/customers?email=$1%40example.com" | grep -q '"id":"cus_'; }

seed_done() { seed_has incomplete; } # the last

seed_send() { stripe_call POST /_sim/flush '{}' >/dev/null; }
