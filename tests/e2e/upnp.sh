#!/bin/bash
# A router that opens ports by UPnP alone, for a program that was built with it (make UPNP=1): both
# NATs choose a new port for each address, and the two meet all the same. And routers that are odd,
# or lie.
[ ! -x "${BUILD:-}-upnp/adit" ] || ADIT=$BUILD-upnp/adit # as `make test` has it
. "$(dirname "$0")/lib.sh"
"$ADIT" version | grep -q UPnP || skip_all "built without UPNP=1"
. "$(dirname "$0")/router_world.sh"

asked() { # PATTERN: of the made-up router
    said router "$1"
}
odd() { # ARGS...: such a router
    stop a b router
    start router RA python3 "$e2e/igd.py" 192.168.1.1 "$@"
    until_true 5 asked '^ready'
}
reached() { # an offer, through it
    offer -v --as sdp --port-map on
    until_true 15 ready a
}
no_errand() {
    ! pgrep -P "${PID[a]}"
}
diagnosed() { # PYTHON: about what the router offers
    lab in A "$ADIT" diag --json --stun $STUN >"$W/json"
    python3 -c 'import json, sys
p = json.load(open(sys.argv[1]))["uplinks"][0]["port_mapping"]
assert eval(sys.argv[2]), p' "$W/json" "$1"
}

must "a laboratory" laboratory symmetric symmetric
must "a router that knows UPnP alone" router upnp
offer -v --as sdp --port-map on
answer -v --as sdp
must "both NATs are symmetric: they meet, and directly" meet 15
check "the description has what was opened" said a "$OUTSIDE [0-9]+ typ srflx raddr 192.168.1.2"
check "that is the way" told a "connected.*from srflx $OUTSIDE"
check "it is open" opened
check "no errand is left" no_errand
check "at the end" goes_well a
check "it is closed by then" not opened
stop b
check "diag says so" diagnosed "p == {'pcp': False, 'nat_pmp': False, 'upnp': True, 'external': '$OUTSIDE'}"
check "and has opened nothing" not opened

# Four at once, by their ports: what is odd about the router is different for each.
must "a router with a mind of its own" odd --permanent 41001 --taken 41002:2 --taken 41003:3 --refuse 41004
for n in 1 2 3 4; do
    start c$n A "$ADIT" offer --stun $STUN -v --as sdp --port-map on --udp-port 4100$n
done
for n in 1 2 3 4; do must "is asked for port 4100$n" until_true 15 ready c$n; done
check "it opens ports for good only" asked '^AddPortMapping 41001 41001 192.168.1.2 0$'
check "which a person should know" told c1 'for good only'
check "a port that is taken is another one" said c2 "$OUTSIDE [0-9]+ typ srflx"
check "which was asked for" asked '^AddPortMapping [0-9]+ 41002 192.168.1.2 1200$'
check "all are taken" told c3 'does not want to open'
check "it refuses" told c4 'does not want to open'
for n in 1 2 3 4; do check "$n ends" goes_well c$n; done
check "and what was opened for good is closed" asked '^DeletePortMapping 41001'

must "a router behind another one" odd --outside 10.1.2.3
must "opens a port all the same" reached
check "but it says what that is worth" told a 'no public address itself'
must "one whose own line is down" odd --outside 0.0.0.0
must "opens none" reached
check "and is not asked to" not asked AddPortMapping

start far PUB python3 "$e2e/igd.py" 203.0.113.1 # would do what it is asked for
must "somebody elsewhere" until_true 5 said far '^ready'
must "a description at another host" odd --location 203.0.113.1
must "is none" reached
check "the router is passed over" told a 'neither PCP, NAT-PMP nor UPnP'
must "a service at another host" odd --control http://203.0.113.1:5000/control
must "is none either" reached
check "it was described" asked '^GET /root.xml'
check "the router is passed over again" told a 'neither PCP, NAT-PMP nor UPnP'
check "and nobody elsewhere was asked for anything" not said far '^(GET|[A-Z][a-z]+[A-Z])'
stop far

must "a description without an end" odd --huge
must "keeps nobody" reached
check "it ends with the memory that there is for it" until_true 5 asked '^hung up'
must "a router that takes connections and says nothing" odd --mute
offer --as sdp --port-map on
must "is asked" until_true 10 asked '^GET'
check "and keeps nobody from going" eval 'kill -TERM ${PID[a]} && ends a 2 0 1'
