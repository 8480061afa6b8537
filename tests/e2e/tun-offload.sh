#!/bin/bash
# Joined packets between the kernel and the program: on, off, on one side alone, and taken away while they flow.
# What comes out of the one device is what went into the other, to the byte and to the header.
. "$(dirname "$0")/lib.sh"
need_tun
tool=$root/tests/e2e/streams_of.py

joined() { # NAME PLACE: there were several packets in what the device gave
    [ "$(count_of "$1" sent)" -gt $((2 * $(packets "$2" tx))) ]
}
tcp() { # ARGS...
    stop iperf
    start iperf B iperf3 -s -1
    until_true 5 listening B 5201
    lab in A timeout 30 iperf3 "$@" -J >"$W/result" || { grep error "$W/result" && false; }
}
record() {
    start rec_a A python3 "$tool" record adit0 out "$W/a.packets"
    start rec_b B python3 "$tool" record adit0 in "$W/b.packets"
    until_true 5 grep -q ready "$W/rec_a.out" && until_true 5 grep -q ready "$W/rec_b.out"
}
recorded() {
    sleep 0.2 # for the last acknowledgement of an acknowledgement
    kill -TERM "${PID[rec_a]}" "${PID[rec_b]}"
    ends rec_a 10 0 && ends rec_b 10 0 && python3 "$tool" same "$W/a.packets" "$W/b.packets"
}
udp() { # HOST SIZE N
    start udp B python3 "$tool" receive 7000 "$2" "$3"
    until_true 5 grep -q ready "$W/udp.out"
    lab in A python3 "$tool" datagrams "$1" 7000 "$2" "$3"
    ends udp 10 0
}
traffic() { # WHAT
    for family in 4 6; do
        to=$V4_B
        [ $family = 4 ] || to=$V6_B
        check "$1: TCP, IPv$family" tcp -c $to -n 8M
        check "$1: TCP, IPv$family, the other way" tcp -c $to -n 8M -R
        check "$1: datagrams in runs, IPv$family" udp $to 1000 400
    done
    must "$1: both ends are watched" record
    check "$1: a stream, watched" tcp -c $V4_B -n 2M
    check "$1: and datagrams" udp $V6_B 700 80
    check "$1: the same came out as went in" recorded
}
goodbye() {
    kill -TERM "${PID[a]}" "${PID[b]}"
    ends a 5 0 && ends b 5 0
}
again() { # FOR_A FOR_B [ARGS...]
    lab up none none && lab stun
    local a=$1 b=$2
    shift 2
    offer --mode tun --ifname adit0 --address $V4_A/24 --address $V6_A/64 --offload "$a" "$@"
    answer --mode tun --ifname adit0 --address $V4_B/24 --address $V6_B/64 --offload "$b" "$@"
    meet && until_true 5 lab in A ping -q -c 1 -W 1 $V4_B && until_true 5 lab in A ping -q -c 1 -W 1 $V6_B
}

must "on: the VPN comes up" again on on
traffic on
tx=$(packets A tx)
check "on: both end" goodbye
check "on: the device gave many in one" [ "$(count_of a sent)" -gt $((2 * tx)) ]

must "off and on: the VPN comes up" again off on
traffic "off and on"
check "off and on: both end" goodbye

must "without any: the VPN comes up" again off off --udp-offload off
traffic "without any"
quiet() { # the last of the goodbyes may still be on its way
    tx=$(packets A tx)
    sleep 0.5
    [ "$tx" = "$(packets A tx)" ]
}
check "without any: the wire falls silent" until_true 10 quiet
check "without any: both end" goodbye
check "without any: one by one" is $(($(count_of a sent) + $(count_of a dropped))) "$tx"

must "taken away: the VPN comes up" again auto auto
check "taken away: before" tcp -c $V4_B -n 4M
start long B iperf3 -s -1 -p 5300
until_true 5 listening B 5300
start client A timeout 60 iperf3 -c $V4_B -p 5300 -n 60M
until_true 5 eval "[ \$(packets A tx) -gt 500 ]"
for f in tso gso gro; do # the kernel stops joining, in the middle of a stream
    lab in A ethtool -K adit0 $f off >/dev/null 2>&1
    lab in B ethtool -K adit0 $f off >/dev/null 2>&1
done
check "taken away: the stream goes on to its end" ends client 60 0
check "taken away: and the next" tcp -c $V6_B -n 4M
check "taken away: datagrams" udp $V4_B 1000 400
check "taken away: both end" goodbye
