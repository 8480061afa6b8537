#!/usr/bin/env python3
"""adit signal as it is run: every dialect on one port, TLS, reloading, restarting, sockets of others."""
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from signal_world import ADIT, PATIENCE, Refused, Server, Ws, jwt, main, meet, until

W = tempfile.mkdtemp(prefix="signal-")


def path(name, text=None, mode=0o600):
    full = os.path.join(W, name)
    if text is not None:
        with open(full, "w") as f:
            f.write(text)
        os.chmod(full, mode)
    return full


def join(server, room):
    ws = server.ws("/")
    ws.send({"type": "join", "room": room})
    return ws, ws.json()


def one_port():
    """agent, vpn, room, worker, device and mailbox clients, side by side"""
    with Server("--anonymous", "-v", "-v") as server:
        meet(server)
        a, b = server.ws("/"), server.ws("/ws")
        a.send({"type": "register", "role": "offerer", "room": "7"})
        b.send({"type": "register", "role": "answerer", "room": 7})
        assert a.json() == b.json() == {"type": "ready"}
        a.send('{"type": "offer",  "sdp": "v=0 vpn"}')
        assert b.recv() == '{"type": "offer",  "sdp": "v=0 vpn"}', "byte for byte"
        one, joined = join(server, "lab")
        two, also = join(server, "lab")
        assert joined["peers"] == [] and also["peers"] == [joined["peerId"]]
        assert one.json() == {"type": "peer-joined", "peerId": also["peerId"]}
        two.send({"type": "offer", "sdp": "v=0 room"})
        assert one.json()["sdp"] == "v=0 room"
        workers = [server.ws(f"/ws/register/w{i}") for i in range(2)]
        for i, w in enumerate(workers):
            w.send({"type": "update_udp_endpoint", "udp_ip": "192.0.2.1", "udp_port": 1000 + i})
            assert w.json() == {"type": "udp_endpoint_ack", "status": "success"}
        assert workers[0].json()["peer_worker_id"] == "w1" and workers[1].json()["peer_udp_port"] == 1000
        status, _, body = server.http("POST", "/auth/register", '{"email":"a@b","password":"12345678"}')
        assert status == 201, body
        token = re.search(r'"access_token":"([^"]+)"', body)[1]
        for device in ("d1", "d2"):
            assert server.http("POST", "/devices/register", '{"device_id":"%s","pubkey":"k"}' % device,
                               [f"Authorization: Bearer {token}"])[0] == 200
        d1, d2 = (server.ws(f"/signal?token={token}&device_id={d}") for d in ("d1", "d2"))
        assert d1.json()["type"] == d2.json()["type"] == "connected"
        d1.send({"type": "offer", "target_device_id": "d2", "payload": {"sdp": "v=0", "type": "offer"}})
        assert d2.json()["sender_device_id"] == "d1" and d1.json()["type"] == "ack"
        waiting = server.raw()
        waiting.sendall(b"GET /box/x?wait=20 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert server.http("POST", "/box/x", "hello")[0] == 201
        assert b"\r\n\r\nhello" in waiting.recv(4096)
        assert "device: d1 meets d2" in server.log(), server.log()
        for word in ("access_token", token, "v=0", "12345678"):
            assert word not in server.log(), word


def http():
    """requests one after the other, and one behind the other, on one connection; HEAD; a foreign page"""
    with Server("--anonymous") as server:
        s = server.raw()
        s.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\nHEAD /health HTTP/1.1\r\nHost: x\r\n\r\n"
                  b"POST /box/a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi"
                  b"GET /box/a HTTP/1.1\r\nHost: x\r\nOrigin: https://o\r\nConnection: close\r\n\r\n")
        text = b""
        while data := s.recv(4096):
            text += data
        assert text.count(b"HTTP/1.1 200") == 3 and text.count(b"100 Continue") == 1 and text.count(b" 201 ") == 1
        assert text.endswith(b"\r\n\r\nhi") and b"Access-Control-Allow-Origin: https://o\r\n" in text
        assert text.count(b'"status":"ok"') == 1, "HEAD has no body"
        for method, target, want in (("GET", "/nothing", 404), ("DELETE", "/", 405), ("GET", "/status", 200),
                                     ("OPTIONS", "/auth/login", 204), ("GET", "/turn", 404)):
            assert server.http(method, target)[0] == want, target
        assert server.http("GET", "/", headers=["Upgrade: websocket", "Connection: Upgrade"])[0] in (400, 426)


