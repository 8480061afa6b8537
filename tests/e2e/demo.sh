#!/bin/bash
# demo - `make demo`: two hosts behind two NAT routers pair by tickets and use a VPN. A few seconds;
# everything happens in namespaces that go away with this script, ^C or not.
#
#   A 192.168.1.2 -- RA 203.0.113.10 --+-- RB 203.0.113.20 -- B 192.168.2.2
#                                      +-- STUN 203.0.113.1
here=$(dirname "$(readlink -f "$0")")
if [ -z "${NEST:-}" ] && ! why=$("$here/../lab/nest" -t 2>&1); then
    echo "demo: it needs root, or a kernel where anybody may make a user namespace: $why" >&2
    exit 77
fi
if [ -z "${NEST:-}" ] && [ -n "${ADIT:-}" ] && ! [ -x "$ADIT" ]; then
    echo "demo: there is no program $ADIT" >&2
    exit 1
fi
. "$here/lib.sh"
trap - EXIT # no TAP here
MB=${DEMO_MB:-200}

bold() { if [ -t 1 ]; then printf '\033[1m%s\033[0m\n' "$*"; else echo "$*"; fi; }
step() { echo && bold "$*"; }
give_up() {
    echo "demo: $*" >&2
    tail -n 5 "$W"/*.err >&2
    exit 1
}
table=()
figure() { # WHAT VALUE
    echo "   $1: $2"
    table+=("$1" "$2")
}
ms() { date +%s%3N; }
mbits() { # FROM TO: what iperf3's JSON says arrived
    python3 -c '
import json, sys
print("%.0f Mbit/s" % (json.load(sys.stdin)["end"]["sum_received"]["bits_per_second"] / 1e6))'
}

step "Two hosts, each behind a NAT router that lets in only what was asked for, and a STUN server"
lab up port-restricted port-restricted && lab stun || exit 1
cat <<'T'
   A 192.168.1.2 ── RA 203.0.113.10 ──┬── RB 203.0.113.20 ── B 192.168.2.2
                                      └── STUN 203.0.113.1
T

tun=yes
ip tuntap add mode tun name probe 2>"$W/why" || tun=
if [ $tun ]; then
    ip link del probe
    A=(offer --mode tun --ifname adit0 --address $V4_A/24 --address $V6_A/64)
    B=(answer --mode tun --ifname adit0 --address $V4_B/24 --address $V6_B/64)
    start a A "$ADIT" "${A[@]}" --stun $STUN
    start b B "$ADIT" "${B[@]}" --stun $STUN
else
    echo "   (no TUN device may be made here: $(head -n 1 "$W/why"). The file goes through a pipe instead.)"
    noise $((MB * 1000000)) >"$W/file"
    A=(offer --mode bytes) B=(answer --mode bytes)
    pipe a A "$W/file" /dev/null offer
    pipe b B /dev/null "$W/received" answer
fi

step "A offers:   adit ${A[*]} --stun $STUN"
until_true 10 ready a >/dev/null || give_up "no ticket from A"
echo "   $(line a)"
step "B answers:  adit ${B[*]} --stun $STUN"
echo "   and reads A's line, as if it had been pasted"
hand_over a b
until_true 10 ready b >/dev/null || give_up "no ticket from B"
echo "   $(line b)"
step "A reads B's line, and they connect, straight through both routers"
t0=$(ms)
hand_over b a
until_true 15 connected a b >/dev/null || give_up "they did not meet"
figure "from the pasted answer to the open channel" "$(($(ms) - t0)) ms at most"
sed -n '/^adit: connected/{s/^adit:/   A:/p;q}' "$W/a.err"

if [ $tun ]; then
    until_true 5 lab in A ping -q -c 1 -W 1 $V4_B || give_up "no ping"
    step "ping $V4_B, and $V6_B: 200 each"
    for to in $V4_B $V6_B; do
        out=$(lab in A ping -q -i 0.01 -c 200 -W 2 "$to") || give_up "ping: $out"
        figure "ping $to" "$(sed -nE 's/.* ([0-9.]+%) packet loss.*/\1 loss/p; s|^rtt [^=]*= ([0-9.]+)/([0-9.]+)/.*|, \2 ms|p' <<<"$out" | tr -d '\n')"
        grep -q ' 0% packet loss' <<<"$out" || give_up "pings were lost"
    done

    step "iperf3, three seconds each way"
    start iperf B iperf3 -s
    until_true 5 listening B 5201
    figure "iperf3, A to B" "$(lab in A timeout 30 iperf3 -J -t 3 -c $V4_B | mbits)"
    sleep 0.5
    figure "iperf3, B to A" "$(lab in A timeout 30 iperf3 -J -t 3 -R -c $V4_B | mbits)"
    stop iperf

    step "A file of $MB MB, by curl from B's web server through the tunnel"
    noise $((MB * 1000000)) >"$W/file"
    start server B python3 -m http.server --directory "$W" 8000
    until_true 10 listening B 8000
    progress=-sS
    [ ! -t 2 ] || progress=-#
    t0=$(ms)
    got=$(lab in A timeout 300 curl -f $progress http://$V4_B:8000/file | sha256sum)
    t1=$(ms)
else
    step "A file of $MB MB, through the pipe"
    t0=$(ms)
    until_true 300 ended b
    t1=$(ms)
    got=$(sha256sum <"$W/received")
fi
want=$(sha256sum <"$W/file")
[ "$got" = "$want" ] || give_up "the file came out different: ${got%% *}, not ${want%% *}"
figure "$MB MB file" "$(((t1 - t0 + 50) / 100))00 ms, $((MB * 8000 / (t1 - t0 + 1))) Mbit/s"
figure "its SHA-256, both ends" "${got:0:16}..., equal"

echo
bold "  what                                          figure"
for ((i = 0; i < ${#table[@]}; i += 2)); do printf '  %-44s  %s\n' "${table[i]}" "${table[i + 1]}"; done
cat <<T

The same between two real machines (as root, or with the right that adit names when it lacks it):

  one:    adit offer  --mode tun --address $V4_A/24 --stun HOST:PORT
  other:  adit answer --mode tun --address $V4_B/24 --stun HOST:PORT
  paste the line that each prints into the other, then on the first:  ping $V4_B

Everything of the demo is gone now: namespaces, routers, devices, files.
T
