#!/bin/bash
# A process that does not run for a while (SIGSTOP; a host that sleeps looks the same to the other): one of the two or
# both, for 10 and for 20 s. Bytes flow again within 5 s, by the same connection, and nothing is missing.

. "$(dirname "$0")/lib.sh"

lab up port-restricted port-restricted && lab stun
endless 12000 0.01
size() { stat -c %s "$W/received"; }
grows() { [ "$(size)" -gt $((now + 200000)) ]; } # more than can have been on its way
stopped() { # SECONDS NAME...
    local n begin
    for n in "${@:2}"; do kill -STOP "${PID[$n]}"; done
    sleep "$1"
    now=$(size) begin=$(date +%s%N)
    for n in "${@:2}"; do kill -CONT "${PID[$n]}"; done
    until_true 5 grows && echo "$*: bytes flow again after $((($(date +%s%N) - begin) / 1000000)) ms" >>"$W/times"
}

pipe a A "$W/stream" /dev/null offer --log-level debug
pipe b B /dev/null "$W/received" answer --log-level debug
must "they meet, and bytes flow" eval 'meet && until_true 5 test -s "$W/received"'
for seconds in 10 20; do
    check "the receiver is stopped for $seconds s" stopped $seconds b
    check "the sender is" stopped $seconds a
    check "both are" stopped $seconds a b
done
sed 's/^/# /' "$W/times"
check "both have noticed, each time" eval 'is "$(grep -c "back after a while" "$W/a.err")" 4 &&
    is "$(grep -c "back after a while" "$W/b.err")" 4'
check "nobody was asked to carry a line" is "$(cat "$W/a.line" "$W/b.line" | wc -l)" 2
: >"$W/enough"
check "the stream ends well at both" eval 'ends a 15 0 && ends b 10 0'
check "and nothing of it is missing" cmp "$W/sent" "$W/received"
check "by one connection" eval 'is "$(grep -c "^adit: connected in" "$W/a.err")" 1'
