# shellcheck shell=bash
# Plays a customer's life and prints it as a table. Sourced, after events.sh.
#
#   life_play FIRST LAST    sends the events number FIRST to LAST (0 sends nothing) as signed webhooks and waits
#                           for each answer; false when a webhook is not taken or an answer is not the expected one
#
# Set before: life_dir, for the event files; life_who, the subject; life_now, unix seconds;
#             life_send, an array: the command that posts the file given as its last argument;
#             life_ask, an array: the `tiergate` command to which `get …` and `check …` are added.

life_wait_s=60 # for an answer to become the expected one

field() { sed -n 's/.*"'"$1"'": *"\{0,1\}\([^",}]*\).*/\1/p' | head -n 1; }

allowed() { # FEATURE; `tiergate check` says no with its exit code as well
	local answer
	answer=$("${life_ask[@]}" check "$life_who" --feature "$1" --json </dev/null) || true
	case $(field allowed <<<"$answer") in
	true) echo yes ;;
	false) echo no ;;
	*) echo '?' ;;
	esac
}

# As the table's last column: tier reason live_trading fix_connectivity
life_answer() {
	local got
	got=$("${life_ask[@]}" get "$life_who" --json </dev/null) || true
	echo "$(field tier <<<"$got") $(field reason <<<"$got") $(allowed live_trading) $(allowed fix_connectivity)"
}

life_line() { printf '%-31s %-5s %-14s %-16s %-13s %-16s %s\n' "$@"; }

life_step() { # STEP TYPE TEMPLATE EXPECTED VALUE…
	local step=$1 type=$2 template=$3 expected=$4 status=- got deadline=$((SECONDS + life_wait_s)) verdict=''
	[ "$step" -ge "$life_first" ] && [ "$step" -le "$life_last" ] || return 0
	life_steps=$((life_steps + 1))
	shift 4
	if [ -n "$template" ]; then
		life_event "$life_now" "$life_who" "$step" "$type" "$template" "$@" >"$life_dir/event-$step.json"
		status=$("${life_send[@]}" "$life_dir/event-$step.json" | field status) || true
		[ "$status" = 200 ] || verdict="WRONG: the webhook was not taken"
	fi
	while got=$(life_answer) && [ "$got" != "$expected" ] && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.02; done
	[ "$got" = "$expected" ] || verdict="WRONG: expected $expected"
	read -ra got <<<"$got"
	life_line "$type" "$status" "${got[@]}" "$verdict"
	[ -z "$verdict" ] || life_wrong=1
}

life_play() {
	life_first=$1 life_last=$2 life_steps=0 life_wrong=0
	[ "$1" != 0 ] || life_line event HTTP tier reason live_trading fix_connectivity ''
	life_each life_step
	[ "$life_steps" -gt 0 ] || { echo "life.txt has no step $1" >&2; return 1; }
	return "$life_wrong"
}
