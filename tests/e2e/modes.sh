#!/bin/bash
# check against echo: every series comes back. json: what is not JSON is refused by its line. chat
# both ways, with what a channel may be.
. "$(dirname "$0")/lib.sh"

lab up port-restricted cone && lab stun
offer --mode check
answer --mode echo
check "check and echo meet" meet
check "every series came back" ends a 60 0
check "one JSON line for each" eval 'tail -n +2 "$W/a.out" | python3 -c "
import json, sys
lines = [json.loads(line) for line in sys.stdin]
sys.exit(len(lines) < 5)"'
stop a b

offer --mode json
answer --mode json
check "json: they meet" meet
say a '{"one": 1}'
say a '{"two": '
say a '[2, null, "three"]'
check "json: what is JSON arrives" until_true 5 said b '^\[2, ?null, ?"three"\]$'
check "json: and before it" said b '"one"'
check "json: what is not JSON does not" not said b two
check "json: and its line is named" told a '(line |:)[^0-9]*[23]'
stop a b

for kind in "--unordered" "--unordered --max-retransmits 0" "--max-lifetime 500" "--label a/b"; do
    # shellcheck disable=SC2086
    offer $kind
    answer
    check "chat, $kind: they meet" meet
    say a "hello"
    say b "and you"
    check "chat, $kind: there" until_true 5 said b '^hello$'
    check "chat, $kind: and back" until_true 5 said a '^and you$'
    hang_up a
    check "chat, $kind: end of input ends both" ends a 10 0
    check "chat, $kind: well" ends b 10 0
    stop a b
done
