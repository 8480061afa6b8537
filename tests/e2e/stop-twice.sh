#!/bin/bash
# ^C while a program of the user's hangs: the first one waits for it, the second one does not.
. "$(dirname "$0")/lib.sh"
need_tun

printf '#!/bin/sh\necho $$ >%s/$ADIT_EVENT.$PPID\nexec sleep 1000\n' "$W" >"$W/hang"
chmod +x "$W/hang"
gone() { ! kill -0 "$(cat "$W/$1.${PID[a]}")"; }

must "the VPN comes up" vpn --down "$W/hang"
kill -INT "${PID[a]}"
must "the first ^C runs the --down program" until_true 10 test -s "$W/down.${PID[a]}"
kill -INT "${PID[a]}"
check "the second ends at once, as the first would have" ends a 5 0
check "what was cut short is told" told a 'not waiting for'
check "the --down program is gone" gone down
check "and the device" not lab in A ip link show dev adit0
stop a b

offer --mode tun --ifname adit0 --address $V4_A/24 --up "$W/hang"
must "a program for --up" until_true 10 test -s "$W/up.${PID[a]}"
kill -INT "${PID[a]}"
kill -TERM "${PID[a]}"
check "the same with --up" ends a 5 1
check "the --up program is gone" gone up
