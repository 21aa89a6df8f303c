# shellcheck shell=bash
# Starts the services and stripe-sim as children, waits until they are ready, and stops them. Sourced.
#
#   services_launch DIR BIN NAME FLAG…   NAME is ingress, entitlement, query, reconciler or stripe-sim; its log is DIR/log/NAME.log
#   services_run DIR NAME COMMAND…       any other program, whose log is DIR/log/NAME.log; it is ready when its log has a line
#                                        with ev=ready, or when something answers at services_door[NAME], where that is set
#   services_launch_all DIR BIN          the first three, on free ports, in test mode, with DIR/webhook-secrets
#   services_reconciler DIR BIN ADMIN URL    the reconciler, beside those in DIR, against the API at URL
#   services_billing DIR BIN LISTEN ADMIN URL PUBLIC QUERY FEED    billing, beside those in DIR and with the platform's keys of
#                                        ./dev token, against the API at URL, as the page at PUBLIC
#   services_clock DIR BIN               those launched later, but stripe-sim, live in simulated time: by DIR/clock, which
#                                        stripe-sim writes; sets services_env for commands that should as well
#   services_wait_ready                  all of them; or says which one is not, why, and the end of its log
#   services_value NAME KEY              KEY of its ready line: listen, admin, …
#   services_stop                        drains them; false when one had to be killed or did not exit with 0

declare -A services_pid=() services_log=() services_door=()
services_env=()      # of what is launched
services_order=()    # as launched
services_start_s=60  # how long one may take to become ready
services_drain_s=60  # and to stop

services_run() {
	local dir=$1 name=$2 log=$1/log/$2.log
	shift 2
	mkdir -p "$dir/log"
	[ ! -e "$log" ] || mv -f "$log" "$log.1"
	: >"$log"
	# A child outlives neither its parent, should that be killed, nor keeps 9, its lock.
	setpriv --pdeathsig TERM "$@" </dev/null >>"$log" 2>&1 9>&- &
	services_pid[$name]=$!
	services_log[$name]=$log
	services_order+=("$name")
}

services_launch() {
	local dir=$1 bin=$2 name=$3 program=$2/tiergate-$3 env=("${services_env[@]}")
	shift 3
	if [ "$name" = stripe-sim ]; then program=$bin/$name env=(); fi
	services_run "$dir" "$name" env "${env[@]}" "$program" "$@"
}

services_clock() {
	local library
	library=$(cd "$2/../lib" && pwd)/libclock_shift.so
	[ -s "$1/clock" ] || head -c 8 /dev/zero >"$1/clock"
	services_env=("LD_PRELOAD=$library" "CLOCK_SHIFT_FILE=$(cd "$1" && pwd)/clock")
}

services_launch_all() {
	local dir=$1 bin=$2 catalog
	catalog=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../docker" && pwd)/tiers.yaml
	services_launch "$dir" "$bin" ingress --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 --journal-dir "$dir/journal" \
		--journal-pub "ipc://$dir/journal-pub" --journal-replay "ipc://$dir/journal-replay" \
		--webhook-secrets-file "$dir/webhook-secrets"
	services_launch "$dir" "$bin" entitlement --admin-listen 127.0.0.1:0 --store-dir "$dir/entitlements" \
		--journals "ipc://$dir/journal-pub,ipc://$dir/journal-replay" --changes-pub "ipc://$dir/changes" \
		--control "ipc://$dir/control" --catalog "$catalog"
	services_launch "$dir" "$bin" query --admin-listen 127.0.0.1:0 --store-dir "$dir/entitlements" --mode test \
		--changes-pub "ipc://$dir/changes" --catalog "$catalog" \
		--query-bind "tcp://127.0.0.1:*" --feed-bind "tcp://127.0.0.1:*"
}

services_catalog() { # DIR: its own, or the example
	if [ -e "$1/tiers.yaml" ]; then echo "$1/tiers.yaml"; else (cd "$(dirname "${BASH_SOURCE[0]}")/../../docker" && echo "$PWD/tiers.yaml"); fi
}

