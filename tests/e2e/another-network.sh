#!/bin/bash
# The host gets into another network while a person copies its line: there is a new one, and it leads
# there. The old one's nonce is in it, so an answer to either is good.
. "$(dirname "$0")/lib.sh"

lab up port-restricted port-restricted && lab stun
move() { # HOST FROM TO ROUTER: addresses in its network
    ip -n "$1" addr del "$2/24" dev eth0
    ip -n "$1" addr add "$3/24" dev eth0
    ip -n "$1" route add default via "$4"
}
lines() { grep -c '^adit:' "$W/$1.out"; }
moved() { told "$1" 'address changed' && is "$(lines "$1")" 2; }
last() { # FROM TO: the newest line of FROM is pasted there
    line "$1" | tail -n 1 >&"${IN[$2]}"
}

offer
must "a line" until_true 10 ready a
move A 192.168.1.2 192.168.1.77 192.168.1.1
check "the offerer moves: told, with a new line" until_true 10 moved a
answer
check "which the other side can read" eval 'last a b && until_true 10 ready b'
move B 192.168.2.2 192.168.2.77 192.168.2.1
check "the answerer moves: the same" until_true 10 moved b
check "and they meet" eval 'last b a && until_true 10 connected a b'
check "neither was told again" eval 'is "$(lines a)" 2 && is "$(lines b)" 2'
stop a b

# one more address takes nothing from what was told
offer
until_true 10 ready a
ip -n A addr add 192.168.1.99/24 dev eth0
port() { lab in A ss -Huan | grep -q 192.168.1.99; }
must "another address is noticed" until_true 10 port
answer
check "no new line for that: they meet by the old one" meet
check "and there was only one" is "$(lines a)" 1
