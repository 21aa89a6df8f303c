# shellcheck shell=bash
# A customer's life as events: from the table and the templates in tests/fixtures/demo. Sourced.
#
#   life_each FUNCTION    calls FUNCTION STEP TYPE TEMPLATE EXPECTED VALUE… for each row; step 0 has no template
#   life_event NOW WHO STEP TYPE TEMPLATE VALUE…   prints that event, with ids and times that hang on NOW (unix seconds)
#   new_secret            prints a webhook secret

events_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../fixtures/demo" && pwd)
events_gap_s=3 # between two events' `created`, so that no two share a second

life_each() {
	local step=0 type template values expected defaults='' list
	while IFS='|' read -r -u 3 type template values expected; do
		read -r type <<<"$type"
		if [ "$type" = default ]; then
			defaults=$values
			continue
		fi
		read -r template <<<"$template"
		read -r expected <<<"$expected"
		read -ra list <<<"$values $defaults"
		"$1" "$step" "$type" "$template" "$expected" "${list[@]}"
		step=$((step + 1))
	done 3< <(grep -vE '^[[:space:]]*(#|$)' "$events_dir/life.txt")
}

life_event() {
	local now=$1 who=$2 step=$3 type=$4 template=$5
	shift 5
	render "$now" "$template" "$@" STEP="$step" TYPE="$type" WHO="$who" RUN="$now" \
		CREATED=$((now - 50 + events_gap_s * step))
}

# render NOW TEMPLATE KEY=VALUE…: every @KEY@ replaced, the first KEY of two counts, and values may hold further @KEY@.
# @NOW@, @NOW-60@ and @NOW+14d@ are unix seconds.
render() {
	local now=$1 text pair before found seconds
	text=$(<"$events_dir/$2")
	shift 2
	while :; do
		before=$text
		for pair in "$@"; do text=${text//"@${pair%%=*}@"/"${pair#*=}"}; done
		[ "$text" != "$before" ] || break
	done
	while [[ $text =~ @NOW([+-][0-9]+)?(d?)@ ]]; do
		found=${BASH_REMATCH[0]} seconds=${BASH_REMATCH[1]:-0}
		[ -z "${BASH_REMATCH[2]}" ] || seconds=$((seconds * 86400))
		text=${text//"$found"/"$((now + seconds))"}
	done
	if [[ $text =~ @[A-Z_]+[^@[:space:]]*@ ]]; then
		echo "no value for ${BASH_REMATCH[0]}" >&2
		return 1
	fi
	printf '%s\n' "$text"
}

new_secret() { printf 'whsec_%s' "$(head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n')"; }
