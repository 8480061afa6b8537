#!/bin/bash
# What comes out of the tunnel has a source the peer may use: others never reach the host, in both
# families; --allowed-ips lets a prefix in.
. "$(dirname "$0")/lib.sh"
need_tun

V4_NET=10.88.0.0/24 V4_OTHER=10.88.0.1 V6_OTHER=fd88::1 V6_NET=fd88::/64
spoof() { # SOURCE TARGET: three pings as somebody else
    lab in A ping -q -c 3 -i 0.1 -W 0.2 -I "$1" "$2"
    true
}
others() { # a can speak as somebody else, and b would answer
    lab in A ip addr add $V4_OTHER/32 dev lo
    lab in A ip addr replace $V6_OTHER/128 dev lo
    lab in B ip route replace $V4_NET dev adit0
    lab in B ip route replace $V6_NET dev adit0
    sleep 0.3
    before=$(packets B rx)
}
# RX-COUNT: what came out of b's device since others()
came() { is "$(($(packets B rx) - before))" "$1"; }

must "the VPN comes up" vpn
others 2>/dev/null
check "IPv4: spoofed packets are sent" spoof $V4_OTHER $V4_B
check "IPv6: spoofed packets are sent" spoof $V6_OTHER $V6_B
check "none of them comes out" came 0
check "A's own packets do" lab in A ping -q -c 1 -W 1 $V4_B
kill -TERM "${PID[b]}"
must "b ends" ends b 5 0
check "and has counted them, to the packet" told b '^adit: received .*dropped: 6 '
stop a b
lab down
must "the VPN comes up with --allowed-ips" vpn --allowed-ips $V4_A/24 --allowed-ips $V6_A/64 --allowed-ips $V4_NET --allowed-ips $V6_NET
others 2>/dev/null
check "IPv4: a prefix that is allowed" lab in A ping -q -c 1 -W 1 -I $V4_OTHER $V4_B
check "IPv6: a prefix that is allowed" lab in A ping -q -c 1 -W 1 -I $V6_OTHER $V6_B
