# lib.sh - what every end-to-end script begins with.
#
#   . "$(dirname "$0")/lib.sh"
#   lab up port-restricted cone && lab stun
#   offer --mode chat; answer --mode chat    # adit as `a` in A, as `b` in B
#   must "they meet" meet                    # one line each way, until both say "connected"
#   say a "hello"
#   check "the word arrives" until_true 5 said b hello
#
# The script runs in a nest of its own (tests/lab/nest): whatever it starts ends with it. It prints
# TAP; the plan comes last, so a script that dies has none. ADIT names the program to be tried.
# shellcheck shell=bash
set -u
e2e=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")") # also where long/*.sh find what they share
root=$(dirname "$(dirname "$e2e")")
script=$(basename "$0" .sh)
ADIT=${ADIT:-$root/build/$(gcc -dumpmachine | sed 's/-pc-/-/')/release/adit}
export ADIT
STUN=203.0.113.1:3478
# Python's web server asks for the name of its host, and nobody answers here.
export RES_OPTIONS="timeout:1 attempts:1"

lab() { "$root/tests/lab/lab" "$@"; }

skip_all() { # REASON
    echo "ok 1 - $script # SKIP $*"
    echo 1..1
    trap - EXIT
    exit 0
}

if [ -z "${NEST:-}" ]; then
    why=$("$root/tests/lab/nest" -t 2>&1) || skip_all "$why"
    if ! [ -x "$ADIT" ]; then
        echo "not ok 1 - $script: there is no program $ADIT (run \`make\`)"
        echo 1..1
        exit 1
    fi
    exec "$root/tests/lab/nest" "$0" "$@"
fi

# ---- results ------------------------------------------------------------------------------------

W=$(mktemp -d /run/e2e.XXXXXX) # goes with the nest
# What sanitizers find goes into files, for what becomes of a program's stderr and exit code is its script's
# business; finish_tap looks. Anybody may write there: some scripts run as nobody.
F=$(mktemp -d /run/findings.XXXXXX) && chmod 1777 "$F"
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:log_path=$F/asan" # undefined behaviour has no such option
tests=0 failed=0
trap finish_tap EXIT
trap 'exit 130' INT TERM HUP

