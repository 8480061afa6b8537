#!/bin/bash
# What one side prints, the other reads: ticket, JSON, SDP, each plain, as base64, broken into lines,
# with words around it; by descriptors; both sides alike (`adit pair`); long lines at a terminal.
. "$(dirname "$0")/lib.sh"

lab up none none && lab stun
plain() { line "$1"; }
coded() { line "$1" | base64 -w 0; echo; }
armoured() { line "$1" | base64 -w 64; echo; }
folded() { line "$1" | fold -w 40; echo; }
quoted() { printf 'Hello,\n> this is mine: %s (yours, please)\n' "$(line "$1")"; }
crlf() { line "$1" | sed 's/\r*$/\r/'; }
exchange() { # FORM
    until_true 10 ready a && "$1" a >"$W/form" && cat "$W/form" >&"${IN[b]}" && echo >&"${IN[b]}" &&
        until_true 10 ready b && "$1" b >"$W/form" && cat "$W/form" >&"${IN[a]}" && echo >&"${IN[a]}" &&
        until_true 10 connected a b
}
for as in ticket json sdp; do
    for form in plain coded armoured folded quoted crlf; do
        case "$as $form" in
        "json quoted" | "sdp quoted" | "json folded" | "sdp folded") continue ;; # these are not one word
        esac
        offer --as $as
        answer --as $as
        check "$as, $form" exchange $form
        stop a b
    done
done

offer --as json
answer --as sdp
check "each side its own form" exchange plain
stop a b

for order in "a b" "b a"; do
    start a A "$ADIT" pair --stun $STUN --timeout 20
    start b B "$ADIT" pair --stun $STUN --timeout 20
    both() {
        until_true 10 ready a && until_true 10 ready b && hand_over "$1" "$2" && hand_over "$2" "$1" &&
            until_true 10 connected a b
    }
    # shellcheck disable=SC2086
    check "pair, $order" both $order
    say a "one"
    check "pair, $order: a word" until_true 5 said b '^one$'
    stop a b
done

# --in and --out by number, beside stdin and stdout
mkfifo "$W/to_a" "$W/to_b"
exec 8<>"$W/to_a" 9<>"$W/to_b"
start a A "$ADIT" offer --stun $STUN --in 8 --out 9
start b B "$ADIT" answer --stun $STUN --in 9 --out 8
check "by descriptors" until_true 10 connected a b
say a "only this"
check "by descriptors: stdout is only what was sent" until_true 5 eval '[ "$(cat "$W/b.out")" = "only this" ]'
stop a b
exec 8>&- 9>&-

length() { # LINE
    tr -d '\n' <"$W/$1.out" | wc -c
}
offer
until_true 10 ready a
check "a ticket is at most 120 characters" within "$(length a)" 40 120
stop a

long_line() {
    line a | python3 -c '
import json, sys
d = json.loads(sys.stdin.readline())
d["sdp"] += "a=x-long:%s\r\n" % ("x" * 9000)
print(json.dumps(d), end="")' >"$W/long"
}
# a line of more than 4096 characters at a terminal, which in its usual mode keeps no more
offer --as json
until_true 10 ready a
long_line
start t B "$e2e/terminal.py" --paste "$W/long" --settings "$W/settings" "$ADIT" answer --stun $STUN --as json
terminal_answer() { tr -d '\r' <"$W/t.out" | grep -E '^ *\{.*"answer".*\}$' | tail -n 1 | grep .; }
check "9000 characters pasted at a terminal: an answer" until_true 15 terminal_answer
terminal_answer >&"${IN[a]}"
check "and they are connected" until_true 10 connected a
stop a
kill "${PID[t]}" 2>/dev/null
stop t

# the same with ^Z and fg before
offer --as json
until_true 10 ready a
long_line
start t B "$e2e/terminal.py" --suspend --paste "$W/long" "$ADIT" answer --stun $STUN --as json
check "^Z: the shell finds its terminal as it was" until_true 15 said t '^suspended: same'
check "after fg 9000 characters can be pasted" until_true 15 terminal_answer
terminal_answer >&"${IN[a]}"
check "and they are connected after ^Z" until_true 10 connected a
stop a
kill "${PID[t]}" 2>/dev/null
stop t

start t B "$e2e/terminal.py" --then interrupt --settings "$W/settings" "$ADIT" answer --stun $STUN
check "^C at the terminal ends it" ends t 10 1
check "and leaves the terminal as it was" is "$(cat "$W/settings")" same
