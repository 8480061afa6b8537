#!/bin/bash
# What may be pasted by mistake or on purpose, and what may be missing: each has its own words and its
# exit code, and never a crash.
. "$(dirname "$0")/lib.sh"

lab up none none && lab stun
# NAME CODE PATTERN: b reads $W/paste, then the end of input
answer_to() {
    local writer
    answer
    cat "$W/paste" >&"${IN[b]}" & # b need not read all of it
    writer=$!
    hang_up b
    check "$1: exit $2" ends b 30 "$2"
    kill $writer 2>"$W/null"
    check "$1: said so" told b "$3"
    check "$1: never connected" not connected b
    stop b
}
change() { # AT: another character there
    python3 -c '
import sys
at, text = int(sys.argv[1]), sys.stdin.read()
print(text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:], end="")' "$1"
}
fresh() { # FORM: another offer, into $W/offer
    stop a
    offer --as "$1"
    until_true 10 ready a
    line a >"$W/offer"
}

forge() { # CHANGE: a ticket with other bytes and the right checksum (docs/ticket.md)
    python3 -c '
import base64, hashlib, sys
text = sys.stdin.read().strip()[5:]
b = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))[:-3]
'"$1"'
b += hashlib.sha256(b).digest()[:3]
print("adit:" + base64.urlsafe_b64encode(b).decode().rstrip("="))'
}

# ---- what is no offer ----
fresh ticket
head -c 60 "$W/offer" >"$W/paste"
answer_to "a truncated ticket" 5 'cut off'
for at in 12 40 70; do
    change $at <"$W/offer" >"$W/paste"
    answer_to "a ticket damaged at $at" 5 damaged
done
forge 'when = int.from_bytes(b[49:51], "big") - 2 * 96; b[49:51] = (when % 65536).to_bytes(2, "big")' \
    <"$W/offer" >"$W/paste"
answer_to "an expired ticket, two days old" 5 expired
forge 'b[0] = b[0] & 0x1f | 0x60' <"$W/offer" >"$W/paste"
answer_to "a ticket of another version" 5 version
echo "hello, is this on?" >"$W/paste"
answer_to "words" 5 'no ticket'
noise 1000000 >"$W/paste"
answer_to "1 MB of noise" 5 'no ticket'
noise 1000000 | base64 -w 0 >"$W/paste"
answer_to "1 MB of noise on one line" 5 'no ticket'
: >"$W/paste"
answer_to "nothing" 5 'nothing was pasted'

# ---- SDP that will not do ----
fresh sdp
grep -v '^a=fingerprint' "$W/offer" >"$W/paste"
answer_to "SDP without a fingerprint" 5 fingerprint
sed '/^m=/,$d' "$W/offer" >"$W/paste"
printf 'm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n' >>"$W/paste"
answer_to "SDP without a data channel" 5 'data'
fresh json
cut -c 1-200 "$W/offer" >"$W/paste"
answer_to "half of a JSON" 5 'cut off'

# ---- the right thing in the wrong place ----
fresh ticket
cat "$W/offer" >&"${IN[a]}"
hang_up a
check "own offer pasted back: exit 5" ends a 15 5
check "own offer pasted back: said so" told a 'own|yours'

fresh ticket
mv "$W/a.err" "$W/first.err"
PID[first]=${PID[a]} IN[first]=${IN[a]}
unset "PID[a]" "IN[a]"
fresh ticket
answer
hand_over a b
until_true 10 ready b
line b >&"${IN[first]}"
hang_up first
check "an answer to another offer: exit 5" ends first 15 5
check "an answer to another offer: said so" told first 'answers another offer'
stop a b first

# ---- a fingerprint that is not the peer's ----
wrong() { sed -E 's/^(a=fingerprint:sha-256 )[0-8A-F]/\19/; t; s/^(a=fingerprint:sha-256 )9/\10/'; }
fresh sdp
answer --as sdp
wrong <"$W/offer" >&"${IN[b]}"
echo >&"${IN[b]}"
until_true 10 ready b
line b >&"${IN[a]}"
echo >&"${IN[a]}"
check "a wrong fingerprint in the offer: exit 3" ends b 20 3
check "a wrong fingerprint in the offer: said so" told b 'fingerprint|authentic'
check "a wrong fingerprint in the offer: never connected" not connected b
stop a b
fresh sdp
answer --as sdp
hand_over a b
until_true 10 ready b
line b | wrong >&"${IN[a]}"
echo >&"${IN[a]}"
check "a wrong fingerprint in the answer: exit 3" ends a 20 3
check "a wrong fingerprint in the answer: said so" told a 'fingerprint|authentic'
check "a wrong fingerprint in the answer: never connected" not connected a
stop a b

# ---- the terminal ----
start t B "$e2e/terminal.py" --then hangup "$ADIT" answer --stun $STUN
check "terminal closed: exit 5" ends t 12 5
stop t

# ---- the network ----
start a here "$ADIT" offer --timeout 5
check "no network interface: exit 4" ends a 20 4
check "no network interface: said so" told a 'network|interface|address'
for lie in address loop id error noise silent; do
    lab stun --lie $lie
    offer
    answer
    check "STUN server that lies ($lie): they meet all the same" meet
    stop a b
done
lab stun
start a A "$ADIT" offer --stun 203.0.113.250:3478 --timeout 20
start b B "$ADIT" answer --stun nowhere.invalid:3478 --timeout 20
check "STUN servers that are not there: they meet all the same" meet 15
check "STUN servers that are not there: said so" told a stun
stop a b

# ---- what others have taken ----
start taken A python3 -c '
import socket, time
s = [socket.socket(f, socket.SOCK_DGRAM) for f in (socket.AF_INET, socket.AF_INET6)]
s[1].setsockopt(41, 26, 1)
for one, host in zip(s, ("0.0.0.0", "::")):
    one.bind((host, 40000))
print("ready", flush=True)
time.sleep(60)'
until_true 5 said taken ready
offer --udp-port 40000
check "the port is in use: exit 1" ends a 10 1
check "the port is in use: said so" told a 40000
offer --udp-port 40000-40001
answer
check "the next port of the range is used" meet
stop a b taken

# with so many descriptors: at once 1 and why, or everything that it takes to wait for an answer
few() { # NAME
    until_true 5 eval "ended $1 || ready $1"
    if ready "$1"; then
        ends "$1" 15 5 && told "$1" 'description did not come'
    else
        ends "$1" 1 1 && told "$1" 'too many open files|no file descriptors available' # glibc, musl
    fi
}
counts=(4 5 6 7 8 9 10 12) # with 3 a dynamic program cannot even be loaded
for n in "${counts[@]}"; do
    start "few$n" A bash -c "ulimit -n $n; exec \"\$@\"" - "$ADIT" offer --timeout 3
done
for n in "${counts[@]}"; do
    check "$n descriptors: it goes on, or says why not" few "few$n"
done

# ---- usage ----
usage() { # ARGS...
    local code=0
    "$ADIT" "$@" >/dev/null 2>"$W/usage" </dev/null || code=$?
    [ $code = 2 ] && [ -s "$W/usage" ] || { echo "exit code $code" && cat "$W/usage" && false; }
}
check "no such command" usage offfer
check "no such option" usage offer --no-such-thing
check "a mode that is none" usage offer --mode carrier-pigeon
check "an MTU that is none" usage offer --mode tun --mtu 12
check "an address that is none" usage offer --mode tun --address 10.0.0.300/24
check "a port range upside down" usage offer --udp-port 5000-4000
check "a STUN server that is none" usage offer --stun ':::'
