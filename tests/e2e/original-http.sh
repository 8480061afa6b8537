#!/bin/bash
# serve and proxy with the other halves that other programs have: the HTTP tunnel's, the tunnel agent's and the page that
# calls it, in both of its versions; at servers that behave as theirs do.
#
#     here 192.0.2.1: adit, the signaling servers, an upstream  ----  P 192.0.2.2: the peers, an upstream
. "$(dirname "$0")/lib.sh"
for module in aiortc websockets; do
    /usr/bin/python3 -c "import $module" 2>/dev/null || skip_all "python3-$module is not installed"
done
command -v curl >/dev/null || skip_all "curl is not installed"

ip netns add P
ip link add seg address 02:5e:ed:00:00:01 type veth peer name seg netns P
ip address add 192.0.2.1/24 dev seg && ip link set seg up && ip link set lo up
ip -n P address add 192.0.2.2/24 dev seg && ip -n P link set seg up && ip -n P link set lo up
export HOME=$W XDG_CONFIG_HOME=$W ADIT_PASSWORD=correct-horse
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY

room=ws://192.0.2.1:18004 device=ws://192.0.2.1:18005/signal
servers=$root/tests/interop/servers
adit() { # NAME COMMAND ARGS...: no certificate is known and nobody is asked
    start "$1" here "$ADIT" "$2" --trust any --identity "$W/$1.pem" --bind-dev seg "${@:3}"
}
peer() { # NAME KIND ARGS...
    start "$1" P "$root/tests/interop/peers/original/peer" "${@:2}"
}
noise 300000 >"$W/binary"
noise 30000 | base64 >"$W/text" # the first version damages what is no text, and takes 64 KiB

start room here "$servers/original" room 18004 on=192.0.2.1
start device here "$servers/original" device 18005 on=192.0.2.1
for place in here P; do
    start "up-$place" $place "$servers/upstream" 127.0.0.1 8080 "$W/binary"
    start "text-$place" $place "$servers/upstream" 127.0.0.1 8090 "$W/text"
done
for s in room device up-here up-P text-here text-P; do
    must "$s runs" until_true 20 said $s '^listening'
done

# ---- all meet ---------------------------------------------------------------------------------------

declare -A AT PORT FILE # where a client asks, and what it gets there
adit serve-1 serve --signal $room --room one --upstream http://127.0.0.1:8080
peer page-1 tunnel-http $room room=one proxy listen=127.0.0.1:8001 every=1
peer back-1 tunnel-http $room room=two serve upstream=http://127.0.0.1:8080 every=1
adit proxy-1 proxy --signal $room --room two --listen 127.0.0.1:8011
adit serve-2 serve --signal $device --dialect device --email a@example.org --new-account --id serve-2 \
    --upstream http://127.0.0.1:8090
must "a device is there" until_true 20 said device '^serve-2 joined'
adit serve-3 serve --signal $device --dialect device --email a@example.org --id serve-3 --upstream http://127.0.0.1:8080
adit socket-2 serve --signal $device --dialect device --email a@example.org --id socket-2 --upstream http://127.0.0.1:8091
adit socket-3 serve --signal $device --dialect device --email a@example.org --id socket-3 --upstream http://127.0.0.1:8081
peer back-2 device-http $device id=back-2 serve upstream=http://127.0.0.1:8090 version=2
peer back-3 device-http $device id=back-3 serve upstream=http://127.0.0.1:8080 version=3
peer socket-back-2 device-http $device id=socket-back-2 serve upstream=http://127.0.0.1:8091 version=2
peer socket-back-3 device-http $device id=socket-back-3 serve upstream=http://127.0.0.1:8081 version=3
joined() { # DEVICE...
    for d; do said device "^$d joined" || return; done
}
must "devices are there" until_true 30 joined serve-3 socket-{2,3} back-{2,3} socket-back-{2,3}
for v in 2 3; do
    peer page-$v browser-http $device id=page-$v to=serve-$v proxy listen=127.0.0.1:800$v version=$v
    peer socket-page-$v browser-http $device id=socket-page-$v to=socket-$v proxy listen=127.0.0.1:804$v version=$v ws=/s
    adit proxy-$v proxy --signal $device --dialect device --email a@example.org --id proxy-$v --peer back-$v \
        --listen 127.0.0.1:801$v
    adit socket-proxy-$v proxy --signal $device --dialect device --email a@example.org --id socket-proxy-$v \
        --peer socket-back-$v --listen 127.0.0.1:805$v
done
for v in 1 2 3; do
    AT[serve-$v]="ip netns exec P" PORT[serve-$v]=800$v
    AT[proxy-$v]="" PORT[proxy-$v]=801$v
    FILE[serve-$v]=binary FILE[proxy-$v]=binary
done
FILE[serve-2]=text FILE[proxy-2]=text

