#!/usr/bin/env python3
"""natcheck - what a NAT does, seen from behind it, with nothing of the program under test.

natcheck.py discover          prints "MAPPING FILTERING" (RFC 5780): none, endpoint, address, port; "blocked"
natcheck.py steps N           how N sockets, one after the other, are seen by two addresses: how often at
                              one port, at ports 1 to 8 apart (either way), elsewhere; in percent
natcheck.py punch DIR ME PEER SECONDS
                              tells its address in DIR/ME, reads DIR/PEER, and exits 0 when packets
                              went both ways
"""
import os
import socket
import struct
import sys
import time

COOKIE = 0x2112A442
SERVER = "203.0.113.1"


def ask(sock, to, change=0, tries=3):
    """One Binding transaction: the mapped address, or None if nothing came."""
    ident = os.urandom(12)
    attr = struct.pack("!HHI", 3, 4, change) if change else b""
    request = struct.pack("!HHI", 1, len(attr), COOKIE) + ident + attr
    for _ in range(tries):
        sock.sendto(request, to)
        end = time.monotonic() + 0.3
        while (left := end - time.monotonic()) > 0:
            sock.settimeout(left)
            try:
                data, _ = sock.recvfrom(2048)
            except (socket.timeout, ConnectionError):
                continue
            if data[:4] != struct.pack("!HH", 0x101, len(data) - 20) or data[8:20] != ident:
                continue
            at = 20
            while at + 4 <= len(data):
                kind, size = struct.unpack_from("!HH", data, at)
                if kind == 0x20:
                    port = struct.unpack_from("!H", data, at + 6)[0] ^ (COOKIE >> 16)
                    raw = struct.unpack_from("!I", data, at + 8)[0] ^ COOKIE
                    return socket.inet_ntoa(struct.pack("!I", raw)), port
                at += 4 + (size + 3 & ~3)
    return None


def discover():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("0.0.0.0", 0))
    first = ask(sock, (SERVER, 3478))
    if not first:
        return "blocked"
    # filtering, before the other address has been written to (that would open the filter)
    if ask(sock, (SERVER, 3478), change=6, tries=2):
        filtering = "endpoint"
    elif ask(sock, (SERVER, 3478), change=2, tries=2):
        filtering = "address"
    else:
        filtering = "port"
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    probe.connect((SERVER, 3478))
    if first[0] == probe.getsockname()[0]:
        mapping = "none"
    elif ask(sock, ("203.0.113.2", 3478)) == first:
        mapping = "endpoint"
    else:
        mapping = "port"
    return f"{mapping} {filtering}"


def steps(count):
    same = near = far = 0
    for _ in range(count):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("0.0.0.0", 0))
            one, two = ask(sock, (SERVER, 3478)), ask(sock, ("203.0.113.2", 3478))
        apart = abs(one[1] - two[1])
        same, near, far = same + (apart == 0), near + (0 < apart <= 8), far + (apart > 8)
    return "same %.1f near %.1f elsewhere %.1f" % tuple(100 * n / count for n in (same, near, far))


def punch(folder, me, peer, seconds):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("0.0.0.0", 0))
    mine = ask(sock, (SERVER, 3478), tries=2)
    with open(f"{folder}/{me}.new", "w") as f:
        f.write("%s %d" % (mine or ("203.0.113.99", 9)))
    os.rename(f"{folder}/{me}.new", f"{folder}/{me}")
    end = time.monotonic() + 5
    while not os.path.exists(f"{folder}/{peer}") and time.monotonic() < end:
        time.sleep(0.01)
    host, port = open(f"{folder}/{peer}").read().split()
    targets = {(host, int(port))}
    heard = known = False
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for target in targets:
            sock.sendto(b"heard" if heard else b"hello", target)
        if heard and known:
            return 0
        sock.settimeout(0.05)
        try:
            data, source = sock.recvfrom(64)
        except (socket.timeout, ConnectionError):
            continue
        if data in (b"hello", b"heard"):
            targets.add(source)  # a peer-reflexive address
            heard = True
            known = known or data == b"heard"
    return 1


if sys.argv[1:] == ["discover"]:
    print(discover())
elif len(sys.argv) == 3 and sys.argv[1] == "steps":
    print(steps(int(sys.argv[2])))
elif len(sys.argv) == 6 and sys.argv[1] == "punch":
    sys.exit(punch(sys.argv[2], sys.argv[3], sys.argv[4], float(sys.argv[5])))
else:
    sys.exit(__doc__)
