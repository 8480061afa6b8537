#!/bin/bash
# The routers get other public addresses, both at once too, and the hosts other ones of their own, while bytes flow
# between two that met at a server: the same session goes on by another path, and nothing is missing.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/world.sh"

lab up port-restricted port-restricted && lab stun
server
endless 10000 0.005
end() { # NAME PLACE IN OUT COMMAND ARGS...
    mkdir -p "$W/$1.conf"
    # shellcheck disable=SC2016
    start "$1" "$2" bash -c 'in=$1 out=$2; shift 2; exec env XDG_CONFIG_HOME="$0" "$@" <"$in" >"$out"' "$W/$1.conf" \
        "$3" "$4" "$ADIT" "${@:5}" --signal $SIGNAL --stun $STUN --trust first --mode bytes --once
}
end b B /dev/null "$W/received" listen --id bob
must "b waits" until_true 10 told b 'at the signaling server'
end a A "$W/stream" /dev/null connect bob --id alice
must "they meet, and bytes flow" eval 'until_true 15 connected a b && until_true 5 test -s "$W/received"'

paths() { grep -c '^adit: now from' "$W/$1.err"; } # NAME: how often another one was taken
size() { stat -c %s "$W/received"; }
grows() { [ "$(size)" -gt $((now + 200000)) ]; } # more than can have been on its way
changed() { # PLACE...: how long nothing came
    local begin p before
    before=$(paths b) begin=$(date +%s%N)
    for p; do lab change-ip "$p" || return; done
    until_true 10 eval '[ "$(paths b)" -gt '"$before"' ]' || return
    now=$(size)
    until_true 10 grows && echo "$*: bytes flow again after $((($(date +%s%N) - begin) / 1000000)) ms" >>"$W/times"
}
check "A's router has another address: another path, and bytes flow again" changed RA
check "both have" changed RA RB
check "A has" changed A
check "B has" changed B
sed 's/^/# /' "$W/times"
: >"$W/enough"
check "the stream ends well at both" eval 'ends a 15 0 && ends b 10 0'
check "and nothing of it is missing" cmp "$W/sent" "$W/received"
check "by one connection" eval 'is "$(grep -c "^adit: connected in" "$W/a.err")" 1'
