#!/bin/bash
# -L -R -D -W -U between two hosts behind NATs, to real services, and nothing that was not permitted.
#
#   redis-cli, dig, ssh, curl (B) = connect (B) == NAT == NAT == listen (A) = redis, dnsmasq, sshd, nginx (A)
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/world.sh"
need nginx curl
"$ADIT" help connect | grep -q -- ' -L' || skip_all "this adit has no -L"

lab up port-restricted port-restricted && lab stun
export XDG_CONFIG_HOME=$W/stdio.conf
gate() { side gate A listen --id gate "$@"; }
call() { # NAME ARGS...: a caller of that name
    side "$1" B connect gate --id "$1" "${@:2}"
}
web A
must "nginx and its world run" until_true 20 web_up A
must "the signaling server runs" server
gate --permit 127.0.0.1:$WEB --permit 127.0.0.1:$REDIS --permit 127.0.0.1:$SSH --permit udp:127.0.0.1:$DNS \
    --permit unix:"$W/far.sock" --permit listen:7000
must "the far side waits" until_true 10 told gate 'at the signaling server'

# ---- several at once ----------------------------------------------------------------------------------

call many -L 6000:127.0.0.1:$REDIS -L 6001:127.0.0.1:$WEB -L 6002:127.0.0.1:1 -L "$W/near.sock:$W/far.sock" \
    -D 1080 -U 5300:127.0.0.1:$DNS -R 7000:127.0.0.1:6500
