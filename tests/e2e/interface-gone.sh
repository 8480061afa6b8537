#!/bin/bash
# The device is deleted under load: adit ends with a word about it, and the other side notices.
. "$(dirname "$0")/lib.sh"
need_tun

must "the VPN comes up" vpn
start iperf B iperf3 -s
until_true 5 listening B 5201
start load A iperf3 -c $V4_B -u -b 50M -t 20
busy() { [ "$(packets A tx)" -gt 500 ]; }
must "there is load" until_true 10 busy
lab in A ip link del adit0
check "it ends, and not as if all were well" ends a 5 1
check "with the device's name" told a adit0
check "the other side ends too" until_true 35 ended b
