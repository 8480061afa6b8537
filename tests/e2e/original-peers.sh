#!/bin/bash
# listen and connect with the peers of other programs, which behave as the originals do, at servers that do so too.
# All meet at once: what takes long here is waiting.
. "$(dirname "$0")/lib.sh"
for module in aiortc websockets; do
    /usr/bin/python3 -c "import $module" 2>/dev/null || skip_all "python3-$module is not installed"
done

# aiortc never uses 127.0.0.1, and would use the addresses of our tunnels: so there are two hosts.
ip netns add P
ip link add seg address 02:5e:ed:00:00:01 type veth peer name seg netns P
ip address add 192.0.2.1/24 dev seg && ip link set seg up
ip -n P address add 192.0.2.2/24 dev seg && ip -n P link set seg up && ip -n P link set lo up
export HOME=$W XDG_CONFIG_HOME=$W ADIT_PASSWORD=correct-horse
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
ip tuntap add mode tun name probe 2>/dev/null && ip link del probe && packets=1

declare -A URL
server() { # NAME KIND PORT [OPTION]...
    start "$1" here "$root/tests/interop/servers/original" "${@:2}" on=192.0.2.1
    URL[$1]=ws://192.0.2.1:$3$( [ "$2" != device ] || echo /signal)
}
adit() { # NAME COMMAND SERVER ARGS...: no certificate is known and nobody is asked
    start "$1" here "$ADIT" "$2" --signal "${URL[$3]}" --trust any --identity "$W/$1.pem" --bind-dev seg "${@:4}"
}
peer() { # NAME KIND URL ARGS...
    start "$1" P "$root/tests/interop/peers/original/peer" "${@:2}"
}
heard() { # SERVER PATTERN
    grep -qE -- "$2" "$W/$1.out"
}
happens() { # NAME PATTERN: a peer says so, in time
    until_true 40 said "$@"
}
faultless() { # NAME
    ! grep '^fault' "$W/$1.out" || return
    ! grep -A 20 '^Traceback' "$W/$1.err"
}
greet() { # ADIT PEER: a word each way
    say "$1" "word of $1" && say "$2" "word of $2"
    until_true 10 said "$1" "word of $2" && until_true 10 said "$2" "^binary word of $1"
}

server agent agent 18001
server vpn vpn 18002
server go vpn 18003
server room room 18004
server device device 18005
for s in agent vpn go room device; do
    must "the $s server runs" until_true 20 said $s '^listening'
done

# ---- all meet ---------------------------------------------------------------------------------------

tap() { # NAME COMMAND SERVER ROOM NUMBER: with a device in a net of its own
    adit "$1" "$2" "$3" --dialect vpn --room "$4" --mode tap --ifname "$1" --address "172.16.$5.2/24"
}

adit a listen agent --id a --mode chat
adit http-a listen room --room one --mode echo
adit dev-a listen device --email a@example.org --new-account --id dev-a --mode echo
must "an agent listens" until_true 20 heard agent '^a joined'
must "somebody is in the room" until_true 20 heard room '"join"'
must "a device is there" until_true 20 heard device '^dev-a joined'
peer m12 mvp "${URL[agent]}/ws/m12" offer to=a of=12 token=secret
peer m13 mvp "${URL[agent]}/ws/m13" offer to=a of=13
peer m15 mvp "${URL[agent]}/ws/m15" offer to=a of=15
peer n12 mvp "${URL[agent]}/ws/n12" of=12
peer n13 mvp "${URL[agent]}/ws/n13" of=13 mode=bytes send=00ff0a
peer n15 mvp "${URL[agent]}/ws/n15" of=15 mode=json
peer http-p tunnel "${URL[room]}" room=one send=0100000000
peer http-q tunnel "${URL[room]}" room=two send=0200000000
peer web browser "${URL[device]}" id=web to=dev-a send=010000000100034745540005
peer home device "${URL[device]}" id=home offer to=dev-a send=6469616c
peer desk device "${URL[device]}" id=desk
must "peers that answer are there" until_true 30 eval 'heard agent "^n12 joined" && heard agent "^n13 joined" &&
    heard agent "^n15 joined" && heard device "^desk joined" && heard room "\"two\""'
