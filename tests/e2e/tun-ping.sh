#!/bin/bash
# A VPN between two hosts behind NAT: floods of pings in both families and both directions, no loss,
# and the counters exact.
. "$(dirname "$0")/lib.sh"
need_tun

must "the VPN comes up" vpn
# what left the device before there was a connection was dropped (and counted): from here on
a_tx=$(packets A tx) a_rx=$(packets A rx) b_tx=$(packets B tx) b_rx=$(packets B rx)
check "its device is up" lab in A ip link show up dev adit0
check "IPv4, A to B" flood A $V4_B
check "IPv4, B to A" flood B $V4_A
check "IPv6, A to B" flood A $V6_B
check "IPv6, B to A" flood B $V6_A
sleep 0.2
check "what left A came to B, to the packet" is $(($(packets A tx) - a_tx)) $(($(packets B rx) - b_rx))
check "what left B came to A, to the packet" is $(($(packets B tx) - b_tx)) $(($(packets A rx) - a_rx))
kill -USR1 "${PID[a]}"
must "USR1: counters" until_true 5 told a 'sent [0-9]+ packets'
check "USR1: of the device, exact" is "$(($(count_of a sent) + $(count_of a dropped)))" "$(packets A tx)"
check "USR1: of the path" told a 'path: .*round trip [0-9.]+ ms'
check "USR1: of its datagrams" told a 'datagrams: [1-9][0-9]* sent .* received .* 0 dropped'
check "USR1: of its messages" told a 'messages: [0-9]+ sent .* window [1-9][0-9]* bytes, .* 0 restarts'
check "USR1: of packets beside them" told a 'packets beside the channel: [1-9][0-9]* sent .* [1-9][0-9]* received'
: >"$W/a.err"
# whole and in pieces: 64 KiB pings are fragments on any device
check "large pings, IPv4" lab in A ping -q -c 5 -i 0.1 -W 2 -s 8000 $V4_B
check "large pings, IPv6" lab in A ping -q -c 5 -i 0.1 -W 2 -s 8000 $V6_B
kill -TERM "${PID[a]}"
check "TERM ends it well" ends a 5 0
check "its device is gone" not lab in A ip link show adit0
check "the other side ends too, at once and well" ends b 5 0
check "it says why" told b 'the other side'
check "and leaves no device" not lab in B ip link show adit0
