#!/bin/bash
# kill -9 of either side: the other notices within 35 s (RFC 7675: 30 s without consent) and ends
# with a word about it.
. "$(dirname "$0")/lib.sh"

pair() { # NAME_A NAME_B
    start "$1" A "$ADIT" offer --stun $STUN
    start "$2" B "$ADIT" answer --stun $STUN
    hand_over "$1" "$2" && hand_over "$2" "$1" && until_true 10 connected "$1" "$2"
}
lab up port-restricted port-restricted && lab stun
must "one pair meets" pair a b
must "another pair meets" pair c d
kill -KILL "${PID[a]}" "${PID[d]}"
check "the answering side notices within 35 s" until_true 35 ended b
check "the offering side notices within 35 s" until_true 35 ended c
check "the answering side: not as if all were well" ends b 1 1 4
check "the offering side: not as if all were well" ends c 1 1 4
