#!/bin/bash
# What `make install` puts in place is enough to build and run a program: with the shared library, with the static
# one, and nothing but names of ours to be seen.
cd "$(dirname "$0")/../.." || exit 1
case ${ADIT:-} in
*adit-static) why="the static program has no library" ;;
*/asan/adit) why="what is installed is the optimised program" ;;
esac
[ -z "${why:-}" ] || {
    echo "ok 1 - install # SKIP $why"
    echo 1..1
    exit
}
D=$(mktemp -d) n=0 failed=0
trap 'rm -rf "$D"; echo "1..$n"; exit $((failed > 0))' EXIT

check() { # NAME CMD...
    local name=$1
    shift
    n=$((n + 1))
    if "$@" >"$D/out" 2>&1; then
        echo "ok $n - install: $name"
    else
        echo "not ok $n - install: $name"
        failed=1
        tail -n 20 "$D/out" | sed 's/^/# /'
    fi
}
config() { # FLAGS
    PKG_CONFIG_PATH=$D/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$D pkg-config "$@" adit
}
shared() {
    # shellcheck disable=SC2046
    "${CC:-gcc}" examples/hello.c $(config --cflags --libs) -o "$D/shared" && LD_LIBRARY_PATH=$D/usr/lib timeout 20 "$D/shared"
}
static() {
    # shellcheck disable=SC2046
    "${CC:-gcc}" examples/hello.c $(config --cflags) "$D/usr/lib/libadit.a" \
        $(config --libs --static | tr ' ' '\n' | grep -vx -e -ladit) -o "$D/static" && timeout 20 "$D/static"
}
only_ours() { # FILE OPTION
    local names
    names=$(nm "$2" --defined-only "$1" | awk 'NF == 3 && $2 ~ /[TDBRVW]/ { print $3 }')
    [ -n "$names" ] && ! grep -v '^adit_' <<<"$names"
}
manual() {
    [ -s "$D/usr/share/man/man1/adit.1" ] && ! grep -q '@' "$D/usr/lib/pkgconfig/adit.pc"
}

command -v pkg-config >/dev/null || {
    echo "ok 1 - install # SKIP there is no pkg-config"
    n=1
    exit
}
check "make install PREFIX= DESTDIR=" env -u MAKEFLAGS -u MAKELEVEL make --no-print-directory install PREFIX=/usr DESTDIR="$D"
check "the program runs" "$D/usr/bin/adit" version
check "a program with the shared library" shared
check "a program with the static library" static
check "the shared library shows our names only" only_ours "$D/usr/lib/libadit.so" -D
check "the static library shows our names only" only_ours "$D/usr/lib/libadit.a" -g
check "the manual page is there, and nothing unfilled" manual
