#!/bin/bash
# ICE by TCP (RFC 6544): whoever can be called by TCP is reached from networks without UDP.
#
#   A  behind a router that lets out no UDP, or nothing but TCP to 80 and 443
#   B  behind a firewall without UDP and with one open port, 443; or with none
. "$(dirname "$0")/lib.sh"
need_tun

again() { # LAB...
    stop a b
    [ ! -e /run/lab ] || lab down
    lab up "$@"
}
rules() { # ROUTER RULE...: what passes it is asked these first; without any: they are taken back
    lab in "$1" nft delete table inet e2e 2>/dev/null
    [ $# -gt 1 ] || return 0
    lab in "$1" nft "table inet e2e { chain forward { type filter hook forward priority -10; $2; }; }"
}
open_443() { # ROUTER: the one port that its firewall lets in
    lab in "$1" nft insert rule ip nat forward iifname wan0 tcp dport 443 accept
}
pair() { # ARGS of a -- ARGS of b: SDP, for tickets do not tell of TCP
    local a=()
    while [ "$1" != -- ]; do a+=("$1") && shift; done
    shift
    start a A "$ADIT" offer --as sdp --timeout 30 "${a[@]}" # no STUN: it would be waited for
    start b B "$ADIT" answer --timeout 30 "$@"
    meet 15
}
by_tcp() { told a '^adit: (connected|now).* TCP' && told b '^adit: (connected|now).* TCP'; }
through() { lab in A ping -q -c 1 -W 1 $V4_B; }
gone() { ! ports | grep -qx "$1"; } # PORT
# The local ports of the connections that there are
ports() { lab in A ss -Htn state established "( dport = :443 )" | awk '{ sub(".*:", "", $3); print $3 }'; }
TUN_A=(--mode tun --ifname adit0 --address $V4_A/24)
TUN_B=(--mode tun --ifname adit0 --address $V4_B/24)

must "a laboratory" again udp-blocked firewall
open_443 RB
must "no UDP at one side, an open TCP port at the other: they meet" \
    pair --mode check -- --mode echo --tcp-port 443
check "by TCP" by_tcp
check "and the series comes back" ends a 40 0

must "nothing but the web at one side, no UDP at the other" again port-restricted firewall
rules RA 'iifname lan0 meta l4proto udp drop; iifname lan0 tcp dport != { 80, 443 } drop'
rules RB 'meta l4proto udp drop'
open_443 RB
must "they meet, each of them offering both ways" \
    pair --tcp-port 5000-5009 --ice-tcp on "${TUN_A[@]}" -- --tcp-port 443 --ice-tcp on "${TUN_B[@]}"
check "by TCP, too" by_tcp
b=$(lab in B ip -4 -o addr show scope global dev eth0 | awk '{ sub("/.*", "", $4); print $4 }')
start silent B bash -c "cat </dev/tcp/$b/443"
start loud B bash -c "exec 3<>/dev/tcp/$b/443; echo GET / >&3; cat <&3"
check "a ping passes" until_true 5 through
check "a flood, A to B" flood A $V4_B 300
check "a flood, B to A" flood B $V4_A 300

port=$(ports)
check "there is one connection" is "$(ports | wc -l)" 1
rules RA "tcp dport 443 reject with tcp reset; tcp sport 443 reject with tcp reset"
lab in A ping -q -c 3 -i 0.2 -W 1 $V4_B >/dev/null
check "it is reset" until_true 10 gone "$port"
rules RA 'iifname lan0 meta l4proto udp drop; iifname lan0 tcp dport != { 80, 443 } drop'
check "and there is another one, over which pings pass" until_true 10 through
check "from another port" not is "$(ports)" "$port"

check "who called and said nothing was thrown out" ends silent 10 0 1
check "and who spoke of something else" ends loud 1 0 1

must "a firewall without UDP and without an open port at both sides" again firewall firewall
rules RA 'meta l4proto udp drop'
rules RB 'meta l4proto udp drop'
must "simultaneous-open: they meet" pair --mode check --ice-tcp on -- --mode echo --ice-tcp on
check "by TCP, as well" by_tcp
check "and the series comes back, as well" ends a 40 0
