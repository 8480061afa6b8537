#!/bin/bash
# Every pair of router kinds: who can meet does, without a relay; who cannot is told so (exit 4). And of the
# networks of long/matrix.sh, where there is a relay, some of each sort.
here=$(dirname "$(readlink -f "$0")")
lab=$here/../lab
if [ -z "${NEST:-}" ] && "$lab/nest" -t 2>/dev/null; then
    cells="symmetric port-restricted v4, symmetric symmetric alike, port-restricted same v4, udp-blocked symmetric v4"
    cells+=", web-only udp-blocked v4, symmetric firewall v6, symmetric symmetric both, web-only none v6"
    {
        CELLS=$cells JOBS=3 SLOWER=12 "$here/long/matrix.sh" & # the others wait for nothing, mostly
        "$lab/matrix" "$lab/nest" "$here/nat-matrix.sh"
        wait
    } | sed -nE 's/^(not )?ok [0-9]+ - /\1ok /p; /^#/p' | "$lab/number"
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
[ "$3" = meets ] || secs=15
offer --timeout $secs
answer --timeout $secs
case $3 in
meets) check "$1 x $2: meets" talk ;;
apart) check "$1 x $2: no path, exit 4" apart ;;
esac
