#!/bin/bash
# The cable is pulled and put back: the same sockets go on, for new ones would be new mappings in
# every NAT on the way.
. "$(dirname "$0")/lib.sh"

ports() { lab in A ss -Huanp | grep -o '"adit".*' | wc -l && lab in A ss -Huan | awk '{ print $4 }' | sort; }
no_carrier() { lab in A ip link show dev eth0 | grep -q NO-CARRIER; }

must "the lab stands" lab up port-restricted port-restricted
lab stun
offer
answer
must "they meet" meet
before=$(ports)
ip -n W link set hostA down
must "the carrier is lost" until_true 5 no_carrier
sleep 1 # a look at the interfaces is due a quarter of a second after a change
check "the sockets are the same without it" is "$(ports)" "$before"
ip -n W link set hostA up
say a "again"
check "a word passes when it is back" until_true 15 said b again
check "through the same sockets" is "$(ports)" "$before"
