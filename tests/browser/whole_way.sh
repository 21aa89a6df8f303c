#!/usr/bin/env bash
# A customer's whole way in a real browser, with real processes behind nginx: whole_way.mjs.
#   whole_way.sh BIN_DIR OUT_DIR
# Exit 77: Chromium, nginx, Node, its packages or Debian's for Python are not there.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=$(cd "$1" && pwd) out=$2
cd "$here/../.."
. tests/demo/services.sh
. tests/demo/events.sh
. tests/demo/stripe.sh
. tests/demo/proxy.sh
. tests/demo/origin.sh

unset "${!TIERGATE_@}"
[ -x "${CHROMIUM:-/usr/bin/chromium}" ] && [ -d "$here/node_modules/playwright-core" ] && [ -n "$(proxy_program)" ] || exit 77
/usr/bin/python3 -c 'import zmq, msgpack, jwt, cryptography' || exit 77

dir=$(mktemp -d)
finish() {
	local status=$?
	services_stop || status=1
	[ "$status" = 0 ] || tail -n 25 "$dir"/log/*.log >&2
	rm -rf "$dir"
	exit "$status"
}
trap finish EXIT

# shellcheck disable=SC2034 # services.sh's: a busy machine takes its time
services_start_s=180 services_drain_s=90
services_events_every=24h # what is lost stays lost until somebody asks
origin_launch "$dir" "$bin"
mkdir -p "$out"
for who in on_time late lost; do export "TOKEN_$who=$(origin_token "$who")"; done
ORIGIN=$origin STRIPE=http://$stripe_at node "$here/whole_way.mjs" "$out"
