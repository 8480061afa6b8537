#!/bin/bash
# Host A has two routers. Candidates come from both, each socket uses its own; when the wire in use
# goes silent, the other one carries on within five seconds.
#
#   A(eth0) = wire = RA =+
#   A(eth1) ======== RC =+== PUB == RB == wire == B
. "$(dirname "$0")/lib.sh"
need_tun

second_uplink() {
    ip netns add RC
    ip netns exec RC sysctl -qw net.ipv4.ip_forward=1
    ip link add wan0 netns RC type veth peer name RC netns PUB
    ip link add lan0 netns RC type veth peer name eth1 netns A
    ip -n PUB link set RC master pub0 up
    ip -n RC link set wan0 up
    ip -n RC link set lan0 up
    ip -n A link set eth1 up
    ip -n RC addr add 203.0.113.30/24 dev wan0
    ip -n RC addr add 192.168.9.1/24 dev lan0
    ip -n A addr add 192.168.9.2/24 dev eth1
    ip -n RC route add default via 203.0.113.1
    ip -n A route add default via 192.168.9.1 metric 500
    ip netns exec RC nft -f - <<'N'
table ip nat { chain out { type nat hook postrouting priority srcnat; oifname "wan0" masquerade
  }
}
N
}
has() { # NAME PATTERN: in its description
    line "$1" | grep -qE -- "$2"
}
both_uplinks() {
    has a '203\.0\.113\.10 .* typ srflx' && has a '203\.0\.113\.30 .* typ srflx'
}
sent_by() { # PLACE: packets to the public side
    ip netns exec "$1" cat /sys/class/net/wan0/statistics/tx_packets
}
longest_gap() { # FILE: of ping -D, in milliseconds, up to its last answer
    sed -nE 's/^\[([0-9]+)\.([0-9]{3}).*bytes from.*/\1\2/p' "$1" |
        awk 'NR > 1 && $1 - last > most { most = $1 - last } { last = $1 } END { print most + 0 }'
}

lab up port-restricted cone && lab stun && second_uplink
must "the second router is there" until_true 5 lab in A ping -q -c 1 -W 1 192.168.9.1

# interfaces by name need no rules
offer --as sdp --bind-dev eth0 --bind-dev eth1
must "a description" until_true 10 ready a
check "by --bind-dev: candidates of both uplinks, each by its own router" both_uplinks
stop a

# rules by source address need no names
ip -n A rule add from 192.168.9.2 table 100
ip -n A route add default via 192.168.9.1 table 100
offer --as sdp
must "a description" until_true 10 ready a
check "by rules for source addresses: the same" both_uplinks
stop a

# a mark leads to a table of its own
ip -n A rule add fwmark 7 table 101
ip -n A route add default via 192.168.9.1 table 101
offer --as sdp --bind-dev eth1 --fwmark 7
must "a description" until_true 10 ready a
check "by a mark: out by the second router" has a '203\.0\.113\.30 .* typ srflx'
stop a
if command -v setpriv >/dev/null; then # CAP_NET_RAW is enough since Linux 5.17
    start a A setpriv --bounding-set -net_admin,-net_raw --inh-caps -net_admin,-net_raw "$ADIT" offer --fwmark 7
    check "without the right to mark: exit code 77" ends a 5 77
    check "and what would grant it" told a 'setcap cap_net_admin'
fi

offer --mode tun --ifname adit0 --address $V4_A/24
answer --mode tun --ifname adit0 --address $V4_B/24
must "a VPN" meet
start ping A ping -D -i 0.1 -c 120 $V4_B
replies() { [ "$(grep -c 'bytes from' "$W/ping.out")" -ge "$1" ]; }
must "packets pass" until_true 5 replies 20
a0=$(sent_by RA) c0=$(sent_by RC)
until_true 5 replies 40
if [ $(($(sent_by RA) - a0)) -gt $(($(sent_by RC) - c0)) ]; then
    ip -n W link set rtrA nomaster # the wire is cut where the host does not see it
else
    ip -n RC link set wan0 nomaster down
fi
check "the other uplink takes over" until_true 6 replies 60
check "and it goes on" until_true 8 replies 80
check "within five seconds: $(longest_gap "$W/ping.out") ms" within "$(longest_gap "$W/ping.out")" 0 5000
check "it is still the same connection" not told a 'reconnect|failed'
