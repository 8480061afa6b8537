#!/bin/bash
# A room of two, where names are new each time: serve is killed and comes back at once. Proxy still has the one that is
# dead, and takes the new one when that falls silent. Meanwhile the room is quiet.
. "$(dirname "$0")/lib.sh"
command -v curl >/dev/null || skip_all "curl is not installed"
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY

ip link set lo up
URL=ws://127.0.0.1:8000
side() { # NAME COMMAND ARGS...
    start "$1" here "$ADIT" "$2" --signal $URL --room one --trust any --loopback "${@:3}"
}
serve() { side serve serve --upstream http://127.0.0.1:8080; }
asked() { curl -s --max-time 5 -o "$W/got" http://127.0.0.1:8100/file && cmp -s "$W/got" "$W/binary"; }
times() { grep -c -- "$2" "$W/$1.err"; } # NAME PATTERN

noise 1000 >"$W/binary"
start up here "$root/tests/interop/servers/upstream" 127.0.0.1 8080 "$W/binary"
start room here "$ADIT" signal --listen 127.0.0.1:8000 --anonymous
must "the upstream and the server run" eval 'until_true 10 said up ^listening && until_true 10 told room 'listens on''
serve
must "serve waits" until_true 10 told serve 'at the signaling server'
side proxy proxy --listen 127.0.0.1:8100
must "they meet" until_true 15 asked

kill -KILL "${PID[serve]}"
stop serve
serve
check "serve was killed and is back: found within 20 s" until_true 20 asked
check "and the room was not left for it" is "$(times proxy 'at the signaling server')" 1
check "nor was anybody turned away" is "$(times proxy 'is not answered')" 0
kill -KILL "${PID[proxy]}"
stop proxy
side proxy proxy --listen 127.0.0.1:8100
check "proxy was killed and is back: found within 20 s" until_true 20 asked
check "and the room was not left for it" is "$(times serve 'at the signaling server')" 1
