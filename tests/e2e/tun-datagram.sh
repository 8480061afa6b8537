#!/bin/bash
# The two carriers of packets: datagrams beside the channel where both sides take them, the channel
# otherwise and on request, in every spelling of a description; nobody else is told of them.
. "$(dirname "$0")/lib.sh"
need_tun

A="--mode tun --ifname adit0 --address $V4_A/24 --address $V6_A/64"
B="--mode tun --ifname adit0 --address $V4_B/24 --address $V6_B/64"

# CARRIER OFFER-ARGS ANSWER-ARGS: which one it becomes, and that packets pass
pair() {
    # shellcheck disable=SC2086
    offer $A $2
    # shellcheck disable=SC2086
    answer $B $3
    meet && until_true 5 lab in A ping -q -c 1 -W 1 $V4_B || return
    told a "carrier $1" && told b "carrier $1" && flood A $V4_B 200 && flood B $V6_A 200 || return
    kill -USR1 "${PID[a]}" && until_true 5 told a 'sent [0-9]+ packets' || return
    case $1 in
    datagram) told a 'messages: 0 sent' && told a 'packets beside the channel: [4-9][0-9]{2} sent' ;;
    channel) told a 'messages: [4-9][0-9]{2} sent' && ! told a 'beside the channel: [1-9]' ;;
    esac
}
again() { stop a b; }

must "the lab stands" lab up port-restricted port-restricted
lab stun
check "both take datagrams" pair datagram "" ""
# 20 MB/s with nobody to slow it down, for a moment: what has no room is dropped, nothing grows
rss() { awk '/VmRSS/ { print $2 }' "/proc/${PID[a]}/status"; }
before=$(rss)
lab in A timeout 20 iperf3 -v >/dev/null && {
    start iperf B iperf3 -s -1
    until_true 5 listening B 5201
    check "a flood of UDP that does not fit" lab in A timeout 20 iperf3 -c $V4_B -u -b 4G -l 1100 -t 2
    sanitized || check "takes no memory" within "$(rss)" 0 $((before + 4096))
    check "and the tunnel goes on" until_true 5 lab in A ping -q -c 1 -W 1 $V4_B
}
again
check "as SDP" pair datagram "--as sdp" ""
check "the attribute is there" grep -q '^a=adit-datagram:1' "$W/a.out"
check "in the answer too" grep -q '^a=adit-datagram:1' "$W/b.out"
again
check "as JSON" pair datagram "--as json" ""
again
check "the offerer wants the channel" pair channel "--carrier channel" ""
again
check "the answerer does" pair channel "" "--carrier channel"
again
check "one of them, as SDP" pair channel "--as sdp --carrier channel" ""
check "which does not say it" not grep -q adit-datagram "$W/a.out"
again
check "Ethernet frames as well" pair datagram "--mode tap" "--mode tap"
again
offer --as sdp
must "words for somebody without packets" until_true 5 ready a
check "say nothing of them" not grep -q adit-datagram "$W/a.out"
stop a

# ---- by name, and what the running program says of it -------------------------------------------------

unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
export XDG_RUNTIME_DIR=$W
side() { # NAME PLACE COMMAND ARGS...
    mkdir -p "$W/$1.conf"
    start "$1" "$2" env XDG_CONFIG_HOME="$W/$1.conf" "$ADIT" "$3" --signal ws://203.0.113.1:8000 --id "$1" \
        --stun $STUN --trust first --mode tun --ifname adit0 "${@:4}"
}
start server PUB "$ADIT" signal --listen 203.0.113.1:8000 --anonymous
must "the signaling server runs" until_true 10 listening PUB 8000
side a A listen --address $V4_A/24
must "a waits" until_true 10 told a 'at the signaling server'
# CARRIER ARGS...
by_name() {
    side b B connect a --address $V4_B/24 "${@:2}"
    until_true 15 lab in B ping -q -c 1 -W 1 $V4_A || return
    "$ADIT" status | grep -q "^    carrier   $1\$" || return
    "$ADIT" status --json | grep -q "\"carrier\": *\"$1\""
}
check "by name: datagrams" by_name datagram
stop b
check "the next one has the channel" by_name channel --carrier channel
stop b
check "and the next one datagrams again" by_name datagram
