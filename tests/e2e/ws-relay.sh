#!/bin/bash
# Two networks that let no UDP through, one of them nothing but the web, and no TURN server: packets go
# through the signaling server, which is restarted in between; and where it does not relay, that is said.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/world.sh"
need_tun

lab up udp-blocked web-only && lab stun
SIGNAL=ws://203.0.113.1:80
at() { # ARGS...: the server
    start server PUB "$ADIT" signal --listen 203.0.113.1:80 --anonymous "$@"
    until_true 10 listening PUB 80
}
tun() { # NAME PLACE COMMAND ADDRESS ARGS...
    side "$1" "$2" "$3" --id "$1" --mode tun --ifname adit0 --address "$4/24" "${@:5}"
}
pings() { lab in A ping -q -c 1 -W 1 $V4_B; }

must "a server that relays" at --ws-relay-rate 8192
side answers B listen --id answers --mode echo
side check A connect answers --id check --mode check
check "check passes, through the server" ends check 40 0
check "and says which way it went" told check 'connected in .*, through the signaling server'
check "the server says so too" told server 'packets of (check and answers|answers and check) go through this server'
stop check answers

tun b B listen $V4_B
tun a A connect $V4_A b
must "the tunnel comes up" until_true 10 pings
lab in B iperf3 -s -1 -D -I "$W/iperf.pid" >/dev/null
check "TCP goes through it" lab in A iperf3 -c $V4_B -n 300K
kill -KILL "${PID[server]}"
stop server
must "the server is killed, and comes back" at --ws-relay-rate 8192
check "and the same connection goes on" until_true 15 pings
check "nobody had to call again" is "$(grep -c 'connected with' "$W/a.err")" 1
stop a b server

must "a server that does not relay" at --ws-relay off
side answers B listen --id answers --mode echo
side check A connect answers --id check --mode check --timeout 3
check "no path: it ends with 4" ends check 15 4
check "and says what would help" told check 'what would help: .*TURN.*--ws-relay on'
