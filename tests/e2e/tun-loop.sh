#!/bin/bash
# A route sends the tunnel's own packets into the tunnel: it does not feed itself (at most 70 kB/s),
# and goes on when the route is gone.
. "$(dirname "$0")/lib.sh"
need_tun

must "the VPN comes up" vpn
bytes() { lab in A cat /sys/class/net/adit0/statistics/tx_bytes; }
lab in A ip route add "$(lab address RB)/32" dev adit0
before=$(bytes)
lab in A ping -q -c 3 -i 0.3 -W 0.3 $V4_B >/dev/null
sleep 2
check "the loop is bounded" within $(($(bytes) - before)) 0 200000
lab in A ip route del "$(lab address RB)/32" dev adit0
check "the VPN goes on without it" until_true 10 lab in A ping -q -c 1 -W 1 $V4_B
