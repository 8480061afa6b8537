#!/bin/bash
# A has IPv4 alone and B IPv6 alone: the relay has both. And by IPv6 to the relay, to reach IPv4.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/turn_world.sh"

RELAY6=2001:db8::1
# IPv4-PLACE IPv6-PLACE
apart() {
    again none none v6
    lab in "$1" ip -6 addr flush dev eth0 scope global
    lab in "$2" ip -4 addr flush dev eth0
    coturn turn 3478 5349 -L $RELAY6
}

must "A with IPv4 alone, B with IPv6 alone" apart A B
pair "turn:$RELAY"
check "an IPv6 address at a relay that is asked by IPv4: they meet" talk

must "and the other way round" apart B A
pair "turn:[$RELAY6]"
check "an IPv4 address at a relay that is asked by IPv6: they meet" talk
