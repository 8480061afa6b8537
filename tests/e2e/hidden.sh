#!/bin/bash
# --hide-addresses: nothing that is told names an address of the host, and yet two in one LAN meet
# there, by names that each answers for itself. B is on A's wire; M is an ear on it.
. "$(dirname "$0")/lib.sh"

listens() { lab in "$1" ss -Hlun 'sport = :5353' | grep -q .; }
lan() { # A and B on one wire, behind RA
    lab up port-restricted none v6 && lab stun || return
    lab in W ip link set hostB master brA
    lab in B ip addr flush dev eth0 scope global
    lab in B ip addr add 192.168.1.3/24 dev eth0
    lab in B ip route replace default via 192.168.1.1
}
by_lan() { # NAME: the way in use leads through no router
    grep -E '^adit: (connected|now)' "$W/$1.err" | tail -n 1 | tee "$W/why" |
        grep -qE '192\.168\.1\.|2001:db8:1:|fe80:'
}
tells_nothing() { # NAME
    not grep -E '192\.168\.1\.|2001:db8:1:|fe80:' "$W/$1.out"
}

must "two hosts on one wire" lan
offer --as sdp --hide-addresses -v
answer --hide-addresses -v
must "they meet" meet
check "a name stands for each host address" said a ' [0-9a-f-]{36}\.local [0-9]+ typ host'
check "no address of A's is told" tells_nothing a
check "no address of B's is told" tells_nothing b
check "the related address is hidden" not said a 'typ srflx.* raddr [^0:]'
check "they go straight over the wire" until_true 8 by_lan a
stop a b

# one side alone hides; the other one resolves
offer --as json -v
answer --hide-addresses -v
must "one of the two hides: they meet" meet
check "over the wire too" until_true 8 by_lan b
check "nothing more is asked, nothing listens" until_true 5 not listens A
check "what has a name answers for it" listens B
stop a b

# no server, so nothing but names; whoever else has the port of multicast DNS shares it
lab in A python3 - <<'P' &
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("", 5353))
time.sleep(60)
P
must "another program has port 5353" until_true 5 listens A
start a A "$ADIT" offer --as sdp --hide-addresses --timeout 30
start b B "$ADIT" answer --as sdp --hide-addresses --timeout 30
check "names alone, beside another responder: they meet" meet
stop a b

# a thousand names that nobody has: no storm, and the address behind them counts
start a A "$ADIT" offer --as sdp --timeout 30 --bind-dev eth0
until_true 10 ready a
lab in B nft -f - <<'N'
table inet count { chain out { type filter hook output priority 0; udp dport 5353 counter; }; }
N
awk '/^a=candidate/ && !done { done = 1; for (i = 0; i < 1000; i++)
    printf "a=candidate:9 1 udp 99 nobody-%d.local 9 typ host\r\n", i } { print }' "$W/a.out" >"$W/many"
start b B "$ADIT" answer --as sdp --timeout 30 --bind-dev eth0 --in "$W/many"
until_true 10 ready b && hand_over b a
check "a thousand names: they meet as if there were none" until_true 3 connected a b
counted() { lab in B nft list table inet count | grep -oE 'packets [0-9]+' | cut -d' ' -f2; }
check "and few questions were asked" within "$(counted)" 1 40
