#!/bin/bash
# Command line, environment, .env, file, default: which counts, what `adit config` says of it, and that a secret
# on the command line is not there for everybody.
. "$(dirname "$0")/lib.sh"

ip link set lo up
cd "$W" || exit
export HOME=$W XDG_CONFIG_HOME=$W XDG_RUNTIME_DIR=$W
unset "${!ADIT_@}" MODE LOG_LEVEL AGENT_CONFIG 2>/dev/null
export ADIT AGENT_CONFIG=adit.json
printf '{"label": "file", "mtu": 1301, "room": "file", "timeout": 1,\n "stun": ["a", "b"]}' >adit.json
printf '# ours\nADIT_LABEL=dotenv\nADIT_MTU=1302\nADIT_ROOM=dotenv\n' >.env

line() { "$ADIT" config listen "${@:2}" | grep -E "^(# )?$1: " | tr -s ' '; } # OPTION ARGS...
sources() {
    is "$(line label --label line)" 'label: line # --label' &&
        is "$(ADIT_LABEL=e line label)" 'label: e # ADIT_LABEL in the environment' &&
        is "$(DATA_CHANNEL_LABEL=e line label)" 'label: e # DATA_CHANNEL_LABEL in the environment' &&
        is "$(line label)" 'label: dotenv # ADIT_LABEL in .env:2' &&
        is "$(line timeout)" 'timeout: 1s # adit.json:1' &&
        is "$(line mode)" 'mode: chat # default' && is "$(line id)" '# id: # not set'
}
layers() { # of one option, from above to below
    is "$(ADIT_MTU=1303 line mtu --mtu 1304)" 'mtu: 1304 # --mtu' &&
        is "$(ADIT_MTU=1303 line mtu)" 'mtu: 1303 # ADIT_MTU in the environment' &&
        is "$(line mtu)" 'mtu: 1302 # ADIT_MTU in .env:3' && mv .env env &&
        is "$(line mtu)" 'mtu: 1301 # adit.json:1' && mv env .env &&
        is "$(AGENT_CONFIG='' line room)" 'room: dotenv # ADIT_ROOM in .env:4'
}
lists() { # are replaced as a whole
    is "$(line stun)" 'stun: ["a", "b"] # adit.json:2' && is "$(ICE_URLS=c line stun)" 'stun: ["c"] # ICE_URLS in the environment' &&
        is "$(line stun -s d -s e)" 'stun: ["d", "e"] # --stun'
}
says() { # PATTERN CMD...: exit code 2, and this
    local code=0
    "${@:2}" 2>"$W/says.err" >"$W/says.out" || code=$?
    is $code 2 && grep -q -- "$1" "$W/says.err" && [ ! -s "$W/says.out" ]
}
check "each source is named, with its line" sources
check "the one above counts" layers
check "lists are replaced as a whole" lists
check "JSON says the same" python3 -c '
import json, os, subprocess
said = json.loads(subprocess.run([os.environ["ADIT"], "config", "listen", "--json"], capture_output=True, check=True).stdout)
assert said["options"]["mtu"] == {"value": 1302, "source": ".env", "where": "ADIT_MTU in .env:3"}, said
assert said["options"]["stun"]["value"] == ["a", "b"] and said["peers"] == {}'

printf '{\n "lable": 1}' >wrong.json
check "an unknown name: file, line, and the nearest" says 'wrong.json:2: lable: unknown. Did you mean label?' "$ADIT" config -c wrong.json
check "any command says so" says 'wrong.json:2: lable' "$ADIT" listen -c wrong.json
printf '{"peers": {\n "a": {"address": "10.0.0.300/8"}}}' >wrong.json
check "what only a command looks at is found" says 'wrong.json:2: address 10.0.0.300/8: give an address' "$ADIT" config -c wrong.json
printf 'MODE=fax\n' >.env
check ".env: the same" says 'MODE=fax in .env:1: choose one of' "$ADIT" config
rm .env

printf '{"token": "hidden"}' >secret.json
chmod 644 secret.json
"$ADIT" config -c secret.json >secret.out 2>secret.err
check "a secret in a file for all is warned about, and not shown" eval \
    'grep -q "chmod o-r secret.json" secret.err && grep -q "^token: \"\*\*\*\" " secret.out && ! grep -q hidden secret.out'
chmod 600 secret.json
"$ADIT" config -c secret.json >/dev/null 2>secret.err
check "and in one's own file it is not" eval '! [ -s secret.err ]'

start a here "$ADIT" listen --signal ws://127.0.0.1:9 --token hidden-1 --password=hidden-2 \
    --proxy http://me:hidden-3@127.0.0.1:9 --header 'Authorization: hidden-4' --id visible
check "the agent runs" until_true 10 told a 'signaling'
check "ps does not show what is secret on its command line" eval \
    '! tr "\0" "\n" </proc/${PID[a]}/cmdline | grep -q hidden && tr "\0" "\n" </proc/${PID[a]}/cmdline | grep -q "^visible$"'
stop a
