#!/usr/bin/env bash
# Builds the example of a language whose tools are on the machine, with packages of Debian's.
#   build_example.sh go|java|rust DIR    DIR/check is then the program, or the script that runs it
# Exit code 77: the tools or packages are not there; what is missing is said.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
examples=$here/../../proto/examples
language=$1 dir=$2
mkdir -p "$dir"
exec 9>"$dir/lock"
flock 9 # two tests may want it at once, and one may run it while the other comes
newest=$(find "$examples" -maxdepth 1 -type f -newer "$dir/check" -print -quit 2>/dev/null || echo missing)
[ -n "$newest" ] || [ "${BASH_SOURCE[0]}" -nt "$dir/check" ] || exit 0

skip() {
	echo "SKIP: $*"
	exit 77
}

case $language in
go)
	command -v go >/dev/null || skip "go is not installed (golang-go)"
	[ -d /usr/share/gocode/src/github.com/vmihailenco/msgpack ] || skip "golang-github-vmihailenco-msgpack.v5-dev is not installed"
	# the packages as Debian and the test have them, and nothing from a network
	HOME=$dir GOCACHE=$dir/cache GO111MODULE=off GOFLAGS='' GOPATH=$here/go:/usr/share/gocode \
		go build -o "$dir/check" "$examples/check.go"
	;;
java)
	command -v javac >/dev/null || skip "javac is not installed (default-jdk-headless)"
	jars=/usr/share/java/jeromq.jar:/usr/share/java/msgpack-core.jar
	if [ ! -f "${jars%%:*}" ] || [ ! -f "${jars##*:}" ]; then skip "libjeromq-java and libmsgpack-java are not installed"; fi
	javac -cp "$jars" -d "$dir" "$examples/Check.java"
	printf '#!/bin/sh\nexec java -cp %s:%s -XX:+UseSerialGC -Xmx64m Check "$@"\n' "$jars" "$dir" >"$dir/check"
	chmod +x "$dir/check"
	;;
rust)
	command -v cargo >/dev/null || skip "cargo is not installed"
	for crate in zmq rmp-serde serde_derive; do
		compgen -G "/usr/share/cargo/registry/$crate-[0-9]*" >/dev/null || skip "librust-${crate/_/-}-dev is not installed"
	done
	cp "$here/rust/Cargo.toml" "$dir/"
	sed -i "s,\\.\\./\\.\\./\\.\\./proto/examples,$examples," "$dir/Cargo.toml"
	# Debian's crates instead of the ones of a network
	CARGO_HOME=$dir/home CARGO_TARGET_DIR=$dir/target cargo build --offline --release --quiet --manifest-path "$dir/Cargo.toml" \
		--config 'source.crates-io.replace-with="debian"' --config 'source.debian.directory="/usr/share/cargo/registry"'
	cp "$dir/target/release/check" "$dir/check"
	;;
*) exit 64 ;;
esac
