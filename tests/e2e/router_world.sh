# router_world.sh - a laboratory in which A's router runs miniupnpd; to be sourced after lib.sh.
# shellcheck shell=bash disable=SC2034
PATH=$PATH:/usr/sbin
command -v miniupnpd >/dev/null || skip_all "miniupnpd is not installed"

OUTSIDE=11.0.0.10 # miniupnpd opens nothing on an address of a documentation network

laboratory() { # KIND_A KIND_B
    stop a b router
    [ ! -e /run/lab ] || lab down
    lab up "$@" && lab stun || return
    lab in RA ip addr add $OUTSIDE/32 dev wan0
    lab in RB ip route add $OUTSIDE via 203.0.113.10
    forget
}
forget() { # all that is open
    lab in RA nft -f - <<'N'
table inet upnp
delete table inet upnp
table inet upnp {
  chain forward { type filter hook forward priority 0; jump in; }
  chain pre { type nat hook prerouting priority -110; jump to; }
  chain post { type nat hook postrouting priority 90; jump from; }
  chain in { }
  chain to { }
  chain from { }
}
N
}
router() { # natpmp|upnp: it speaks PCP and NAT-PMP, or UPnP alone
    cat >"$W/router.conf" <<C
ext_ifname=wan0
ext_ip=$OUTSIDE
listening_ip=lan0
enable_natpmp=$([ "$1" = natpmp ] && echo yes || echo no)
enable_upnp=$([ "$1" = upnp ] && echo yes || echo no)
secure_mode=yes
http_port=5000
uuid=00000000-0000-0000-0000-000000000001
system_uptime=no
upnp_table_name=upnp
upnp_nat_table_name=upnp
upnp_forward_chain=in
upnp_nat_chain=to
upnp_nat_postrouting_chain=from
allow 1024-65535 192.168.1.0/24 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
C
    stop router
    start router RA miniupnpd -d -f "$W/router.conf" -P "$W/router.pid"
    until_true 5 told router "$([ "$1" = natpmp ] && echo 'Listening for NAT-PMP' || echo 'HTTP listening')"
}
opened() {
    lab in RA nft list chain inet upnp to | grep -q 'dnat ip to 192.168.1.2'
}
goes_well() { # NAME: it is asked to end, and does
    kill -TERM "${PID[$1]}"
    ends "$1" 10 0 1
}
