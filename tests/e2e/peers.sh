#!/bin/bash
# One listener, several callers over TUN or TAP at once: a section of the configuration file for each, with its own
# device, routes, sources and certificate. alice is A, bob B, carol the public host.
. "$(dirname "$0")/lib.sh"
need_tun

lab up port-restricted port-restricted && lab stun
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
export XDG_RUNTIME_DIR=$W
HERE=(listen) THERE=(connect alice) MODE=tun NET_BOB=10.81.0.0/24 NET_CAROL=10.82.0.0/24

file() { # TRUST CAROL'S-FINGERPRINT: alice's configuration
    cat >"$W/alice.json" <<END
{
  "agent_id": "alice", "signaling_url": "ws://203.0.113.1:8000", "ice_servers": [{ "urls": "stun:$STUN" }],
  "mode": "$MODE", "mtu": 1300, "trust": "$1",
  "peers": {
    "bob": { "ifname": "tobob", "address": ["10.77.1.1/30"], "route": ["$NET_BOB"] },
    "carol": { "ifname": "tocarol", "address": "10.77.2.1/30", "route": "$NET_CAROL", "mtu": 1400 ${2:-} }
  }
}
END
}
alice() { # ARGS...
    mkdir -p "$W/alice.conf"
    start alice A env XDG_CONFIG_HOME="$W/alice.conf" "$ADIT" "${HERE[@]}" --config "$W/alice.json" "$@"
}
caller() { # NAME PLACE ARGS...
    mkdir -p "$W/$1.conf"
    start "$1" "$2" env XDG_CONFIG_HOME="$W/$1.conf" "$ADIT" "${THERE[@]}" --signal ws://203.0.113.1:8000 \
        --id "$1" --stun $STUN --trust first --mode $MODE --ifname adit0 "${@:3}"
}
bob() { caller bob B --address 10.77.1.2/30 --route 10.82.0.0/24 --allowed-ips 10.0.0.0/8; }
carol() { caller carol PUB --address 10.77.2.2/30; }
pings() { lab in "$1" ping -q -c 1 -W 1 -I "$2" "$3"; } # PLACE SOURCE TARGET
routed() { lab in A ip route | grep -q "^$1 dev $2"; }
device() { lab in A ip link show dev "$1"; }
received() { lab in A cat "/sys/class/net/$1/statistics/rx_packets"; }

start server PUB "$ADIT" signal --listen 203.0.113.1:8000 --anonymous
must "the signaling server runs" until_true 10 listening PUB 8000

# ---- both at once -----------------------------------------------------------------------------------

file first
alice
must "alice waits" until_true 10 told alice 'at the signaling server'
check "each has a device before anybody calls" eval 'device tobob && device tocarol'
check "what a section says counts more than what is said of all" eval \
    'is "$(lab in A cat /sys/class/net/tobob/mtu /sys/class/net/tocarol/mtu | tr "\n" " ")" "1300 1400 "'
bob
check "bob: a ping" until_true 20 pings B 10.77.1.2 10.77.1.1
check "bob: his route, and nobody else's" eval 'routed $NET_BOB tobob && ! routed $NET_CAROL tocarol'
carol
check "carol: a ping" until_true 20 pings PUB 10.77.2.2 10.77.2.1
check "carol: both have their routes now" eval 'routed $NET_BOB tobob && routed $NET_CAROL tocarol'
check "bob: still there" pings B 10.77.1.2 10.77.1.1
caller dave B --ifname dave0 --exit-on-failure
check "dave: has no section, and is refused" until_true 10 told alice 'dave.*has no section for it under peers:'
stop dave

# ---- whose source ------------------------------------------------------------------------------------

lab in B ip addr add 10.81.0.1/32 dev lo
lab in B ip addr add 10.82.0.1/32 dev lo
check "bob: speaks for his network" until_true 5 pings B 10.81.0.1 10.77.1.1
before=$(received tobob)
check "bob: not for carol's" not pings B 10.82.0.1 10.77.1.1
check "bob: nothing of it came out" eval 'is "$(received tobob)" $before'

# ---- routes follow, devices stay --------------------------------------------------------------------

kill -TERM "${PID[bob]}"
must "bob leaves" ends bob 10 0
check "bob: his route goes, his device stays" eval 'until_true 5 not routed $NET_BOB tobob && device tobob'
check "carol: does not notice" eval 'routed $NET_CAROL tocarol && pings PUB 10.77.2.2 10.77.2.1'
stop bob
bob
check "bob: is back, and his route" eval 'until_true 20 pings B 10.77.1.2 10.77.1.1 && routed $NET_BOB tobob'
known=$(sed -n 's/^carol //p' "$W/alice.conf/adit/known_peers")
kill -TERM "${PID[alice]}"
check "alice ends, and both devices" eval 'ends alice 15 0 && not device tobob && not device tocarol'
stop alice bob carol

# ---- whose certificate -------------------------------------------------------------------------------

rm "$W/alice.conf/adit/known_peers"
file ask ", \"fingerprint\": [\"$known\"]"
alice
until_true 10 told alice 'at the signaling server'
carol
check "carol: her fingerprint lets her in, nobody is asked" until_true 20 pings PUB 10.77.2.2 10.77.2.1
bob
check "bob: has none there, and is not known" until_true 15 told alice 'bob is refused: it is not known'
stop alice bob carol
file first ", \"fingerprint\": [\"sha-256 $(printf 'AB:%.0s' {1..31})AB\"]"
alice
until_true 10 told alice 'at the signaling server'
carol
check "carol: another certificate than the section's is refused" until_true 15 \
    told alice 'carol is refused: its certificate has not the fingerprint that was given'
stop alice carol

# ---- frames as well -------------------------------------------------------------------------------------

MODE=tap
file first
alice
until_true 10 told alice 'at the signaling server'
bob
carol
check "tap: both, each on a device of its own" eval \
    'until_true 20 pings B 10.77.1.2 10.77.1.1 && until_true 20 pings PUB 10.77.2.2 10.77.2.1 && pings B 10.77.1.2 10.77.1.1'
check "tap: with the routes of both" eval 'routed $NET_BOB tobob && routed $NET_CAROL tocarol'
stop alice bob carol

# ---- and the other way round ---------------------------------------------------------------------------

HERE=(connect bob carol) THERE=(listen) MODE=tun
file first
bob
carol
until_true 10 told bob 'at the signaling server' && until_true 10 told carol 'at the signaling server'
alice
check "connect: both, each on a device of its own" eval \
    'until_true 20 pings B 10.77.1.2 10.77.1.1 && until_true 20 pings PUB 10.77.2.2 10.77.2.1 && pings B 10.77.1.2 10.77.1.1'
kill -TERM "${PID[bob]}"
check "connect: one leaves, the other does not notice" eval \
    'until_true 10 not routed $NET_BOB tobob && pings PUB 10.77.2.2 10.77.2.1'
stop alice bob carol
HERE=(listen)

# ---- what cannot work is told at the start ------------------------------------------------------------

sed -i 's/tocarol/tobob/' "$W/alice.json"
alice
check "one name for two devices: told with file and line" eval \
    'ends alice 10 2 && told alice "alice.json:6: ifname tobob: the device of bob has this name already"'
sed -i "s|10.77.1.1/30|10.77.1.1/33|" "$W/alice.json"
alice
check "a wrong address too" eval 'ends alice 10 2 && told alice "alice.json:5: address 10.77.1.1/33: give an address and"'
