#!/bin/bash
# Every pair of networks there is in the laboratory, in IPv4, IPv6, both, and with the same numbers on both
# LANs: two adits meet by name, with signaling, STUN and TURN from one `adit signal`, within 5 s where a
# direct path is possible and 10 s where none is, and take the best that is possible. `make matrix`.
#
#   matrix.sh [--coturn] [A B [v4|v6|both|alike]]   STUN and TURN by coturn; one pair alone
#   CELLS="A B FORM, A B FORM ..."                   these alone
#   JOBS=3                                           laboratories at a time: more, and the times mean little
#   SLOWER=1                                         so many times slower is good enough: among other tests
#   TABLE=build/matrix.tsv                           a line for each cell: what, possible, found, seconds, verdict
#
# The table has the two ends of each path as A sees it, and the seconds from `adit connect` to the channel that
# is open at both; "!!" before what is not as it should be. For relays: by what they are asked, udp, tcp or tls.
#
# What is possible is decided by possible() below, from RFC 4787's behaviours alone and nothing that adit does:
# a direct path, unless UDP is blocked at one side, or a mapping that nobody can foretell meets a filter that
# wants to know it, or both are behind one router that does not hairpin. A relay is asked by the cheapest
# transport that gets out; by TCP and by TLS are one kind, as in src/ice/path.h.
here=$(dirname "$(readlink -f "$0")")
lab=$here/../../lab
COTURN=
[ "${1:-}" != --coturn ] || { COTURN=1 && shift; }
export COTURN

