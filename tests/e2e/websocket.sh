#!/bin/bash
# Our WebSockets against those of others: Python's websockets and Node's ws, as clients and as a server.
. "$(dirname "$0")/lib.sh"
export HOME=$W XDG_CONFIG_HOME=$W NODE_PATH=${NODE_PATH:-/usr/share/nodejs}
ip link set lo up
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
others=$root/tests/interop/websockets

lacks_python() { ! /usr/bin/python3 -c 'import websockets' 2>/dev/null; }
lacks_node() { ! /usr/bin/node -e 'require("ws")' 2>/dev/null; }
! lacks_python || ! lacks_node || skip_all "neither python3-websockets nor node-ws is installed"

results() { # WHO CASES CMD...: what the client prints, as results of ours
    local who=$1 cases=$2 seen=0 word text
    shift 2
    while read -r word text; do
        seen=$((seen + 1))
        echo "${text##*: }" >"$W/why"
        if [ "$word" = ok ]; then pass "$who: $text"; else fail "$who: $text"; fi
    done < <("$@" 2>"$W/client.err")
    check "$who: all cases were run" is "$seen" "$cases"
}

# ---- clients of others at our server ----------------------------------------------------------------

start server here "$ADIT" signal --listen 127.0.0.1:18100 --anonymous --ping 1s
start other here "$ADIT" signal --listen 127.0.0.1:18101 --anonymous --origin https://app.example
must "the servers run" until_true 10 eval 'told server "listens on" && told other "listens on"'
if lacks_python; then
    skip "python" "python3-websockets is not installed"
else
    results python 8 /usr/bin/python3 "$others/client" 18100 18101
fi
if lacks_node; then
    skip "node as client and as server" "node-ws is not installed (make interop)"
    exit
fi
results node 7 /usr/bin/node "$others/client.js" 18100 18101
check "the servers live, and end well" eval 'kill -TERM "${PID[server]}" "${PID[other]}"; ends server 10 0 && ends other 10 0'

# ---- our client at a server of others ---------------------------------------------------------------

side() { # NAME COMMAND ARGS...
    start "$1" here "$ADIT" "$2" --loopback --trust any --identity "$W/$1.pem" --mode chat --reconnect 100ms "${@:3}"
}
times() { # COUNT PATTERN: so often at least, by the server
    [ "$(grep -cE -- "$2" "$W/js.out")" -ge "$1" ]
}
URL=ws://127.0.0.1:18102
start js here /usr/bin/node "$others/server.js" 18102
must "node's server runs" until_true 10 said js '^listening'
side a listen --signal $URL/ws/alice
check "node's server: we join, and offer no extension" until_true 10 said js '^alice joined extensions=none'
check "node's server: a ping between two fragments is answered" until_true 10 said js '^alice pong between'
say js "ping alice"
check "node's server: a ping is answered with its bytes" until_true 10 said js '^alice pong asked'
side b connect alice --signal $URL/ws/bob
check "node's server: two meet by offers that come in fragments" until_true 20 connected a b
check "node's server: all we say is text" not said js ' binary '
n=1
for code in 1000 1001 1011 1012 4000; do
    say js "close alice $code because"
    n=$((n + 1))
    check "node's server: closed with $code, which we return; we come again" eval \
        "until_true 10 said js '^alice left $code' && until_true 10 times $n '^alice joined'"
done
say js "big alice 1000000"
check "node's server: what is too large is refused with 1009" until_true 10 said js '^alice left 1009'
check "node's server: and we come again" until_true 10 times $((n + 1)) '^alice joined'
say a "still here"
check "the connection has outlived it all" until_true 10 said b "still here"
