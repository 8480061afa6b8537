#!/bin/bash
# Four downloads fill a wire of 100 Mbit/s and 20 ms: small requests go on beside them, and none of the four starves.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/world.sh"
need nginx curl
knows serve proxy
! sanitized || skip_all "measured without sanitizers"

lab up port-restricted port-restricted && lab stun
lab impair A delay=10 rate=100000 queue=250 seed=1
BASE=http://127.0.0.1:9000
get() { lab in B curl -sS -m 120 "$@"; }
tunnel_up() { [ "$(get -o /dev/null -w '%{http_code}' $BASE/small)" = 200 ]; }

web A
sparse 400000000 "$W/web/root/large"
must "nginx and its world run" until_true 20 web_up A
must "the signaling server runs" server
side serve A serve --room web --upstream http://127.0.0.1:$WEB
side proxy B proxy --room web --listen 127.0.0.1:9000
must "the tunnel comes up" until_true 30 tunnel_up

# COUNT: the median of so many small requests on one connection, in microseconds
median() {
    local i args=()
    for ((i = 0; i <= $1; i++)); do args+=(-o /dev/null "$BASE/1k"); done
    get -w '%{time_starttransfer} %{num_connects}\n' "${args[@]}" | awk '!$2 { print int($1 * 1000000) }' | sort -n |
        awk '{ t[NR] = $1 } END { print t[int((NR + 1) / 2)] }'
}
loaded() { # NAME...: each has got so much
    local n
    for n; do [ "$(stat -c %s "$W/$n.part")" -ge 3000000 ] || return; done
}
idle=$(median 40)
for n in l1 l2 l3 l4; do
    start $n B curl -sS -o "$W/$n.part" $BASE/large
done
check "all four have begun" until_true 30 loaded l1 l2 l3 l4
busy=$(median 40)
echo "# median of a small request: $idle us alone, $busy us beside four downloads"
check "a small request waits less than 20 ms longer" within $((busy - idle)) -5000 20000
sizes() { for n in l1 l2 l3 l4; do stat -c %s "$W/$n.part"; done | sort -n; }
grown() { # each has as much again: what follows is not their beginning
    [ "$(sizes | head -n 1)" -ge 8000000 ]
}
check "nobody starves" until_true 60 grown
echo "# bytes: $(sizes | tr '\n' ' ')"
check "and their parts are alike" eval '[ "$(sizes | tail -n 1)" -le $((2 * $(sizes | head -n 1))) ]'
