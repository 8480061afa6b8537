#!/bin/bash
# serve and proxy over a relay in place of a peer, as the Tunnel Agent has it in both of its generations.
. "$(dirname "$0")/lib.sh"
/usr/bin/python3 -c 'import websockets' 2>/dev/null || skip_all "python3-websockets is not installed"
command -v curl >/dev/null || skip_all "curl is not installed"
ip link set lo up
export HOME=$W XDG_CONFIG_HOME=$W
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY

noise 300000 >"$W/binary"
start up here "$root/tests/interop/servers/upstream" 127.0.0.1 8080 "$W/binary"
start relay here "$root/tests/interop/servers/relay" 127.0.0.1 8001 right
must "upstream and relay run" until_true 20 eval 'said up "^listening" && said relay "^listening"'

R=ws://127.0.0.1:8001/relay
get() { curl -sS -m 20 "$@"; }
up() { [ "$(get -o /dev/null -w '%{http_code}' "$1")" = 200 ]; }
both() { # NAME PORT ARGS...: both sides in one session
    start "s-$1" here "$ADIT" serve --relay "$R/$1" --upstream http://127.0.0.1:8080 "${@:3}"
    start "p-$1" here "$ADIT" proxy --relay "$R/$1" --listen "127.0.0.1:$2" "${@:3}"
    must "$1: the tunnel comes up" until_true 20 up "http://127.0.0.1:$2/headers"
    check "$1: a file" cmp <(get "http://127.0.0.1:$2/file") "$W/binary"
    check "$1: an upload" cmp <(get --data-binary @"$W/binary" "http://127.0.0.1:$2/echo") "$W/binary"
    check "$1: we say that a relay reads along" told "p-$1" "a relay reads what it carries"
}
both first 8011 --token right
both second 8012 --token right --relay-auth message
kill -9 "${PID[s-first]}" && wait "${PID[s-first]}" 2>/dev/null
check "a side that is killed: its clients are told" until_true 20 eval \
    '[ "$(get -o /dev/null -w "%{http_code}" http://127.0.0.1:8011/file)" = 503 ]'
start s-again here "$ADIT" serve --relay "$R/first" --upstream http://127.0.0.1:8080 --token right
check "and it is found again" until_true 30 up http://127.0.0.1:8011/headers
start wrong here "$ADIT" serve --relay "$R/third" --upstream http://127.0.0.1:8080 --token wrong
check "a wrong token is refused for good" ends wrong 20 5
check "and not told" not told wrong '=wrong'
kill -TERM "${PID[p-second]}"
check "told to, it ends" ends p-second 10 0
check "a grant of the second generation is good once: the other side ends with it" ends s-second 20 5
