#!/usr/bin/env bash
# ./dev up as a person uses it: start, paste what it prints, start it a second time by mistake, kill -9, Ctrl-C.
#   up_test.sh BIN_DIR
# Exit 77: a port is in use.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=$1
cd "$here/../.."
. tests/demo/stripe.sh
. tests/demo/seed.sh
. tests/demo/states.sh

dir=$(mktemp -d)
up=
finish() {
	local status=$?
	if [ -n "$up" ]; then
		kill -TERM "$up" 2>/dev/null || true
		wait "$up" || true
	fi
	[ "$status" = 0 ] || [ "$status" = 77 ] || cat "$dir/out" "$dir"/data/log/*.log >&2
	rm -rf "$dir"
	exit "$status"
}
trap finish EXIT

fail() {
	echo "up_test: $*" >&2
	exit 1
}

start() {
	: >"$dir/out"
	"$here/up" "$bin" "$dir/data" >"$dir/out" 2>&1 &
	up=$!
	local deadline=$((SECONDS + 180))
	until grep -q 'Ctrl-C stops it' "$dir/out"; do
		if ! kill -0 "$up" 2>/dev/null; then
			up=
			if grep -q 'is in use by another program' "$dir/out"; then cat "$dir/out" && exit 77; fi
			fail "it ended while starting"
		fi
		[ "$SECONDS" -lt "$deadline" ] || fail "it does not say that it runs"
		sleep 0.05
	done
}

stop() {
	local status=0
	kill -TERM "$up"
	wait "$up" || status=$?
	up=
	[ "$status" = 0 ] || fail "stopped, it exits with $status"
}

# The indented commands that it printed, as they stand: PROGRAM VERB
paste() { sed -n "s|^  \($1 $2\( .*\)\{0,1\}\)\$|\1|p" "$dir/out"; }
tiergate() { paste "$dir/data/tiergate" "$1"; }
stripe() { paste tests/demo/stripe "$1"; }

run() { # COMMAND-LINE PATTERN: until the answer is there
	local said deadline=$((SECONDS + 60))
	while said=$(bash -c "$1" 2>&1) || true; [[ $said != *$2* ]]; do
		[ "$SECONDS" -lt "$deadline" ] || fail "'$1' says: $said"
	done
}

still_there() { # the programs that work in its directory
	local words file
	for file in /proc/[0-9]*/cmdline; do
		mapfile -d '' -t words 2>/dev/null <"$file" || continue
		[[ "${words[*]}" != *"$dir/data"* ]] || echo "${words[0]}"
	done 2>/dev/null
}

token() { tests/demo/token "$dir/data" "$1"; }
states_at=127.0.0.1:8700 states_token=token stripe_at=127.0.0.1:8711

start
states_check || fail "a subject is not in its state"
states_buy carol || fail "who has paid is not let in"
grep -c '/settings/billing#token=ey[^"]*">' "$dir/data/pages.html" | grep -qx "$(seed_names | wc -l)" || fail "not everybody has an address"
[ "$(sed -n 's|^http://127.0.0.1:8700/[^#]*#token=ey.*|x|p' "$dir/out" | wc -l)" = 2 ] || fail "it prints no address to open"
[ "$(stat -c %a "$dir/data/webhook-secrets")" = 600 ] || fail "the secret can be read by others"
[ "$(tiergate send | wc -l)/$(tiergate check | wc -l)/$(tiergate explain | wc -l)" = 2/1/1 ] || fail "it prints other commands"
[ "$(stripe checkout | wc -l)/$(stripe pay | wc -l)/$(stripe move | wc -l)/$(stripe portal | wc -l)" = 1/1/1/1 ] ||
	fail "it prints other commands"
run "$(stripe checkout)" /c/pay/cs_
run "$(stripe portal)" /p/session/bps_
bash -c "$(stripe pay)" || fail "the session cannot be paid"
run "$(tiergate check)" trialing
run "$(tiergate explain)" trial
bash -c "$(stripe move)" || fail "time does not move"
run "$(tiergate check)" active
while read -r line; do run "$line" 200; done < <(tiergate send)
run "$dir/data/tiergate check bob --feature live_trading" trialing

status=0
"$here/up" "$bin" "$dir/data" >"$dir/second" 2>&1 || status=$?
grep -q 'runs already' "$dir/second" || fail "a second start says: $(cat "$dir/second")"
[ "$status" = 69 ] || fail "a second start exits with $status"

secret=$(cat "$dir/data/webhook-secrets")
kill -KILL "$up" # the services must not stay behind on their ports
wait "$up" || true
up=
deadline=$((SECONDS + 90))
for port in 8700 8701 8702 8711 8721 8722 8780 8801 8802 8803 8804 8805; do
	while { : <>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null; do
		[ "$SECONDS" -lt "$deadline" ] || fail "killed, it leaves a service on port $port"
		sleep 0.05
	done
done
# its port is free before a service is gone, and its store only then
while [ -n "$(still_there)" ]; do
	[ "$SECONDS" -lt "$deadline" ] || fail "killed, it leaves behind: $(still_there)"
	sleep 0.05
done
start
stop
start
[ "$(cat "$dir/data/webhook-secrets")" = "$secret" ] || fail "a second start made another secret"
run "$(tiergate check)" active
run "tests/demo/stripe portal alice" /p/session/bps_
deadline=$((SECONDS + 60))
until states_ask carol GET /api/live-trading >/dev/null 2>&1; do
	[ "$SECONDS" -lt "$deadline" ] || fail "what was paid for is lost"
	sleep 0.1
done
stop
