#!/bin/bash
# A silent wire for 35 s, which a connection does not survive and the way to the signaling server does: the tunnel
# is back by itself.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/world.sh"
need nginx curl
knows serve proxy

lab up port-restricted port-restricted && lab stun
lab impair A delay=1
BASE=http://127.0.0.1:9000
web A
must "nginx and its world run" until_true 20 web_up A
must "the signaling server runs" server
side serve A serve --room web --upstream http://127.0.0.1:$WEB
must "serve waits" until_true 10 told serve 'at the signaling server'
side proxy B proxy --room web --listen 127.0.0.1:9000
tunnel_up() { [ "$(lab in B curl -s -m 5 -o /dev/null -w '%{http_code}' $BASE/small)" = 200 ]; }
must "the tunnel comes up" until_true 30 tunnel_up
lab outage A 35
check "and is back after a silence" until_true 60 tunnel_up
check "no process had to be started again" eval '! ended serve && ! ended proxy'
