#!/bin/bash
# Relayed over coturn where nothing else leads from A to B: by UDP, TCP and TLS.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/turn_world.sh"

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
