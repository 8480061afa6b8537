#!/bin/bash
# adit diag in each kind of network: what it says about it, and what it says when a server is down, a name
# cannot be found, or a certificate is not to be believed. One laboratory for each kind, side by side.
here=$(dirname "$(readlink -f "$0")")
lab=$here/../lab
if [ -z "${NEST:-}" ] && "$lab/nest" -t 2>/dev/null; then
    printf '%s\n' none firewall cone restricted port-restricted symmetric udp-blocked hairpin web-only servers tls names peer six turn |
        xargs -P 6 -L 1 "$lab/nest" "$here/diag.sh" |
        sed -nE 's/^(not )?ok [0-9]+ - /\1ok /p; /^#/p' | "$lab/number"
    exit
fi
. "$here/lib.sh"
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
export XDG_RUNTIME_DIR=$W

# CODE PATTERN ARGS...: diag at A ends so, and tells people this
says() {
    local code=0 want=$1 pattern=$2
    shift 2
    lab in A "$ADIT" diag "$@" >"$W/said" 2>&1 || code=$?
    grep -qE -- "$pattern" "$W/said" && [ $code = "$want" ] || { cat "$W/said" && echo "exit code $code" && false; }
}
# CODE EXPRESSION ARGS...: and for programs this is true of its report r, with its first uplink u
finds() {
    local code=0 want=$1 what=$2
    shift 2
    lab in A "$ADIT" diag --json "$@" >"$W/json" 2>"$W/diag.err" || code=$?
    [ $code = "$want" ] || { cat "$W/json" && echo "exit code $code, wanted $want" && return 1; }
    python3 -c '
import json, sys
r = json.load(open(sys.argv[1]))
u = (r["uplinks"] + [None])[0]
v = r["verdict"]
assert r["took_ms"] < 15000, r["took_ms"]
assert eval("(" + sys.argv[2] + ")"), json.dumps(r, indent=1)' "$W/json" "$what"
}

# coturn with two addresses answers behaviour discovery; where there is none, the laboratory's own does
servers() {
    if command -v turnserver >/dev/null; then
        local f=$W/turn.conf more=
        ! turnserver -h 2>&1 | grep -q '^ --rfc5780' || more=rfc5780
        printf '%s\n' listening-ip=203.0.113.1 listening-ip=203.0.113.2 listening-port=3478 \
            alt-listening-port=3479 no-tls no-dtls no-cli stun-only no-auth simple-log \
            "log-file=$W/turn.log" "pidfile=$W/turn.pid" "userdb=$W/turndb" $more >"$f"
        start coturn PUB turnserver -c "$f"
        until_true 10 eval 'lab in PUB ss -Hlun "sport = :3479" | grep -q 203.0.113.2' || return
    else
        lab stun || return
    fi
    start server PUB "$ADIT" signal --listen 203.0.113.1:8000 --listen 203.0.113.1:443 --anonymous
    until_true 10 listening PUB 443
}

# LINES: of /etc/resolv.conf
resolver() {
    [ -e "$W/resolv" ] || { : >"$W/resolv" && mount --bind "$W/resolv" /etc/resolv.conf; }
    printf '%s' "$1" >"$W/resolv"
}

kind=$1 router=$1
case $kind in web-only | servers | tls | names | peer | six) router=port-restricted ;; turn) router=udp-blocked ;; esac
more=()
[ $kind != six ] || more=(v6)
lab up "$router" none "${more[@]}"
resolver '' # what is asked for by address alone need not wait for a name server
must "$kind: servers" servers
S=(--stun 203.0.113.1 --signal ws://203.0.113.1:8000)
V4='u["interface"] == "eth0" and u["family"] == "IPv4" and u["udp"] and r["signaling"]["ok"] and r["stun"][0]["ok"]'
ALL='["open","firewall","full-cone","restricted","port-restricted","symmetric"]'
USUAL='["open","firewall","full-cone","restricted","port-restricted"]'
NAT='u["public"] == "203.0.113.10" and u["path_payload"] == 1460'

case $kind in
none)
    check "none: open" finds 0 "$V4 and u['mapping'] == 'none' and u['filtering'] == 'endpoint-independent' and
        u['public'] == u['address'] and v['kind'] == 'open' and v['direct'] == $ALL" "${S[@]}"
    lab mtu 1300
    check "a smaller path: what gets through whole" finds 0 "u['path_payload'] == 1232" "${S[@]}"
    ;;
