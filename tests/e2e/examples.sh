#!/bin/bash
# The two examples of the library: two peers in one program, and two programs with loops of their
# own that meet through files.
. "$(dirname "$0")/lib.sh"

examples=${BUILD:-$(dirname "$ADIT")}/examples
[ -x "$examples/hello" ] || skip_all "the examples were not built (run \`make everything\`)"
ip link set lo up

timeout 20 "$examples/hello" >"$W/hello.out" 2>"$W/hello.err"
check "hello ends well" test $? = 0
check "hello: the word went there" grep -q '^answerer got: hello$' "$W/hello.out"
check "hello: and came back" grep -q '^offerer got: hello$' "$W/hello.out"

both() { # WHO starts first: each as in its own text, with the names of the two files swapped
    local first=$1 second=offer in out pid status
    [ "$first" = offer ] && second=answer
    rm -f "$W/offer.json" "$W/answer.json"
    [ "$first" = offer ] && in=$W/answer.json out=$W/offer.json || in=$W/offer.json out=$W/answer.json
    timeout 20 "$examples/own_loop" "$first" "$in" "$out" 2>"$W/first.err" &
    pid=$!
    sleep 0.3
    timeout 20 "$examples/own_loop" "$second" "$out" "$in" 2>"$W/second.err"
    status=$?
    wait "$pid" && [ $status = 0 ]
}
check "own_loop: the offerer first" both offer
check "own_loop: the answerer first" both answer
echo '{"type":"offer","sdp":"nothing"}' >"$W/bad.json"
timeout 20 "$examples/own_loop" answer "$W/bad.json" "$W/out.json" 2>"$W/bad.err"
check "own_loop: what is no description" test $? = 1
check "own_loop: said so" test -s "$W/bad.err"
