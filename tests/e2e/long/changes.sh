#!/bin/bash
# A gigabyte (BYTES) through a pipe and a TCP stream through a tunnel, between the same two hosts, while their addresses
# change 50 times (CHANGES), at random on both sides, and the signaling server restarts 5 times: not one byte lost, no
# gap above 5 s, memory and descriptors as at the beginning. Not part of the ordinary run.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../world.sh"
need_tun

bytes=${BYTES:-1000000000} changes=${CHANGES:-50} each=${EACH:-8} # seconds between two
RANDOM=${SEED:-1}
lab up port-restricted port-restricted && lab stun
server
mkfifo "$W/stream"
# as fast as it takes for the changes to be over when it ends
pace='
import sys, time
rate, begin, n = float(sys.argv[1]), time.monotonic(), 0
while chunk := sys.stdin.buffer.read(65536):
    sys.stdout.buffer.write(chunk)
    n += len(chunk)
    time.sleep(max(0, begin + n / rate - time.monotonic()))
'
(trap - EXIT && noise "$bytes" | /usr/bin/python3 -c "$pace" $((bytes / (changes * each + 20))) >"$W/stream") &
end() { # NAME PLACE IN OUT COMMAND ARGS...
    mkdir -p "$W/$1.conf"
    # shellcheck disable=SC2016
    start "$1" "$2" bash -c 'in=$1 out=$2; shift 2; exec env XDG_CONFIG_HOME="$0" "$@" <"$in" >"$out"' "$W/$1.conf" \
        "$3" "$4" "$ADIT" "${@:5}" --signal $SIGNAL --stun $STUN --trust first
}
end b B /dev/null "$W/received" listen --id bob --mode bytes --once --ignore-dev adit0
end d B /dev/null /dev/null listen --id dora --mode tun --ifname adit0 --address $V4_B/24
must "they wait" eval 'until_true 10 told b "at the signaling server" && until_true 10 told d "at the signaling server"'
end a A "$W/stream" /dev/null connect bob --id alice --mode bytes --once --ignore-dev adit0
end c A /dev/null /dev/null connect dora --id carl --mode tun --ifname adit0 --address $V4_A/24
must "both pairs meet" eval 'until_true 15 connected a b c d && until_true 5 lab in A ping -q -c 1 -W 1 $V4_B'

start iperf B iperf3 -s
until_true 5 listening B 5201
start load A iperf3 -c $V4_B -b 5M -t $((changes * each + 20)) -i 0.5 -f k --forceflush
size() { stat -c %s "$W/received"; }
resident() { awk '/^VmRSS/ { print $2 }' "/proc/${PID[$1]}/status"; }
descriptors() { find "/proc/${PID[$1]}/fd" -type l | wc -l; }
# TENTHS: the longest time, in tenths of a second, in which the file did not grow; ends when told to
watch() {
    local last now idle=0 most=0
    last=$(size)
    until [ -e "$W/over" ]; do
        sleep 0.1
        now=$(size)
        if [ "$now" -gt "$last" ]; then last=$now idle=0; else idle=$((idle + 1)); fi
        [ $idle -le $most ] || most=$idle
        echo $most >"$W/idle"
    done
}
(trap - EXIT && watch) &
declare -A before files
for ((i = 1; i <= changes; i++)); do
    sleep "$each"
    places=(A B RA RB)
    lab change-ip "${places[RANDOM % 4]}"
    [ $((RANDOM % 4)) -gt 0 ] || lab change-ip "${places[RANDOM % 4]}" # two at once
    if [ $((i % (changes / 5))) = 0 ]; then
        stop server
        server
    fi
    if [ $i = $((changes / 5)) ]; then
        for n in a b c d; do before[$n]=$(resident $n) files[$n]=$(descriptors $n); done
    fi
done
sleep 5
: >"$W/over"
for n in a b c d; do
    echo "# $n: ${before[$n]} KiB and ${files[$n]} descriptors, then $(resident $n) and $(descriptors $n)"
    check "$n: memory is flat" within "$(resident $n)" 1 $((${before[$n]} * 110 / 100 + 1024))
    check "$n: so are its descriptors" within "$(descriptors $n)" 1 $((${files[$n]} + 2)) # one or two are signaling's
done
echo "# the longest gap of the pipe: $(($(cat "$W/idle") * 100)) ms"
check "no gap above 5 s in the pipe" within "$(cat "$W/idle")" 0 50
check "the stream ends well" eval 'ends a 60 0 && ends b 20 0'
check "and all of it has come" is "$(noise "$bytes" | sha256sum)" "$(sha256sum <"$W/received")"
check "by one connection" is "$(grep -c '^adit: connected in' "$W/a.err")" 1
check "the tunnel's stream ends well" ends load 60 0
gap=$(awk '/ sec / && /Kbits/ { if ($7 + 0 == 0) n++; else n = 0; if (n > m) m = n } END { print m + 0 }' "$W/load.out")
echo "# the longest gap in the tunnel: $((gap * 500)) ms"
check "no gap above 5 s there" within "$gap" 0 10
check "by one connection" is "$(grep -c '^adit: connected in' "$W/c.err")" 1
