# shellcheck shell=bash
# Talks to a stripe-sim without any program but bash. Sourced. Set before: stripe_at, its HOST:PORT; stripe_key.
#
# May be set: stripe_home, the origin that checkout and portal lead back to.
#
#   stripe_call METHOD PATH [BODY]     prints the answer; false, and the answer on standard error, unless it is 2xx or 3xx.
#                                      A body that begins with { is JSON (for /_sim/…), any other a form
#   stripe_seed CATALOG                products and prices for every lookup key of tiers.yaml that is not there yet
#   stripe_customer USER               the id of the customer USER@example.com, made when missing, with metadata[user_id]
#   stripe_subscription USER           the id of the newest subscription that is not over
#   stripe_checkout USER KEY [DAYS]    the URL of a checkout for the price with that lookup key, with a trial of so many days
#   stripe_portal USER                 the URL of a portal session
#   stripe_press URL FORM              a button of a hosted page

stripe_key=${stripe_key:-sk_test_sim}
stripe_home=${stripe_home:-http://127.0.0.1:8700}

# One request on one connection; sets stripe_status and stripe_body.
stripe_request() {
	local method=$1 path=$2 body=${3:-} type=application/x-www-form-urlencoded fd line length=''
	[[ $body != '{'* ]] || type=application/json
	stripe_status=0 stripe_body=''
	{ exec {fd}<>"/dev/tcp/${stripe_at%:*}/${stripe_at##*:}"; } 2>/dev/null || {
		echo "nothing answers at $stripe_at: does ./dev up run?" >&2
		return 1
	}
	printf '%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nConnection: close\r\n' \
		"$method" "$path" "$stripe_at" "$stripe_key" >&"$fd"
	if [ "$method" != GET ]; then
		printf 'Content-Type: %s\r\nContent-Length: %s\r\n' "$type" "$(LC_ALL=C && echo ${#body})" >&"$fd"
	fi
	printf '\r\n%s' "$body" >&"$fd"
	read -r -t 120 -u "$fd" _ stripe_status _ || true
	while read -r -t 10 -u "$fd" line && [ "$line" != $'\r' ]; do :; done
	stripe_body=$(timeout 30 cat <&"$fd")
	exec {fd}>&-
}

stripe_call() {
	stripe_request "$@" || return 1
	if [[ $stripe_status != [23]?? ]]; then
		echo "$1 $2: $stripe_status $stripe_body" >&2
		return 1
	fi
	printf '%s\n' "$stripe_body"
}

# The first value of that name in a JSON text: a string or a number.
stripe_field() { grep -o "\"$1\":\(\"[^\"]*\"\|[0-9-]*\)" | head -n 1 | sed 's/^[^:]*://; s/^"//; s/"$//'; }

stripe_price() { stripe_call GET "/v1/prices?lookup_keys[]=$1" | grep -o '"id":"price_[^"]*"' | head -n 1 | cut -d '"' -f 4; }

stripe_seed() {
	local key tier interval amount product
	for key in $(sed -n 's/^ *lookup_keys: *\[\(.*\)\].*/\1/p' "$1" | tr -d ' ' | tr ',' ' '); do
		[ -z "$(stripe_price "$key")" ] || continue
		tier=${key%_*} interval=month amount=4900
		[ "$tier" = pro ] || amount=49900
		[ "${key##*_}" != yearly ] || interval=year amount=$((amount * 10))
		product=$(stripe_call POST /v1/products "name=${tier^}" | stripe_field id) || return 1
		stripe_call POST /v1/prices "product=$product&currency=usd&unit_amount=$amount&recurring[interval]=$interval&lookup_key=$key" \
			>/dev/null || return 1
	done
}

stripe_customer() {
	local id
	id=$(stripe_call GET "/v1/customers?email=$1%40example.com" | grep -o '"id":"cus_[^"]*"' | head -n 1 | cut -d '"' -f 4) || true
	[ -n "$id" ] || id=$(stripe_call POST /v1/customers "email=$1%40example.com&metadata[user_id]=$1" | stripe_field id) || return 1
	printf '%s\n' "$id"
}

stripe_subscription() {
	local id
	id=$(stripe_call GET "/v1/subscriptions?limit=1&customer=$(stripe_customer "$1")" | grep -o '"id":"sub_[^"]*"' | head -n 1 | cut -d '"' -f 4) || true
	[ -n "$id" ] || { echo "$1 has no subscription" >&2 && return 1; }
	printf '%s\n' "$id"
}

stripe_checkout() {
	local price form
	price=$(stripe_price "$2")
	[ -n "$price" ] || { echo "there is no price with the lookup key $2" >&2 && return 1; }
	form="mode=subscription&customer=$(stripe_customer "$1")&client_reference_id=$1&line_items[0][price]=$price&line_items[0][quantity]=1"
	form+="&success_url=$stripe_home/settings/billing?checkout=success%26session_id={CHECKOUT_SESSION_ID}"
	form+="&cancel_url=$stripe_home/settings/billing?checkout=cancelled"
	[ -z "${3:-}" ] || form+="&subscription_data[trial_period_days]=$3"
	stripe_call POST /v1/checkout/sessions "$form" | grep -o '"url":"[^"]*/c/pay/[^"]*"' | cut -d '"' -f 4
}

stripe_portal() {
	stripe_call POST /v1/billing_portal/sessions "customer=$(stripe_customer "$1")&return_url=$stripe_home/settings/billing" |
		grep -o '"url":"[^"]*/p/session/[^"]*"' | cut -d '"' -f 4
}

stripe_press() { stripe_call POST "/${1#http://*/}" "$2" >/dev/null; }
