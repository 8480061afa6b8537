#!/bin/bash
# iperf3 through the VPN: TCP and UDP, both families, both directions, fifty flows at once.
. "$(dirname "$0")/lib.sh"
need_tun

must "the VPN comes up" vpn
run() { # ARGS...: it runs to its end; a new server each time, because an old one may still be busy
    stop iperf
    start iperf B iperf3 -s -1
    until_true 5 listening B 5201
    lab in A timeout 30 iperf3 "$@" -J >"$W/result" || { grep error "$W/result" && false; }
}
received() { # BYTES at least
    python3 - "$W/result" "$1" <<'P'
import json, sys
end = json.load(open(sys.argv[1]))["end"]
got = end.get("sum_received", end.get("sum", {})).get("bytes", 0)
print(got, "bytes arrived of", sys.argv[2])
sys.exit(got < int(sys.argv[2]))
P
}
lost_at_most() { # PERCENT
    python3 - "$W/result" "$1" <<'P'
import json, sys
lost = json.load(open(sys.argv[1]))["end"]["sum"]["lost_percent"]
print("lost", lost, "%")
sys.exit(lost > float(sys.argv[2]))
P
}
for family in 4 6; do
    to=$V4_B
    [ $family = 4 ] || to=$V6_B
    for way in "" -R; do
        # shellcheck disable=SC2086
        check "TCP, IPv$family${way:+, the other way}" run -c $to -n 8M $way
        check "TCP, IPv$family${way:+, the other way}: all of it" received 8000000
    done
    check "UDP, IPv$family" run -c $to -u -b 8M -l 1100 -n 1M
    check "UDP, IPv$family: without loss" lost_at_most 0
done
check "fifty flows" run -c $V4_B -P 50 -n 20M
check "fifty flows: all of it" received 10000000
check "and still a ping" flood A $V4_B 100
