#!/bin/bash
# Servers on a public host, adits behind routers: calls by name, and workers that punch.
. "$(dirname "$0")/lib.sh"
/usr/bin/python3 -c 'import websockets' 2>/dev/null || skip_all "python3-websockets is not installed"

export HOME=$W XDG_CONFIG_HOME=$W
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
lab up port-restricted port-restricted && lab stun

original() { # KIND [OPTION]...
    start server PUB "$root/tests/interop/servers/original" "$1" 8000 on=203.0.113.1 "${@:2}"
    must "the $1 server runs" until_true 20 said server '^listening'
}
side() { # NAME PLACE COMMAND ARGS...
    start "$1" "$2" "$ADIT" "$3" --stun $STUN --trust any --identity "$W/$1.pem" --mode chat "${@:4}"
}
both() { # SECONDS: connected, and a word each way
    until_true "$1" connected a b || return
    say a "word of a" && say b "word of b"
    until_true 10 said a 'word of b' && until_true 10 said b 'word of a'
}

original agent
side a A listen --signal ws://203.0.113.1:8000/ws/alice
must "alice waits" until_true 15 said server '^alice \{"type":"register"'
side b B connect alice --signal ws://203.0.113.1:8000/ws/bob
check "by name, from one router to the other" both 20
stop a b server

original rendezvous
side a A listen --signal ws://203.0.113.1:8000 --dialect rendezvous --udp-port 8081
must "a worker says where it is: its port as the router maps it" \
    until_true 15 said server '"update_udp_endpoint","udp_ip":"203.0.113.[0-9]+","udp_port":8081'
side b B connect --signal ws://203.0.113.1:8000 --dialect rendezvous
check "two workers meet through both routers; the server handed nothing on" both 30
check "the connection is on the port that was told" eval 'lab in A ss -Hlun "sport = :8081" | grep -q 192.168'
stop a b server
