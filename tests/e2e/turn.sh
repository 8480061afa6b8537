#!/bin/bash
# Relayed over coturn where nothing else leads from A to B: by UDP, TCP and TLS.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/turn_world.sh"
. "$(dirname "$0")/world.sh"

again symmetric symmetric
must "a TURN server" coturn turn 3478 5349
for uri in "turn:$RELAY" "turn:$RELAY?transport=tcp" "turns:$RELAY"; do
    stop a b
    pair "$uri" --ca "$W/turn.pem"
    check "$uri: they meet" talk
    stop a b
    check "$uri: check" checked "$uri"
done
stop a b
offer -v --turn "turn:$RELAY" --turn-password-file "$W/password"
answer -v --turn "turn:$RELAY?transport=tcp" --turn-password-file "$W/password"
check "relays at both sides: they meet" talk
stop a b
pair "turns:$RELAY"
check "a certificate that nobody vouches for: said" until_true 5 told a 'TURN server turns:.*certificate'

# A server knows an allocation by its 5-tuple: each peer of one port has a socket of its own for it.
stop a b
start server PUB "$ADIT" signal --listen $RELAY:8000 --anonymous --ws-relay off
must "a signaling server" until_true 10 listening PUB 8000
lab in A ip link set dev eth0 mtu 1400
side d A listen --id dora --mode chat --udp-port 5000 --path relay --ice-tcp off --turn "turn:$RELAY" \
    --turn "turn:$RELAY:9?transport=tcp" --turn-password-file "$W/password"
must "one port for many" until_true 10 told d 'at the signaling server'
for n in e f g; do
    side $n B connect dora --id $n --mode chat
done
for n in e f g; do
    check "$n: meets through a relay, beside the others" until_true 15 told $n '^adit: connected in .* to relay'
done
status() { "$ADIT" status -v >"$W/status" && grep -E "$1" "$W/status"; }
check "status -v: a TURN server, and what it lends" status "^    TURN      turn:$RELAY: up, lends us $RELAY:[0-9]+\$"
check "and one that is down, and why" status "^    TURN      turn:$RELAY:9\?transport=tcp: failed: .*refused"
for n in e f g; do
    say $n "from $n"
    check "$n: what it says arrives" until_true 10 said d "from $n"
done
# Probes of the path MTU prove nothing in fragments, and what is sent by them would leave in fragments as well.
fragments() { lab in A nstat -asz IpFragCreates | awk '$1 == "IpFragCreates" { print $2 }'; }
check "nothing leaves in fragments" is "$(fragments)" 0
