#!/bin/bash
# Without --timeout: who has the answer need not wait for anybody, and says after a minute that there
# is no way.
. "$(dirname "$0")/lib.sh"

ip link set lo up
start a here "$ADIT" offer --loopback
start b here "$ADIT" answer --loopback
must "the answer is given" eval 'hand_over a b && until_true 10 ready b'
stop b
hand_over b a
check "nobody is there: it ends with 4" ends a 70 4
check "and says so" told a 'timed out: no connection'
