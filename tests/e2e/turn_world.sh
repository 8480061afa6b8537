# turn_world.sh - coturn on the public network of the laboratory, and two adits that may need it; see
# lib.sh, which comes first.
# shellcheck shell=bash
command -v turnserver >/dev/null || skip_all "coturn is not installed"
RELAY=203.0.113.1
STUN=$RELAY:3478 # which coturn answers, too
export ICE_USERNAME=alice
USERS="alice:a long word"
echo "a long word" >"$W/password"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=turn.example \
    -addext "subjectAltName=IP:$RELAY" -keyout "$W/turn.key" -out "$W/turn.pem" 2>/dev/null
chmod 600 "$W/turn.key" "$W/password"

# NAME PORT TLS-PORT ARGS...: a TURN server on the public network
coturn() {
    local name=$1 port=$2 tls=$3
    shift 3
    start "$name" PUB turnserver -n --log-file=stdout --simple-log --no-cli --pidfile="$W/$name.pid" \
        --userdb="$W/$name.db" -L $RELAY --listening-port="$port" --tls-listening-port="$tls" --no-dtls \
        --cert="$W/turn.pem" --pkey="$W/turn.key" -r example.net ${USERS:+-a -u "$USERS"} "$@"
    until_true 5 listening PUB "$port" && until_true 5 listening PUB "$tls"
}
again() { # LAB...
    stop a b
    [ ! -e /run/lab ] || lab down
    lab up "$@"
}
relayed() { # the last word about the path, at either end, is of a relay
    grep -hE '^adit: (connected|now)' "$W/a.err" "$W/b.err" | tee "$W/why" | grep -q relay
}
talk() {
    meet 10 && relayed && say a "from a" && say b "from b" && until_true 5 said b "from a" && until_true 5 said a "from b"
}
# URI ARGS...: a asks for a relay, b for nothing
pair() {
    offer -v --turn "$1" --turn-password-file "$W/password" "${@:2}"
    answer -v
}
checked() { # the series of `check` comes back, through the relay
    offer --mode check --turn "$1" --turn-password-file "$W/password" --ca "$W/turn.pem"
    answer --mode echo
    meet 10 && ends a 40 0 && relayed
}
web_only() { # SIDE: nothing gets out of its router but TCP to 80 and 443
    lab in "R$1" nft add table inet webonly
    lab in "R$1" nft add chain inet webonly out '{ type filter hook forward priority -10; }'
    lab in "R$1" nft add rule inet webonly out iifname lan0 meta l4proto udp drop
    lab in "R$1" nft add rule inet webonly out iifname lan0 tcp dport != '{ 80, 443 }' drop
}