get() { lab in B curl -sS -m 30 "$@"; }
code() { get -o /dev/null -w '%{http_code}' "$@"; }
must "they meet" until_true 20 eval 'is "$(code http://127.0.0.1:6001/small)" 200'
check "-L: a file" cmp <(get http://127.0.0.1:6001/1m) "$W/web/root/1m"
check "-L: by IPv6 on this side" is "$(get "http://[::1]:6001/small")" hello
check "-L: what is not permitted is not reached" not get http://127.0.0.1:6002/

if has redis-server && has redis-cli; then
    redis_at A
    until_true 10 listening A $REDIS
    check "-L: redis, set" is "$(redis B 6000 set word there)" OK
    check "-L: redis, get at the other side" is "$(redis A $REDIS get word)" there
    noise 3000000 | base64 -w 0 >"$W/value"
    check "-L: redis, 4 MB in" is "$(lab in B redis-cli -h 127.0.0.1 -p 6000 -x set large <"$W/value")" OK
    check "-L: redis, 4 MB out" is "$(redis B 6000 get large | tr -d '\n' | sha256sum)" "$(sha256sum <"$W/value")"
    check "-L: redis, 1000 requests in a row" eval \
        '[ "$(yes "incr n" | head -n 1000 | lab in B redis-cli -h 127.0.0.1 -p 6000 | tail -n 1)" = 1000 ]'
else
    skip "-L: redis" "redis-server is not installed"
fi

# a Unix socket at both ends; each direction ends by itself
start unix A python3 -c '
import hashlib, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
while True:
    c, _ = s.accept()
    h = hashlib.sha256()
    while b := c.recv(65536):
        h.update(b)
    c.sendall(h.hexdigest().encode())
    c.close()
' "$W/far.sock"
until_true 10 test -S "$W/far.sock"
noise 5000000 >"$W/data"
check "-L: Unix sockets, half-closed" is "$(lab in B python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(sys.stdin.buffer.read())
s.shutdown(socket.SHUT_WR)
print(b"".join(iter(lambda: s.recv(65536), b"")).decode())
' "$W/near.sock" <"$W/data")" "$(sum_of "$W/data")"

mkdir -p "$W/near" && noise 2000000 >"$W/near/file"
start near B python3 -m http.server --bind 127.0.0.1 --directory "$W/near" 6500
until_true 10 listening B 6500
check "-R: the far side listens" until_true 10 listening A 7000
check "-R: and is led here" cmp <(lab in A curl -sS -m 30 http://127.0.0.1:7000/file) "$W/near/file"

# ---- SOCKS ----------------------------------------------------------------------------------------------

socks() { get --socks5-hostname 127.0.0.1:1080 "$@"; }
check "-D: an address" cmp <(socks http://127.0.0.1:$WEB/1m) "$W/web/root/1m"
check "-D: what is not permitted" not socks http://127.0.0.1:1/
check "-D: a name that only the far side could know, and that is not permitted" not socks http://nowhere.test:$WEB/
at_once() { # N CMD...: all of them succeed
    local i p bad=0 pids=()
    for ((i = 0; i < $1; i++)); do "${@:2}" & pids+=($!); done
    for p in "${pids[@]}"; do wait "$p" || bad=1; done
    return $bad
}
by_socks() { socks http://127.0.0.1:$WEB/1m | cmp - "$W/web/root/1m"; }
check "-D: sixteen at a time" at_once 16 by_socks

# ---- UDP ------------------------------------------------------------------------------------------------

if has dnsmasq && has dig; then
    dns_at A
    until_true 10 dig_at A $DNS one.example A
    check "-U: a name" is "$(dig_at B 5300 one.example A)" 192.0.2.7
    check "-U: an answer of more than 1000 bytes, whole" is \
        "$(dig_at B 5300 long.example TXT +bufsize=4096 +ignore)" "$(dig_at A $DNS long.example TXT +bufsize=4096 +ignore)"
    by_name() { is "$(dig_at B 5300 one.example A)" 192.0.2.7; }
    check "-U: fifty at a time" at_once 50 by_name
else
    skip "-U: DNS" "dnsmasq or dig is not installed"
fi

# ---- ssh ------------------------------------------------------------------------------------------------

if ! has sshd || ! has ssh; then
    skip "ssh" "ssh or sshd is not installed"
elif [ "$NEST" = user ]; then
    skip "ssh" "sshd wants to be root"
else
    must "sshd runs" eval 'sshd_at A && until_true 10 listening A $SSH'
    carry="env XDG_CONFIG_HOME=$W/w.conf $ADIT connect gate --id w --signal $SIGNAL --stun $STUN --trust first -W 127.0.0.1:$SSH"
    through_w() { lab in B timeout 60 ssh "${SSH_ARGS[@]}" -o ProxyCommand="$carry" tester "$@"; }
    check "-W as ssh's ProxyCommand: a word" is "$(through_w echo there)" there
    check "-W: the exit code" eval 'through_w exit 7; [ $? = 7 ]'
    check "-W: 5 MB in and out" is "$(through_w cat <"$W/data" | sha256sum | cut -d' ' -f1)" "$(sum_of "$W/data")"
    check "-L through ssh's own, within -W" eval '
        start inner B ssh "${SSH_ARGS[@]}" -o ProxyCommand="$carry" -N -L 6100:127.0.0.1:$WEB tester
        until_true 20 listening B 6100 && cmp <(get http://127.0.0.1:6100/1m) "$W/web/root/1m"'
    stop inner
fi

# ---- ends -----------------------------------------------------------------------------------------------

# the far side goes: connections end, listening stays, and both work again when it is back
start open B python3 -c '
import socket
s = socket.create_connection(("127.0.0.1", 6001))
print("open", flush=True)
try:
    s.recv(1)
except ConnectionError:
    pass
' # nginx waits for a request
until_true 10 said open open
stop gate
check "the far side is gone: what was open ends" until_true 60 ended open
gate --permit 127.0.0.1:$WEB
check "it comes back, and so do the forwards" until_true 60 eval 'is "$(code http://127.0.0.1:6001/small)" 200'
check "what is no longer permitted" not socks http://127.0.0.1:$REDIS/
kill -TERM "${PID[many]}"
check "TERM ends it well" ends many 15 0
check "no socket is left" not listening B 6001
stop gate

gate
until_true 10 told gate 'at the signaling server'
call none -L 6001:127.0.0.1:$WEB
until_true 20 listening B 6001
check "without --permit nothing is reached" eval 'until_true 20 told none connected; not get http://127.0.0.1:6001/small'