firewall)
    check "firewall: found" finds 0 "$V4 and u['mapping'] == 'none' and
        u['filtering'] == 'address-and-port-dependent' and v['kind'] == 'firewall' and v['direct'] == $USUAL" "${S[@]}"
    ;;
cone)
    start router RA python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("192.168.1.1", 5351))
while True:
    b, a = s.recvfrom(100)
    if b[0] == 0:  # NAT-PMP: our public address
        s.sendto(bytes([0, 128, 0, 0, 0, 0, 0, 9]) + socket.inet_aton("10.1.1.1"), a)
    if b[0] == 2:  # PCP: ANNOUNCE
        s.sendto(bytes([2, 128, 0, 0]) + bytes(20), a)'
    until_true 5 eval 'lab in RA ss -Hlun "sport = :5351" | grep -q 192'
    check "a router that maps ports, behind another one" finds 0 "u['port_mapping'] == {'pcp': True, 'nat_pmp': True,
        'upnp': False, 'external': '10.1.1.1'} and any('two NATs' in a for a in v['advice'])" "${S[@]}"
    check "cone: found" finds 0 "$V4 and $NAT and u['mapping'] == u['filtering'] == 'endpoint-independent' and
        u['hairpin'] is False and v['kind'] == 'full-cone' and v['direct'] == $ALL" "${S[@]}"
    ;;
hairpin)
    check "hairpin: found" finds 0 "$V4 and $NAT and u['hairpin'] is True and v['kind'] == 'full-cone'" "${S[@]}"
    ;;
restricted)
    check "restricted: found" finds 0 "$V4 and $NAT and u['mapping'] == 'endpoint-independent' and
        u['filtering'] == 'address-dependent' and v['kind'] == 'restricted' and v['direct'] == $ALL" "${S[@]}"
    ;;
port-restricted)
    check "port-restricted: found" finds 0 "$V4 and $NAT and u['mapping'] == 'endpoint-independent' and
        u['filtering'] == 'address-and-port-dependent' and v['kind'] == 'port-restricted' and
        v['direct'] == $USUAL and v['relay'] == ['symmetric', 'udp-blocked']" "${S[@]}"
    check "port-restricted: in words" says 0 'NAT of the usual kind' "${S[@]}"
    ;;
symmetric)
    check "symmetric: found" finds 0 "$V4 and $NAT and u['mapping'] == 'address-and-port-dependent' and
        v['kind'] == 'symmetric' and v['direct'] == ['open', 'full-cone', 'restricted'] and
        'TURN' in v['advice'][0]" "${S[@]}"
    ;;
udp-blocked)
    check "udp-blocked: no path, and why" finds 4 "not u['udp'] and r['signaling']['ok'] and
        v['kind'] == 'udp-blocked' and v['direct'] == [] and 'TURN' in v['advice'][0]" "${S[@]}"
    ;;
web-only)
    lab in RA nft insert rule ip nat forward iifname lan0 tcp dport != '{ 80, 443 }' drop
    lab in RA nft insert rule ip nat forward iifname lan0 meta l4proto udp drop
    check "web-only: no path, and why" finds 4 "not u['udp'] and r['signaling']['ok'] and v['kind'] == 'web-only'" \
        --stun 203.0.113.1 --signal ws://203.0.113.1:443
    ;;
