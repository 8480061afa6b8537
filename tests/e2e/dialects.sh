#!/bin/bash
# listen and connect at the servers of other programs, which behave as the originals do, faults included.
. "$(dirname "$0")/lib.sh"
/usr/bin/python3 -c 'import websockets' 2>/dev/null || skip_all "python3-websockets is not installed"

export HOME=$W XDG_CONFIG_HOME=$W
ip link set lo up
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
URL=ws://127.0.0.1:18000

original() { # KIND [OPTION]...
    start server here "$root/tests/interop/servers/original" "$1" 18000 "${@:2}"
    must "the $1 server runs" until_true 20 said server '^listening'
}
side() { # NAME COMMAND ARGS...: an identity each; nobody is asked
    start "$1" here "$ADIT" "$2" --loopback --trust any --identity "$W/$1.pem" --mode chat "${@:3}"
}
both() { # SECONDS: connected, and a word each way
    until_true "$1" connected a b || return
    say a "word of a" && say b "word of b"
    until_true 10 said a 'word of b' && until_true 10 said b 'word of a'
}
heard() { # PATTERN: by the server
    grep -qE -- "$1" "$W/server.out"
}
over() { stop a b server; }

# ---- as on a router that boots: no network, no server -----------------------------------------------

original agent on=0.0.0.0
side a listen --signal ws://192.0.2.1:18000/ws/alice --reconnect 1h
check "no route: why is said" until_true 10 told a 'signaling: no route to that address, continuing to try'
ip addr add 192.0.2.1/32 dev lo
check "a route comes: no pause is waited for" until_true 10 heard '^alice joined'
ip addr del 192.0.2.1/32 dev lo
over
side a listen --signal ws://127.0.0.1:18001 --reconnect 10ms --reconnect-factor 1 --reconnect-tries 20
check "nobody is there: twenty pauses that do not grow, and the end" ends a 20 5
check "why was said once, and at the end" eval \
    'is "$(grep -c "signaling: connection refused.*continuing to try" "$W/a.err")" 1 && told a "connection refused[^,]*$"'
stop a

names() { # ADDRESS: of signal.test; none = nobody knows
    echo "${1:+$1 signal.test}" >"$W/hosts"
}
names
echo 'nameserver 192.0.2.53' >"$W/resolv.conf"
if mount --bind "$W/hosts" /etc/hosts && mount --bind "$W/resolv.conf" /etc/resolv.conf; then
    side a listen --signal ws://signal.test:18000/ws/alice --reconnect 100ms --reconnect-factor 1
    check "no name server: why is said" until_true 10 told a 'signaling: .*name.*, continuing to try'
    original agent
    names 127.0.0.1
    check "a name is known: there we are" until_true 10 heard '^alice joined'
    stop server
    original agent on=127.0.0.2
    names 127.0.0.2
    check "the name has moved: it was asked for again" until_true 10 heard '^alice joined'
    over
else
    skip "no name server" "/etc/hosts cannot be replaced"
fi

# ---- agent ----------------------------------------------------------------------------------------

original agent
side a listen --signal $URL --id alice --token t0
must "agent: an address without a path is completed" until_true 10 heard '^alice joined Bearer t0$'
check "agent: register has id and token" heard '^alice \{"type":"register","id":"alice","token":"t0","relay":true\}$'
side b connect alice --signal $URL/ws/bob
check "agent: they meet" both 20
check "agent: offer and answer are whole, from and to are told" \
    heard '^bob \{"type":"offer","from":"bob","to":"alice","sdp":"v=0.*a=candidate:.*\}$'
check "agent: a connection lives on without the server" eval \
    'stop server; say a "still here"; until_true 10 said b "still here"'
original agent
check "agent: and the server is found again" until_true 30 heard '^alice joined'
stop b
side b connect carol --signal $URL/ws/bob
check "agent: who is not there is told, and called again" until_true 10 told b 'carol is not at the server'
over

# ---- vpn --------------------------------------------------------------------------------------------

original vpn paths
side a listen --signal $URL --dialect vpn --room branch-7
side b connect --signal $URL/ws --dialect vpn --room branch-7
check "vpn: they meet, one of them by the other path" both 20
check "vpn: role and room are told" heard '^offerer \{"type": "register", "role": "offerer", "room": "branch-7"\}$'
check "vpn: an offer says for whom" heard '^offerer \{"type":"offer","target":"answerer","sdp":"v=0'
side c listen --signal $URL/ws --dialect vpn --room branch-7
check "vpn: a role that is taken is told" until_true 10 told c 'perhaps there is an answerer already'
stop c
over
original vpn old
side b connect --signal $URL --dialect vpn
must "vpn: an offerer waits" until_true 10 heard '^offerer'
side a listen --signal $URL --dialect vpn
check "vpn: the server without rooms" both 20
over

# ---- room -------------------------------------------------------------------------------------------

