#!/usr/bin/env python3
"""What strangers do to a server on purpose: each is bounded, and nobody else notices."""
import base64
import os
import socket
import struct
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from signal_world import PATIENCE, Refused, Server, Ws, jwt, main, meet, receive, until

MB = 1024 * 1024


def opened(server, path, n, source="127.0.0.1"):
    return [server.ws(f"{path}{i}", source) for i in range(n)]


def slowloris():
    """a thousand connections that trickle a byte now and then are closed in time, and a pairing takes no longer"""
    with Server("--anonymous", "--max-per-address", "100000") as server:
        began = time.monotonic()
        slow = [server.raw() for _ in range(1000)]
        for s in slow:
            s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-A")
            s.setblocking(False)
        left = set(slow)
        while left and time.monotonic() - began < PATIENCE + 10:
            for s in list(left):
                try:
                    s.send(b"a")
                except OSError:
                    left.discard(s)
            assert meet(server, "127.0.0.2") < 2
            time.sleep(0.2)
        took = time.monotonic() - began
        assert not left, f"{len(left)} are still there after {took:.0f} s"
        assert took > 8, "too early for the honest"
        until(lambda: server.files() < 100, "descriptors are left")


def silent_connections():
    """who says nothing after the handshake, or opens a connection and nothing else, goes"""
    with Server("--anonymous") as server:
        quiet = server.ws("/")
        empty = server.raw()
        assert quiet.ends() == (1008, "nothing was said in time")
        while receive(empty):
            pass
        assert meet(server) < 2


def half_open():
    """a client whose host is gone without a word is noticed by its silence, and its id is free"""
    with Server("--anonymous", "--ping", "1s", "--duplicate", "refuse") as server:
        dead = server.ws("/ws/dead")
        alive = server.ws("/ws/alive")
        # The dead one reads nothing and answers nothing; the other one answers pings.
        alive.s.settimeout(0.3)
        end = time.monotonic() + PATIENCE + 10
        while "dead has left" not in server.log():
            assert time.monotonic() < end, "the dead one is still there"
            try:
                alive.recv()
            except socket.timeout:
                pass
        alive.s.settimeout(PATIENCE)
        assert free(server, "dead")
        alive.send({"type": "register"})
        assert alive.json()["status"] == "success"
        dead.gone()


def free(server, who):
    ws = server.ws(f"/ws/{who}")
    ws.send({"type": "register"})
    good = ws.json().get("status") == "success"
    ws.gone()
    return good


def ten_thousand():
    """10,000 connections from one address leave room for others"""
    with Server("--anonymous", "--max-per-address", "100") as server:
        taken, refused = [], 0
        before = server.rss()
        for i in range(10000):
            s = server.raw()
            s.settimeout(5)
            taken.append(s)
            if len(taken) > 400:  # ours are bounded as well; the oldest was refused long ago or is one of the 100
                old = taken.pop(150)
                old.close()
                refused += 1
        assert server.files() < 300, server.files()
        assert meet(server, "127.0.0.2") < 2
        assert not server.grown(before, 20 * MB)
        for s in taken:
            s.close()
        until(lambda: server.files() < 30, "descriptors are left")
        assert meet(server) < 2


def all_places_taken():
    """when all places are taken, the next is told so, and has the place of whoever leaves"""
    with Server("--anonymous", "--max-clients", "20") as server:
        all_of_them = opened(server, "/ws/c", 20)
        try:
            server.ws("/ws/x")
            raise AssertionError("it was let in")
        except Refused as e:
            assert e.args == (503,)
        all_of_them.pop().gone()
        until(lambda: free(server, "x"), "no place")


def large_heads():
    """a megabyte of headers, of one header, or of a request line is refused while it comes"""
    with Server("--anonymous") as server:
        before = server.rss()
        for start in (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 200000,
                      b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * MB,
                      b"GET /" + b"b" * MB + b" HTTP/1.1\r\n", b"\0" * MB, b"\r\n" * MB):
            s = server.raw()
            reply = b""
            try:
                s.sendall(start)
            except OSError:
                pass
            while data := receive(s):
                reply += data
            assert reply == b"" or reply.split()[1] in (b"400", b"431", b"414"), reply[:100]
            s.close()
        for length in ("70000", "99999999999", "-1", "1e3", "18446744073709551616"):
            status, _, _ = server.http("POST", "/box/x", headers=[f"Content-Length: {length}"])
            assert status in (400, 413), status
        assert not server.grown(before, 8 * MB)
        assert meet(server) < 2


def bad_messages():
    """deep JSON, invalid UTF-8, unmasked frames, reserved bits, endless fragments: one client each"""
    with Server("--anonymous", "--max-rate", "10000") as server:
        for what, code in ((b"[" * 60000, 1008), (b"[" * 33 + b"]" * 33, 1008), (b'{"a":' * 10000, 1008),
                           (b'{"type":"\xc0\x80"}', 1007), (b"\xff", 1007), (b"\xed\xa0\x80", 1007),
                           (b'{"type":1e999}', 1008), (b'{"a\\u0000":1}', 1008), (b"x" * 65537, 1009),
                           (b"x" * 140000, 1009)):
            ws = server.ws("/ws/bad")
            ws.send(what)
            end = ws.ends()
            assert end and end[0] == code, (what[:20], end)
        ws = server.ws("/ws/bad")
        ws.frame(1, b"{}", mask=False)
        assert ws.ends()[0] == 1002
        ws = server.ws("/ws/bad")
        ws.frame(0x41, b"{}")
        assert ws.ends()[0] == 1002
        ws = server.ws("/ws/bad")
        ws.s.sendall(struct.pack("!BBQ", 0x81, 0xff, 1 << 62) + b"\0\0\0\0xxxx")
        assert ws.ends()[0] in (1002, 1009)
        ws = server.ws("/ws/bad")
        ws.frame(1, b"[", fin=False)
        try:
            for _ in range(100000):
                ws.frame(0, b"1", fin=False)
        except OSError:
            pass
        ws.ends()
        assert meet(server) < 2


