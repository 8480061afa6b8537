#!/bin/bash
# Devices that were there before: a persistent one, as a killed predecessor or an administrator left
# it, is taken over with its address; after kill -9 the next one gets its device at once.
. "$(dirname "$0")/lib.sh"
need_tun

lab up cone cone && lab stun
lab in A ip tuntap add mode tun name adit0
lab in A ip addr add $V4_A/24 dev adit0
lab in A ip link set adit0 up
tunnel() {
    offer -v --mode tun --ifname adit0 --address $V4_A/24
    answer --mode tun --ifname adit0 --address $V4_B/24
    meet && until_true 5 lab in A ping -q -c 1 -W 1 $V4_B
}
must "a device left over is taken over" tunnel
stop a b
must "and after kill -9 again" tunnel
check "no loss through it" flood A $V4_B 100
check "addresses are told" told a ' 203\.0\.113\.'
check "the tunnel does not run through itself" not told a ' 10\.77\.0\.'