finish_tap() {
    [ "${DYING:-}" ] || ! sanitized || findings
    [ "${DYING:-}" ] || echo "1..$tests"
    DYING=1
    exit $((failed > 0))
}
pass() {
    tests=$((tests + 1))
    echo "ok $tests - $script: $1"
}
fail() { # NAME
    local f
    tests=$((tests + 1)) failed=$((failed + 1))
    echo "not ok $tests - $script: $1"
    for f in "$W"/why "$W"/*.err; do
        [ ! -s "$f" ] || { echo "# ${f##*/}:" && tail -n 8 "$f" | cut -c1-300 | sed 's/^/#   /'; }
    done
}
undefined() { # FILE: somebody's stderr
    ! grep -sq 'runtime error:' "$1" || cp --backup=numbered "$1" "$F/"
}
findings() {
    local f
    for f in "$W"/*; do [ ! -f "$f" ] || undefined "$f"; done
    for f in "$F"/*; do
        [ -s "$f" ] || continue
        tests=$((tests + 1)) failed=$((failed + 1))
        echo "not ok $tests - $script: a sanitizer has found something"
        head -n 40 "$f" | cut -c1-300 | sed 's/^/#   /'
    done
}
skip() { # NAME REASON
    tests=$((tests + 1))
    echo "ok $tests - $script: $1 # SKIP $2"
}
check() { # NAME CMD...
    local name=$1
    shift
    if "$@" >"$W/why" 2>&1; then pass "$name"; else fail "$name" && false; fi
}
must() { # NAME CMD...: check, and without it the rest makes no sense
    check "$@" || exit
}
not() { ! "$@"; }
is() { # VALUE WANTED
    [ "$1" = "$2" ] || { echo "it is '$1', wanted '$2'" && false; }
}
within() { # VALUE LEAST MOST
    [ "$1" -ge "$2" ] && [ "$1" -le "$3" ] || { echo "$1 is not within $2..$3" && false; }
}
sanitized() { # a program with sanitizers: its memory says nothing
    grep -q __asan_init "$ADIT"
}
need_tun() {
    ip tuntap add mode tun name probe 2>"$W/tun" || skip_all "no TUN device here: $(head -n 1 "$W/tun")"
    ip link del probe
}

# ---- programs in the background -------------------------------------------------------------------

declare -A PID IN

# NAME PLACE CMD...: stdout and stderr go to $W/NAME.out and .err, stdin comes from say() until
# hang_up(). PLACE is a host of the laboratory, or `here`.
start() {
    local name=$1 place=$2 n fd
    shift 2
    rm -f "$W/$name.in" "$W/$name.line" && mkfifo "$W/$name.in"
    undefined "$W/$name.err"
    : >"$W/$name.out" >"$W/$name.err"
    exec {fd}<>"$W/$name.in"
    (
        trap - EXIT INT TERM HUP
        exec <"$W/$name.in" >"$W/$name.out" 2>"$W/$name.err"
        exec {fd}>&-
        for n in "${IN[@]}"; do exec {n}>&-; done
        if [ "$place" = here ]; then exec "$@"; else exec ip netns exec "$place" "$@"; fi
    ) &
    PID[$name]=$! IN[$name]=$fd
}
say() { # NAME TEXT
    printf '%s\n' "$2" >&"${IN[$1]}"
}
hang_up() { # NAME
    local fd=${IN[$1]:-}
    [ -z "$fd" ] || exec {fd}>&-
    unset "IN[$1]"
}
listening() { # PLACE PORT: something waits for TCP connections there
    lab in "$1" ss -Hltn "sport = :$2" | grep -q .
}
ended() { # NAME
    local stat
    { read -r stat </proc/"${PID[$1]}"/stat; } 2>/dev/null || return 0
    [[ $stat == *") Z "* ]]
}
microseconds() { # NAME: sets it to the time of day
    printf -v "$1" %s "${EPOCHREALTIME/[.,]/}"
}
# SECONDS CMD...: tries again until it holds. A machine that has more to do than it can takes longer for everything,
# also for a short sleep: as much longer is a second here.
until_true() {
    local _left=$((($1 + 1) * 1000000)) _began=0 _slept=0 _now=0 # CMD sees them: names that it does not use
    shift
    microseconds _now
    until _began=$_now && "$@" >/dev/null 2>&1; do
        [ $_left -gt 0 ] || { echo "did not come about: $*" && return 1; }
        microseconds _slept
        sleep 0.05
        microseconds _now
        _slept=$((_now - _slept > 60000 ? _now - _slept : 60000))
        _left=$((_left - (_now - _began) * 60000 / _slept))
    done
}
# NAME SECONDS CODE...: it ends by itself, with one of these exit codes
ends() {
    local name=$1 secs=$2 code=0 want
    shift 2
    until_true "$secs" ended "$name" || return
    wait "${PID[$name]}" || code=$?
    for want; do [ $code != "$want" ] || return 0; done
    echo "$name ended with exit code $code, wanted $*" && false
}
# NAME...: ended with certainty, so that the next part of a script begins clean
stop() {
    local n
    for n; do
        [ -n "${PID[$n]:-}" ] || continue
        kill -KILL "${PID[$n]}" 2>/dev/null
        wait "${PID[$n]}" 2>/dev/null
        hang_up "$n"
        unset "PID[$n]"
    done
}
said() { # NAME PATTERN: on stdout
    grep -qE -- "$2" "$W/$1.out"
}
told() { # NAME PATTERN: on stderr, to people
    grep -qiE -- "$2" "$W/$1.err"
}

# ---- adit -----------------------------------------------------------------------------------------

offer() { # ARGS...
    start a A "$ADIT" offer --stun $STUN --timeout 30 "$@"
}
answer() {
    start b B "$ADIT" answer --stun $STUN --timeout 30 "$@"
}
# NAME: its words for the other are all there; a ticket and JSON are one line, SDP ends with a candidate
# section that says so
ready() {
    local f=$W/$1.out
    [ -s "$f" ] || f=$W/$1.line
    [ -s "$f" ] || return
    if grep -q '^v=0' "$f"; then grep -q '^a=end-of-candidates' "$f"; else [ "$(wc -l <"$f")" -gt 0 ]; fi
}
line() { # NAME
    local f=$W/$1.out
    [ -s "$f" ] || f=$W/$1.line
    cat "$f"
}
hand_over() { # FROM TO
    until_true 10 ready "$1" || return
    line "$1" >&"${IN[$2]}"
    # SDP has no last line of its own
    ! line "$1" | grep -q '^v=0' || echo >&"${IN[$2]}"
}
connected() { # NAME...
    local n
    for n; do told "$n" '^adit: connected' || return; done
}
# NAME sent|received|dropped: what it says at its end about packets; dropped: those of its device
count_of() {
    case $2 in
    dropped) sed -n 's/^adit: sent .*dropped: //p' "$W/$1.err" | grep -oE '[0-9]+' | awk '{ n += $1 } END { print n + 0 }' ;;
    *) sed -nE "s/^adit: $2 ([0-9]+) packets.*/\1/p" "$W/$1.err" ;;
    esac
}
# [SECONDS]: a's line to b, b's to a, and both are connected
meet() {
    hand_over a b && hand_over b a && until_true "${1:-10}" connected a b
}

