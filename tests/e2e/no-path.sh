#!/bin/bash
# Without --timeout: who has the answer need not wait for anybody, and says after a minute that there
# is no way; before that, everybody is told what it probably means.
. "$(dirname "$0")/lib.sh"

ip link set lo up
start a here "$ADIT" offer --loopback
start b here "$ADIT" answer --loopback
must "the answer is given" eval 'hand_over a b && until_true 10 ready b'
stop b
hand_over b a
# those whose other side is gone before they know of it
gone() { # NAME THEIRS [OURS]
    start gone here "$ADIT" "$2" --loopback
    start "$1" here "$ADIT" "${3:-$2}" --loopback
    until_true 10 ready gone || return
    stop gone
    line gone >&"${IN[$1]}" && until_true 10 ready "$1"
}
must "an answer to somebody who is gone" gone b2 offer answer
must "a pair with somebody who is gone" gone c pair
check "nobody is there: it ends with 4" ends a 70 4
check "and says so" told a 'timed out: no connection'
for n in a b2 c; do
    check "$n has said what it probably means" told $n 'not answered for 40 s'
done
check "who answers is told to look whether the line was pasted" told b2 'nobody has pasted'
check "so is who pairs" told c 'nobody has pasted'
check "they go on waiting" eval 'not ended b2 && not ended c'
for n in a b2 c; do
    check "$n says it once" is "$(grep -c 'not answered for' "$W/$n.err")" 1
done
stop b2 c
