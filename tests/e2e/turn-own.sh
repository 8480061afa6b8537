#!/bin/bash
# Relayed over our own server: UDP, TCP, and TLS on the port where signaling is.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/turn_world.sh"

echo "a secret of the operator" >"$W/secret" && chmod 600 "$W/secret"
again symmetric symmetric
start server PUB "$ADIT" signal --listen $RELAY:443 --anonymous --tls-cert "$W/turn.pem" --tls-key "$W/turn.key" \
    --turn --turn-listen $RELAY --turn-secret-file "$W/secret" --relay-address $RELAY --relay-allow 203.0.113.0/24
must "a server" until_true 5 listening PUB 443
for uri in "turn:$RELAY" "turn:$RELAY?transport=tcp" "turns:$RELAY:443"; do
    stop a b
    offer --mode check --turn "$uri" --turn-secret-file "$W/secret" --ca "$W/turn.pem"
    answer --mode echo
    check "$uri: check" eval 'meet 10 && ends a 40 0 && relayed'
done
stop a b
offer -v --turn "turn:$RELAY" --turn-secret-file "$W/secret"
answer -v --turn "turns:$RELAY:443" --turn-secret-file "$W/secret" --ca "$W/turn.pem"
check "relays at both sides: they meet" talk
