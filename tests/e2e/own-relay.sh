#!/bin/bash
# `adit signal` as the Tunnel Agent's relay: a device and who calls it, in both generations, and adits that are
# told to use it in place of a peer.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/world.sh"
has_websockets || skip_all "python3-websockets is not installed"
need curl
ip link set lo up
export HOME=$W XDG_CONFIG_HOME=$W

echo "a-token-of-the-office office" >"$W/tokens"
chmod 600 "$W/tokens"
start server here "$ADIT" signal --listen 127.0.0.1:8001 --token-file "$W/tokens" --registration --ws-relay-rate 65536
must "the server runs" until_true 10 eval 'ss -Hltn "sport = :8001" | grep -q .'

for g in first second; do
    must "$g generation: devices meet in a session" \
        /usr/bin/python3 "$e2e/relay_client.py" $g http://127.0.0.1:8001
    cp "$W/why" "$W/$g.out"
    check "$g: the relay is this server" said $g '^told ws://127.0.0.1:8001$'
    check "$g: what comes before the second is kept" said $g '^early True'
    check "$g: large messages pass, both ways" is "$(grep -c '^large True' "$W/$g.out")" 2
    check "$g: one that leaves ends it" said $g '^over 1000 session-closed'
done
check "first: a third is refused" said first '^third 1008 session-full'
check "first: so is a wrong token" said first '^wrong 1008 Invalid token'
check "second: a grant is good once" said second '^third 1008 grant-already-used'
check "second: a wrong one is not" said second '^wrong 1008 auth-failed'

noise 3000000 >"$W/binary"
start up here "$root/tests/interop/servers/upstream" 127.0.0.1 8080 "$W/binary"
must "an upstream" until_true 20 said up '^listening'
both=(--relay ws://127.0.0.1:8001/relay/meet --token a-token-of-the-office)
start s here "$ADIT" serve "${both[@]}" --upstream http://127.0.0.1:8080
start p here "$ADIT" proxy "${both[@]}" --listen 127.0.0.1:8011
get() { curl -sS -m 20 "$@"; }
up() { [ "$(get -o /dev/null -w '%{http_code}' http://127.0.0.1:8011/headers)" = 200 ]; }
must "serve and proxy meet there" until_true 20 up
check "a file" cmp <(get http://127.0.0.1:8011/file) "$W/binary"
check "an upload" cmp <(get --data-binary @"$W/binary" http://127.0.0.1:8011/echo) "$W/binary"
kill -TERM "${PID[server]}"
check "the server ends, and says what it has relayed" eval 'ends server 10 0 && told server "relayed .* sessions"'
