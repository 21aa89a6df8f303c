# shellcheck shell=bash
# The whole of it on free ports: stripe-sim, all services, the example backend, nginx before them. Sourced, after services.sh,
# events.sh, stripe.sh and proxy.sh.
#
#   origin_launch DIR BIN      starts it in DIR, in test mode and in real time, and waits until it is ready; sets origin (the URL of
#                              the page) and stripe_at. services_stop ends it
#   origin_token SUBJECT       prints a token
#
# May be set before: services_events_every, as for services_reconciler

origin_free_port() {
	local port
	while port=$((20000 + RANDOM % 12000)); { : <>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null; do :; done
	echo "$port"
}

origin_token() { "$(dirname "${BASH_SOURCE[0]}")/token" "$origin_dir" "$1"; }

origin_launch() {
	local dir=$1 bin=$2 secret door
	origin_dir=$dir
	secret=$(new_secret)
	(umask 077 && printf 'demo test %s\n' "$secret" >"$dir/webhook-secrets")
	services_launch_all "$dir" "$bin"
	services_wait_ready || return 1
	door=127.0.0.1:$(origin_free_port) origin=http://$door
	services_launch "$dir" "$bin" stripe-sim --listen 127.0.0.1:0 --webhook "$origin/api/v1/billing/webhook" --webhook-secret "$secret"
	services_wait_one stripe-sim || return 1
	stripe_at=$(services_value stripe-sim listen) stripe_home=$origin
	stripe_seed "$(services_catalog "$dir")" || return 1
	services_reconciler "$dir" "$bin" 127.0.0.1:0 "http://$stripe_at"
	services_billing "$dir" "$bin" 127.0.0.1:0 127.0.0.1:0 "http://$stripe_at" "$origin" \
		"$(services_value query listen)" "$(services_value query feed)"
	services_run "$dir" app env JWT_KEYS="$dir/jwt/jwks.json" QUERY="$(services_value query listen)" \
		/usr/bin/python3 "$(dirname "${BASH_SOURCE[0]}")/../../proto/examples/backend/backend.py" 127.0.0.1:0
	services_wait_ready || return 1
	proxy_launch "$dir" "$door" "$(services_value ingress listen)" "$(services_value billing listen)" "$(services_value app listen)"
	services_wait_one proxy
}
