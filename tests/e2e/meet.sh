#!/bin/bash
# listen and connect over `adit signal`, through two NATs: every mode, who is trusted, and what is told.
. "$(dirname "$0")/lib.sh"

lab up port-restricted port-restricted && lab stun
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
URL=ws://203.0.113.1:8000
export XDG_RUNTIME_DIR=$W

server() {
    start server PUB "$ADIT" signal --listen 203.0.113.1:8000 --anonymous
    until_true 10 listening PUB 8000
}
# NAME PLACE COMMAND ARGS...: NAME is its name at the server, and it has an identity of its own
side() {
    mkdir -p "$W/$1.conf"
    start "$1" "$2" env XDG_CONFIG_HOME="$W/$1.conf" "$ADIT" "$3" --signal $URL --id "$1" --stun $STUN "${@:4}"
}
joined() { told "$1" 'at the signaling server'; }
both_up() { told "$1" "connected with $2" && told "$2" "connected with $1"; }
status() { "$ADIT" status "$@"; }
refused_status() { # PATTERN: it says so, and fails
    local said
    said=$(status 2>&1) && return 1
    grep -E -- "$1" <<<"$said"
}
must "the signaling server runs" server
check "status: says that no agent runs" refused_status 'no adit runs here: start one with'

# ---- modes ------------------------------------------------------------------------------------------

side alice A listen --trust first --events "$W/alice.events"
must "alice waits" until_true 10 joined alice
side bob B connect alice --trust first
check "chat: they meet through two NATs" until_true 15 both_up alice bob
say bob "from bob" && say alice "from alice"
check "chat: a word each way" eval 'until_true 5 said alice "^from bob$" && until_true 5 said bob "^from alice$"'
check "status: the peer and its path" eval 'status | grep -q "^    path      direct IPv4, "'
check "status: all of it, for programs" python3 -c '
import json, subprocess, sys
out = subprocess.run([sys.argv[1], "status", "--json"], check=True, capture_output=True, text=True).stdout
agents = {a["id"]: a for a in map(json.loads, out.splitlines())}
alice, peer = agents["alice"], agents["alice"]["peers"][0]
assert alice["version"] and alice["signaling"] == "joined" and alice["dialect"] == "agent", alice
assert peer["name"] == "bob" and peer["state"] == "connected" and peer["adit"] is True, peer
assert peer["path"] == "direct IPv4" and peer["rtt_ms"] > 0 and peer["channels"][0]["open"], peer
assert peer["sent_bit_s"] >= 0 and peer["received_bit_s"] >= 0, peer
' "$ADIT"
check "status: nobody else may ask" is "$(stat -c %a "$W"/adit/agent-*.sock | sort -u)" 600
side carol B connect alice --trust first
check "chat: alice serves two" until_true 15 both_up alice carol
say alice "to all"
check "chat: and both hear her" eval 'until_true 5 said bob "^to all$" && until_true 5 said carol "^to all$"'
hang_up bob
check "chat: the end of input ends connect, well" ends bob 10 0
check "chat: alice goes on" eval 'say carol "still here" && until_true 5 said alice "^still here$"'
check "events: states come as lines of JSON" \
    python3 -c '
import json, sys
seen = [json.loads(line) for line in open(sys.argv[1])]
assert [e["state"] for e in seen if e["event"] == "signaling"] == ["joined"], seen
bob = [e["state"] for e in seen if e["peer"] == "bob"]
assert bob[:3] == ["asking", "connecting", "connected"] and bob[-1] == "closed", bob
' "$W/alice.events"
kill -TERM "${PID[alice]}"
check "TERM ends listen well" ends alice 10 0
check "and connect with it" ends carol 15 0
stop alice bob carol

side alice A listen --trust first
side carol A listen --trust first
until_true 10 joined alice && until_true 10 joined carol
side bob B connect alice carol --trust first
check "connect: two are called" until_true 15 eval 'both_up alice bob && both_up carol bob'
say bob "to both"
check "connect: and both hear him" eval 'until_true 5 said alice "^to both$" && until_true 5 said carol "^to both$"'
kill -TERM "${PID[alice]}"
check "connect: one leaves, with the other it goes on" eval \
    'ends alice 10 0 && until_true 10 told bob "connection with alice is closed" && say carol "still here" &&
    until_true 5 said bob "^still here$"'
kill -TERM "${PID[carol]}"
check "connect: with the last one it ends" ends bob 15 0
stop alice bob carol

side alice A listen --trust first --mode json
until_true 10 joined alice
side bob B connect alice --trust first --mode json
until_true 15 both_up alice bob
say bob '{"a": 1}'
check "json: a document arrives" until_true 5 said alice '^\{"a":1\}$'
stop alice bob

head -c 3000000 /dev/urandom >"$W/data"
side alice A listen --trust first --mode bytes --once
until_true 10 joined alice
side bob B connect alice --trust first --mode bytes
until_true 15 both_up alice bob
cat "$W/data" >&"${IN[bob]}" && hang_up bob && hang_up alice
check "bytes: a pipe, whole" eval 'ends bob 20 0 && ends alice 20 0 && cmp "$W/data" "$W/alice.out"'
stop alice bob
side bob B connect alice carol --mode bytes
check "bytes: a pipe has one other end" eval 'ends bob 10 2 && told bob "this mode serves one peer at a time"'
stop bob