def certificate(name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                    "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", path("key.new"),
                    "-out", path("cert.new")], check=True, capture_output=True)
    os.rename(path("key.new"), path("key.pem"))
    os.rename(path("cert.new"), path("cert.pem"))


def tls(server, name=None):
    """A socket in TLS; the certificate's subject."""
    context = ssl.create_default_context(cafile=path("cert.pem") if name else None)
    if not name:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(server.raw(), server_hostname=name or "x")


def encrypted():
    """TLS with certificate files, read again at SIGHUP while clients stay; and with one of its own that is kept"""
    certificate("one.example")
    with Server("--anonymous", "--tls-cert", path("cert.pem"), "--tls-key", path("key.pem")) as server:
        alice = server.ws("/ws/alice", sock=tls(server, "one.example"))
        certificate("two.example")
        server.child.send_signal(signal.SIGHUP)
        server.wait_log("read anew")
        bob = server.ws("/ws/bob", sock=tls(server, "two.example"))
        bob.send({"type": "offer", "to": "alice", "sdp": "x" * 40000})
        assert alice.json()["sdp"] == "x" * 40000
        os.rename(path("cert.pem"), path("cert.gone"))
        server.child.send_signal(signal.SIGHUP)
        server.wait_log("the old certificate stays")
        os.rename(path("cert.gone"), path("cert.pem"))
        server.ws("/ws/carol", sock=tls(server, "two.example")).gone()
        # plain text, and nonsense, into TLS
        for nonsense in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01" + b"\xff" * 5000):
            s = server.raw()
            s.sendall(nonsense)
            try:
                while s.recv(4096):
                    pass
            except ConnectionResetError:
                pass
        alice.send({"type": "register"})
        assert alice.json()["status"] == "success"
    pins = []
    for _ in range(2):
        with Server("--anonymous", "--tls-self", path("self.pem")) as server:
            pins.append(server.wait_log(r"--tls-pin (sha256/\S+)")[1])
            server.ws("/ws/a", sock=tls(server)).gone()
    assert pins[0] == pins[1]


def new_tokens():
    """tokens that are read again at SIGHUP; a file with a mistake changes nothing"""
    tokens = path("tokens", "first-token\n")
    with Server("--token-file", tokens) as server:
        staying = server.ws("/ws/a?token=first-token")
        path("tokens", "second-token\n")
        server.child.send_signal(signal.SIGHUP)
        server.wait_log("read anew")
        refused(server, "/ws/register/x?token=first-token", 401)
        server.ws("/ws/b?token=second-token").gone()
        path("tokens", "short\n")
        server.child.send_signal(signal.SIGHUP)
        server.wait_log("stay in force")
        server.ws("/ws/b?token=second-token").gone()
        staying.send({"type": "register"})
        assert staying.json()["status"] == "success"


def refused(server, target, status):
    try:
        server.ws(target)
    except Refused as e:
        assert e.args == (status,), e.args
        return
    raise AssertionError(f"{target} was let in")


