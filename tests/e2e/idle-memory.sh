#!/bin/bash
# One connected idle peer: at most 6 MiB resident, without the clean pages that shared libraries have.
. "$(dirname "$0")/lib.sh"

lab up none none && lab stun
offer
answer
must "they meet" meet
say a "a word"
until_true 5 said b "a word"
sleep 1
kilobytes() { # NAME: what is only its own, and what of files is the program's
    if ldd "$ADIT" 2>/dev/null | grep -q '=>'; then
        awk -v program="$(readlink -f "$ADIT")" '
            /^[0-9a-f]+-[0-9a-f]+ / { library = NF >= 6 && $6 ~ /^\// && $6 != program }
            /^Rss:/ { rss = $2 }
            /^Private_Dirty:/ { dirty = $2 }
            /^VmFlags:/ { sum += library ? dirty : rss }
            END { print sum }' "/proc/${PID[$1]}/smaps"
    else
        awk '/^VmRSS/ { print $2 }' "/proc/${PID[$1]}/status"
    fi
}
for side in a b; do
    kb=$(kilobytes $side)
    echo "# $side: $kb KiB"
    if sanitized; then skip "$side" "not with sanitizers"; else check "$side: at most 6 MiB" within "$kb" 500 6144; fi
done
