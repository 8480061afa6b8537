#!/bin/bash
# bytes mode is a pipe: every byte value, both directions, nothing at all; the end of input closes
# after everything was delivered; a reader that is slow or gone; exit codes.
. "$(dirname "$0")/lib.sh"

lab up port-restricted cone && lab stun
check "10 MB arrive whole, both end well" transfer 10000000 60
stop a b

# each direction ends by itself, the shorter one long before the other
noise 3000000 >"$W/one"
printf 'x\0y\r\n\377' >"$W/other"
for form in ticket json sdp; do
    pipe a A "$W/one" "$W/other.got" offer --as $form
    pipe b B "$W/other" "$W/one.got" answer
    must "both ways by $form: they meet" meet
    check "both ways by $form: a ends well" ends a 30 0
    check "both ways by $form: b ends well" ends b 30 0
    check "both ways by $form: what a sent" cmp "$W/one" "$W/one.got"
    check "both ways by $form: what b sent" cmp "$W/other" "$W/other.got"
    stop a b
done

pipe a A /dev/null "$W/nothing" offer
pipe b B /dev/null "$W/nothing" answer
must "nothing at all: they meet" meet
check "nothing at all: a ends well" ends a 10 0
check "nothing at all: b ends well" ends b 10 0

# a reader that takes its time: the sender waits, and keeps little
mkfifo "$W/slow"
noise 40000000 >"$W/sent"
pipe a A "$W/sent" /dev/null offer
pipe b B /dev/null "$W/slow" answer
(trap - EXIT && exec <"$W/slow" && until [ -e "$W/go" ]; do sleep 0.05; done && sha256sum >"$W/sum") &
must "a slow reader: they meet" meet
at=0 still=0
stalled() { # nothing more of the input is taken, twenty looks long
    local before=$at
    at=$(awk '/^pos/ { print $2 }' "/proc/${PID[a]}/fdinfo/0")
    still=$((at > 0 && at == before ? still + 1 : 0))
    [ $still -ge 20 ]
}
check "a slow reader: the sender waits" until_true 20 stalled
check "a slow reader: with most of it still to be read" within "$at" 100000 20000000
rss() { awk '/^VmRSS/ { print $2 }' "/proc/${PID[$1]}/status"; }
if sanitized; then
    skip "a slow reader: memory" "not with sanitizers"
else
    check "a slow reader: the sender's memory is bounded" within "$(rss a)" 100 30000
    check "a slow reader: and the receiver's" within "$(rss b)" 100 30000
fi
touch "$W/go"
check "a slow reader: a ends well" ends a 60 0
check "a slow reader: b ends well" ends b 20 0
check "a slow reader: it comes to its end" until_true 30 test -s "$W/sum"
check "a slow reader: all of it" is "$(cat "$W/sum")" "$(sha256sum <"$W/sent")"

pipe a A "$W/sent" /dev/null offer
pipe b B /dev/null "$W/slow" answer
(trap - EXIT && head -c 100000 <"$W/slow" >/dev/null) &
must "a reader that leaves: they meet" meet
check "a reader that leaves: b ends, and not as if all were well" ends b 30 1 141
check "a reader that leaves: so does a" ends a 40 1
