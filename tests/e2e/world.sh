# world.sh - real services for the end-to-end scripts, beside lib.sh.
#
#   . "$(dirname "$0")/world.sh"
#   need nginx                          # the whole script is skipped where there is none
#   web A && must "…" until_true 10 web_up A
#
# Each service runs in the namespace that is named, listens on its loopback address, keeps all that
# it writes below $W, and ends by its pid with `stop`, or with the nest.
# shellcheck shell=bash
e2e=${e2e:?lib.sh comes first}
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
export XDG_RUNTIME_DIR=$W
WEB=8080 PY=8081 WS=8082 SSH=2222 REDIS=6379 DNS=5353 # ports

has() { command -v "$1" >/dev/null; }
need() { # PROGRAM...
    local p
    for p; do has "$p" || skip_all "$p is not installed"; done
}
knows() { # COMMAND...: of adit's
    local c
    for c; do "$ADIT" help | grep -q "^  $c " || skip_all "this adit has no command $c"; done
}
has_websockets() { /usr/bin/python3 -c 'import websockets' 2>/dev/null; }
# BYTES FILE: as many, and no two places alike; most of them take no room
sparse() {
    local at=0
    truncate -s "$1" "$2"
    while [ $at -lt "$1" ]; do
        { echo "at $at" && noise 100000; } | head -c $(($1 - at < 100000 ? $1 - at : 100000)) |
            dd of="$2" bs=64K seek=$at oflag=seek_bytes conv=notrunc status=none
        at=$((at + 50000000))
    done
}
sum_of() { sha256sum <"$1" | cut -d' ' -f1; }

# PLACE: nginx with files in $W/web/root, and behind it world.py at /py/ and a WebSocket at /ws
web() {
    local d=$W/web
    mkdir -p "$d/root/put" "$d/tmp"
    cat >"$d/nginx.conf" <<END
daemon off;
master_process off;
user root root;
worker_rlimit_nofile 4096;
pid $d/nginx.pid;
error_log stderr;
events { worker_connections 2000; }
http {
    access_log off;
    default_type application/octet-stream;
    client_body_temp_path $d/tmp/body;
    proxy_temp_path $d/tmp/proxy;
    fastcgi_temp_path $d/tmp/fastcgi;
    uwsgi_temp_path $d/tmp/uwsgi;
    scgi_temp_path $d/tmp/scgi;
    client_max_body_size 0;
    keepalive_requests 1000000;
    sendfile on;
    server {
        listen 127.0.0.1:$WEB backlog=1024;
        root $d/root;
        location / { }
        location /empty { return 204; }
        location /put/ { dav_methods PUT DELETE; }
        location /py/ {
            proxy_pass http://127.0.0.1:$PY/;
            proxy_http_version 1.1;
            proxy_buffering off;
            proxy_request_buffering off;
            proxy_set_header Host \$http_host;
        }
        location /ws {
            proxy_pass http://127.0.0.1:$WS;
            proxy_http_version 1.1;
            proxy_set_header Upgrade \$http_upgrade;
            proxy_set_header Connection upgrade;
        }
    }
}
END
    printf 'hello\n' >"$d/root/small"
    noise 1024 >"$d/root/1k"
    noise 1000000 >"$d/root/1m"
    start nginx "$1" nginx -p "$d" -c "$d/nginx.conf"
    start py "$1" "$e2e/world.py" $PY "$W/repos"
    ! has_websockets || start ws "$1" "$e2e/ws_echo.py" serve $WS
}
web_up() { # PLACE
    listening "$1" $WEB && listening "$1" $PY && { ! has_websockets || listening "$1" $WS; }
}

# A bare repository: dumb at /repo.git, smart at /py/git/repo.git
repository() {
    local w=$W/work r=$W/repos/repo.git i
    export GIT_CONFIG_GLOBAL=$W/gitconfig GIT_TERMINAL_PROMPT=0
    git config --global user.name tester && git config --global user.email tester@example.org
    git config --global safe.directory '*' && git config --global init.defaultBranch main
    git init -q "$w" && mkdir -p "$W/repos" || return
    for i in 1 2 3 4 5; do
        noise $((i * 100000)) >"$w/file" && echo "$i" >"$w/file.$i"
        git -C "$w" add . && git -C "$w" commit -q -m "commit $i" || return
    done
    git clone -q --bare "$w" "$r" && git -C "$r" config http.receivepack true &&
        git -C "$r" update-server-info && ln -sfn "$r" "$W/web/root/repo.git"
}
head_of() { git -C "$1" rev-parse HEAD; }

# PLACE: sshd with keys of its own; `ssh "${SSH_ARGS[@]}" tester` after it
sshd_at() {
    local d=$W/ssh
    mkdir -p "$d" /run/sshd && chmod 755 /run/sshd
    ssh-keygen -q -t ed25519 -N '' -f "$d/host" && ssh-keygen -q -t ed25519 -N '' -f "$d/user" || return
    cp "$d/user.pub" "$d/authorized" && echo "tester $(cut -d' ' -f1,2 "$d/host.pub")" >"$d/known"
    cat >"$d/sshd_config" <<END
Port $SSH
ListenAddress 127.0.0.1
HostKey $d/host
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
PermitRootLogin prohibit-password
AuthorizedKeysFile $d/authorized
END
    SSH_ARGS=(-F none -i "$d/user" -o UserKnownHostsFile="$d/known" -o HostKeyAlias=tester -o BatchMode=yes
        -o StrictHostKeyChecking=yes -o ConnectTimeout=20 -p $SSH -l "$(id -un)")
    start sshd "$1" "$(command -v sshd)" -D -e -f "$d/sshd_config"
}

# PLACE: a name server that knows one name, and has one answer that is as long as they come
dns_at() {
    local words=() i
    for i in 1 2 3 4 5; do words+=("$(printf "%0200d" "$i")"); done
    start dns "$1" dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts \
        --listen-address=127.0.0.1 --bind-interfaces --port=$DNS --edns-packet-max=4096 \
        --address=/one.example/192.0.2.7 --txt-record="long.example,$(IFS=,; echo "${words[*]}")"
}
dig_at() { # PLACE PORT NAME TYPE ARGS...
    lab in "$1" dig +short +tries=1 +time=5 @127.0.0.1 -p "$2" "$3" "$4" "${@:5}"
}

redis_at() { # PLACE
    start redis "$1" redis-server --bind 127.0.0.1 --port $REDIS --save '' --appendonly no --dir "$W"
}
redis() { # PLACE PORT ARGS...
    lab in "$1" redis-cli -h 127.0.0.1 -p "$2" "${@:3}"
}

# ---- adit ---------------------------------------------------------------------------------------

SIGNAL=ws://203.0.113.1:8000
server() {
    start server PUB "$ADIT" signal --listen 203.0.113.1:8000 --anonymous
    until_true 10 listening PUB 8000
}
# NAME PLACE COMMAND ARGS...: an identity each; whoever is in the room is trusted
side() {
    mkdir -p "$W/$1.conf"
    start "$1" "$2" env XDG_CONFIG_HOME="$W/$1.conf" "$ADIT" "$3" --signal $SIGNAL --stun $STUN --trust first "${@:4}"
}
resident() { awk '/^VmRSS/ { print $2 }' "/proc/${PID[$1]}/status"; } # NAME: KiB