# ---- adit as a network ------------------------------------------------------------------------------

V4_A=10.77.0.1 V4_B=10.77.0.2 V6_A=fd77::1 V6_B=fd77::2

# ARGS...: for both; A and B behind routers of the usual kind, and a VPN between them
vpn() {
    lab up port-restricted port-restricted && lab stun || return
    offer --mode tun --ifname adit0 --address $V4_A/24 --address $V6_A/64 "$@"
    answer --mode tun --ifname adit0 --address $V4_B/24 --address $V6_B/64 "$@"
    meet && until_true 5 lab in A ping -q -c 1 -W 1 $V4_B && until_true 5 lab in A ping -q -c 1 -W 1 $V6_B
}
packets() { # PLACE rx|tx: through adit0, by the kernel's own counters
    lab in "$1" cat "/sys/class/net/adit0/statistics/$2_packets"
}
# PLACE ADDRESS [COUNT]: a flood without one loss
flood() {
    local said
    said=$(lab in "$1" ping -q -f -c "${3:-1000}" -W 2 "$2" 2>&1)
    [[ $said == *" 0% packet loss"* ]] || { echo "$said" && false; }
}

# ---- adit as a pipe ---------------------------------------------------------------------------------

# NAME PLACE IN OUT CMD ARGS...: adit in bytes mode between two files; the pairing goes beside it
pipe() {
    local name=$1 place=$2 in=$3 out=$4
    shift 4
    # shellcheck disable=SC2016
    start "$name" "$place" bash -c 'in=$1 out=$2; shift 2; exec "$@" <"$in" >"$out"' - "$in" "$out" \
        "$ADIT" "$1" --mode bytes --in "$W/$name.in" --out "$W/$name.line" --stun $STUN --timeout 60 "${@:2}"
}
# BYTES SECONDS: numbered blocks of that size, at that distance, into the pipe $W/stream and the file $W/sent, until
# $W/enough is there. One process, for a busy machine makes new ones too seldom to keep a path in use.
endless() {
    mkfifo "$W/stream"
    python3 -c '
import itertools, os, sys, time
for i in itertools.count():
    if os.path.exists(sys.argv[1]):
        break
    sys.stdout.buffer.write(b"%09d." % i + os.urandom(int(sys.argv[2]) - 10))
    sys.stdout.flush()
    time.sleep(float(sys.argv[3]))' "$W/enough" "$1" "$2" > >(trap - EXIT && tee "$W/sent" >"$W/stream") &
}
noise() { # BYTES: the same each time, and not to be compressed
    openssl enc -aes-128-ctr -nosalt -K 0 -iv 0 </dev/zero 2>/dev/null | head -c "$1"
}
# BYTES SECONDS ARGS...: so much noise goes from A to B, arrives whole, and both end well
transfer() {
    noise "$1" >"$W/sent"
    pipe a A "$W/sent" /dev/null offer "${@:3}"
    pipe b B /dev/null "$W/received" answer "${@:3}"
    meet 20 && ends b "$2" 0 && ends a 10 0 && cmp "$W/sent" "$W/received"
}