ask() { # NAME PATH ARGS...
    ${AT[$1]} curl -sS --noproxy '*' --max-time 60 "${@:3}" "http://127.0.0.1:${PORT[$1]}$2"
}
answers() { # NAME: there is a way through
    [ "$(ask "$1" /file -o /dev/null -w '%{http_code}' 2>/dev/null)" = 200 ]
}
headers() { # NAME WANTED...
    ask "$1" '/a%20b?c=d&e' -i -H 'X-Ours: word' >"$W/why.$1" || return
    for want in "${@:2}"; do grep -qi "$want" "$W/why.$1" || { cat "$W/why.$1" && echo "no $want" && return 1; }; done
}
down() { ask "$1" /file | cmp - "$W/${FILE[$1]}"; }
up() { ask "$1" /echo --data-binary "@$W/${FILE[$1]}" | cmp - "$W/${FILE[$1]}"; }
in_chunks() {
    ask "$1" /echo -H 'Transfer-Encoding: chunked' -H 'Expect: 100-continue' --data-binary "@$W/${FILE[$1]}" |
        cmp - "$W/${FILE[$1]}"
}
one_by_one() { # NAME: of three events, the first has come before the last was made, a second later
    local now=0
    ask "$1" /events -N | while read -r _ _ _ at; do
        [ -z "$at" ] || { microseconds now && echo $((now / 1000)) "$at"; }
    done >"$W/events"
    awk 'NR == 1 { came = $1 } { made = $2 } END { exit NR != 3 || came >= made }' "$W/events" ||
        { cat "$W/events" && false; }
}
sixteen() {
    local i all
    for i in {1..16}; do down "$1" & all[i]=$!; done
    for i in {1..16}; do wait "${all[i]}" || return; done
}
breaks() { # NAME: not as if it were whole
    ! ask "$1" /break -f -o /dev/null
}
cookies() { # NAME WANTED
    is "$(ask "$1" /cookies -o /dev/null -D - | tr -d '\r' | sed -n 's/^set-cookie: //Ip' | paste -sd' ')" "$2"
}

for name in serve-1 proxy-1 serve-2 proxy-2 serve-3 proxy-3; do
    must "$name: there is a way" until_true 40 answers $name
    check "$name: fields and the query" headers $name 'X-Path: /a%20b?c=d&e' 'X-Ours: word' 'Host: 127.0.0.1:80'
    check "$name: down" down $name
    check "$name: up" up $name
    check "$name: up, in chunks of unknown number" in_chunks $name
    check "$name: without a body" eval "ask $name /file -I | grep -qi '^http.* 200'"
    check "$name: sixteen at a time" sixteen $name
done
for name in serve-1 proxy-1 serve-3 proxy-3; do
    check "$name: events, one by one" one_by_one $name
done
for name in proxy-1 serve-2 proxy-2 serve-3 proxy-3; do # the tunnel's own proxy lets it look whole
    check "$name: what breaks off does not look whole" breaks $name
done
for name in serve-1 proxy-1 serve-2 proxy-2; do
    check "$name: of two cookies the last" cookies $name b=2
done
for name in serve-3 proxy-3; do
    check "$name: two cookies" cookies $name 'a=1 b=2'
done
check "agent 3: who goes away is told" eval \
    'ask proxy-3 /events -N -m 0.2 >"$W/none"; until_true 10 said back-3 "^cancel [0-9]+ 1005$"'
check "agent 3: from the page as well" eval \
    'ask serve-3 /events -N -m 0.2 >"$W/none"; down serve-3'

# ---- WebSockets -------------------------------------------------------------------------------------

for v in 2 3; do
    check "agent $v: a WebSocket through proxy" eval \
        "until_true 20 connected socket-proxy-$v && $servers/upstream talk ws://127.0.0.1:805$v/s 50000 >'$W/talk' &&
        is \"\$(paste -sd, '$W/talk')\" 'wörd x,whole,closed 4001'"
    check "agent $v: a WebSocket through serve" eval \
        "until_true 20 said socket-page-$v ^listening && say socket-page-$v hello &&
        until_true 10 said socket-page-$v '^ws data 1 1 hello$' && say socket-page-$v bye &&
        until_true 10 said socket-page-$v '^ws close 1 4001 as asked$'"
done
check "agent 3: a message of many parts" eval \
    "$servers/upstream talk ws://127.0.0.1:8053/s 900000 | grep -q whole"

for name in page-1 back-1; do
    check "$name: pings are answered" until_true 10 said $name '^pong$'
done
for name in page-{1,2,3} back-{1,2,3} socket-page-{2,3} socket-back-{2,3}; do
    check "$name: found no fault" eval "not grep '^fault\|^skipped' '$W/$name.out' && not grep -A 20 ^Traceback '$W/$name.err'"
done
