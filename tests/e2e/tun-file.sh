#!/bin/bash
# A file over HTTP through the VPN, both families: the same file at the other end.
. "$(dirname "$0")/lib.sh"
need_tun

must "the VPN comes up" vpn
noise 20000000 >"$W/file"
want=$(sha256sum <"$W/file")
start server B python3 -m http.server --directory "$W" --bind :: 8000
until_true 10 listening B 8000
fetch() { # HOST
    is "$(lab in A timeout 60 curl -sSg "http://$1:8000/file" | sha256sum)" "$want"
}
check "20 MB over IPv4, checksum equal" fetch $V4_B
check "20 MB over IPv6, checksum equal" fetch "[$V6_B]"
three() {
    fetch $V4_B & p=$!
    fetch "[$V6_B]" & q=$!
    fetch $V4_B && wait $p && wait $q
}
check "three at once" three
