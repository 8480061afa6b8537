"""signal_world - `adit signal` and clients that are made by hand, for the signal-*.sh scripts.

Every client is a raw socket, so it can do what no library would. Loopback only: the server listens on a
port that the kernel chooses, and clients may come from any 127.x.y.z.
"""
import base64
import concurrent.futures
import ctypes
import hashlib
import hmac
import json
import os
import re
import resource
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import traceback

ADIT = os.environ["ADIT"]
with open(ADIT, "rb") as _f:
    SANITIZED = b"__asan_init" in _f.read()  # then memory is no measure
# Ordinary users begin with a thousand descriptors, and may have as many as the hard limit says.
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
PATIENCE = 60  # seconds that a passing test never sees


def die_with_us():
    """In the child: whoever kills this script kills the server too (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Server:
    """adit signal, until the end of a `with`."""

    def __init__(self, *args, listen="127.0.0.1:0", env=None, **popen):
        self.log_file = tempfile.NamedTemporaryFile("w+", prefix="signal-", suffix=".log")
        listens = ["--listen", listen] if listen else []
        self.child = subprocess.Popen([ADIT, "signal", *listens, *args], stderr=self.log_file,
                                      env=dict(os.environ, **(env or {})), preexec_fn=die_with_us,
                                      **popen)
        self.port = None
        if listen != "":
            m = self.wait_log(r"listens on (?:127\.0\.0\.1:(\d+)|unix:|\[)")
            self.port = int(m[1]) if m[1] else None

    def log(self):
        with open(self.log_file.name, errors="replace") as f:
            return f.read()

    def wait_log(self, pattern):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if m := re.search(pattern, self.log()):
                return m
            if self.child.poll() is not None:
                break
            time.sleep(0.01)
        raise AssertionError(f"no {pattern} in the log:\n{self.log()}")

    def stop(self, how=signal.SIGTERM):
        if self.child.poll() is None:
            self.child.send_signal(how)
        return self.child.wait(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        code = self.stop()
        if kind is None:
            assert code == 0, f"exit code {code}:\n{self.log()}"

    def grown(self, before, limit):
        """By more than that?"""
        return not SANITIZED and self.rss() > before + limit

    def rss(self):
        with open(f"/proc/{self.child.pid}/status") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1]) * 1024

    def files(self):
        return len(os.listdir(f"/proc/{self.child.pid}/fd"))

    def cpu(self):
        with open(f"/proc/{self.child.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def raw(self, source="127.0.0.1"):
        s = socket.socket()
        s.settimeout(PATIENCE)
        s.bind((source, 0))
        s.connect(("127.0.0.1", self.port))
        return s

    def http(self, method, target, body=b"", headers=(), source="127.0.0.1", sock=None):
        """Status, headers in lower case, body."""
        s = sock or self.raw(source)
        body = body if isinstance(body, bytes) else body.encode()
        lines = [f"{method} {target} HTTP/1.1", "Host: x", "Connection: close", *headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        s.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        reply = b""
        while data := receive(s):
            reply += data
        s.close()
        head, _, rest = reply.partition(b"\r\n\r\n")
        status, *fields = head.decode().split("\r\n")
        return (int(status.split()[1]),
                {n.lower(): v for n, v in (f.split(": ", 1) for f in fields)}, rest.decode())

    def ws(self, path, source="127.0.0.1", headers=(), sock=None):
        return Ws(sock or self.raw(source), path, headers)


def receive(s, n=65536):
    """b"" at the end, also a violent one."""
    try:
        return s.recv(n)
    except (ConnectionResetError, BrokenPipeError, ssl.SSLError):
        return b""


class Refused(Exception):
    """The handshake was answered with another status."""


class Ws:
    """The client's end of a WebSocket."""

    def __init__(self, sock, path, headers=()):
        self.s = sock
        self.buf = b""
        self.closed = None  # (code, reason)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", *headers]
        self.s.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        while b"\r\n\r\n" not in self.buf:
            data = receive(self.s)
            if not data:
                raise Refused("closed")
            self.buf += data
        head, self.buf = self.buf.split(b"\r\n\r\n", 1)
        self.status = int(head.split()[1])
        if self.status != 101:
            raise Refused(self.status)
        accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
                                               .encode()).digest())
        assert accept in head

    def frame(self, opcode, data, fin=True, mask=True):
        n = len(data)
        head = bytes([opcode | 0x80 * fin])
        bit = 0x80 * mask
        head += (bytes([n | bit]) if n < 126 else struct.pack("!BH", 126 | bit, n) if n < 65536
                 else struct.pack("!BQ", 127 | bit, n))
        if mask:  # with zeros: the server does not mind, and the bytes stay readable
            head += b"\0\0\0\0"
        self.s.sendall(head + data)

    def send(self, message):
        text = message if isinstance(message, (bytes, str)) else json.dumps(message)
        self.frame(1, text if isinstance(text, bytes) else text.encode())

    def exactly(self, n):
        while len(self.buf) < n:
            data = receive(self.s)
            if not data:
                return None
            self.buf += data
        out, self.buf = self.buf[:n], self.buf[n:]
        return out

    def next_frame(self):
        """(opcode, data), None at the end."""
        head = self.exactly(2)
        if head is None:
            return None
        n = head[1] & 0x7f
        assert not head[1] & 0x80, "a server does not mask"
        if n >= 126:
            n = struct.unpack("!H" if n == 126 else "!Q", self.exactly(2 if n == 126 else 8))[0]
        return head[0] & 0x0f, self.exactly(n)

    def recv(self):
        """The next message as text; None: closed, see self.closed. Pings are answered."""
        while frame := self.next_frame():
            opcode, data = frame
            if opcode in (1, 2):
                return data.decode()
            if opcode == 9:
                self.frame(10, data)
            if opcode == 8:
                code = struct.unpack("!H", data[:2])[0] if data else None
                self.closed = (code, data[2:].decode())
                try:
                    self.frame(8, data[:2])
                except OSError:
                    pass
                return None
        return None

    def json(self):
        text = self.recv()
        assert text is not None, f"closed: {self.closed}"
        return json.loads(text)

    def ends(self):
        """Reads until it is closed; the code and reason, if there was a close frame."""
        while self.recv() is not None:
            pass
        self.s.close()
        return self.closed

    def gone(self):
        self.s.close()


