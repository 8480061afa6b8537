#!/bin/bash
# iperf3 through the VPN: TCP and UDP, both families, both directions, fifty flows at once.
. "$(dirname "$0")/lib.sh"
need_tun

# one packet at a time, so that they can be counted
must "the VPN comes up" vpn --offload off
run() { # ARGS...: it runs to its end; a new server each time, because an old one may still be busy
    stop iperf
    start iperf B iperf3 -s -1
    until_true 5 listening B 5201
    lab in A timeout 30 iperf3 "$@" -J >"$W/result" || { grep error "$W/result" && false; }
}
# UDP that went into A's device and came out of B's. iperf3's own figure says how busy this machine is
# as well: what a socket in B had no room for is the kernel's loss, and it counts that.
count_udp() { # PLACE HOOK DIRECTION
    lab in "$1" nft "add table inet count; add chain inet count packets { type filter hook $2 priority 0; };
        add rule inet count packets $3 adit0 meta l4proto udp counter"
}
must "packets can be counted" eval 'count_udp A output oifname && count_udp B input iifname'
udp() { # PLACE
    lab in "$1" nft list chain inet count packets | sed -nE 's/.*counter packets ([0-9]+).*/\1/p'
}
no_room() {
    lab in B awk '/^Udp:/ && n++ { print $6 }' /proc/net/snmp
}
nothing_lost() {
    local sent=$(($(udp A) - was_sent)) came=$(($(udp B) - had_come)) full=$(($(no_room) - was_full))
    echo "$sent sent, $came came, no room for $full"
    [ "$sent" -gt 900 ] && [ $((came + full)) -ge "$sent" ]
}
for family in 4 6; do
    to=$V4_B
    [ $family = 4 ] || to=$V6_B
    for way in "" -R; do
        # shellcheck disable=SC2086
        check "TCP, IPv$family${way:+, the other way}" run -c $to -n 8M $way
    done
    was_sent=$(udp A) had_come=$(udp B) was_full=$(no_room)
    check "UDP, IPv$family" run -c $to -u -b 4M -l 1100 -n 1M
    check "UDP, IPv$family: without loss" until_true 5 nothing_lost
done
check "fifty flows" run -c $V4_B -P 50 -n 20M
check "and still a ping" flood A $V4_B 100

# what the kernel gave to the device was sent or is counted as dropped; what was received it got
quiet() { # the last of fifty goodbyes may still be on their way
    tx=$(packets A tx) rx=$(packets B rx)
    sleep 0.5
    [ "$tx $rx" = "$(packets A tx) $(packets B rx)" ]
}
check "the wire falls silent" until_true 10 quiet
kill -TERM "${PID[a]}"
check "TERM ends a well" ends a 5 0
check "and b too" ends b 5 0
check "counters: what left A's device, to the packet" is $(($(count_of a sent) + $(count_of a dropped))) "$tx"
check "counters: what came out of B's device, to the packet" is "$(count_of b received)" "$rx"
check "counters: nothing came from nowhere" within "$(count_of b received)" 1 "$(count_of a sent)"
