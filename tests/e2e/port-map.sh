#!/bin/bash
# A router that opens ports (miniupnpd: PCP and NAT-PMP): both NATs choose a new port for each
# address, and the two meet all the same. What was opened is closed at the end, and opened again
# when the router has forgotten it. And the same by hand: --announce.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/router_world.sh"
. "$(dirname "$0")/world.sh"

must "a laboratory" laboratory symmetric symmetric
must "a router that opens ports" router natpmp
offer -v --as sdp
answer -v --as sdp
must "both NATs are symmetric: they meet, and directly" meet
check "the description has what was opened" said a "$OUTSIDE [0-9]+ typ srflx raddr 192.168.1.2"
check "that is the way" told a "connected.*from srflx $OUTSIDE"
check "it is open" opened
forget
must "the router starts anew, and has forgotten it" router natpmp
check "it is opened again" until_true 5 opened
check "at the end" goes_well a
check "it is closed" until_true 3 not opened
stop b

# what is on its way is dropped by its first byte, the version: PCP has 2, NAT-PMP 0
lab in RA nft 'add table inet old; add chain inet old in { type filter hook input priority 0; };
    add rule inet old in udp dport 5351 @th,64,8 2 drop'
offer -v --as sdp --port-map on
must "a router that knows NAT-PMP alone" until_true 8 ready a
check "opens a port too" opened
check "which is told" said a "$OUTSIDE [0-9]+ typ srflx"
check "at its end" goes_well a
check "that one is closed as well" until_true 3 not opened
stop router

offer -v --as sdp --port-map on
must "a router that knows neither" until_true 8 ready a
check "is spoken of" told a 'router opens no ports'
stop a
router natpmp
offer -v --as sdp --port-map off
must "--port-map off" until_true 5 ready a
check "nothing is opened" not opened
stop a
start a A "$ADIT" offer --as sdp
must "no STUN server, so only the own networks matter" until_true 5 ready a
check "nothing is opened then" not opened
stop a router

lab in RA nft add rule inet upnp to iifname wan0 udp dport 4000 dnat ip to 192.168.1.2:41000
offer -v --as sdp --udp-port 41000 --announce $OUTSIDE:4000
answer -v
must "--announce, a port forward: they meet" meet
check "by that way" told a "connected.*from srflx $OUTSIDE:4000"
stop a b
offer --as sdp --udp-port 41000 --announce 192.0.2.1 --announce 2001:db8::77
until_true 5 ready a
check "--announce without a port: that of the socket" said a '192\.0\.2\.1 41000 typ srflx'
check "of a family that we have no socket of: not told" not said a '2001:db8::77'
stop a
offer --announce example.com
check "--announce of a name is refused" ends a 5 2
offer --announce 192.0.2.1:4000
check "a forwarded port needs --udp-port" ends a 5 2
check "which is said" told a 'udp-port'

must "a laboratory once more" laboratory symmetric symmetric
must "with that router, and a signaling server" eval 'router natpmp && server'
side c A listen --id carol
must "one who waits" until_true 10 told c 'at the signaling server'
side d B connect carol --id dave
holds() { "$ADIT" status -v | grep -E "^    port map  192.168.1.2:[0-9]+: held, $OUTSIDE:[0-9]+ outside \(PCP\)$"; }
check "status -v: the port that is open" until_true 15 holds
