#!/bin/bash
# The connection that carries a tunnel must not go through the tunnel: the device is there before
# candidates are gathered, and its addresses are none of them.
. "$(dirname "$0")/lib.sh"
need_tun

must "the lab stands" lab up cone cone
lab in A timeout -s TERM 3 "$ADIT" offer --mode tun --address 10.9.9.1/24 --address fd09:9::1/64 \
    --as sdp --out "$W/sdp" 2>"$W/offer.err" </dev/zero
check "other addresses are candidates" grep -q a=candidate "$W/sdp"
check "those of the device are not" not grep -e 10.9.9.1 -e fd09:9::1 "$W/sdp"