# KIND KIND FORM: direct; relay BY (udp, tcp or tls) or relay BY relay BY; or why there is no such network
possible() {
    local kind by=()
    case "$1 $2 $3" in
    *" same alike") echo "no: (1)" && return ;;
    "none same v4" | "none same both" | "firewall same v4" | "firewall same both") echo "no: (2)" && return ;;
    "none "*" alike" | "firewall "*" alike" | *" none alike" | *" firewall alike") echo "no: (3)" && return ;;
    esac
    for kind in "$1" "${2/same/$1}"; do
        case $kind in udp-blocked) by+=(tcp) ;; web-only) by+=(tls) ;; esac
    done
    if [ ${#by[@]} -gt 0 ]; then
        echo "${by[@]/#/relay }"
        return
    fi
    case "$1 $2 $3" in
    *" v6" | *" both") echo direct ;;
    "hairpin same "*) echo direct ;;
    *" same "*) echo "relay udp" ;;
    "symmetric symmetric "* | "symmetric port-restricted "* | "port-restricted symmetric "*) echo "relay udp" ;;
    "symmetric firewall "* | "firewall symmetric "*) echo "relay udp" ;;
    *) echo direct ;;
    esac
}
cells() {
    local i j a b form kinds
    read -ra kinds <<<"$("$lab/lab" kinds)"
    for form in v4 v6 both alike; do
        for i in "${!kinds[@]}"; do
            for ((j = 0; j <= i; j++)); do
                a=${kinds[i]} b=${kinds[j]}
                (((i + j) % 2)) && { a=${kinds[j]} b=${kinds[i]}; }
                echo "$a $b $form"
            done
            echo "${kinds[i]} same $form"
        done
    done
}
table() { # FILE
    awk -F'\t' '
    { if ($4 ~ /^no: /) { $5 = substr($4, 5); $6 = "" }
      row = $1 " x " $2
      if (!(row in seen)) { seen[row] = ++rows; name[rows] = row }
      cell[seen[row], $3] = ($7 == "ok" ? "" : "!! ") $5 (($6 == "") ? "" : " " $6 " s") }
    END {
        printf "%-33s %-27s %-27s %-27s %s\n", "", "IPv4", "IPv6", "both", "IPv4, same numbers"
        for (i = 1; i <= rows; i++)
            printf "%-33s %-27s %-27s %-27s %s\n", name[i], cell[i, "v4"], cell[i, "v6"], cell[i, "both"], cell[i, "alike"]
        print "same: both behind one router, on LANs of their own that reach each other through it alone (IPv4)"
        print "(1) a router cannot tell two of its LANs apart that have the same numbers"
        print "(2) a router that only routes public addresses has no private LAN for the other"
        print "(3) a public address is given, not chosen: such a LAN has the numbers of no other"
    }' "$1"
}
if [ -z "${NEST:-}" ] && "$lab/nest" -t 2>/dev/null; then
    out=$(mktemp)
    trap 'rm -f "$out"' EXIT
    if [ $# -gt 0 ]; then echo "$1 $2 ${3:-v4}"; elif [ "${CELLS:-}" ]; then tr -s ', ' '\n ' <<<"$CELLS"; else cells; fi |
        xargs -P "${JOBS:-3}" -L 1 "$lab/nest" "$here/matrix.sh" >"$out"
    sort -s -t$'\t' -k1,2 "$out" >"${TABLE:-$out.tsv}"
    table "${TABLE:-$out.tsv}"
    awk -F'\t' '{ slow = $6 > slow ? $6 : slow }
        $4 ~ /^no: / { next }
        $7 == "ok" { good++; if ($4 ~ /^relay/) relayed++ }
        $7 != "ok" { print "not ok " $1 " x " $2 ", " $3 ": " $5 " after " $6 " s, possible is: " $4 " (" $7 ")" }
        END { printf "%s %d cells as good as possible, %d of them relayed, the slowest after %s s\n", good ? "ok" : "not ok",
              good, relayed, slow }' "${TABLE:-$out.tsv}" | "$lab/number"
    code=${PIPESTATUS[1]}
    rm -f "$out.tsv"
    exit "$code"
fi
. "$here/../lib.sh"
trap - EXIT

# ---- one cell, in a nest of its own -------------------------------------------------------------------------

KIND_A=$1 KIND_B=$2 FORM=$3
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
wanted=$(possible "$KIND_A" "$KIND_B" "$FORM")
secs=
result() { # WORD
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$KIND_A" "$KIND_B" "$FORM" "$wanted" "${path:-none}" "$secs" "$1"
    exit
}
[[ $wanted != no:* ]] || result ok
now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }
since() { # MS
    awk -v ms=$(($(now_ms) - $1)) 'BEGIN { printf "%.2f", ms / 1000 }'
}

case $FORM in
v4) lab up "$KIND_A" "$KIND_B" ;;
alike) lab up "$KIND_A" "$KIND_B" alike ;;
*) lab up "$KIND_A" "$KIND_B" v6 ;;
esac || result "no laboratory"
HOST=203.0.113.1 OTHER=203.0.113.2
if [ "$FORM" = v6 ]; then
    HOST='[2001:db8::1]' OTHER='[2001:db8::2]'
    for place in A B; do lab in $place ip -4 addr flush dev eth0; done
fi
echo "a secret of the operator" >"$W/secret" && chmod 600 "$W/secret"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=turn.example -addext \
    subjectAltName=IP:203.0.113.1,IP:203.0.113.2,IP:2001:db8::1,IP:2001:db8::2 -keyout "$W/key" -out "$W/pem" 2>/dev/null

