#!/bin/bash
# send and receive: trees, large files, what is interrupted, what is there already, what cannot be.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/world.sh"
knows send receive

lab up port-restricted port-restricted && lab stun
must "the signaling server runs" server
mkdir -p "$W/src/tree/empty" "$W/src/tree/déjà vu" "$W/dst"
noise 3000000 >"$W/src/tree/file" && noise 10 >"$W/src/tree/déjà vu/中文" && : >"$W/src/tree/nothing"
chmod 700 "$W/src/tree/empty" && chmod 640 "$W/src/tree/file" && touch -d '2001-02-03 04:05:06' "$W/src/tree/file"
for i in {1..500}; do echo "$i" >"$W/src/tree/small.$i"; done
LARGE=200000000
! sanitized || LARGE=30000000
noise $LARGE >"$W/src/large"

send() { side a A send --room files "$@"; } # FILE...
receive() { side b B receive --room files --once "$@"; } # DIR
over() { # SECONDS CODE-OF-A CODE-OF-B
    ends a "$1" "$2" && ends b 15 "$3"
    local code=$?
    stop a b
    return $code
}
same_tree() { diff -r "$W/src/tree" "$W/dst/tree"; }
meta() { stat -c '%a %Y' "$1/tree/file" && stat -c %a "$1/tree/empty"; }

# ---- by a server ----------------------------------------------------------------------------------------

receive "$W/dst"
send "$W/src/tree"
check "a tree: both end well" over 60 0 0
check "a tree: it is the same" same_tree
check "a tree: modes and times" is "$(meta "$W/dst")" "$(meta "$W/src")"
check "a tree: nothing unfinished is left" eval '! find "$W/dst" -name "*.part" | grep .'
check "a tree: the sum is told" eval 'grep -qE "sent 503 files, 3.0 MB" "$W/a.err" && grep -qE "received 503 files" "$W/b.err"'

send "$W/src/tree"
receive "$W/dst"
check "once more: both end well" over 60 0 0
check "once more: it was there" eval 'grep -q "sent 0 files.*; 503 there already" "$W/a.err"'
check "once more: and is as it was" same_tree

# ---- what is interrupted --------------------------------------------------------------------------------

has_some() { [ "$(stat -c %s "$W/dst/large.part" 2>/dev/null || echo 0)" -ge $((LARGE / 5)) ]; }
lab impair A rate=200000 queue=500 seed=1
receive "$W/dst"
send "$W/src/large"
must "a large file is on its way" until_true 60 has_some
stop a b
had=$(stat -c %s "$W/dst/large.part")
receive "$W/dst"
send "$W/src/large"
check "both were killed: both end well" over 120 0 0
check "both were killed: it is whole" cmp "$W/src/large" "$W/dst/large"
moved() { # NAME: MB that it says have moved
    sed -nE 's/.* (sent|received) 1 file, ([0-9]+)(\.[0-9])? MB.*/\2/p' "$W/$1.err" | grep . || echo 0
}
check "both were killed: not from the beginning" within "$(($(moved b) * 1000000))" 1 $((LARGE - had + 2000000))
rm "$W/dst/large"
side b B receive --room files "$W/dst"
send "$W/src/large"
must "and again it is on its way" until_true 60 has_some
stop b
side b B receive --room files --stay "$W/dst"
check "the receiver is killed: the sender goes on with the next one" ends a 150 0
check "the receiver is killed: whole in the end" until_true 10 cmp "$W/src/large" "$W/dst/large"
check "the receiver is killed: not twice" within "$(($(moved a) * 1000000))" 1 $((LARGE + 20000000))
send "$W/src/tree/nothing"
check "a receiver takes one sender after the other" eval 'ends a 30 0 && until_true 5 test -f "$W/dst/nothing"'
kill -TERM "${PID[b]}"
check "TERM ends it well" ends b 15 0
stop a b
lab impair A off

# ---- what is there, what cannot be ------------------------------------------------------------------------

echo changed >"$W/src/note" && echo original >"$W/dst/note"
receive "$W/dst"
send "$W/src/note"
check "another one is there: well" over 30 0 0
check "another one is there: both are kept" eval 'is "$(cat "$W/dst/note")" original && is "$(cat "$W/dst/note.1")" changed'
receive --overwrite "$W/dst"
send "$W/src/note"
check "overwrite: well" over 30 0 0
check "overwrite: the new one" is "$(cat "$W/dst/note")" changed

echo good >"$W/src/good" && ln -s /etc/passwd "$W/src/tree/link"
send "$W/src/nowhere" "$W/src/good"
check "a file that is not there: told at once" ends a 10 1 2
stop a
mkdir "$W/full" && mount -t tmpfs -o size=1m none "$W/full"
receive "$W/full"
send "$W/src/large" "$W/src/good"
check "a full disk: told, and no more than that" eval 'over 60 1 1 && grep -q "room" "$W/b.err" && is "$(cat "$W/full/good")" good'
mkdir "$W/outside" && ln -s "$W/outside" "$W/dst/trap" && mkdir "$W/src/trap" && echo x >"$W/src/trap/file"
receive "$W/dst"
send "$W/src/trap" "$W/src/good"
check "a link in the directory leads nowhere" eval 'over 60 1 1 && ! ls "$W/outside" | grep .'

# ---- by copy and paste, and at a terminal -------------------------------------------------------------------

mkdir "$W/paste"
start a A "$ADIT" send --stun $STUN --timeout 30 --in "$W/a.in" --out "$W/a.line" "$W/src/good"
start b B "$ADIT" receive --stun $STUN --timeout 30 --in "$W/b.in" --out "$W/b.line" "$W/paste"
check "by copy and paste" eval 'hand_over a b && hand_over b a && over 30 0 0 && is "$(cat "$W/paste/good")" good'

receive "$W/paste"
start a A env XDG_CONFIG_HOME="$W/a.conf" script -qec "$ADIT send --room files --signal $SIGNAL --stun $STUN --trust first $W/src/large" /dev/null
check "at a terminal: both end well" over 60 0 0
check "at a terminal: whole" cmp "$W/src/large" "$W/paste/large"
check "at a terminal: a bar" said a '[0-9]+% .#+ *. +[0-9.]+ [kM]B'
