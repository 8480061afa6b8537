#!/bin/bash
# A TURN server that refuses, that ends and comes back, and passwords that follow from a secret.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/turn_world.sh"

again symmetric symmetric
must "a TURN server" coturn turn 3478 5349
echo hush >"$W/password"
offer --timeout 6 --turn "turn:$RELAY" --turn-password-file "$W/password"
answer --timeout 6
hand_over a b && hand_over b a
check "a wrong password: said" until_true 5 told a "TURN server turn:$RELAY: wrong user or password"
check "and without another way, exit 4" ends a 20 4
check "no password in the log" not grep -q hush "$W/a.err"
not_shown() {
    lab in A "$ADIT" offer --turn turn:alice:sesame@$RELAY </dev/null >"$W/why" 2>&1
    is $? 2 && ! grep -q sesame "$W/why"
}
check "a password in a URI is refused, and not shown" not_shown
stop b
echo "a long word" >"$W/password"

offer --timeout 20 --turn "turn:$RELAY:9" --turn "turn:$RELAY" --turn-password-file "$W/password"
answer
check "one of two servers is not there: they meet" talk
stop a b turn

echo "shared with the server" >"$W/secret"
USERS=
must "one with a secret" coturn turn 3478 5349 --use-auth-secret \
    --static-auth-secret="shared with the server" --stale-nonce=1 --max-allocate-lifetime=6 -v
offer -v --turn "turn:$RELAY" --turn-secret-file "$W/secret"
answer -v
check "a password made from a secret: they meet" talk
# a refresh comes after half of the lifetime, and by then any nonce is stale
refreshed() { grep -q 'REFRESH processed, success' "$W/turn.out"; }
check "with nonces of a second it is refreshed" until_true 10 refreshed
say a again
check "and goes on" until_true 5 said b again
check "without a word" not told a '(TURN server .*continuing|disconnected)'
stop a b turn
USERS="alice:a long word"

# Nobody is told of the new address where there is no signaling; but A calls from it, and B's router
# lets everybody in.
again udp-blocked cone
must "a TURN server, to be ended" coturn turn 3478 5349
pair "turn:$RELAY?transport=tcp"
check "over it they meet" talk
stop turn
check "its end is noticed" until_true 5 told a 'TURN server .*continuing'
must "it comes back" coturn turn 3478 5349
check "it lends another address" until_true 15 told a 'TURN server .* has lent us an address'
say a "after all"
check "and nothing is lost" until_true 15 said b "after all"