def jwt(claims, secret, header=None):
    def part(x):
        return base64.urlsafe_b64encode(x).rstrip(b"=")
    text = part(json.dumps(header or {"alg": "HS256", "typ": "JWT"}).encode()) + b"." + part(
        json.dumps(claims).encode())
    return (text + b"." + part(hmac.new(secret.encode(), text, hashlib.sha256).digest())).decode()


def until(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def meet(server, source="127.0.0.1", tag=""):
    """Two agents introduce themselves: the server works, and for others too."""
    a, b = (server.ws(f"/ws/{n}{tag}", source) for n in ("well-a", "well-b"))
    start = time.monotonic()
    a.send({"type": "offer", "to": f"well-b{tag}", "sdp": "v=0"})
    assert b.json() == {"type": "offer", "from": f"well-a{tag}", "to": f"well-b{tag}", "sdp": "v=0"}
    b.send({"type": "answer", "to": f"well-a{tag}", "sdp": "v=0"})
    assert a.json()["type"] == "answer"
    a.gone()
    b.gone()
    return time.monotonic() - start


def run(test):
    """None, or how it failed."""
    try:
        test()
        return None
    except Exception:  # whatever went wrong is the result
        return traceback.format_exc()


def main(tests):
    """Runs them, some at a time, for most of them wait most of the time, and prints TAP."""
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for n, (test, wrong) in enumerate(zip(tests, pool.map(run, tests)), 1):
            print(f"{'not ' if wrong else ''}ok {n} - {test.__doc__ or test.__name__}", flush=True)
            failed += wrong is not None
            for line in (wrong or "").splitlines():
                print(f"# {line}")
    print(f"1..{len(tests)}")
    sys.exit(failed > 0)
