#!/bin/bash
# A public listener: one port, one ticket, no answer and no server; callers behind NATs, at once.
#
#   A (port 4000 let in by its router) ==== PUB ==== symmetric NAT == B
. "$(dirname "$0")/lib.sh"

lab up cone symmetric && lab stun
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
export XDG_RUNTIME_DIR=$W

# NAME ARGS...: in A; its ticket goes to $W/NAME.ticket
listener() {
    mkdir -p "$W/$1.conf"
    rm -f "$W/$1.ticket"
    start "$1" A env XDG_CONFIG_HOME="$W/$1.conf" "$ADIT" listen --public --stun $STUN --out "$W/$1.ticket" "${@:2}"
}
has_ticket() { grep -q '^adit:' "$W/$1.ticket" 2>/dev/null; }
# NAME PLACE TICKET ARGS...
caller() {
    mkdir -p "$W/$1.conf"
    start "$1" "$2" env XDG_CONFIG_HOME="$W/$1.conf" "$ADIT" connect --ticket-file "$W/$3.ticket" --exit-on-failure "${@:4}"
}
fingerprint() { # NAME: of its identity
    openssl x509 -in "$W/$1.conf/adit/identity.pem" -noout -fingerprint -sha256 | cut -d= -f2
}
passed() { [ "$(grep -c '"ok":true' "$W/$1.out")" = 9 ]; }
strangers() { # KEY: what came of their checks
    "$ADIT" status --json | python3 -c '
import json, sys
print(sum(a["public"][sys.argv[1]] for a in map(json.loads, sys.stdin) if a.get("public")))' "$1"
}
udp_sockets() { lab in A ss -Hlun "sport = :$1" | wc -l; }

# ---- one port, many callers ---------------------------------------------------------------------

listener first --udp-port 4000 --mode echo
must "a ticket is printed" until_true 10 has_ticket first
check "and says that it is enough" told first 'whoever has the ticket is let in'
caller bob B first --mode check
check "a caller behind a symmetric NAT passes the series" eval 'ends bob 40 0 && passed bob'
sockets=$(udp_sockets 4000)
for n in 1 2 3 4; do caller "c$n" B first --mode check; done
caller c5 PUB first --mode check
for n in 1 2 3 4 5; do check "five at once: caller $n" eval "ends c$n 40 0 && passed c$n"; done
check "all through the same sockets" is "$(udp_sockets 4000)" "$sockets"
check "six have called" is "$(strangers calls)" 6
check "the secret is for its owner alone" is "$(stat -c %a "$W/first.conf/adit/public-secret")" 600
check "who pastes the ticket where an answer is due is told" eval \
    '! lab in B "$ADIT" answer --in "$W/first.ticket" 2>"$W/said" && grep -q "called, not answered" "$W/said"'
kill -TERM "${PID[first]}"
check "TERM ends it well" ends first 10 0

# ---- the ticket over a restart, and another secret ------------------------------------------------

cp "$W/first.ticket" "$W/before.ticket"
mv "$W/first.conf/adit/public-secret" "$W/revoked"
listener first --udp-port 4000 --mode echo
until_true 10 has_ticket first
check "without its file there is another ticket" not cmp -s "$W/first.ticket" "$W/before.ticket"
caller old B before --mode check --timeout 3
check "who has the revoked one finds no path" ends old 10 4
check "and is told so" told old 'no connection to the other side'
check "and was not even counted: its name is another" is "$(strangers calls)" 0
stop first
cp "$W/revoked" "$W/first.conf/adit/public-secret"
listener first --udp-port 4000 --mode echo
until_true 10 has_ticket first
check "with it the ticket is the same as before" cmp "$W/first.ticket" "$W/before.ticket"
stop first
rm "$W/first.conf/adit/public-secret"
listener first --mode echo
until_true 10 has_ticket first
cp "$W/first.ticket" "$W/before.ticket"
stop first
listener first --mode echo
until_true 10 has_ticket first
check "a port that nobody named is kept, too" cmp "$W/first.ticket" "$W/before.ticket"
stop first

# ---- who is let in ------------------------------------------------------------------------------

listener first --udp-port 4000 --mode echo --peer-fingerprint "sha-256 $(fingerprint bob)"
until_true 10 has_ticket first
caller bob B first --mode check
caller c1 B first --mode check
check "one whose certificate is known" eval 'ends bob 40 0 && passed bob'
check "and not one who only has the ticket" eval 'until_true 5 told first "is refused"'
stop first c1 bob

# ---- one port, and names at a server ----------------------------------------------------------------

start server PUB "$ADIT" signal --listen 203.0.113.1:8000 --anonymous
until_true 10 listening PUB 8000
named() { # NAME PLACE ARGS...
    mkdir -p "$W/$1.conf"
    start "$1" "$2" env XDG_CONFIG_HOME="$W/$1.conf" "$ADIT" "$3" --signal ws://203.0.113.1:8000 --id "$1" \
        --stun $STUN --trust first "${@:4}"
}
named first A listen --mode echo --udp-port 4000
until_true 10 told first 'at the signaling server'
for n in c1 c2 c3; do named $n B connect first --mode check --exit-on-failure; done
for n in c1 c2 c3; do # in this dialect text becomes binary, so not all of the series comes back as it was
    check "by name, all to port 4000: $n" eval "until_true 40 said $n '\"check\":\"10 MB\",\"ok\":true'"
done
check "and no other port was opened" is "$(lab in A ss -Hlun 'sport != :4000' | wc -l)" 0
stop first

# ---- a tunnel for each ----------------------------------------------------------------------------

if ip tuntap add mode tun name probe 2>"$W/tun"; then
    ip link del probe
    cat >"$W/peers.json" <<END
{ "mode": "tun", "peers": {
    "bob": { "peer-fingerprint": ["sha-256 $(fingerprint bob)"], "ifname": "adbob", "address": "10.9.1.1/30" },
    "c5": { "peer-fingerprint": ["sha-256 $(fingerprint c5)"], "ifname": "adc5", "address": "10.9.2.1/30" } } }
END
    listener first --udp-port 4000 --config "$W/peers.json"
    until_true 10 has_ticket first
    caller bob B first --mode tun --address 10.9.1.2/30
    caller c5 PUB first --mode tun --address 10.9.2.2/30
    check "tun: both are up" until_true 15 eval 'told first "connected with bob" && told first "connected with c5"'
    check "tun: bob's tunnel" until_true 5 lab in B ping -q -c 1 -W 1 10.9.1.1
    check "tun: and the other one, from this side" until_true 5 lab in A ping -q -c 1 -W 1 10.9.2.2
else
    skip "a tunnel for each" "no TUN device here"
fi
