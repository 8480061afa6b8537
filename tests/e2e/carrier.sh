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
# one look at the interfaces sees both changes; what it makes of the second one can be seen
ip -n A link add other type veth peer name others
ip -n A link set other addrgenmode none
ip -n A link set others addrgenmode none
ip -n A addr add 192.0.2.99/24 dev other
ip -n A link set others up
ip -n A link set other up
looked() { ports | grep -q 192.0.2.99; }
must "another interface is noticed" until_true 10 looked
check "the sockets are the same without the carrier" is "$(ports | grep -v 192.0.2.99 | tail -n +2)" "$(tail -n +2 <<<"$before")"
ip -n A link del other
gone() { ! looked; }
must "and that it has gone" until_true 10 gone
ip -n W link set hostA up
say a "again"
check "a word passes when it is back" until_true 15 said b again
check "through the same sockets" is "$(ports)" "$before"