# The reconciler against the API at URL; it asks seldom by itself, so that what a demo shows is what the demo did.
services_reconciler() { # DIR BIN ADMIN URL
	local catalog
	catalog=$(services_catalog "$1")
	(umask 077 && echo sk_test_sim >"$1/stripe-api-key")
	services_launch "$1" "$2" reconciler --admin-listen "$3" --stripe-api-base "$4" --stripe-api-key-file "$1/stripe-api-key" \
		--journal-replay "ipc://$1/journal-replay" --store-dir "$1/entitlements" --catalog "$catalog" \
		--reconciler "ipc://$1/reconciler" --events-every "${services_events_every:-60s}" --sweep-every 24h
}

services_billing() { # DIR BIN LISTEN ADMIN URL PUBLIC QUERY FEED
	local catalog
	catalog=$(services_catalog "$1")
	(umask 077 && echo sk_test_sim >"$1/stripe-api-key")
	"$(dirname "${BASH_SOURCE[0]}")/token" "$1" --keys
	services_launch "$1" "$2" billing --listen "$3" --admin-listen "$4" --stripe-api-base "$5" \
		--stripe-api-key-file "$1/stripe-api-key" --public-url "$6" --return-urls "$6" --query "$7" --feed "$8" \
		--reconciler "ipc://$1/reconciler" --catalog "$catalog" \
		--jwt-issuer tiergate-dev --jwt-audience tiergate --jwt-keys "$1/jwt/jwks.json"
}

services_value() {
	sed -n '/ev=ready /{s/.* '"$2"'="\{0,1\}\([^ "]*\).*/\1/p;q}' "${services_log[$1]}"
}

# services_get HOST:PORT PATH: the body to standard output; true when the status is 200.
services_get() {
	local fd status line
	{ exec {fd}<>"/dev/tcp/${1%:*}/${1##*:}"; } 2>/dev/null || return 1
	printf 'GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$2" "$1" >&"$fd"
	read -r -t 5 -u "$fd" _ status _ || status=0
	while read -r -t 5 -u "$fd" line && [ "$line" != $'\r' ]; do :; done
	timeout 5 cat <&"$fd"
	exec {fd}>&-
	[ "$status" = 200 ]
}

services_alive() { kill -0 "${services_pid[$1]}" 2>/dev/null; }

services_complain() { # NAME WHAT
	echo "$1 $2. The end of ${services_log[$1]}:" >&2
	tail -n 15 "${services_log[$1]}" >&2
}

services_wait_one() {
	local name=$1 admin why='' deadline=$((SECONDS + services_start_s))
	while services_alive "$name"; do
		admin=$(services_value "$name" admin)
		if [ -n "${services_door[$name]:-}" ]; then
			if { : <>"/dev/tcp/${services_door[$name]%:*}/${services_door[$name]##*:}"; } 2>/dev/null; then return 0; fi
		elif [ -z "$admin" ] && [ -n "$(services_value "$name" listen)" ]; then
			return 0 # stripe-sim, the example backend
		fi
		if [ -n "$admin" ] && why=$(services_get "$admin" /readyz); then return 0; fi
		if [ "$SECONDS" -ge "$deadline" ]; then
			services_complain "$name" "is not ready after $services_start_s s ${why:+($why)}"
			return 1
		fi
		sleep 0.05
	done
	services_complain "$name" "ended while starting"
	return 1
}

services_wait_ready() {
	local name
	for name in "${services_order[@]}"; do services_wait_one "$name" || return 1; done
}

services_stop() {
	local name deadline=$((SECONDS + services_drain_s)) status clean=0
	for name in "${services_order[@]}"; do kill -TERM "${services_pid[$name]}" 2>/dev/null || true; done
	for name in "${services_order[@]}"; do
		while services_alive "$name" && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.05; done
		if services_alive "$name"; then
			services_complain "$name" "did not stop in $services_drain_s s and was killed"
			kill -KILL "${services_pid[$name]}" 2>/dev/null || true
		fi
		status=0
		wait "${services_pid[$name]}" 2>/dev/null || status=$?
		[ "$status" = 0 ] || { echo "$name exited with $status" >&2; clean=1; }
	done
	services_order=()
	return "$clean"
}
