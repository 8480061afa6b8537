#!/bin/bash
# Paths that carry less than the wires at their ends: with routers that say so, and black holes.
. "$(dirname "$0")/lib.sh"

lab up port-restricted port-restricted && lab stun
lab mtu 1280
check "a router of 1280 that says so: 2 MB arrive" transfer 2000000 30
lab mtu 1500
lab impair A mtu=1280
check "a black hole at 1280: 2 MB arrive" transfer 2000000 30
lab impair A mtu=1100
check "a black hole at 1100: 2 MB arrive" transfer 2000000 60
lab impair A off
stop a b
lab down
if ip tuntap add mode tun name probe 2>/dev/null; then
    check "a VPN" vpn
    mtu_is() { lab in A cat /sys/class/net/adit0/mtu | grep -x "$1"; }
    check "the device's MTU is what the path carries" until_true 10 mtu_is 1431
    lab impair A mtu=1280
    # a size in use is confirmed every two seconds (src/ice/pmtu.h); B has large packets to confirm it
    # with only when A's come through again
    check "large pings through a new black hole of 1280" until_true 15 lab in A ping -q -c 3 -i 0.2 -W 1 -s 4000 $V4_B
    check "the device's MTU follows the path" until_true 15 mtu_is 1280
    check "and they keep coming" lab in A ping -q -c 20 -i 0.05 -W 2 -s 4000 $V4_B
    too_big() { # BYTES
        lab in A ping -c 1 -W 1 -M do -s "$1" $V4_B >"$W/big" 2>&1
        grep -iE 'too (long|big)|frag needed' "$W/big"
    }
    check "what does not fit is said to be too big" too_big 9000
    check "so is what would leave in pieces" until_true 10 too_big 1200
    check "and what fits is not" lab in A ping -q -c 3 -i 0.05 -W 2 -M do -s 1100 $V4_B
    check "IPv6 has its 1280 bytes on any path" lab in A ping -q -c 20 -i 0.05 -W 2 -M do -s 1232 $V6_B
else
    skip "a VPN over such a path" "no TUN device here"
fi