adit b12 connect agent --id b12 --mode chat n12
adit b13 connect agent --id b13 --mode bytes n13
adit b15 connect agent --id b15 --mode json n15
adit http-b connect room --room two --mode echo
adit dev-b connect device --email a@example.org --id dev-b --mode chat desk
if [ "${packets:-}" ]; then
    tap vpn0 listen vpn one 0
    tap vpn1 connect vpn two 1
    tap vpn2 listen go three 2
    tap vpn3 connect go four 3
    tap vpn4 connect vpn five 4
    peer frail vpn "${URL[vpn]}" room=five fails here=172.16.4.1 there=172.16.4.2
    adit tun listen agent --id tun --mode tun --ifname mvp-tun1 --address 10.0.0.1/24
    peer off vpn "${URL[vpn]}" offer room=one here=172.16.0.1 there=172.16.0.2
    peer ans vpn "${URL[vpn]}" room=two here=172.16.1.1 there=172.16.1.2
    peer goff vpn-go "${URL[go]}" offer last room=three here=172.16.2.1 there=172.16.2.2
    peer gans vpn-go "${URL[go]}" room=four here=172.16.3.1 there=172.16.3.2
    must "an agent with a TUN listens" until_true 20 heard agent '^tun joined'
    peer mtun mvp "${URL[agent]}/ws/mtun" offer to=tun of=15 mode=tun here=10.0.0.2 there=10.0.0.1
fi

# ---- the MVP agent ----------------------------------------------------------------------------------

for p in n12 n13 m12 m13 n15 m15; do
    check "agent, $p: the channel" happens $p '^open mvp ordered reliable protocol=$'
done
check "agent: who has no candidates in its SDP is found by its checks" eval \
    'not heard agent "^[mn]1[23] .*candidate:" && told b12 "from host to prflx" && told a "from host to prflx"'
check "agent: a description in the old form gets its answer in the old form" heard agent \
    '^a .*"type":"answer".*"to":"m12".* DTLS/SCTP 5000.*a=sctpmap:5000 .*a=candidate:.*a=end-of-candidates'
for p in m12 m13 m15; do
    check "agent, $p: chat each way, in binary" greet a $p
done
check "agent: chat with who was called" greet b12 n12
check "agent: what its last version says two seconds later" until_true 10 said a '^test from stdin reader$'
stop m13
peer m13 mvp "${URL[agent]}/ws/m13" offer to=a of=13
say n15 '{"one": [1, "zwei"]}'
say b15 '{"two": null}'
check "agent, json: from it" until_true 10 said b15 '\{"one": ?\[1, ?"zwei"\]\}'
check "agent, json: to it" happens n15 '^binary \{"two": null\}$'
check "agent, json: what is none is told" until_true 10 told b15 'a message came that is not JSON'
say b13 raw
check "agent, bytes: from it" until_true 10 eval 'od -An -tx1 "$W/b13.out" | grep -q "^ 00 ff 0a$"'
check "agent, bytes: to it" happens n13 '^binary 7261770a$'
kill -TERM "${PID[b12]}"
check "agent: it sees that we leave" happens n12 "^closed$"
ends b12 10 0
adit b12 connect agent --id b12 --mode chat n12
check "agent: and answers again" until_true 20 eval 'connected b12 && greet b12 n12'

check "agent: who was killed calls again" until_true 30 eval 'said m13 ^open && greet a m13'

# ---- rooms of the HTTP tunnel -----------------------------------------------------------------------

for p in http-p http-q; do
    check "room, $p: the channel" happens $p '^open tunnel ordered reliable protocol=$'
    check "room, $p: a frame there and back" happens $p '^binary 0[12]00000000$'
