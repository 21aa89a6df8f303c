#!/usr/bin/env bash
# Proves of the release preset what it says of itself: it builds without a warning, `cmake --install` makes a tree that
# runs wherever it is moved, and its programs are hardened. Each has
#   PIE              ELF type DYN, and the PIE flag
#   full RELRO       a GNU_RELRO segment, and every symbol bound at the start
#   stack            not executable, and guarded
#   fortify          at least one of glibc's checked calls
#   no RPATH, and no path of the machine that built it
#
#   hardened.sh SOURCE_DIR WORK_DIR
set -euo pipefail
source=$1 work=$2
wrong=0

refuse() {
	echo "WRONG $*"
	wrong=1
}

make_tree() {
	rm -rf "$work/tree" "$work/moved" &&
		cmake --preset release -S "$source" -B "$work/build" -DTIERGATE_WERROR=ON &&
		cmake --build "$work/build" &&
		cmake --install "$work/build" --prefix "$work/tree" &&
		mv "$work/tree" "$work/moved"
}

check_program() { # FILE
	local file=$1 name=${1##*/} headers dynamic symbols
	headers=$(readelf --wide --file-header --segments "$file")
	dynamic=$(readelf --wide --dynamic "$file")
	symbols=$(readelf --wide --dyn-syms "$file")
	grep -qE 'Type: +DYN' <<<"$headers" || refuse "$name is not PIE"
	grep -qE 'FLAGS_1.*[[:space:]]PIE' <<<"$dynamic" || refuse "$name is not PIE, but a library"
	grep -q GNU_RELRO <<<"$headers" || refuse "$name has no RELRO"
	grep -qE 'FLAGS_1.*[[:space:]]NOW' <<<"$dynamic" || refuse "$name binds lazily: its RELRO is not full"
	grep -qE 'GNU_STACK .* RW +0x' <<<"$headers" || refuse "$name has an executable stack"
	grep -q '__stack_chk_fail' <<<"$symbols" || refuse "$name has no stack protector"
	grep -qE '__[a-z_]+_chk@' <<<"$symbols" || refuse "$name calls nothing fortified"
	! grep -qE '\((RPATH|RUNPATH)\)' <<<"$dynamic" || refuse "$name has an RPATH"
	! grep -qF "$source/" "$file" || refuse "$name holds the path of its sources"
	"$file" --help >/dev/null || refuse "$name --help: $?"
}

mkdir -p "$work"
make_tree >"$work/log" 2>&1 || {
	tail -n 40 "$work/log"
	exit 1
}
for name in tiergate tiergate-ingress tiergate-entitlement tiergate-query; do
	check_program "$work/moved/bin/$name"
done
[ -s "$work/moved/share/tiergate/tiers.yaml" ] || refuse "no share/tiergate/tiers.yaml is installed"
"$source/tests/release/library.sh" "$source" "$work/moved" "$work/foreign" || wrong=1
exit "$wrong"
