#!/bin/bash
# Started without standard input, output or error: nothing that is opened later takes their place.
. "$(dirname "$0")/lib.sh"

ip link set lo up
# NAME REDIRECTION ARGS...: adit with a descriptor closed
run_with() {
    local name=$1 how=$2
    shift 2
    # shellcheck disable=SC2016
    start "$name" here sh -c "exec \"\$0\" \"\$@\" $how" "$ADIT" "$@" --loopback --timeout 5
}
run_with i '<&-' offer
check "without standard input it ends with 5" ends i 5 5
check "and says why" told i 'nothing was pasted'
run_with o '>&-' offer
check "without standard output it ends with 5" ends o 5 5
check "and says why" told o 'cannot write our description'
run_with e '2>&-' offer
hang_up e
check "without standard error it goes on" until_true 5 ready e
check "and its words for people do not go elsewhere" not said e adit:.*:
stop e
