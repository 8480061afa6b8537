#!/bin/bash
# A gigabyte down and up through serve and proxy (less with sanitizers, and with the static program); a reader that stalls meanwhile costs nobody memory or time.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/world.sh"
need nginx curl
knows serve proxy

lab up port-restricted port-restricted && lab stun
BASE=http://127.0.0.1:9000
SIZE=1000000000
! sanitized || SIZE=50000000
[ "${ADIT##*/}" != adit-static ] || SIZE=200000000
get() { lab in B curl -sS "$@"; }
tunnel_up() { [ "$(get -o /dev/null -w '%{http_code}' $BASE/small)" = 200 ]; }

web A
sparse $SIZE "$W/web/root/large"
sum=$(sum_of "$W/web/root/large")
must "nginx and its world run" until_true 20 web_up A
must "the signaling server runs" server
side serve A serve --room web --upstream http://127.0.0.1:$WEB
side proxy B proxy --room web --listen 127.0.0.1:9000
must "the tunnel comes up" until_true 30 tunnel_up

# somebody asks for all of it and reads none
mkfifo "$W/stalled"
start stalled B bash -c 'exec curl -sS -N "$1" >"$2"' - $BASE/large "$W/stalled"
exec {reader}<>"$W/stalled"
full() { # a pipe is full when curl has no more of it to write, twenty looks long
    local at
    at=$(awk '/^wchar/ { print $2 }' "/proc/${PID[stalled]}/io" 2>/dev/null) && [ "$at" -gt 0 ] || return
    still=$((at == before ? still + 1 : 0)) before=$at
    [ $still -ge 20 ]
}
still=0 before=0
check "a reader stalls" until_true 30 full

check "down, whole" is "$(get $BASE/large | sha256sum | cut -d' ' -f1)" "$sum"
check "up, whole" is "$(get -m 250 -T "$W/web/root/large" $BASE/py/sum)" "$SIZE $sum"
check "both at once, whole" eval '
    get $BASE/large | sha256sum >"$W/down.sum" & down=$!
    is "$(get -m 250 -T "$W/web/root/large" $BASE/py/sum)" "$SIZE $sum" && wait $down &&
        is "$(cut -d" " -f1 "$W/down.sum")" "$sum"'
if sanitized; then
    skip "memory" "not with sanitizers"
else
    # the most that each ever had, the stalled reader's bytes included
    most() { awk '/^VmHWM/ { print $2 }' "/proc/${PID[$1]}/status"; }
    check "memory: serve" within "$(most serve)" 100 32768
    check "memory: proxy" within "$(most proxy)" 100 32768
fi
check "the stalled one is still there" not ended stalled
check "small things go on" is "$(get $BASE/small)" hello
