#!/bin/bash
# Ethernet between two hosts: pings in both families, neighbours by their hardware addresses, and
# frames that are not IP.
. "$(dirname "$0")/lib.sh"
need_tun

lab up port-restricted port-restricted && lab stun
offer --mode tap --ifname adit0 --address $V4_A/24 --address $V6_A/64
answer --mode tap --ifname adit0 --address $V4_B/24 --address $V6_B/64
must "they meet" meet
check "IPv4" until_true 5 lab in A ping -q -c 1 -W 1 $V4_B
check "IPv6" until_true 5 lab in A ping -q -c 1 -W 1 $V6_B
check "IPv4, a flood" flood A $V4_B
check "IPv6, a flood" flood B $V6_A
mac() { lab in "$1" cat /sys/class/net/adit0/address; }
check "B's hardware address is known to A" eval "lab in A ip neigh show $V4_B | grep -q $(mac B)"
before=$(packets B rx)
lab in A python3 - <<'P'
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("adit0", 0))
for _ in range(10):
    s.send(b"\xff" * 6 + b"\x02\0\0\0\0\1" + b"\x88\xb5" + b"not IP" * 20)
P
check "frames that are not IP" until_true 5 eval "[ \$(packets B rx) -ge $((before + 10)) ]"
