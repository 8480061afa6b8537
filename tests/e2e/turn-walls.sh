#!/bin/bash
# Relayed over coturn from networks that let out no UDP, or nothing but what looks like the web; and
# through a proxy.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/turn_world.sh"

STUN=$RELAY:80
again udp-blocked port-restricted
must "a TURN server" coturn turn 80 443
pair "turn:$RELAY:80?transport=tcp"
check "no UDP at one side, TCP: they meet" talk
stop a b
check "no UDP at one side, TLS: check" checked "turns:$RELAY:443"

again udp-blocked udp-blocked
must "a TURN server again" coturn turn 80 443
offer -v --turn "turn:$RELAY:80?transport=tcp" --turn-password-file "$W/password"
answer -v --turn "turns:$RELAY:443" --turn-password-file "$W/password" --ca "$W/turn.pem"
check "no UDP at both sides: they meet" talk

again port-restricted port-restricted
web_only A && web_only B
must "a TURN server once more" coturn turn 80 443
offer -v --turn "turns:$RELAY:443" --turn-password-file "$W/password" --ca "$W/turn.pem"
answer -v --turn "turn:$RELAY:80?transport=tcp" --turn-password-file "$W/password"
check "TCP to 80 and 443 alone: they meet" talk

# And now the one way out is a proxy for the web.
stop turn
must "a TURN server elsewhere" coturn turn 3478 5349
start proxy PUB python3 "$e2e/connect_proxy.py" $RELAY 80
must "a proxy" until_true 5 listening PUB 80
stop a b
offer -v --turn "turns:$RELAY" --turn-password-file "$W/password" --ca "$W/turn.pem" --proxy http://$RELAY:80
answer -v --turn "turn:$RELAY?transport=tcp" --turn-password-file "$W/password" --proxy http://$RELAY:80
check "TLS and TCP through an HTTP proxy: they meet" talk
check "it was the proxy" is "$(sort "$W/proxy.out" | tr '\n' ' ')" "CONNECT $RELAY:3478 CONNECT $RELAY:5349 "