serve=(signal --listen "$HOST:443" --anonymous --tls-cert "$W/pem" --tls-key "$W/key")
if [ $COTURN ]; then
    TURN=$OTHER
    bare=${OTHER#[}
    start coturn PUB turnserver -n --log-file=stdout --simple-log --no-cli --pidfile="$W/coturn.pid" --userdb="$W/db" \
        -L "${bare%]}" --listening-port=3478 --tls-listening-port=443 --no-dtls --cert="$W/pem" --pkey="$W/key" \
        -r example.net --use-auth-secret --static-auth-secret="a secret of the operator"
    until_true 5 listening PUB 3478 >/dev/null || result "no coturn"
else
    TURN=$HOST
    serve+=(--stun --turn --turn-secret-file "$W/secret" --turn-listen 203.0.113.1 --relay-address 203.0.113.1
        --relay-allow 203.0.113.0/24)
    [ "$FORM" = v4 ] || [ "$FORM" = alike ] ||
        serve+=(--turn-listen '[2001:db8::1]' --relay-address 2001:db8::1 --relay-allow 2001:db8::/32)
fi
start server PUB "$ADIT" "${serve[@]}"
until_true 10 listening PUB 443 >/dev/null || result "no server: $(tail -n 1 "$W/server.err")"

side() { # NAME PLACE ARGS...
    mkdir -p "$W/$1.d"
    start "$1" "$2" env XDG_CONFIG_HOME="$W/$1.d" XDG_RUNTIME_DIR="$W/$1.d" "$ADIT" "${@:3}" --id "$1" -v --trust first \
        --signal "wss://$HOST:443" --ca "$W/pem" --stun "$TURN" --turn "turn:$TURN" --turn "turn:$TURN?transport=tcp" \
        --turn "turns:$TURN:443" --turn-secret-file "$W/secret"
}
# Its two ends with their addresses, from the last word about it, as KIND and for relays by what
# they are asked: "host srflx", "relay udp prflx".
path_of() {
    /usr/bin/python3 - "$W/a.err" "$W/b.err" <<'P'
import re, sys
by, last = {}, None
for n, name in enumerate(sys.argv[1:]):
    lent = []
    for line in open(name, errors="replace"):
        if m := re.search(r"relay \d+ lends (\S+)", line):
            lent.append(m[1])
        elif m := re.search(r"TURN server (\S+) has lent", line):
            by |= {a: "tls" if m[1].startswith("turns:") else "tcp" if "transport=tcp" in m[1] else "udp" for a in lent}
            lent = []
        elif n == 0 and (m := re.match(r"adit: (?:connected in|now) .*?from (\w+) (\S+) to (\w+) (\S+)", line)):
            last = m.groups()
if last:
    # a relay that called before we were told of it is prflx to us
    ends = ["relay " + by.get(a, "?") if kind == "relay" or a in by else kind for kind, a in (last[:2], last[2:])]
    print(" ".join(ends))
P
}
# FOUND: whether it is as good as what is possible
good() {
    case "$wanted|$1" in
    "direct|"*relay* | "|"*) return 1 ;;
    "direct|"*) return 0 ;;
    esac
    # as many relays, asked in the same ways; none at all is better than what UDP alone can do
    local mine theirs
    mine=$(grep -oE 'relay [a-z]+' <<<"${1//tls/tcp}" | sort) theirs=$(grep -oE 'relay [a-z]+' <<<"${wanted//tls/tcp}" | sort)
    [ "$mine" = "$theirs" ] || [ -z "$mine" ]
}

side b B listen
until_true 10 told b 'at the signaling server' >/dev/null || result "no signaling"
limit=$((5000 * ${SLOWER:-1}))
[[ $wanted != relay* ]] || limit=$((10000 * ${SLOWER:-1}))
begin=$(now_ms)
side a A connect b
until connected a b; do
    [ $(($(now_ms) - begin)) -lt $((limit + 5000)) ] || { secs=$(since "$begin") && result "not connected"; }
    sleep 0.02
done
secs=$(since "$begin")
in_time=$(($(now_ms) - begin <= limit))
# what works first is used, and the best a moment later
until path=$(path_of) && good "$path"; do
    [ $(($(now_ms) - begin)) -lt $((limit + 2000)) ] || result "a worse path"
    sleep 0.1
done
say a "from a" && say b "from b"
{ until_true 5 said b "from a" && until_true 5 said a "from b"; } >/dev/null || result "nothing comes through"
[ $in_time = 1 ] || result "too late"
result ok
