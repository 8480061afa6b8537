#!/bin/bash
# The signaling server is killed and comes back, twenty times, under a connection that carries a
# gigabyte: not one byte is lost, and both ends are at the server again within five seconds.
. "$(dirname "$0")/lib.sh"

lab up port-restricted port-restricted && lab stun
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
URL=ws://203.0.113.1:8000
SIZE=1000000000 TIMES=20
case $ADIT in *static*) SIZE=100000000 ;; esac # its path is the same, and the gigabyte has been carried
sanitized && SIZE=50000000

server() {
    start server PUB "$ADIT" signal --listen 203.0.113.1:8000 --anonymous
    until_true 10 listening PUB 8000
}
side() { # NAME PLACE COMMAND ARGS...
    mkdir -p "$W/$1.conf"
    start "$1" "$2" env XDG_CONFIG_HOME="$W/$1.conf" "$ADIT" "$3" --signal $URL --id "$1" --stun $STUN \
        --trust first --mode bytes --events "$W/$1.events" "${@:4}"
}
times() { # NAME: how often it has come to the server
    grep -c '"state":"joined"' "$W/$1.events"
}
joined() { # NAME TIMES
    [ "$(times "$1")" -ge "$2" ]
}
stream() { openssl enc -aes-128-ctr -K 00 -iv 00 -in /dev/zero 2>/dev/null | head -c "$SIZE"; }

must "the signaling server runs" server
side bob B connect alice
must "bob calls, and alice is not there" until_true 10 told bob 'alice is not at the server'
kill -KILL "${PID[server]}"
stop server
must "the server is killed while he looks for her, and comes back" server
side alice A listen --once
must "alice comes, and they meet" until_true 30 told bob 'connected with alice'
exec {all}< <(stream)
back=0 late=0
for ((i = 1; i <= TIMES; i++)); do
    head -c $((SIZE / TIMES)) <&"$all" >&"${IN[bob]}" & # the next part of it, while there is no server
    part=$! a=$(times alice) b=$(times bob)
    kill -KILL "${PID[server]}"
    stop server
    server || break
    until_true 5 joined alice $((a + 1)) && until_true 5 joined bob $((b + 1)) || late=$((late + 1))
    back=$((back + 1))
    wait $part
done
hang_up bob
hang_up alice
check "the server was killed $TIMES times" is $back $TIMES
check "and both were back within five seconds, each time" is $late 0
check "all of it arrives" eval 'ends bob 120 0 && ends alice 20 0'
check "not one byte is lost" is "$(sha256sum <"$W/alice.out")" "$(stream | sha256sum)"
