#!/bin/bash
# Nobody reads our output any more, or the disk is full: the mode says so and ends, and the other
# side is told; it does not go on and lose what comes.
. "$(dirname "$0")/lib.sh"

ip link set lo up
# MODE OUTPUT: a's output goes there; b says something
meet_writing_to() {
    # shellcheck disable=SC2016
    start a here sh -c 'exec "$0" offer --loopback --mode "$1" --out "$2" >"$3"' "$ADIT" "$1" "$W/a.line" "$2"
    start b here "$ADIT" answer --loopback --mode "$1" --out "$W/b.line"
    meet && say b '{"n":1}'
}
for mode in chat json bytes; do
    must "$mode: they meet" meet_writing_to $mode /dev/full
    check "$mode: it ends with 1" ends a 5 1
    check "$mode: it says why" told a 'cannot write output: No space left'
    check "$mode: the other is told" until_true 5 ended b
    stop a b
    rm -f "$W"/*.line
done
