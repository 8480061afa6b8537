#!/bin/bash
# The programs that came with other servers, as they behave, meet each other at `adit signal`: all kinds on one port.
# There is no adit but the server.
. "$(dirname "$0")/lib.sh"
for module in aiortc websockets; do
    /usr/bin/python3 -c "import $module" 2>/dev/null || skip_all "python3-$module is not installed"
done

# aiortc never uses 127.0.0.1: so there are two hosts.
ip netns add P
ip link add seg address 02:5e:ed:00:00:01 type veth peer name seg netns P
ip address add 192.0.2.1/24 dev seg && ip link set seg up
ip -n P address add 192.0.2.2/24 dev seg && ip -n P link set seg up && ip -n P link set lo up
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
URL=ws://192.0.2.1:8000

peer() { # NAME PLACE KIND URL ARGS...
    start "$1" "$2" "$root/tests/interop/peers/original/peer" "${@:3}"
}
worker() { # NAME UDP-PORT
    start "$1" here "$root/tests/interop/servers/worker" $URL "$1" "$2"
}
logged() { told server "$1"; }
happens() { # NAME PATTERN: a peer says so, in time
    until_true 40 said "$@"
}
greet() { # A B: a word each way
    say "$1" "word of $1" && say "$2" "word of $2"
    until_true 10 said "$1" "word of $2" && until_true 10 said "$2" "word of $1"
}
faultless() { # NAME
    ! grep '^fault' "$W/$1.out" || return
    ! grep -A 20 '^Traceback' "$W/$1.err"
}

start server here "$ADIT" signal --listen 192.0.2.1:8000 --anonymous
must "the server runs" until_true 10 told server "listens on"

peer n15 here mvp $URL/ws/n15 of=15 token=unknown
peer desk here device $URL/signal id=desk
peer http-p here tunnel $URL room=one send=0100000000
peer ans here vpn $URL/ws room=7 here=172.16.1.2 there=172.16.1.1
peer gans here vpn-go $URL room=eight here=172.16.2.2 there=172.16.2.1
worker w1 5001
must "those who wait are there" until_true 20 eval 'logged "agent: n15 is here" && logged "device: desk is here" &&
    logged "room: .* is here" && logged "vpn: 7 is here as answerer" && logged "vpn: eight is here as answerer" &&
    logged "rendezvous: w1 is here"'
peer m15 P mvp $URL/ws/m15 offer to=n15 of=15
peer web P browser $URL/signal id=web to=desk send=0a0b
peer http-q P tunnel $URL room=one send=0200000000
peer off P vpn $URL/ws offer room=7 here=172.16.1.1 there=172.16.1.2
peer goff P vpn-go $URL offer room=eight here=172.16.2.1 there=172.16.2.2
worker w2 5002

check "agent: an offer, an answer, a word each way" eval 'happens m15 "^open mvp " && greet m15 n15'
check "device: an account, two devices, a browser that trickles" happens desk '^binary 0a0b$'
check "room: who waited offers, a frame each way" eval \
    'happens http-p "^binary 0200000000$" && happens http-q "^binary 0100000000$"'
check "vpn, Python: a frame each way" eval 'happens off "^frame 0806 42 bytes" && happens ans "^frame 0806 42 bytes"'
check "vpn: who is connected leaves the server" until_true 10 logged '^adit: vpn: 7 has left'
check "vpn, Go, at the root: a frame each way" eval 'happens goff "^frame 0806 42 bytes" && happens gans "^frame 0806 42 bytes"'
check "rendezvous: punched, greeted and measured each way" eval \
    'happens w1 "^pong " && happens w2 "^pong " && happens w1 "^benchmark" && happens w2 "^benchmark"'
check "desk stumbles over the browser's empty candidate alone, and is back" eval \
    'is "$(grep -c "^fault" "$W/desk.out")" 1 && logged "device: desk has left" && logged "device: web meets desk"'
for p in n15 m15 web http-p http-q ans off gans goff; do
    check "$p stumbles over nothing" faultless $p
done
