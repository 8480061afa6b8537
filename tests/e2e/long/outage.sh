#!/bin/bash
# Forty-five seconds of silence on the wire, which is longer than consent lasts: the same session goes on within 15 s of its end,
# and nothing is missing. Not part of the ordinary run.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../world.sh"

lab up port-restricted port-restricted && lab stun
server
side b B listen --id bob --mode chat
must "one waits" until_true 10 told b 'at the signaling server'
side a A connect bob --id alice --mode chat
must "they meet" until_true 10 connected a b
say a "before"
check "a word before" until_true 5 said b '^before$'
lab outage A 45 &
outage=$!
sleep 1
say a "within"
say b "within, from b"
wait $outage
check "what was said meanwhile arrives within 15 s" until_true 15 said b '^within$'
check "and the other way" until_true 5 said a '^within, from b$'
say a "after"
check "and what is said after" until_true 5 said b '^after$'
check "by one connection" is "$(grep -c '^adit: connected in' "$W/a.err")" 1
