#!/bin/bash
# Two that met at a server; one is killed and started again, with the same identity. What the other one says of its path
# comes to somebody who knows nothing of it, and is no restart: they meet anew, and neither waits for the end of --hold.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/world.sh"

lab up port-restricted port-restricted && lab stun
server
listener() { side b B listen --id bob --mode chat; }
connector() { side a A connect bob --id alice --mode chat; }
times() { grep -c '^adit: connected in' "$W/$1.err"; } # NAME
chatter() { for _ in 1 2 3 4 5; do say "$1" hello && sleep 0.3; done; }

listener
must "one waits" until_true 10 told b 'at the signaling server'
connector
must "they meet" until_true 10 connected a b
kill -KILL "${PID[b]}"
stop b
listener
chatter a &
check "the listener was killed and is back: found within 15 s" until_true 15 connected b
check "by a second connection" until_true 5 eval 'is "$(times a)" 2'
check "whose other side was known" told a 'was started again'
kill -KILL "${PID[a]}"
stop a
connector
check "the connector was killed and is back: taken within 15 s" until_true 15 connected a
