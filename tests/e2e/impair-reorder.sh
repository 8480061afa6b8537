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
    noise 3000000 >"$W/file"
    start server B python3 -m http.server --directory "$W" 8000
    until_true 10 listening B 8000
    start plain PUB python3 -m http.server --directory "$W" 8000
    until_true 10 listening PUB 8000
    fetch() { # HOST; `took` says how long, in ms
        local t=${EPOCHREALTIME/./}
        lab in A timeout 60 curl -sS "http://$1:8000/file" | cmp - "$W/file" || return
        took=$(((${EPOCHREALTIME/./} - t) / 1000))
    }
    lab impair A reorder=25 dup=5 delay=20 seed=5
    check "pings all come back" lab in A ping -q -c 50 -i 0.02 -W 2 $V4_B
    without=0 inside=0 # three times each, in turns: one of them alone is luck
    for _ in 1 2 3; do
        check "TCP without a tunnel" fetch 203.0.113.1
        without=$((without + took))
        check "TCP inside arrives whole" fetch $V4_B
        inside=$((inside + took))
    done
    echo "# 3 x 3 MB without a tunnel $without ms, inside $inside ms"
    check "TCP inside is at least half as fast" within "$inside" 1 $((2 * without))
else
    skip "a VPN over such a wire" "no TUN device here"
fi
