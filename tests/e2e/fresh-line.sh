#!/bin/bash
# Two that met by copy and paste: both routers get other addresses at the same moment, and nobody is there to tell the
# other. The offerer prints a fresh line, once, the answerer an answer; the same session goes on, and nothing is missing.

. "$(dirname "$0")/lib.sh"

lab up port-restricted port-restricted && lab stun
endless 12000 0.01
lines() { # NAME NUMBER: so many have been printed
    [ "$(wc -l <"$W/$1.line")" -ge "$2" ]
}
carry() { # NUMBER: of the lines, there and back
    until_true 60 lines a "$1" && say b "$(tail -n 1 "$W/a.line")" &&
        until_true 10 lines b "$1" && say a "$(tail -n 1 "$W/b.line")"
}
size() { stat -c %s "$W/received"; }
grows() { [ "$(size)" -gt $((now + 200000)) ]; } # more than can have been on its way
flows() {
    now=$(size)
    until_true 20 grows
}
move() { lab change-ip RA && lab change-ip RB; }

pipe a A "$W/stream" /dev/null offer
pipe b B /dev/null "$W/received" answer
must "they meet" carry 1
must "and bytes flow" eval 'until_true 15 connected a b && until_true 5 test -s "$W/received" && flows'
move
check "nothing else works: a fresh line, and its answer" carry 2
check "people are told what to do" eval 'told a "give it this line, and paste its answer" && told b "prints a fresh line"'
check "bytes flow again" flows
move
check "another outage, another line" carry 3
check "bytes flow again" flows
: >"$W/enough"
check "the stream ends well at both" eval 'ends a 15 0 && ends b 10 0'
check "and nothing of it is missing" cmp "$W/sent" "$W/received"
check "by one connection" eval 'is "$(grep -c "^adit: connected in" "$W/a.err")" 1'
check "each line was printed once" eval 'is "$(wc -l <"$W/a.line")" 3 && is "$(wc -l <"$W/b.line")" 3'

# Nobody can paste into the payload.
offer --mode bytes
answer --mode bytes
must "two more meet" meet
move
check "both end, for their input is the payload's" eval 'ends a 50 1 && ends b 10 1'
check "and say what would help" eval 'told a "--in and --out" && told b "--in and --out"'