def restart():
    """a restart says goodbye with 1012, and keeps accounts, devices and mailboxes; so does kill -9"""
    state = path("state")
    login = '{"email":"a@b","password":"12345678"}'
    with Server("--anonymous", "--state", state) as server:
        token = re.search(r'"access_token":"([^"]+)"', server.http("POST", "/auth/register", login)[2])[1]
        assert server.http("POST", "/devices/register", '{"device_id":"d1","pubkey":"k"}',
                           [f"Authorization: Bearer {token}"])[0] == 200
        assert server.http("POST", "/box/x", "letter")[0] == 201
        one, _ = join(server, "lab")
        two, _ = join(server, "lab")
        one.json()
        waiting = server.raw()
        waiting.sendall(b"GET /box/y?wait=60 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert server.http("GET", "/health")[0] == 200  # came later, so the other request has been read
        server.child.send_signal(signal.SIGTERM)
        assert one.ends() == two.ends() == (1012, "the server is restarting"), "and no peer-left before"
        assert b" 503 " in waiting.recv(4096)
        assert server.child.wait(PATIENCE) == 0
    assert os.stat(state).st_mode & 0o777 == 0o600
    for how in (signal.SIGKILL, signal.SIGTERM):
        server = Server("--anonymous", "--state", state)
        assert server.http("GET", "/box/x")[2] == "letter" or how == signal.SIGTERM
        server.ws(f"/signal?token={token}&device_id=d1").gone()
        assert server.http("POST", "/auth/login", login)[0] == 200
        server.stop(how)
    path("state", "{")
    bad = subprocess.run([ADIT, "signal", "--listen", "127.0.0.1:0", "--state", state], capture_output=True, text=True,
                         check=False, timeout=PATIENCE)
    assert bad.returncode == 2 and "state: this is not what" in bad.stderr, bad.stderr


def stubborn():
    """who does not agree to the goodbye is left behind; a second signal ends at once"""
    server = Server("--anonymous")
    mute = server.ws("/ws/mute")
    began = time.monotonic()
    assert server.stop() == 0 and time.monotonic() - began < 15
    mute.gone()
    server = Server("--anonymous")
    mute = server.ws("/ws/mute")
    server.child.send_signal(signal.SIGTERM)
    server.wait_log("goodbye")
    began = time.monotonic()
    assert server.stop() == 0 and time.monotonic() - began < 4
    mute.gone()


def sockets_of_others():
    """a socket that the service manager opened; a local one, with a proxy before it"""
    if shutil.which("systemd-socket-activate"):
        s = socket.socket()
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
        s.close()
        child = subprocess.Popen(["systemd-socket-activate", "-l", f"127.0.0.1:{port}", ADIT, "signal", "--listen",
                                  "systemd", "--anonymous"], stderr=subprocess.DEVNULL)
        activated = Server.__new__(Server)
        activated.child, activated.port = child, port
        until(lambda: connects(port), "nobody listens")
        meet(activated)
        child.terminate()
        assert child.wait(PATIENCE) == 0
    local = path("sock")
    with Server("--anonymous", "--behind-proxy", "--max-per-address", "2", "--max-requests", "1000",
                listen=f"unix:{local}") as server:
        def call(who, name):
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(PATIENCE)
            s.connect(local)
            return Ws(s, f"/ws/{name}", [f"X-Forwarded-For: 1.1.1.1, {who}"])
        kept = [call("192.0.2.1", f"a{i}") for i in range(2)]
        try:
            call("192.0.2.1", "a3")
            raise AssertionError("it was let in")
        except Refused as e:
            assert e.args == (429,)
        kept.append(call("192.0.2.2", "b"))
        assert len(kept) == 3


def connects(port):
    s = socket.socket()
    try:
        s.connect(("127.0.0.1", port))
        return True
    except OSError:
        return False
    finally:
        s.close()


def mistakes():
    """what is missing in the configuration is said, with exit code 2"""
    path("short", "short\n")
    for args, said in ((["--listen", "0.0.0.0:0"], "who may come there"),
                       (["--listen", "127.0.0.1:0", "--token-file", path("nothing")], "No such file"),
                       (["--listen", "127.0.0.1:0", "--token-file", path("short")], "line 1: a token has"),
                       (["--listen", "127.0.0.1:0", "--jwt-secret-file", path("short")], "16 bytes"),
                       (["--listen", "127.0.0.1:0", "--jwt-key", path("short")], "no Ed25519 public key"),
                       (["--listen", "127.0.0.1:0", "--turn-url", "turn:x"], "--turn-secret-file"),
                       (["--listen", "127.0.0.1:0", "--tls-key", path("short")], "and --tls-cert?"),
                       (["--listen", "127.0.0.1:0", "--tls-cert", path("short")], "short"),
                       (["--anonymous", "--listen", "not an address"], "cannot listen")):
        got = subprocess.run([ADIT, "signal", *args], capture_output=True, text=True, check=False, timeout=PATIENCE)
        assert got.returncode == 2 and said in got.stderr, (args, got.returncode, got.stderr)


def turn():
    """credentials for a TURN server, for who shows a token"""
    tokens, secret = path("tokens", "first-token\n"), path("turn", "north\n")
    with Server("--token-file", tokens, "--turn-url", "turn:t.example", "--turn-secret-file", secret, "--turn-ttl",
                "10m", "--stun", "s.example:3478") as server:
        assert server.http("GET", "/turn")[0] == 401
        status, _, body = server.http("GET", "/turn?username=a", headers=["Authorization: Bearer first-token"])
        assert status == 200 and re.search(r'"username":"\d+:a","password":"[^"]{28}","ttl":600', body), body
        assert '{"urls":["stun:s.example:3478"]}' in body


try:
    main([one_port, http, encrypted, new_tokens, restart, stubborn, sockets_of_others, mistakes, turn])
finally:
    shutil.rmtree(W)
