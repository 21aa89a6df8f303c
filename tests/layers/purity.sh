#!/usr/bin/env bash
# Proves that objects call nothing but memory functions and each other.
#   purity.sh NM FILE:EXTRA,EXTRA…  …     FILE is an archive or object; EXTRA what it may call besides
#   purity.sh --refuses SYMBOL NM FILE:…  passes when exactly this check fails, and names SYMBOL
# Exit 77: a sanitizer build, whose objects call its runtime.
set -euo pipefail

allowed='mem(cpy|move|set|cmp|chr|rchr|mem)|str(len|nlen|cmp|ncmp|chr|rchr)|__mem(cpy|move|set)_chk'
allowed+='|bcmp|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_'

refuses=
if [ "$1" = --refuses ]; then
	refuses=$2
	shift 2
fi
nm=$1
shift

all_undefined=$("$nm" -u "${@%%:*}")
if grep -qE ' U __(asan|ubsan|tsan)_' <<<"$all_undefined"; then
	echo "skipped: built with a sanitizer, whose runtime every object calls"
	exit 77
fi
defined=$("$nm" --defined-only "${@%%:*}" | awk 'NF == 3 && $2 ~ /[TtDdBbRrVvWwC]/ {print $3}' | sort -u)
[ -n "$defined" ] || { echo "the objects define nothing: nothing was checked"; exit 1; }

bad=()
for case in "$@"; do
	file=${case%%:*} extra=${case#*:}
	while read -r symbol; do
		grep -qxE "$allowed" <<<"$symbol" && continue
		grep -qxF -- "$symbol" <<<"$defined" && continue
		[[ ,$extra, == *",$symbol,"* ]] && continue
		bad+=("$symbol")
		echo "forbidden symbol: $symbol (${file##*/})"
	done < <("$nm" -u "$file" | awk '$1 == "U" {print $2}' | sort -u)
done

if [ -n "$refuses" ]; then
	[ "${bad[*]}" = "$refuses" ] && exit 0
	echo "should have refused $refuses alone"
	exit 1
fi
[ ${#bad[@]} -eq 0 ]
