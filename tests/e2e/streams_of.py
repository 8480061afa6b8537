"""streams_of - what passes a device, with whatever joins and cuts packets on the way taken out.

streams_of.py record DEVICE out|in FILE    until it is ended; says "ready" first
streams_of.py same FILE FILE               exit code 1 and a line that says what differs, if something does
streams_of.py datagrams HOST PORT SIZE N   sends so many datagrams of that size, 40 in each call (UDP_SEGMENT)
streams_of.py receive PORT SIZE N          receives so many of that size, or fails after 5 s

A TCP flow is its bytes by sequence number, and the sets of what its headers said (service and ECN, hop limit, flags that
are not FIN or PSH, options but for their times); a UDP flow is its datagrams in their order.
"""
import pickle
import signal
import socket
import struct
import sys

SOL_UDP, UDP_SEGMENT = 17, 103
SO_RCVBUFFORCE, SIZE = 33, 64 << 20


def record(device, way, path):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, SIZE)
    s.bind((device, 3))
    found = []

    def done(*_):
        s.setblocking(False)
        try:
            take()
        except BlockingIOError:
            pass
        with open(path, "wb") as f:
            pickle.dump(found, f)
        sys.exit(0)

    def take():
        while True:
            packet, where = s.recvfrom(1 << 17)
            if (where[2] == socket.PACKET_OUTGOING) == (way == "out"):
                found.append(packet)

    signal.signal(signal.SIGTERM, done)
    print("ready", flush=True)
    take()


def options_of(head):
    said, at = set(), 0
    while at < len(head) and head[at]:
        if head[at] == 1:
            at += 1
            continue
        said.add(head[at])
        at += max(2, head[at + 1])
    return frozenset(said)


def flows(path):
    """{flow: (bytes by position, said)} and {flow: [datagram, ...]}"""
    tcp, udp = {}, {}
    for p in pickle.load(open(path, "rb")):
        if p[0] >> 4 == 4:
            head, proto, ends, said = (p[0] & 15) * 4, p[9], p[12:20], (p[1], p[8])
            p = p[:struct.unpack_from("!H", p, 2)[0] or len(p)]
        else:
            head, proto, ends, said = 40, p[6], p[8:40], (struct.unpack_from("!H", p)[0] >> 4 & 255, p[7])
        flow = ends + p[head:head + 4]
        if proto == 6:
            seq, = struct.unpack_from("!I", p, head + 4)
            size = (p[head + 12] >> 4) * 4
            flags, data = p[head + 13], p[head + size:]
            first, parts, heads = tcp.setdefault(flow, (seq + (flags >> 1 & 1), {}, set()))  # a SYN counts as one
            heads.add((said, flags & ~9, options_of(p[head + 20:head + size])))
            if data:
                parts[(seq - first) % (1 << 32)] = max(data, parts.get((seq - first) % (1 << 32), b""), key=len)
        elif proto == 17:
            size = sys.maxsize
            data = p[head + 8:]
            udp.setdefault(flow, []).append(data)
    whole = {}
    for flow, (_, parts, heads) in tcp.items():
        stream = bytearray()
        for at in sorted(parts):
            part = parts[at]
            if at > len(stream):
                stream += b"?" * (at - len(stream))
            stream[at:at + len(part)] = part
        whole[flow] = bytes(stream), heads
    return whole, udp


def same(one, other):
    (tcp_a, udp_a), (tcp_b, udp_b) = flows(one), flows(other)
    if set(tcp_a) != set(tcp_b):
        sys.exit(f"{len(tcp_a)} TCP flows here, {len(tcp_b)} there")
    for flow, (stream, heads) in tcp_a.items():
        there, heads_there = tcp_b[flow]
        if stream != there:
            sys.exit(f"a TCP flow of {len(stream)} bytes here, {len(there)} there, or of others")
        if heads != heads_there:
            sys.exit(f"headers here {sorted(heads - heads_there)}, there {sorted(heads_there - heads)}")
    for flow, datagrams in udp_a.items():
        if b"".join(datagrams) != b"".join(udp_b.get(flow, [])):
            sys.exit(f"{sum(map(len, datagrams))} bytes of UDP here, not the same there")
    print(sum(len(s) for s, _ in tcp_a.values()), "bytes of TCP,", sum(map(len, udp_a.values())), "packets of UDP")


def datagrams(host, port, size, n):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.connect((host, int(port)))
    size, n = int(size), int(n)
    for at in range(0, n, 40):
        many = b"".join(struct.pack("!I", i) + bytes(size - 4) for i in range(at, min(n, at + 40)))
        s.sendmsg([many], [(SOL_UDP, UDP_SEGMENT, struct.pack("=H", size))])


def receive(port, size, n):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, SIZE)
    s.bind(("::", int(port)))
    s.settimeout(5)
    print("ready", flush=True)
    for i in range(int(n)):
        got = s.recv(65536)
        if len(got) != int(size) or struct.unpack_from("!I", got)[0] != i:
            sys.exit(f"datagram {i} has {len(got)} bytes and number {struct.unpack_from('!I', got)[0]}")


{"record": record, "same": same, "datagrams": datagrams, "receive": receive}[sys.argv[1]](*sys.argv[2:])
