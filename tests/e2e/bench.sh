#!/bin/bash
# bench: with ourselves, by copy and paste, by name, and with somebody who does not measure. That there are
# figures is looked at, not which.
. "$(dirname "$0")/lib.sh"

export HOME=$W XDG_CONFIG_HOME=$W XDG_RUNTIME_DIR=$W
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
ip link set lo up

# NAME CARRIER...: the last line of what NAME said is one object with all that is to be measured
measured() {
    tail -n 1 "$W/$1.out" | python3 -c '
import json, sys
o = json.load(sys.stdin)
assert o["path"].split(" to ")[0] and o["rtt_ms"] > 0 and "GCM" in o["cipher"] or "CHACHA" in o["cipher"], o
rows = o["measured"]
packets = sys.argv[1] == "datagram"
assert o["carrier"] == sys.argv[1] and len(rows) == (8 if packets else 5), o
assert not packets or o["packet_max"] >= 1000, o
for r in rows:
    assert 0 < r["p50_ms"] <= r["p99_ms"] <= r["max_ms"], r
    assert r["what"] == "idle" or r["mbit_per_s"] > 0 and r["received"] > 1 and r["cpu_s_per_gb"] >= 0, r
    assert (r["carrier"] == "datagram") == ("lost_percent" in r), r
assert {(r["what"], r.get("bytes")) for r in rows} >= {(w, n) for w in ("out", "back") for n in (1200, 16384)}, rows
' "$2"
}

# ---- with ourselves ---------------------------------------------------------------------------------

start self here env SIGNALING_URL=ws://192.0.2.1 "$ADIT" bench --loopback --seconds 1 --json
check "loopback: it needs nobody" ends self 60 0
check "loopback: everything is measured" measured self datagram
check "loopback: it is told that both ends are here" grep -q '"same_host":true' "$W/self.out"
start self here "$ADIT" bench --loopback --seconds 1 --carrier channel
check "loopback: without packets" ends self 60 0
check "loopback: a table" eval 'said self "^ .*p50 ms .*CPU s/GB" && said self "^back channel +16384 +[0-9]" && said self "share this machine"'
check "loopback: no row of packets" not said self '^(idle|out|back) packets'
start self here "$ADIT" bench --loopback
until_true 10 told self connected
kill -INT "${PID[self]}"
check "loopback: stopped before its end, it has failed" ends self 10 1
check "loopback: and has no result" eval '[ ! -s "$W/self.out" ]'

# ---- two hosts --------------------------------------------------------------------------------------

lab up port-restricted cone && lab stun
offer --mode bench --seconds 1 --json
answer --mode bench
check "copy and paste: they meet" meet
check "copy and paste: who offers measures" ends a 60 0
check "copy and paste: everything" measured a datagram
check "copy and paste: who answers ends well" ends b 10 0
check "copy and paste: and has nothing to say" is "$(wc -l <"$W/b.out")" 1
stop a b

URL=ws://203.0.113.1:8000
side() { # NAME PLACE COMMAND ARGS...
    start "$1" "$2" "$ADIT" "$3" --signal $URL --id "$1" --stun $STUN --trust any --identity "$W/$1.pem" "${@:4}"
}
start server PUB "$ADIT" signal --listen 203.0.113.1:8000 --anonymous
must "the signaling server runs" until_true 10 listening PUB 8000
side a A listen --mode bench
must "a waits" until_true 10 told a 'at the signaling server'
for i in 1 2; do
    side b B bench a --seconds 1 --json
    check "by name, $i: it is measured" ends b 60 0
    check "by name, $i: everything" measured b datagram
done
check "by name: a still waits" not ended a
side b B bench nobody --seconds 1
check "by name: who is not there is not waited for" ends b 20 5
stop a b

for mode in echo chat; do
    side a A listen --mode $mode
    must "$mode: a waits" until_true 10 told a 'at the signaling server'
    side b B bench a --seconds 1
    check "$mode: who does not measure is found out" ends b 20 1
    check "$mode: and it is said what to do" told b 'does not measure: run adit listen --mode bench there'
    stop a b
done
