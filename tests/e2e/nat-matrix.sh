#!/bin/bash
# Every pair of router kinds: who can meet does, without a relay; who cannot is told so (exit 4).
here=$(dirname "$(readlink -f "$0")")
lab=$here/../lab
if [ -z "${NEST:-}" ] && "$lab/nest" -t 2>/dev/null; then
    "$lab/matrix" "$lab/nest" "$here/nat-matrix.sh" | sed -nE 's/^(not )?ok [0-9]+ - /\1ok /p; /^#/p' | "$lab/number"
    exit
fi
. "$here/lib.sh"

apart() {
    hand_over a b && hand_over b a && ends a 45 4 && ends b 45 4 && not connected a && not connected b
}
talk() {
    meet 10 && say a "from a" && say b "from b" && until_true 5 said b "from a" && until_true 5 said a "from b"
}
lab up "$1" "$2" && lab stun
secs=30
[ "$3" = meets ] || secs=6
offer --timeout $secs
answer --timeout $secs
case $3 in
meets) check "$1 x $2: meets" talk ;;
apart) check "$1 x $2: no path, exit 4" apart ;;
esac
