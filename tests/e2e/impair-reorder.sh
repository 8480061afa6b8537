#!/bin/bash
# Packets overtake each other and come twice: nothing is damaged.
. "$(dirname "$0")/lib.sh"

lab up port-restricted port-restricted && lab stun
lab impair A reorder=25 dup=5 delay=20 seed=4
check "5 MB arrive whole" transfer 5000000 60
stop a b
lab down
if ip tuntap add mode tun name probe 2>/dev/null; then
    check "a VPN over a clean wire" vpn
    lab impair A reorder=25 dup=5 delay=20 seed=5
    check "pings all come back" lab in A ping -q -c 50 -i 0.02 -W 2 $V4_B
    noise 3000000 >"$W/file"
    start server B python3 -m http.server --directory "$W" 8000
    until_true 10 listening B 8000
    fetch() { lab in A timeout 60 curl -sS http://$V4_B:8000/file | cmp - "$W/file"; }
    check "TCP inside arrives whole" fetch
else
    skip "a VPN over such a wire" "no TUN device here"
fi