# ---- who is trusted ---------------------------------------------------------------------------------

side alice A listen --trust ask
until_true 10 joined alice
side dave B connect alice --exit-on-failure
check "a stranger is refused where nobody can be asked" until_true 15 told alice 'dave is refused: it is not known'
check "and how to let it in is said" told alice '--allow dave'
stop alice dave
side alice A listen --allow dave
until_true 10 joined alice
side dave B connect alice --trust first
check "a name that was allowed gets in" until_true 15 both_up alice dave
stop dave alice
side alice A listen --trust ask
until_true 10 joined alice
side dave B connect alice
check "who is known needs no permission any more" until_true 15 both_up alice dave
stop dave
rm "$W/dave.conf/adit/identity.pem"
side dave B connect alice --exit-on-failure
check "another certificate under a known name is refused" until_true 15 told alice 'another one than before'
check "with a warning" told alice 'may be pretending to be dave'
stop dave alice
at_terminal() { # NAME LINE: bob calls alice, whom he does not know, and types LINE when he is asked
    mkdir -p "$W/$1.conf"
    start "$1" B env XDG_CONFIG_HOME="$W/$1.conf" "$e2e/terminal.py" --expect "[y/N]" --type "$2" \
        "$ADIT" connect alice --signal $URL --id "$1" --stun $STUN --exit-on-failure
}
side alice A listen --trust any
until_true 10 joined alice
at_terminal gina yesterday
check "at a terminal one is asked, and only yes is yes" ends gina 20 3
at_terminal gina yes
check "who was said yes to is connected and known" eval \
    'until_true 15 told alice "connected with gina" && until_true 5 grep -q "^alice sha-256" "$W/gina.conf/adit/known_peers"'
stop gina alice
side frank A listen --trust any
until_true 10 joined frank
side erin B connect frank --trust first
until_true 15 both_up frank erin
stop frank erin
rm "$W/frank.conf/adit/identity.pem"
side frank A listen --trust any
until_true 10 joined frank
side erin B connect frank
check "connect ends with 3 when the other side has another certificate" ends erin 15 3
stop erin
side alice A listen --trust any
until_true 10 joined alice
side erin B connect frank alice --trust first
check "of two, the one with another certificate is refused" until_true 15 eval \
    'told erin "frank is refused" && both_up alice erin'
kill -TERM "${PID[alice]}"
check "and the exit code says so in the end" ends erin 15 3
stop frank erin alice
side frank A listen --trust any --max-peers 1
until_true 10 joined frank
theirs=$(status --json | grep -o 'sha-256 [0-9A-F:]*' | head -n 1)
side gus B connect frank --peer-fingerprint "sha-256 $(tr 0-9A-F 1-9A-F0 <<<"${theirs#* }")"
check "a fingerprint that was given, and another certificate: 3" ends gus 15 3
side gus B connect frank --peer-fingerprint "$theirs"
check "the right one: nobody is asked" until_true 15 both_up frank gus
side hal B connect frank --peer-fingerprint "$theirs"
check "more peers than are allowed: not answered, and told" until_true 15 told frank \
    'hal calls and is not answered: there are as many peers as are allowed'
stop frank gus hal

# ---- devices ----------------------------------------------------------------------------------------

if ip tuntap add mode tun name probe 2>/dev/null; then
    ip link del probe
    NET=10.88.0.0/16
    side alice A listen --trust first --mode tun --ifname adit0 --address $V4_A/24
    check "tun: the device is there before anybody calls" until_true 10 lab in A ip link show up dev adit0
    side bob B connect alice --trust first --mode tun --ifname adit0 --address $V4_B/24 --route $NET
    check "tun: a ping through the tunnel" until_true 15 lab in B ping -q -c 1 -W 1 $V4_A
    check "tun: a route of who is connected" eval 'lab in B ip route | grep -q "10.88.0.0/16 dev adit0"'
    kill -KILL "${PID[alice]}"
    stop alice
    check "tun: a peer that was killed is missed, the route goes, the device stays" eval \
        'until_true 45 told bob "the tunnel is down" && ! lab in B ip route | grep -q 10.88 && lab in B ip link show dev adit0'
    side alice A listen --trust first --mode tun --ifname adit0 --address $V4_A/24
    check "tun: it is found again when it is back" until_true 40 lab in B ping -q -c 1 -W 1 $V4_A
    check "tun: and so is the route" eval 'lab in B ip route | grep -q "10.88.0.0/16 dev adit0"'
    kill -TERM "${PID[bob]}"
    check "tun: TERM ends connect, and its device" eval 'ends bob 10 0 && ! lab in B ip link show dev adit0'
    stop alice bob
    side alice A listen --trust first --mode tap --ifname adit0 --address $V4_A/24
    until_true 10 joined alice
    side bob B connect alice --trust first --mode tap --ifname adit0 --address $V4_B/24
    check "tap: a ping through the tunnel" until_true 15 lab in B ping -q -c 1 -W 1 $V4_A
    stop alice bob
else
    skip "tun and tap" "no TUN device here"
fi
