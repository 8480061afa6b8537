#!/bin/bash
# One packet in ten is lost, each way: 10 MB arrive, byte exact, over four connections at once, which
# wait for each other's retransmissions no more than they must.
. "$(dirname "$0")/lib.sh"

lab up port-restricted port-restricted && lab stun
lab impair A delay=5 loss=10 seed=3
noise 10000000 >"$W/sent"
split -n 4 -d -a 1 "$W/sent" "$W/part"
for i in 0 1 2 3; do
    pipe "a$i" A "$W/part$i" /dev/null offer
    pipe "b$i" B /dev/null "$W/got$i" answer
done
for i in 0 1 2 3; do
    must "connection $i comes about" eval "hand_over a$i b$i && hand_over b$i a$i"
done
for i in 0 1 2 3; do
    check "part $i: its receiver ends well" ends "b$i" 120 0
    check "part $i: and its sender" ends "a$i" 20 0
done
check "10 MB arrive whole" eval 'cat "$W"/got? | cmp - "$W/sent"'
