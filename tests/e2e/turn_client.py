"""A TURN client made by hand, for what coturn's does not do.

    turn_client.py CHECK SERVER SECRET PEER

SERVER is host:port, PEER too (it sends back what it gets). Exits 0, or says what was wrong."""
import base64
import hashlib
import hmac
import os
import re
import socket
import struct
import sys
import time

COOKIE = 0x2112A442
BINDING, ALLOCATE, REFRESH, SEND, PERMISSION, CHANNEL = 1, 3, 4, 6, 8, 9
USERNAME, INTEGRITY, ERROR, NUMBER, LIFETIME, PEER, DATA, REALM, NONCE, TRANSPORT = 6, 8, 9, 12, 13, 0x12, 0x13, 0x14, 0x15, 0x19


def attribute(kind, value):
    return struct.pack(">HH", kind, len(value)) + value + b"\0" * (-len(value) % 4)


def message(method, attributes, ident):
    return struct.pack(">HHI", method, len(attributes), COOKIE) + ident + attributes


def peer_of(host, port):
    address, = struct.unpack(">I", socket.inet_aton(host))
    return attribute(PEER, struct.pack(">BBHI", 0, 1, port ^ COOKIE >> 16, address ^ COOKIE))


def parse(raw):
    out, at = {}, 20
    while at + 4 <= len(raw):
        kind, n = struct.unpack_from(">HH", raw, at)
        out[kind] = raw[at + 4:at + 4 + n]
        at += 4 + n + -n % 4
    return out


class Client:
    def __init__(self, server, secret, stream=False, name="hand"):
        self.stream, self.nonce, self.realm = stream, b"", b"adit"
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
        self.sock.settimeout(5)
        self.sock.connect(server)
        self.user = b"%d:%s" % (time.time() + 600, name.encode())
        password = base64.b64encode(hmac.new(secret.encode(), self.user, hashlib.sha1).digest())
        self.key = hashlib.md5(self.user + b":adit:" + password).digest()
        self.kept = b""

    def recv(self):
        """the next message: of STUN, or of a channel"""
        if not self.stream:
            return self.sock.recv(4096)
        while True:
            if len(self.kept) >= 4:
                n = struct.unpack_from(">H", self.kept, 2)[0]
                n = 4 + n + -n % 4 if self.kept[0] & 0x40 else 20 + n
                if len(self.kept) >= n:
                    first, self.kept = self.kept[:n], self.kept[n:]
                    return first
            more = self.sock.recv(4096)
            assert more, "the connection has ended"
            self.kept += more

    def ask(self, method, attributes=b"", again=True):
        """0, or the code of the error"""
        ident = os.urandom(12)
        signed = attributes + attribute(USERNAME, self.user) + attribute(REALM, self.realm) + attribute(NONCE, self.nonce)
        head = struct.pack(">HHI", method, len(signed) + 24, COOKIE) + ident
        mac = hmac.new(self.key, head + signed, hashlib.sha1).digest()
        self.sock.send(head + signed + attribute(INTEGRITY, mac))
        raw = self.recv()
        while raw[8:20] != ident:
            raw = self.recv()
        answer = parse(raw)
        code = answer[ERROR][2] * 100 + answer[ERROR][3] if raw[0] & 1 and raw[1] & 0x10 else 0
        if code == 438 and again:
            self.nonce = answer[NONCE]
            return self.ask(method, attributes, False)
        return code

    def allocate(self):
        return self.ask(ALLOCATE, attribute(TRANSPORT, b"\x11\0\0\0"))

    def send(self, host, port, data):
        self.sock.send(message(SEND | 0x10, peer_of(host, port) + attribute(DATA, data), os.urandom(12)))


def is_(value, wanted):
    assert value == wanted, f"{value!r}, wanted {wanted!r}"


def one_bad_peer(server, secret, peer):
    """packets that cannot leave cost themselves, and nothing else"""
    for stream in (False, True):
        c = Client(server, secret, stream)
        is_(c.allocate(), 0)
        is_(c.ask(PERMISSION, peer_of("192.0.2.99", 1) + peer_of(*peer)), 0)
        for i in range(50):
            c.send("192.0.2.99", 1 + i, b"nobody is there")
        c.send(*peer, b"still here")
        is_(parse(c.recv())[DATA], b"still here")
        is_(c.ask(CHANNEL, attribute(NUMBER, b"\x40\0\0\0") + peer_of(*peer)), 0)
        c.sock.send(b"\x40\0\0\4here")
        is_(c.recv(), b"\x40\0\0\4here")
        is_(c.ask(REFRESH, attribute(LIFETIME, b"\0\0\0\0")), 0)


def inside(server, secret, _peer):
    """what is inside of networks, and the server itself, is nobody's peer"""
    c = Client(server, secret)
    is_(c.allocate(), 0)
    for host in ("127.0.0.1", "10.0.0.1", "192.168.1.2", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
                 "255.255.255.255", "203.0.113.2"):
        is_((host, c.ask(PERMISSION, peer_of(host, 80))), (host, 403))
        is_((host, c.ask(CHANNEL, attribute(NUMBER, b"\x40\0\0\0") + peer_of(host, 80))), (host, 403))
    is_(c.ask(REFRESH, attribute(LIFETIME, b"\0\0\0\0")), 0)


def wrong(server, secret, _peer):
    """a wrong password"""
    is_(Client(server, secret + "?").allocate(), 401)


def right(server, secret, _peer):
    """a right one"""
    c = Client(server, secret)
    is_(c.allocate(), 0)
    is_(c.ask(REFRESH, attribute(LIFETIME, b"\0\0\0\0")), 0)


def stream(server, secret, _peer):
    """the same over a connection"""
    c = Client(server, secret, True)
    is_(c.allocate(), 0)
    is_(c.ask(REFRESH, attribute(LIFETIME, b"\0\0\0\0")), 0)


def flood(server, secret, peer):
    """strangers get so many answers and no more, and others are served meanwhile"""
    c, answers, began = Client(server, secret), 0, time.monotonic()
    c.sock.setblocking(False)
    for _ in range(3000):
        c.sock.send(message(ALLOCATE, b"", os.urandom(12)))
    right(server, secret, peer)
    while True:
        try:
            answers += len(c.sock.recv(4096)) > 0
        except BlockingIOError:
            break
    most = 40 + 10 * (time.monotonic() - began) + 1
    assert 0 < answers <= most, f"{answers} answers, at most {most}"


def descriptors(server, secret, _peer):
    """clients that come and go: over datagrams with a word, over connections without one"""
    for _ in range(3):
        clients = [Client(server, secret, i % 2 > 0, f"n{i}") for i in range(40)]
        for c in clients:
            is_(c.allocate(), 0)
        for c in clients:
            if not c.stream:
                is_(c.ask(REFRESH, attribute(LIFETIME, b"\0\0\0\0")), 0)
            c.sock.close()


def address(text):
    host, port = re.fullmatch(r"(.+):(\d+)", text).groups()
    return host, int(port)


if __name__ == "__main__":
    globals()[sys.argv[1]](address(sys.argv[2]), sys.argv[3], address(sys.argv[4]))
