#!/bin/bash
# adit signal as a STUN and TURN server: coturn's own clients, and one made by hand.
#
#   A (192.168.1.2) = RA, port-restricted = PUB: adit signal, 203.0.113.1 and .2 = RB, routed = B (198.51.100.66)
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/world.sh"
need turnutils_uclient turnutils_natdiscovery turnutils_stunclient turnutils_peer curl
SERVER=203.0.113.1 PEER=198.51.100.66
lab up port-restricted none v6
echo north >"$W/secret"
chmod 600 "$W/secret"
start server PUB "$ADIT" signal --listen "$SERVER:8443" --tls --anonymous --stun --turn --turn-secret-file "$W/secret" -v
must "the server runs" until_true 20 told server "STUN and TURN at 203.0.113.2:3478"
start peer B turnutils_peer -p 3480
# its counts come to an end and it says how many packets were lost
client() { # NAME ARGS...
    start "$1" A turnutils_uclient -W north -u alice -n 8 -m 2 "${@:2}"
}
well() { # NAME
    echo "$1:" && tail -n 4 "$W/$1.out" "$W/$1.err"
    until_true 25 ended "$1" && grep -q 'Total lost packets 0 (0.00' "$W/$1.out" && grep -qE 'tot_recv_msgs=[1-9]' "$W/$1.out"
}
by_hand() { # CHECK [SECRET [PORT]]
    lab in A timeout 20 /usr/bin/python3 "$e2e/turn_client.py" "$1" "$SERVER:${3:-3478}" "${2:-north}" "$PEER:3480"
}
client udp -e $PEER -r 3480 $SERVER
client indications -s -e $PEER -r 3480 $SERVER
client tcp -t -e $PEER -r 3480 $SERVER
client tls -m 1 -c -t -S -p 8443 -e $PEER -r 3480 $SERVER
client pair -y $SERVER
client v6 -x -y 2001:db8::1
start stun A turnutils_stunclient $SERVER
start mapping A turnutils_natdiscovery -m $SERVER
start filtering A turnutils_natdiscovery -f $SERVER

told_of() {
    lab in A curl -ksS "https://$SERVER:8443/turn?username=alice" >"$W/told"
    grep -q "\"turn:$SERVER:3478?transport=udp\",\"turn:$SERVER:3478?transport=tcp\",\"turns:$SERVER:8443?transport=tcp\"" "$W/told" &&
        grep -q "\"urls\":\[\"stun:$SERVER:3478\"\]" "$W/told"
}
check "clients are told of it, under the name that they use" told_of
check "STUN" until_true 10 said stun "UDP reflexive addr: 203.0.113.10:"
check "a wrong password is refused" by_hand wrong
check "packets that cannot leave cost themselves alone" by_hand one_bad_peer
check "nothing inside is reached" by_hand inside
for c in udp indications tcp tls pair v6; do check "coturn's client: $c" well $c; done
check "NAT mapping" until_true 20 said mapping "Endpoint Independent Mapping"
check "NAT filtering" until_true 20 said filtering "Address and Port Dependent Filtering"
check "a flood is not answered" by_hand flood

idle() { told server "given it back" && [ "$(descriptors)" -le "$1" ]; }
descriptors() { find /proc/"$(pid_of)"/fd -mindepth 1 | wc -l; }
pid_of() { pgrep -P "${PID[server]}" adit || echo "${PID[server]}"; }
memory() { awk '/^VmRSS/ { print $2 }' /proc/"$(pid_of)"/status; }
# coturn's clients do not give everything back
start quiet PUB "$ADIT" signal --listen "$SERVER:8081" --anonymous --turn --turn-listen "$SERVER:13478" --turn-secret-file "$W/secret"
must "a second one, elsewhere" until_true 20 told quiet "TURN at $SERVER:13478"
PID[first]=${PID[server]} PID[server]=${PID[quiet]}
check "clients come" by_hand descriptors north 13478
few=$(descriptors)
check "and go: what they had comes back" until_true 10 eval '[ "$(descriptors)" -le 24 ]'
before=$(memory)
check "and again, on the port of signaling" by_hand stream north 8081
check "and again" by_hand descriptors north 13478
check "descriptors" until_true 10 eval '[ "$(descriptors)" -le 24 ]'
sanitized || check "memory" within "$(memory)" 0 $((before + 512))
echo south >"$W/secret"
kill -HUP "$(pid_of)"
check "another secret is read" until_true 5 told quiet "read anew"
check "the old one is none any more" by_hand wrong nort 13478
check "the new one is good" by_hand right south 13478
kill -TERM "$(pid_of)"
check "told to, it ends" ends quiet 10 0
check "and says what it did" told quiet "relayed ones given"
