#!/bin/bash
# The signaling server, behind a reverse proxy, sees one of two connected sides at another address than before, and
# says so: it looks for its path anew, and the session goes on. Nothing else has noticed, for nothing else happened.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/world.sh"
need nginx curl

front() { # ADDRESS: where A is said to be
    mkdir -p "$W/front"
    cat >"$W/front/conf" <<END
daemon off;
master_process off;
user root root;
pid $W/front/pid;
error_log stderr;
events { }
http {
    access_log off;
    map \$remote_addr \$seen { default \$remote_addr; $A $1; }
    server {
        listen 203.0.113.1:8000;
        location / {
            proxy_pass http://127.0.0.1:8001;
            proxy_http_version 1.1;
            proxy_set_header Upgrade \$http_upgrade;
            proxy_set_header Connection \$http_connection;
            proxy_set_header X-Forwarded-For "192.0.2.66, \$seen";
            proxy_read_timeout 1h;
        }
    }
}
END
    stop front
    start front PUB nginx -p "$W/front" -c "$W/front/conf"
    until_true 10 listening PUB 8000
}
joined() { [ "$(grep -c '"state":"joined"' "$W/$1.events")" -ge "$2" ]; } # NAME TIMES
end() {                                                                  # NAME PLACE COMMAND ARGS...
    side "$1" "$2" "$3" --events "$W/$1.events" -v --mode chat "${@:4}"
}
restarts() { grep -c 'ICE restart: done$' "$W/$1.err"; } # NAME

lab up none none && lab stun
A=$(lab in A ip -4 -o addr show dev eth0 | grep -oE '198\.51\.100\.[0-9]+' | head -n 1)
start server PUB "$ADIT" signal --listen 127.0.0.1:8001 --behind-proxy --anonymous
must "the signaling server runs" until_true 10 listening PUB 8001
must "and a reverse proxy before it" front "$A"
header_of() { lab in A curl -sI http://203.0.113.1:8000/health | grep -ix "adit-address: $1.*"; }
check "who asks is told where he is seen" header_of "$A"

end b B listen --id bob
must "b waits" until_true 10 told b 'at the signaling server'
end a A connect bob --id alice
must "they meet" until_true 15 connected a b
check "and what was told so far was no news" not told a 'another address'

front 192.0.2.77
check "both come again" eval 'until_true 15 joined a 2 && until_true 15 joined b 2'
check "a is told of the other address" until_true 5 told a 'another address: 192.0.2.77, looking for paths anew$'
check "b is not" not told b 'another address'
check "a path is looked for anew, and found" until_true 10 eval '[ "$(restarts a)" -ge 1 ]'
say a "hello"
check "the session goes on" until_true 5 said b hello

front "$A"
check "the first address again, where a candidate is known: a is told, and stays where it is" \
    until_true 15 told a "another address: $A\$"
say a "still there"
check "and the session goes on" until_true 5 said b 'still there'
check "by one connection" eval 'is "$(grep -c "^adit: connected in" "$W/a.err")" 1'