servers)
    check "no server at all: what is missing" says 0 'name a STUN server: --stun'
    check "a server that is down: it says so, and what to look at" says 5 \
        'start the server, or look at the port' --signal ws://203.0.113.1:9
    start web PUB python3 -m http.server --directory "$W" --bind 203.0.113.1 8001
    until_true 10 listening PUB 8001
    check "another service" says 5 'no WebSocket: look at the path' --signal ws://203.0.113.1:8001/nothing
    check "a STUN server that is down beside one that is not" finds 0 \
        "r['stun'][0]['ok'] and not r['stun'][1]['ok'] and 'no answer' in r['stun'][1]['problem']" \
        --stun 203.0.113.1 --stun 203.0.113.1:9
    check "nobody there: offline" finds 4 "v['kind'] == 'offline'" --stun 203.0.113.77 --signal ws://203.0.113.77
    check "two servers in place of one that can do it: mapping alone" finds 0 \
        "u['mapping'] == 'endpoint-independent'" --stun 203.0.113.1 --stun 203.0.113.2
    ;;
tls)
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=other.example \
        -addext subjectAltName=DNS:other.example -keyout "$W/key" -out "$W/crt" 2>/dev/null
    start tls PUB "$ADIT" signal --listen 203.0.113.1:8443 --anonymous --tls-cert "$W/crt" --tls-key "$W/key"
    until_true 10 listening PUB 8443
    T=(--signal wss://203.0.113.1:8443)
    check "a certificate of nobody known" says 5 'no known CA' "${T[@]}"
    check "and what to do about it" grep -q -- '--tls-pin' "$W/said"
    check "a certificate with another name" says 5 'is for other.example, not for 203.0.113.1' --ca "$W/crt" "${T[@]}"
    check "no certificate is looked at: how long it is good" finds 0 \
        "r['signaling']['tls'].startswith('TLS') and r['signaling']['expires'] > '2024'" --insecure "${T[@]}"
    check "TLS where there is none" says 5 'ws:// is without' --signal wss://203.0.113.1:8000
    check "through a proxy that is not there" says 5 'look at the proxy' --proxy http://203.0.113.1:9 "${S[@]}"
    ;;
names)
    resolver 'nameserver 203.0.113.77'
    check "no name server: it says so, and what to do" says 5 'no name server answers: look at /etc/resolv.conf' \
        --stun stun.example --signal ws://signal.example
    start dns PUB dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --listen-address=203.0.113.2 \
        --bind-interfaces --address=/one.example/203.0.113.1 --address=/two.example/
    resolver 'nameserver 203.0.113.2'
    until_true 10 eval 'lab in PUB ss -Hlun "sport = :53" | grep -q 203.0.113.2'
    check "a name server: how fast, and a name that is not there" finds 5 \
        "r['dns']['servers'][0]['ok'] and 0 <= r['dns']['servers'][0]['ms'] < r['took_ms'] and
        'no such name' in r['signaling']['problem'] and r['stun'][0]['ok']" \
        --stun one.example --signal ws://two.example
    ;;
turn)
    stop coturn
    command -v turnserver >/dev/null || skip_all "coturn is not installed"
    export ICE_USERNAME=alice ICE_CREDENTIAL="a long word"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=turn.example \
        -addext subjectAltName=IP:203.0.113.1 -keyout "$W/turn.key" -out "$W/turn.pem" 2>/dev/null
    start turn PUB turnserver -n -V --log-file=stdout --simple-log --no-cli --pidfile="$W/turn.pid" -L 203.0.113.1 \
        -E 203.0.113.1 --cert="$W/turn.pem" --pkey="$W/turn.key" --min-port=50000 --max-port=50999 -r example.net -a \
        -u "alice:a long word"
    until_true 10 eval 'listening PUB 3478 && listening PUB 5349'
    T=(--turn turn:203.0.113.1 --turn 'turn:203.0.113.1?transport=tcp' --turn turns:203.0.113.1 --ca "$W/turn.pem")
    check "TURN by TCP and TLS where UDP is blocked: there is a path" finds 0 "v['kind'] == 'udp-blocked' and
        [t['ok'] for t in r['turn']] == [False, True, True] and r['turn'][1]['relayed'].startswith('203.0.113.1:50')" \
        --stun 203.0.113.1 "${T[@]}"
    export ICE_CREDENTIAL=wrong
    check "a wrong password" says 4 'wrong user or password' --stun 203.0.113.1 "${T[@]}"
    check "and where to look" grep -q -- --turn-password "$W/said"
    ;;