original room
TUNNEL_SIGNAL=$URL TUNNEL_ROOM=my-lab side a listen
must "room: the names of other programs are understood" until_true 10 heard '"room":"my-lab"'
side b connect --signal $URL --room my-lab
check "room: they meet; who waited offers" both 20
side c connect --signal $URL --room my-lab
check "room: a third one is told that it is full" until_true 10 told c "room 'my-lab' is full"
stop c
over

# ---- device -----------------------------------------------------------------------------------------

export ADIT_PASSWORD=correct-horse
original device
side a listen --signal $URL/signal --email a@example.org --new-account --id desk-01
must "device: account and device are made" until_true 10 heard '^desk-01 joined$'
side b connect desk-01 --signal $URL/signal --email a@example.org --id phone-9
check "device: they meet" both 20
check "device: a request comes before the offer" heard '^phone-9 \{"type":"connect-request","target_device_id":"desk-01"'
check "device: and is acknowledged" heard '^desk-01 \{"type":"connect-ack","target_device_id":"phone-9"'
check "device: the password is in no word of ours" not grep -rq correct-horse "$W"/a.err "$W"/b.err
stop b
side b connect nobody --signal $URL/signal --email a@example.org --id phone-9
check "device: who is not there is asked for again" until_true 10 eval \
    '[ "$(grep -c "^phone-9 .*\"connect-request\",\"target_device_id\":\"nobody\"" "$W/server.out")" -gt 1 ]'
check "device: and nothing else is sent to it" eval \
    'is "$(grep "^phone-9 .*\"nobody\"" "$W/server.out" | grep -vc connect-request)" 0'
stop b
side b connect nobody --signal $URL/signal --email a@example.org --id phone-9 --exit-on-failure
check "device: or not, if that is wanted" ends b 10 5
side b connect desk-01 --signal $URL/signal --email b@example.org --id phone-9
check "device: a wrong password ends it" ends b 10 5
over

# ---- rendezvous -------------------------------------------------------------------------------------

original rendezvous
RENDEZVOUS_SERVICE_URL=http://127.0.0.1:18000 side a listen
must "rendezvous: a worker registers and reports" until_true 20 heard '"type":"update_udp_endpoint","udp_ip":"127.0.0.1"'
side b connect --signal http://127.0.0.1:18000/ws/register/w-b
check "rendezvous: two adits meet over the path that they punched" both 30
over
original rendezvous
side a listen --signal ws://127.0.0.1:18000 --dialect rendezvous --id w-a --worker-say 'hello from adit' --worker-bench 20
must "rendezvous: a worker of ours waits" until_true 20 heard '^w-a .*update_udp_endpoint'
start w here "$root/tests/interop/servers/worker" ws://127.0.0.1:18000 w-w
check "rendezvous: a worker of theirs is punched" until_true 10 said w 'P2P_HOLE_PUNCH_PING_FROM_w-a_NUM_3'
check "rendezvous: its chat is told" until_true 10 told a 'w-w says: hello from a worker'
check "rendezvous: its ping is answered" until_true 10 said w '^pong True True'
check "rendezvous: its benchmark is counted" until_true 10 told a 'benchmark of w-w: 10 datagrams, 10.0 KB'
check "rendezvous: and answers ours" until_true 10 told a 'w-w answers in [0-9.]+ ms'
check "rendezvous: it hears what we say" until_true 10 said w '"chat_message".*"hello from adit"'
check "rendezvous: and counts our benchmark, punch strings included" until_true 10 said w '^benchmark 23'
kill -INT "${PID[a]}"
check "rendezvous: we leave with a word" until_true 10 heard '^w-a \{"type":"explicit_deregister","worker_id":"w-a"\}$'
stop w
over

# ---- mailbox ----------------------------------------------------------------------------------------

BOX=http://127.0.0.1:18000/box
start server here "$ADIT" signal --listen 127.0.0.1:18000 --anonymous
must "our own server runs" until_true 10 told server 'listens on'
side a listen --signal $BOX/lab
side b connect --signal $BOX/lab
check "mailbox: they meet" both 20
stop a b
by_hand() { # what a person does: takes the offer there, and the answer back
    until_true 10 said b '^adit:' || return
    curl -sSf -X PUT --data-binary @"$W/b.out" $BOX/hand-offer || return
    say b "$(curl -sSf "$BOX/hand-answer?wait=20")"
    both 20
}
if command -v curl >/dev/null; then
    side a listen --signal $BOX/hand
    start b here "$ADIT" offer --loopback --mode chat
    check "mailbox: and with a caller who has curl alone" by_hand
    stop a b
else
    skip "mailbox, by hand" "curl is not installed"
fi
stop server

# ---- nobody in between ------------------------------------------------------------------------------

side a listen --signal-file "$W/meet"
side b connect --signal-file "$W/meet"
check "file: they meet through a shared file" both 20
over
mkfifo "$W/up" "$W/down"
side a listen --signal-exec "sh -c 'exec 3<&0; cat <&3 >$W/up & exec cat $W/down'"
side b connect --signal-exec "sh -c 'exec 3<&0; cat <&3 >$W/down & exec cat $W/up'"
check "exec: they meet through two pipes" both 20
over
