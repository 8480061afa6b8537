#!/bin/bash
# Networks the matrix leaves out: IPv6 alone and beside IPv4, both LANs numbered alike, a port
# range, an interface named and one left out.
. "$(dirname "$0")/lib.sh"

again() { # LAB...
    stop a b
    [ ! -e /run/lab ] || lab down
    lab up "$@" && lab stun
}
address_used() { # PATTERN: in the last of a's words about the way it is connected
    grep -E '^adit: (connected|now)' "$W/a.err" | tail -n 1 | tee "$W/why" | grep -qE "$1"
}

again none none v6
offer -v
answer
check "both families: they meet" meet
# the first way that answers is used at once, the better one when it answers too
check "both families: IPv6 comes first" until_true 2 address_used 2001:db8

again port-restricted symmetric v6
offer
answer
check "no way by IPv4: they meet by IPv6" meet

again none none v6
lab in A ip -4 addr flush dev eth0
lab in B ip -4 addr flush dev eth0
start a A "$ADIT" offer --stun '[2001:db8::1]:3478' --timeout 20
start b B "$ADIT" answer --stun '[2001:db8::1]:3478' --timeout 20
check "IPv6 only, with its STUN server" meet

again port-restricted restricted alike
offer
answer
check "both LANs numbered alike" meet

again none none
offer --udp-port 40000-40003
answer --udp-port 41000
check "a port range: they meet" meet
port_of() {
    lab in "$1" ss -Hunap | grep -oE "198\.51\.100\.[0-9]+:$2 " || { lab in "$1" ss -Hunap && false; }
}
check "a port of the range is used" port_of A '4000[0-3]'
check "the one port is used" port_of B 41000

again none none
lab in A ip link add wrong type veth peer name other
lab in A ip link set other up
lab in A ip addr add 10.1.1.1/24 dev wrong
lab in A ip link set wrong up
offer --bind-dev eth0 --as sdp
check "--bind-dev: words for the other" until_true 5 ready a
check "--bind-dev: no other interface" not said a '10\.1\.1\.1'
stop a
offer --ignore-dev wrong --as sdp
check "--ignore-dev: words for the other" until_true 5 ready a
check "--ignore-dev: not this interface" not said a '10\.1\.1\.1'
check "--ignore-dev: the others" said a '198\.51\.100\.2'
