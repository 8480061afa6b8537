#!/bin/bash
# Eight seconds of silence on the wire: the same session goes on, and nothing is missing.
. "$(dirname "$0")/lib.sh"

lab up port-restricted port-restricted && lab stun
offer
answer
must "they meet" meet
say a "before"
check "a word before" until_true 5 said b '^before$'
lab outage A 8 &
outage=$!
sleep 1
say a "within"
say b "within, from b"
wait $outage
say a "after"
check "what was said meanwhile arrives" until_true 20 said b '^within$'
check "and the other way" until_true 20 said a '^within, from b$'
check "and what is said after" until_true 5 said b '^after$'
check "all in order" is "$(tail -n 3 "$W/b.out" | tr '\n' ' ')" "before within after "
