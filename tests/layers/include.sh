#!/usr/bin/env bash
# Proves that a layer sees the headers of the layers below it and no others.
#   include.sh COMPILER INCLUDE_DIR:INCLUDE_DIR… may:LAYER:DIR | must_not:LAYER:DIR …
# Compiles one line, `#include "LAYER/x.h"`, for every header in DIR with the layer's own include path. A forbidden one
# must fail because the file is not found, and not for some other mistake.
set -euo pipefail

compiler=$1 dirs=$2
shift 2
flags=()
IFS=: read -ra parts <<<"$dirs"
for dir in "${parts[@]}"; do flags+=("-I$dir"); done

compiles() { # HEADER; what the compiler says goes to $said
	said=$(printf '#include "%s"\ntypedef int one_declaration;\n' "$1" |
		LC_ALL=C "$compiler" -std=c17 -D_GNU_SOURCE "${flags[@]}" -x c -fsyntax-only - 2>&1)
}

tried=0 wrong=0
for case in "$@"; do
	IFS=: read -r rule layer dir <<<"$case"
	for path in "$dir"/*.h; do
		[ -e "$path" ] || continue
		header=$layer/${path##*/}
		tried=$((tried + 1))
		if compiles "$header"; then
			[ "$rule" = may ] || { echo "FORBIDDEN and compiles: $header"; wrong=1; }
		elif [ "$rule" = may ]; then
			echo "allowed and does not compile: $header"
			echo "$said"
			wrong=1
		elif [[ $said != *"$header: No such file"* && $said != *"'$header' file not found"* ]]; then
			echo "refused for another reason than its layer: $header"
			echo "$said"
			wrong=1
		fi
	done
done
[ "$tried" -gt 0 ] || { echo "no header was tried"; exit 1; }
echo "$tried headers tried"
exit "$wrong"
