#!/bin/bash
# A quarter of a second each way, more or less: they meet within 10 s and all arrives.
. "$(dirname "$0")/lib.sh"

lab up port-restricted port-restricted && lab stun
lab impair A delay=250 jitter=20 seed=1
noise 2000000 >"$W/sent"
pipe a A "$W/sent" /dev/null offer
pipe b B /dev/null "$W/received" answer
until_true 10 ready a
hand_over a b
until_true 10 ready b
must "they meet within 10 s of the pasted answer" eval 'hand_over b a && until_true 9 connected a b'
check "2 MB are sent" ends a 60 0
check "2 MB are received" ends b 10 0
check "and are the same" cmp "$W/sent" "$W/received"
