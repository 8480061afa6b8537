#!/bin/bash
# A name or an address that is somebody else's: said so, with the name, and nothing is changed.
. "$(dirname "$0")/lib.sh"
need_tun

lab up cone cone && lab stun
lab in A ip tuntap add mode tap name tap0
before=$(lab in A ip -o addr show dev eth0)
try() { # NAME PATTERN ARGS...
    local name=$1 pattern=$2
    shift 2
    offer --mode tun "$@"
    check "$name: it ends before anything is pasted" ends a 5 1 2
    check "$name: said so" told a "$pattern"
    check "$name: nothing is changed" is "$(lab in A ip -o addr show dev eth0)" "$before"
    stop a
}
try "the name of another device" eth0 --ifname eth0 --address $V4_A/24
try "the host's own address" '192\.168\.1\.2' --ifname adit0 --address 192.168.1.2/24
try "the name of a TAP device for TUN" tap0 --ifname tap0 --address $V4_A/24
