#!/usr/bin/env bash
# Proves of an installed libtiergate that a program of somebody else's builds and runs with it, found by pkg-config and by
# CMake; that it exports tg_* alone and needs no library but those it says; and that its header is one of C99, C17 and C++.
#
#   library.sh SOURCE_DIR PREFIX WORK_DIR
set -euo pipefail
foreign=$1/tests/release/foreign prefix=$2 work=$3
wrong=0

refuse() {
	echo "WRONG $*"
	wrong=1
}

runs() { # PROGRAM
	[ "$(LD_LIBRARY_PATH=${lib%/*} "$1")" = "as declared" ] || refuse "$1 does not say 'as declared'"
}

lib=$(find "$prefix" -name libtiergate.so)
[ -n "$lib" ] || {
	echo "WRONG no libtiergate.so in $prefix"
	exit 1
}
rm -rf "$work"
mkdir -p "$work"

strange=$(nm --dynamic --defined-only "$lib" | awk '$2 != "A" && $3 !~ /^tg_/ { print $3 }')
[ -z "$strange" ] || refuse "it exports $strange"
needed=$(readelf --dynamic "$lib" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -vE '^(libzmq|libmsgpackc?|libmsgpack-c|libc|ld-linux.*)\.so' || true)
[ -z "$needed" ] || refuse "it needs $needed"
readelf --dynamic "$lib" | grep -q 'SONAME.*libtiergate\.so\.0' || refuse "its name has no version"
! readelf --dynamic "$lib" | grep -qE '\((RPATH|RUNPATH)\)' || refuse "it has an RPATH"
readelf --wide --dynamic "$lib" | grep -qE 'FLAGS_1.*NOW' || refuse "it binds lazily"
! grep -qF "$1/" "$lib" || refuse "it holds the path of its sources"

for standard in "cc -std=c99 -x c" "cc -std=c17 -x c" "c++ -std=c++11 -x c++"; do
	read -ra compile <<<"$standard"
	command -v "${compile[0]}" >/dev/null || {
		echo "there is no ${compile[0]}: the header was not tried as $standard"
		continue
	}
	echo '#include <tiergate.h>' | "${compile[@]}" -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I"$prefix/include" - ||
		refuse "its header is none of $standard"
done

export PKG_CONFIG_PATH=${lib%/*}/pkgconfig
read -ra flags <<<"$(pkg-config --cflags --libs tiergate)"
cc -Wall -Wextra -Werror -o "$work/by_pkg_config" "$foreign/foreign.c" "${flags[@]}"
runs "$work/by_pkg_config"

if ! cmake -S "$foreign" -B "$work/cmake" -DCMAKE_PREFIX_PATH="$prefix" >"$work/log" || ! cmake --build "$work/cmake" >>"$work/log"; then
	tail -n 20 "$work/log"
	exit 1
fi
runs "$work/cmake/foreign"
exit "$wrong"
