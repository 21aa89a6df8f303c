# shellcheck shell=bash
# compose.yaml with profile `demo`. Sourced, after events.sh.
#
#   compose_settings DIR SECRET     exports what compose.yaml reads, with files in DIR, which others than its owner may not enter
#   compose_command NAME            sets `compose`, an array: the command, of whichever kind is there, for the project NAME
#   compose_settle SERVICE…         waits until they are healthy by their own health checks; false when they are not in time
#
# May be set before: compose_port and compose_stripe_port, of the page and of stripe-sim's pages on loopback

compose_settings() {
	local dir=$1 port=${compose_port:-8700}
	unset CATALOG_FILE PROXY_SITE PROXY_TLS_DIR # an installation's, as are .env and compose.override.yaml
	mkdir -p "$dir"
	chmod 700 "$dir"
	dir=$(cd "$dir" && pwd)
	rm -f "$dir/webhook-secrets"
	printf 'demo test %s\n' "$2" >"$dir/webhook-secrets"
	chmod 444 "$dir/webhook-secrets" # for the containers' user, whom the directory keeps from all others
	"$(dirname "${BASH_SOURCE[0]}")/token" "$dir" --keys
	export DEMO_WEBHOOK_SECRET=$2 DEMO_STRIPE_PORT=${compose_stripe_port:-8711} PROXY_PORT=127.0.0.1:$port PROXY_TLS_PORT=127.0.0.1:
	export TIERGATE_MODE=test TIERGATE_WEBHOOK_SECRETS_FILE=$dir/webhook-secrets
	export TIERGATE_STRIPE_API_KEY=sk_test_sim BILLING_STRIPE_API_KEY=sk_test_sim TIERGATE_STRIPE_API_BASE=http://127.0.0.1:8711
	export TIERGATE_PUBLIC_URL=http://127.0.0.1:$port TIERGATE_RETURN_URLS=http://127.0.0.1:$port
	export TIERGATE_JWT_ISSUER=tiergate-dev TIERGATE_JWT_AUDIENCE=tiergate JWT_KEYS_FILE=$dir/jwt/jwks.json
}

compose_command() {
	docker info >/dev/null 2>&1 || { echo "no Docker engine answers: is it running, and may you use it?" >&2; return 1; }
	if docker compose version >/dev/null 2>&1; then compose=(docker compose); else compose=(docker-compose); fi
	compose+=(--file compose.yaml --project-name "$1" --profile demo --env-file tests/demo/compose.env)
}

compose_settle() {
	local service id state deadline=$((SECONDS + 90))
	for service in "$@"; do
		while id=$("${compose[@]}" ps --all --quiet "$service") && state=$(docker inspect -f '{{.State.Health.Status}}' "$id" 2>&1) &&
			[ "$state" != healthy ]; do
			[ "$SECONDS" -lt "$deadline" ] || { echo "$service is not healthy: $state" >&2; return 1; }
			sleep 0.2
		done
	done
}
