#!/bin/bash
# serve and proxy, each behind a NAT: a real nginx, reached by curl, wrk, git, a browser's two kinds of push.
#
#   curl, wrk, git (B) = proxy (B) == NAT == NAT == serve (A) = nginx (A) = world.py, WebSocket (A)
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/world.sh"
need nginx curl
knows serve proxy

lab up port-restricted port-restricted && lab stun
BASE=http://127.0.0.1:9000
serve() { side serve A serve --room web --upstream http://127.0.0.1:$WEB "$@"; }
proxy() { side proxy B proxy --room web --listen 127.0.0.1:9000 "$@"; }
get() { lab in B curl -sS -m 60 "$@"; } # ARGS...
status() { get -o /dev/null -w '%{http_code}' "$@"; }
tunnel_up() { [ "$(status $BASE/small)" = 200 ]; }
direct() { lab in A curl -sS -m 60 "$@"; } # the same, at nginx itself

web A
must "nginx and its world run" until_true 20 web_up A
must "the signaling server runs" server

# ---- before there is a tunnel -----------------------------------------------------------------------

proxy
must "proxy listens at once" until_true 10 listening B 9000
check "no tunnel yet: 503" is "$(status $BASE/small)" 503
check "no tunnel yet: and when to try again" eval 'get -D - -o /dev/null $BASE/small | grep -qi "^Retry-After: [0-9]"'
serve
must "the tunnel comes up" until_true 30 tunnel_up

# ---- requests ---------------------------------------------------------------------------------------

check "HTTP/1.1: the file" cmp <(get $BASE/1m) "$W/web/root/1m"
check "HTTP/1.0: the file" cmp <(get -0 $BASE/1m) "$W/web/root/1m"
check "HTTP/1.0: and the end of the connection" eval 'get -0 -D - -o /dev/null $BASE/small | grep -qE "^HTTP/1.[01] 200"'
check "HEAD: a length and no body" eval 'get -I $BASE/1m | tr -d "\r" | grep -qi "^content-length: 1000000$"'
check "a range: 206" is "$(status -r 100-199 $BASE/1m)" 206
check "a range: those bytes" cmp <(get -r 100-199 $BASE/1m) <(tail -c +101 "$W/web/root/1m" | head -c 100)
check "a range from the end" cmp <(get -r -5 $BASE/1m) <(tail -c 5 "$W/web/root/1m")
check "two ranges: as nginx has them" is "$(get -r 0-9,20-29 $BASE/1m | wc -c)" "$(direct -r 0-9,20-29 http://127.0.0.1:$WEB/1m | wc -c)"
check "a range that is none: 416" is "$(status -r 2000000- $BASE/1m)" 416
tag=$(get -D - -o /dev/null $BASE/1m | tr -d '\r' | sed -n 's/^ETag: //ip')
check "not changed: 304" is "$(status -H "If-None-Match: $tag" $BASE/1m)" 304
check "no content: 204" is "$(status $BASE/empty)" 204
check "not there: 404, with its body" eval 'is "$(status $BASE/none)" 404 && get $BASE/none | grep -q nginx'
ten() { # how many connections ten requests take
    local i args=()
    for i in {1..10}; do args+=(-o /dev/null "$BASE/1k"); done
    get -w '%{num_connects}\n' "${args[@]}" | awk '{ n += $1 } END { print n }'
}
check "ten requests on one connection" is "$(ten)" 1

noise 3000000 >"$W/up"
sum="3000000 $(sum_of "$W/up")"
check "an upload with its length" is "$(get --data-binary @"$W/up" $BASE/py/sum)" "$sum"
check "an upload in chunks" is "$(get -T - $BASE/py/sum <"$W/up")" "$sum"
check "an upload of nothing" is "$(get -X POST -H 'Content-Length: 0' $BASE/py/sum)" "0 $(sum_of /dev/null)"
check "100-continue: the word comes" is \
    "$(get -H 'Expect: 100-continue' --expect100-timeout 50 -m 20 --data-binary @"$W/up" $BASE/py/sum)" "$sum"
check "PUT: a file is made" is "$(status -T "$W/up" $BASE/put/up)" 201
check "PUT: and is what was sent" cmp "$W/up" "$W/web/root/put/up"
check "DELETE" is "$(status -X DELETE $BASE/put/up)" 204

check "heads: method, target, fields that repeat" /usr/bin/python3 -c '
import json, sys
seen = json.load(sys.stdin)
assert seen["method"] == "PATCH" and seen["target"] == "/echo?a=%20b&c=//d/../e", seen
fields = [(k.lower(), v) for k, v in seen["fields"]]
assert [v for k, v in fields if k == "x-twice"] in (["one", "two"], ["one, two"]), fields
assert ("cookie", "a=1; b=2") in fields and seen["body"] == "body", seen
assert not any(k in ("te", "keep-alive", "proxy-connection", "x-hop") for k, v in fields), fields
' < <(get -X PATCH -H 'X-Twice: one' -H 'X-Twice: two' -H 'Cookie: a=1; b=2' -H 'Keep-Alive: 5' -H 'X-Hop: 1' \
    -H 'Connection: X-Hop' -H 'Proxy-Connection: keep-alive' --path-as-is -d body "$BASE/py/echo?a=%20b&c=//d/../e")
check "a body that ends too early is no whole one" not get -o /dev/null $BASE/py/broken
check "and the tunnel goes on" is "$(get $BASE/small)" hello
check "CONNECT is refused" eval 'code=$(status -x $BASE -p https://example.org/); [ "$code" = 000 ]'

# ---- what is pushed ---------------------------------------------------------------------------------

check "events: each comes before the next is made" lab in B "$e2e/sse_client.py" $BASE/py 50
if has_websockets; then
    check "a WebSocket: what goes in comes out" lab in B "$e2e/ws_echo.py" talk ws://127.0.0.1:9000/ws
else
    skip "a WebSocket" "python3-websockets is not installed"
fi

# ---- git ----------------------------------------------------------------------------------------------

if has git; then
    must "a repository" repository
    check "git clone over dumb HTTP" lab in B git clone -q $BASE/repo.git "$W/dumb"
    check "git clone over smart HTTP" lab in B git clone -q $BASE/py/git/repo.git "$W/smart"
    check "both are what was there" eval \
        'is "$(head_of "$W/dumb")" "$(head_of "$W/work")" && is "$(head_of "$W/smart")" "$(head_of "$W/work")"'
    noise 1500000 >"$W/smart/large" && git -C "$W/smart" add . && git -C "$W/smart" commit -q -m pushed
    check "git push" lab in B git -C "$W/smart" push -q
    check "and it has arrived" is "$(head_of "$W/repos/repo.git")" "$(head_of "$W/smart")"
else
    skip "git" "git is not installed"
fi

# ---- many at a time -----------------------------------------------------------------------------------

if has wrk; then
    cat >"$W/wrk.lua" <<'END'
local file = io.open(os.getenv("WANT"), "rb")
local want = file:read("*a")
bad = 0
response = function(status, headers, body)
    if status ~= 200 or body ~= want then bad = bad + 1 end
end
local threads = {}
setup = function(thread) table.insert(threads, thread) end
done = function(summary)
    local all, e = 0, summary.errors
    for _, thread in ipairs(threads) do all = all + thread:get("bad") end
    io.write(string.format("RESULT %d requests, %d bad, %d errors\n", summary.requests, all,
                           e.connect + e.read + e.write + e.timeout))
end
END
    load() { # CONNECTIONS FILE: longer, where a busy machine has answered nothing yet
        local seconds
        for seconds in 3 15 60; do
            WANT=$W/web/root/$2 lab in B wrk -t 2 -c "$1" -d $seconds --timeout 60 -s "$W/wrk.lua" $BASE/"$2" >"$W/wrk.out" 2>&1
            grep RESULT "$W/wrk.out" || return
            grep -q 'RESULT 0 requests, 0 bad, 0 errors' "$W/wrk.out" || break
        done
        grep -qE 'RESULT [1-9][0-9]* requests, 0 bad, 0 errors' "$W/wrk.out"
    }
    check "wrk, 16 connections, 1 KB: each answer is right" load 16 1k
    check "wrk, 256 connections, 1 KB: each answer is right" load 256 1k
    check "wrk, 16 connections, 1 MB: each answer is right" load 16 1m
else
    skip "wrk" "wrk is not installed"
fi

# ---- ends ---------------------------------------------------------------------------------------------

stop nginx
check "no upstream: 502" is "$(status $BASE/small)" 502
stop serve
check "no serve any more: 503" until_true 60 eval 'is "$(status $BASE/small)" 503'
serve
start nginx A nginx -p "$W/web" -c "$W/web/nginx.conf"
check "it comes back" until_true 60 tunnel_up
kill -TERM "${PID[proxy]}" "${PID[serve]}"
check "TERM ends proxy well" ends proxy 15 0
check "TERM ends serve well" ends serve 15 0