def floods():
    """who sends too much is closed, pings included; others are served meanwhile"""
    with Server("--anonymous") as server:
        before = server.rss()
        for opcode in (1, 9):
            flood = server.ws("/ws/flood")
            flood.s.setblocking(False)
            sent = 0
            frame = bytes([0x80 | opcode, 0x80 | 20]) + b"\0\0\0\0" + b'{"type":"offer"}    '
            began = time.monotonic()
            while time.monotonic() - began < 2:
                try:
                    sent += flood.s.send(frame * 100)
                except BlockingIOError:
                    time.sleep(0.001)
                except OSError:
                    break
            assert meet(server, "127.0.0.2") < 2
            flood.s.close()
            assert opcode == 9 or sent < 64 * MB
        assert "too many messages" in server.log()
        assert not server.grown(before, 8 * MB)


def slow_reader():
    """who asks for answers and reads none is cut, and costs what its queue may hold"""
    with Server("--anonymous", "--max-rate", "100000") as server:
        sender, reader = server.ws("/ws/sender"), server.ws("/ws/reader")
        reader.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        before = server.rss()
        sdp = "x" * 60000
        for i in range(2000):
            sender.s.settimeout(PATIENCE)
            sender.send({"type": "offer", "to": "reader", "sdp": sdp})
            sender.s.settimeout(0.01 if i else 0.2)
            try:
                if "not found" in sender.recv():
                    break
            except socket.timeout:
                pass
        else:
            raise AssertionError("the reader is still there")
        assert not server.grown(before, 8 * MB)
        assert meet(server) < 2


def tokens():
    """expired, foreign, unsigned and replayed tokens; a wrong one costs an address its patience"""
    secret = "0123456789abcdef0123456789abcdef"
    with tempfile.NamedTemporaryFile("w") as f:
        f.write(secret + "\n")
        f.flush()
        now = int(time.time())
        with Server("--jwt-secret-file", f.name, "--max-requests", "100") as server:
            good = jwt({"sub": "alice", "exp": now + 600}, secret)
            bad = [jwt({"sub": "alice", "exp": now - 600}, secret), jwt({"sub": "alice"}, secret),
                   jwt({"sub": "alice", "exp": now + 600}, secret + "x"),
                   jwt({"sub": "alice", "exp": now + 600}, secret, {"alg": "none"}),
                   jwt({"sub": "alice", "exp": now + 600, "nbf": now + 600}, secret),
                   good.rsplit(".", 1)[0] + ".", good[:-1], good + "x", "", "x" * 5000]
            for token in bad:
                try:
                    server.ws(f"/ws/register/w?token={token}")
                    raise AssertionError(f"accepted {token}")
                except Refused as e:
                    assert e.args == (401,), e.args
            ws = server.ws("/ws/alice", headers=[f"Authorization: Bearer {good}"])
            # A token that was overheard is good for its account, and for nobody else's.
            other = server.ws(f"/ws/bob?token={jwt({'sub': 'bob', 'exp': now + 600}, secret)}")
            other.send({"type": "offer", "to": "alice", "sdp": "x"})
            assert "not found" in other.json()["message"]
            ws.gone()
            refused = tries = 0
            while refused < 50:  # patience comes back with time, so a slow machine tries longer
                tries += 1
                assert tries < 2000, refused
                try:
                    server.ws("/ws/register/w?token=guess", "127.0.0.3")
                except Refused as e:
                    refused += e.args == (429,)
            server.ws(f"/ws/alice?token={good}").gone()
            assert secret not in server.log() and good not in server.log() and "guess" not in server.log()


def squatting():
    """ids belong to accounts: whoever takes one elsewhere takes it from nobody"""
    with tempfile.NamedTemporaryFile("w") as f:
        f.write("token-of-alice alice alice\ntoken-of-mallory mallory\n")
        f.flush()
        with Server("--token-file", f.name, "--anonymous") as server:
            squatters = [server.ws("/ws/alice?token=token-of-mallory"), server.ws("/ws/alice")]
            alice = server.ws("/ws/alice?token=token-of-alice")
            for s in squatters:
                s.send({"type": "offer", "to": "alice", "sdp": "mine"})
                assert s.json() == {"type": "offer", "from": "alice", "to": "alice", "sdp": "mine"}
            alice.send({"type": "register"})
            assert alice.json()["status"] == "success"
            bob = server.ws("/ws/bob?token=token-of-alice")
            assert bob.json()["message"] == "the token does not allow this id"


main([slowloris, silent_connections, half_open, ten_thousand, all_places_taken, large_heads, bad_messages, floods,
      slow_reader, tokens, squatting])
