#!/bin/bash
# Who we are and what is shown: a certificate of one's own, one that is kept, a QR code of the line.
. "$(dirname "$0")/lib.sh"

lab up none none && lab stun
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=any \
    -keyout "$W/key" -out "$W/cert" 2>"$W/null"
cat "$W/key" "$W/cert" >"$W/both" && chmod 600 "$W/both"
fingerprint() { # NAME: in its SDP
    sed -n 's/^a=fingerprint:sha-256 //p' "$W/$1.out" | tr -d '\r'
}
want=$(openssl x509 -in "$W/cert" -noout -fingerprint -sha256 | sed 's/.*=//')
offer --as sdp --cert "$W/cert" --key "$W/key"
answer --cert "$W/both"
check "with certificates of their own they meet" meet
check "the line promises the one that was given" is "$(fingerprint a)" "$want"
check "also from a file with both" is "$(fingerprint b)" "$want"
stop a b
offer --cert "$W/cert" --key "$W/null"
check "no key in that file: exit 2" ends a 5 2
check "no key in that file: said so" told a 'key'

kept() { # ARGS...: the fingerprint that an offer promises
    offer --as sdp "$@"
    until_true 10 ready a && fingerprint a
    stop a
}
first=$(kept --identity "$W/identity")
check "an identity is made" test -s "$W/identity"
check "for nobody else's eyes" is "$(stat -c %a "$W/identity")" 600
check "and used again" is "$(kept --identity "$W/identity")" "$first"
check "without one it is another each time" eval '[ "$(kept)" != "$(kept)" ]'

offer --qr
must "a line" until_true 10 ready a
square() { # two modules of each column in a character
    python3 -c '
import sys
rows = [line.rstrip("\n") for line in open(sys.argv[1], encoding="utf-8") if set(line.strip()) & set("█▀▄")]
sys.exit({len(r) for r in rows} != {2 * len(rows) - 1})' "$W/a.err"
}
if grep -q 'built without QR' "$W/a.err"; then skip "a QR code" "this adit was built without"; else
    check "a QR code, for people" until_true 5 square
fi
check "the line itself is for programs" is "$(grep -c . "$W/a.out")" 1
