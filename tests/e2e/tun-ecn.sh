#!/bin/bash
# Congestion that a router marks on the tunnel's own datagrams is seen by who sends through the tunnel (RFC 6040).
. "$(dirname "$0")/lib.sh"
need_tun

must "the VPN comes up" vpn
marked() { # PLACE: packets marked "congestion experienced" that came out of its device
    lab in "$1" nft list chain inet marks in | sed -nE 's/.*counter packets ([0-9]+).*/\1/p' | awk '{ n += $1 } END { print n + 0 }'
}
for p in A B; do
    must "marks can be counted in $p" lab in $p nft "add table inet marks; add chain inet marks in { type filter hook input priority 0; };
        add rule inet marks in iifname adit0 ip ecn ce counter; add rule inet marks in iifname adit0 ip6 ecn ce counter"
done
check "what says that it knows ECN goes through" lab in A ping -q -Q 2 -c 5 -i 0.05 -W 2 $V4_B
check "and nothing is marked" is "$(marked B)" 0
# a router on the way, as congested as can be
must "a router marks" lab in A nft "add table inet router; add chain inet router out { type filter hook output priority 0; };
    add rule inet router out oifname != adit0 ip ecn { ect0, ect1 } ip ecn set ce"
for n in 1 2; do
    was=$(marked B)
    check "ECT($((n % 2))): pings" lab in A ping -q -Q $n -c 10 -i 0.05 -W 2 $V4_B
    check "ECT($((n % 2))): each marked" is "$(marked B)" $((was + 10))
done
was=$(marked B)
check "IPv6 inside: pings" lab in A ping -q -Q 2 -c 10 -i 0.05 -W 2 $V6_B
check "IPv6 inside: each marked" is "$(marked B)" $((was + 10))
was=$(marked B)
check "what does not know ECN: pings" lab in A ping -q -c 10 -i 0.05 -W 2 $V4_B
check "and no marks" is "$(marked B)" "$was"
for p in A B; do
    lab in $p sysctl -qw net.ipv4.tcp_ecn=1
done
start iperf B iperf3 -s -1
until_true 5 listening B 5201
was=$(marked B)
check "TCP that has agreed on ECN goes on" lab in A timeout 30 iperf3 -c $V4_B -n 2M
check "slowed down by marks" eval '[ "$(marked B)" -gt "$was" ]'