six)
    stop coturn && lab stun
    check "IPv6 without NAT, and IPv4 with one" finds 0 \
        "[(x['family'], x['mapping'], x['filtering']) for x in r['uplinks']] == [
            ('IPv4', 'endpoint-independent', 'address-and-port-dependent'),
            ('IPv6', 'none', 'address-and-port-dependent')] and r['families']['IPv6']['route'] and
        any('IPv6 works' in a for a in v['advice'])" "${S[@]}" --stun '[2001:db8::1]:3478'
    ;;
peer)
    side() { # NAME PLACE ARGS...
        mkdir -p "$W/$1.conf"
        start "$1" "$2" env XDG_CONFIG_HOME="$W/$1.conf" "$ADIT" "${@:3}" --id "$1" --trust any "${S[@]}" --stun 203.0.113.2
    }
    side bob B listen
    until_true 10 told bob 'at the signaling server'
    side alice A diag bob --json
    check "a peer: it is called, and let go" ends alice 20 0
    check "every candidate and pair, and what became of each" python3 -c '
import json, sys
r = json.load(open(sys.argv[1]))
assert r["connected"] and r["path"] == "direct IPv4" and r["choice"] and r["advice"] == [], r
assert r["nat_mapping"] == "endpoint-independent" and r["offloads"]["udp_segment"] in (True, False), r
used = [p for p in r["pairs"] if p["in_use"]]
assert len(used) == 1 and used[0] == r["pairs"][0] and used[0]["valid"] and used[0]["why"] == "in use", r
assert all(p["why"] and p["state"] and p["base"] for p in r["pairs"]), r
assert any(c.startswith("srflx 203.0.113.10:") for c in r["candidates"]["local"]), r
assert any(c.startswith("host ") for c in r["candidates"]["remote"]), r
' "$W/alice.out"
    side alice A connect bob
    until_true 15 told alice 'connected with bob'
    check "status -v: the pairs of a connection, live" eval '"$ADIT" status -v | grep -E "^      \* (host|srflx|prflx) .* in use"'
    check "status --json: why that one, and the offloads" python3 -c '
import json, subprocess, sys
out = subprocess.run([sys.argv[1], "status", "--json"], check=True, capture_output=True, text=True).stdout
p = {a["id"]: a for a in map(json.loads, out.splitlines())}["alice"]["peers"][0]
assert p["choice"] and p["pairs"][0]["in_use"] and p["nat_mapping"] == "endpoint-independent", p
assert "udp_gro" in p["offloads"] and p["candidates"]["local"], p' "$ADIT"
    network() {
        python3 -c '
import json, subprocess, sys
out = subprocess.run([sys.argv[1], "status", "--json"], check=True, capture_output=True, text=True).stdout
a = {a["id"]: a for a in map(json.loads, out.splitlines())}["alice"]
p = a["peers"][0]
assert a["seen"] == {"IPv4": "203.0.113.10", "IPv6": None}, a
assert [s["address"] for s in p["stun"]] == ["203.0.113.1:3478", "203.0.113.2:3478"], p
assert all(s["seen_as"].startswith("203.0.113.10:") and 0 < s["rtt_ms"] < 1000 for s in p["stun"]), p
assert all(s["base"].startswith("192.168.1.2:") and s["state"] == "answered" for s in p["stun"]), p
assert p["path_mtu"] == 1460 and p["turn"] == [], p
assert [(m["state"], m["external"]) for m in p["port_mappings"]] == [("not offered", None)], p' "$ADIT"
    }
    check "status --json: what is known of the network without asking" until_true 10 network
    check "status -v: for people" eval '"$ADIT" status -v |
        grep -E "^    STUN      203.0.113.1:3478 sees us as 203.0.113.10:[0-9]+, [0-9.]+ ms \(192.168.1.2:[0-9]+\)$"'
    check "status: in short, not all of it" eval '"$ADIT" status >"$W/short" && grep -q "as alice, seen at 203.0.113.10$" "$W/short" &&
        ! grep -q STUN "$W/short"'
    ;;
esac
