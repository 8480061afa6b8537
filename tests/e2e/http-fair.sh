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

# COUNT: so many small requests on one connection, and the median of how long the first byte took, in microseconds, and
# of how many bytes of the downloads came meanwhile. The latter is what says whom a request waits for: a machine that is
# busy makes all of it slower alike.
small='
import glob, http.client, os, statistics, sys, time
dir, times, waits = sys.argv[2], [], []
come = lambda: sum(os.stat(f).st_size for f in glob.glob(dir + "/l?.part"))
link = http.client.HTTPConnection("127.0.0.1", 9000, timeout=60)
for n in range(int(sys.argv[1]) + 1):
    before, begin = come(), time.monotonic()
    link.request("GET", "/1k", headers={"Host": "127.0.0.1:9000"})
    reply = link.getresponse()
    times.append(time.monotonic() - begin)
    waits.append(come() - before)
    assert len(reply.read()) == 1024
print(int(statistics.median(times[1:]) * 1000000), int(statistics.median(waits[1:])))  # the first one connects
'
medians() { lab in B /usr/bin/python3 -c "$small" "$1" "$W"; }
loaded() { # NAME...: each has got so much
    local n
    for n; do [ "$(stat -c %s "$W/$n.part")" -ge 3000000 ] || return; done
}
read -r idle _ <<<"$(medians 40)"
for n in l1 l2 l3 l4; do
    start $n B curl -sS -o "$W/$n.part" $BASE/large
done
check "all four have begun" until_true 30 loaded l1 l2 l3 l4
read -r busy behind <<<"$(medians 40)"
echo "# median of a small request: $idle us alone, $busy us beside four downloads, behind $behind bytes"
# 20 ms of the wire for the way there and back, and 20 more
check "a small request waits for no more than 40 ms of the wire" within "${behind:-9999999}" 1 500000
sizes() { for n in l1 l2 l3 l4; do stat -c %s "$W/$n.part"; done | sort -n; }
grown() { # each has as much again: what follows is not their beginning
    [ "$(sizes | head -n 1)" -ge 8000000 ]
}
check "nobody starves" until_true 60 grown
echo "# bytes: $(sizes | tr '\n' ' ')"
check "and their parts are alike" eval '[ "$(sizes | tail -n 1)" -le $((2 * $(sizes | head -n 1))) ]'
