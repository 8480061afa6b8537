#!/bin/bash
# One way goes silent under traffic: nothing more is sent 30 s later (RFC 7675), from either side.
. "$(dirname "$0")/lib.sh"

lab up port-restricted port-restricted && lab stun
mkfifo "$W/stream"
(trap - EXIT && while :; do noise 20000; sleep 0.1; done >"$W/stream") &
pipe a A /dev/null "$W/received" offer
pipe b B "$W/stream" /dev/null answer
must "they meet, and data flows" eval 'meet && until_true 5 test -s $W/received'
hang_up a # nobody could paste a fresh line, so they end
hang_up b
# everything that leaves B's router by UDP, and is no connectivity check by its length
lab in RB nft -f - <<'N'
table ip watch {
  counter large { }
  chain out {
    type filter hook postrouting priority 0;
    oifname "wan0" meta l4proto udp udp length > 250 counter name large
  }
}
N
count() { lab in RB nft list counter ip watch "$1" | sed -n 's/.*packets \([0-9]*\).*/\1/p'; }
lab impair A up.loss=100
start_at=$SECONDS
until_true 30 ended b
sleep $((start_at + 31 - SECONDS > 0 ? start_at + 31 - SECONDS : 0))
data=$(count large)
check "data were sent while consent lasted" within "$data" 1 1000000
sleep 3
check "no data later than 30 s" is "$(count large)" "$data"
check "the sender ends, and not as if all were well" ends b 10 1 4
check "so does the other" ends a 10 1 4
