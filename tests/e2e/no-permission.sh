#!/bin/bash
# Without the right to make a device, or without /dev/net/tun: exit 77, and the line that would help.
. "$(dirname "$0")/lib.sh"

lab up none none
# root by number, and nothing of what root may do
powerless=(setpriv --no-new-privs --inh-caps=-all --bounding-set=-all)
start a A "${powerless[@]}" "$ADIT" offer --mode tun --ifname adit0 --address $V4_A/24
start b B "${powerless[@]}" "$ADIT" answer --mode tap --ifname adit0 --address $V4_B/24
check "TUN: exit 77" ends a 5 77
check "TUN: what would help" told a 'setcap|ip tuntap'
check "TAP: exit 77" ends b 5 77
check "TAP: what would help" told b 'setcap|ip tuntap'
mount -t tmpfs tmpfs /dev/net
start a A "$ADIT" offer --mode tun --ifname adit0 --address $V4_A/24
check "no /dev/net/tun: exit 77" ends a 5 77
check "no /dev/net/tun: said so" told a /dev/net/tun
start a A "${powerless[@]}" "$ADIT" offer
check "chat needs no right at all" until_true 5 ready a