done

# ---- devices ----------------------------------------------------------------------------------------

check "device: a browser that trickles" happens web '^open http-proxy ordered reliable protocol=$'
check "device: its frame there and back" happens web '^binary 010000000100034745540005$'
check "device: no relay here, and then without" heard device \
    '^dev-a .*"connect-ack".*"relay","relay_session_id":"web-dev-a","status":"failed"'
check "device: we say when it is done" happens web '^ws connect-ack-received connected$'
check "device: an agent without candidates" happens desk '^open http-proxy ordered reliable protocol=$'
check "device: an agent without candidates that calls" happens home '^open http-proxy ordered reliable protocol=$'
check "device: its message there and back" happens home '^binary 6469616c$'
say desk "word of desk" && say dev-b "word of dev-b"
check "device: from it" until_true 10 said dev-b '^word of desk$'
check "device: to it" happens desk '^text word of dev-b$'
kill -TERM "${PID[dev-b]}"
check "device: the agent sees that we leave" happens desk '^closed$'
check "device: and leaves the server" until_true 20 heard device '^desk left'
adit dev-b connect device --email a@example.org --id dev-b --mode chat desk
check "device: and begins again" until_true 20 connected dev-b

# ---- the layer-2 VPN, and a TUN ---------------------------------------------------------------------

if [ "${packets:-}" ]; then
    n=0
    for p in off ans goff gans; do
        check "vpn, $p: the channel" happens $p '^open vpntap ordered reliable protocol=$'
        check "vpn, $p: a frame there and one back" happens $p "^frame arp-reply 172\.16\.$n\.2 "
        n=$((n + 1))
    done
    stop goff gans
    peer goff vpn-go "${URL[go]}" offer last room=three here=172.16.2.1 there=172.16.2.2
    peer gans vpn-go "${URL[go]}" room=four here=172.16.3.1 there=172.16.3.2
    check "vpn: it has left the server, and we stay connected" eval 'heard vpn "^offerer left" && connected vpn0 vpn1'
    check "vpn: who left in the middle and came back is called again" happens frail '^frame arp-reply'
    check "tun: a packet there and one back" happens mtun '^packet echo-reply from 10\.0\.0\.1$'
    # The channel is in order: with the second answer, what it sent between its two packets has come in.
    check "tun: and another, two seconds later" until_true 20 eval \
        '[ "$(grep -c "^packet echo-reply" "$W/mtun.out")" = 2 ]'
    kill -TERM "${PID[tun]}"
    check "tun: what is no packet has been dropped and counted" eval \
        'ends tun 10 0 && told tun "received 2 packets.*dropped:.* not_ip"'
    kill -TERM "${PID[vpn0]}"
    ends vpn0 10 0
    tap vpn0 listen vpn one 0
    check "vpn: it registers again when we come back" until_true 20 eval \
        '[ "$(grep -c "^frame arp-reply" "$W/off.out")" = 2 ]'
    # Less than the 30 s after which whoever is silent is given up.
    for p in goff gans; do
        check "vpn, $p: who was killed is back" until_true 18 said $p "^frame arp-reply"
    done
    for p in off ans goff gans; do
        check "vpn, $p: hears from us every ten seconds" happens $p '^keepalive$'
    done
    check "vpn, goff: its last version, which asks more often, is answered" happens goff '^kept$'
else
    skip "vpn and tun" "no TUN device here"
fi

# ---- nobody stumbled --------------------------------------------------------------------------------

# The first version takes nothing for the end of candidates, not even what its successors do.
for p in m12 n12; do
    check "$p stumbles over the end of candidates alone" eval "is \"\$(grep -c '^fault' $W/$p.out)\" \
        \"\$(grep -c '^fault candidate candidate is no object' $W/$p.out)\""
done
for p in m13 n13 m15 n15 http-p http-q web desk home ${packets:+off ans goff gans frail mtun}; do
    check "$p stumbles over nothing" faultless $p
done
