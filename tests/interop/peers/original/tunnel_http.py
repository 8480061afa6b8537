"""The HTTP tunnel's two programs behind their channel, faults included: serve and proxy."""
import asyncio
import http.client
import json
import struct

from base import say
from http_ends import Listener, Upstream

HELLO, AGREE, PING, PONG, REQ_HEADERS, REQ_BODY, REQ_END = 1, 2, 3, 4, 10, 11, 12
RES_HEADERS, RES_BODY, RES_END, ERROR = 20, 21, 22, 99
KNOWN = {HELLO, AGREE, PING, PONG, REQ_HEADERS, REQ_BODY, REQ_END, RES_HEADERS, RES_BODY, RES_END, ERROR}
CHUNK = 65536 - 128


class Ended(Exception):
    """The session is over; the program would connect again."""


class Half:
    """What both have. With the word `seed`, the first version: it knows no pings."""

    def __init__(self, peer):
        self.peer, self.named, self.agreed = peer, peer.named, False
        self.pings = "seed" not in peer.words

    def send(self, kind, stream, payload=b""):
        if self.peer.channel.readyState == "open":
            self.peer.channel.send(struct.pack(">BI", kind, stream) + payload)

    def send_json(self, kind, stream, **fields):
        self.send(kind, stream, json.dumps(fields, separators=(",", ":")).encode())

    def hear(self, data):
        """A message; the first one has to be the other side's part of the handshake."""
        if isinstance(data, str) or len(data) < 5 or data[0] not in KNOWN or (data[0] in (PING, PONG) and not self.pings):
            if not self.agreed:
                raise Ended("the first message cannot be read")
            say("skipped", data if isinstance(data, str) else data.hex())
            return
        kind, stream = struct.unpack(">BI", data[:5])
        if not self.agreed:
            self.greet(kind, json.loads(data[5:]) if kind in (HELLO, AGREE) else None)
            self.agreed = True
            say("agreed")
            if self.pings:
                asyncio.ensure_future(self.ping())
        elif kind == PING:
            self.send(PONG, 0)
        elif kind == PONG:
            say("pong")
        else:
            self.frame(kind, stream, data[5:])

    async def ping(self):
        while self.peer.channel.readyState == "open":
            self.send(PING, 0)
            await asyncio.sleep(float(self.named.get("every", 10)))


class Serve(Half):
    """upstream=URL advertise=PREFIX"""

    def __init__(self, peer):
        super().__init__(peer)
        self.upstream = Upstream(self.named["upstream"], redirects=10)
        self.prefix = self.named.get("advertise", "/").rstrip("/")
        self.pending = {}

    def opened(self):
        pass

    def greet(self, kind, hello):
        if kind != HELLO:
            raise Ended("expected HELLO")
        if hello["proto"] != "httptunnel" or hello["min_version"] > 1 or hello["max_version"] < 1:
            raise Ended("handshake failed")
        say("hello", json.dumps(hello))
        self.send_json(AGREE, 0, version=1, features=[f for f in hello["features"] if f == "sse"])

    def frame(self, kind, stream, payload):
        if kind == REQ_HEADERS:
            head = json.loads(payload)  # and if it is none the session ends
            self.check(head)
            self.pending[head["stream_id"]] = (head, bytearray())
        elif kind == REQ_BODY and stream in self.pending:
            self.pending[stream][1].extend(payload)
        elif kind == REQ_END and stream in self.pending:
            asyncio.ensure_future(self.answer(*self.pending.pop(stream)))

    @staticmethod
    def check(head):
        good = isinstance(head["stream_id"], int) and isinstance(head["method"], str) and isinstance(head["path"], str)
        if not good or not all(isinstance(v, str) for v in head["headers"].values()):
            raise Ended("a request that is none")

    async def answer(self, head, body):
        stream, path = head["stream_id"], head["path"]
        if not head["method"].isalpha():
            say("fault: no such method", head["method"])
            return  # and no reply
        if self.prefix and path.startswith(self.prefix):
            path = path[len(self.prefix):] or "/"
        headers = [(n, v) for n, v in head["headers"].items()
                   if n.lower() not in ("host", "connection", "transfer-encoding")]
        say("request", head["method"], head["path"], len(body))
        try:
            status, fields, chunks = await self.upstream.ask(head["method"], path, headers, bytes(body))
        except (OSError, http.client.HTTPException) as e:
            self.send_json(RES_HEADERS, stream, stream_id=stream, status=502, headers={"content-type": "text/plain"})
            self.send(RES_BODY, stream, b"Bad Gateway: " + str(e).encode())
            self.send(RES_END, stream)
            return
        self.send_json(RES_HEADERS, stream, stream_id=stream, status=status, headers={n.lower(): v for n, v in fields})
        try:
            async for chunk in chunks:
                for at in range(0, len(chunk), CHUNK):
                    self.send(RES_BODY, stream, chunk[at:at + CHUNK])
        except (OSError, http.client.HTTPException) as e:
            self.send(ERROR, stream, b"upstream error: " + str(e).encode())
        self.send(RES_END, stream)


class Proxy(Half):
    """listen=HOST:PORT seconds=60"""

    def __init__(self, peer):
        super().__init__(peer)
        self.streams, self.last, self.server = {}, 0, None

    def opened(self):
        self.send_json(HELLO, 0, proto="httptunnel", min_version=1, max_version=1, features=["sse"])

    def greet(self, kind, agree):
        if kind != AGREE:
            raise Ended("expected AGREE")
        say("agree", json.dumps(agree))
        asyncio.ensure_future(self.listen())

    async def listen(self):
        self.server = await Listener(self.answer).listen(self.named.get("listen", "127.0.0.1:8000"))
        say("listening")

    def frame(self, kind, stream, payload):
        if kind == RES_HEADERS:
            try:
                payload = json.loads(payload)
                stream = payload["stream_id"]
            except (ValueError, KeyError):
                say("fault: a head that is none")
                return
        queue = self.streams.get(stream)
        if kind in (RES_HEADERS, RES_BODY, RES_END, ERROR) and queue:
            queue.put_nowait((kind, payload))

    async def answer(self, request, reply):
        if self.peer.channel.readyState != "open":
            reply.whole(502, "Tunnel send failed")
            return
        self.last += 1
        stream, queue = self.last, asyncio.Queue()
        self.streams[stream] = queue
        self.send_json(REQ_HEADERS, stream, stream_id=stream, method=request.method, path=request.target,
                       headers=dict(request.headers))
        for at in range(0, len(request.body), CHUNK):
            self.send(REQ_BODY, stream, request.body[at:at + CHUNK])
        self.send(REQ_END, stream)
        try:
            kind, what = RES_BODY, b""
            while kind == RES_BODY:  # before the head: only warned of
                kind, what = await asyncio.wait_for(queue.get(), float(self.named.get("seconds", 60)))
            if kind != RES_HEADERS:
                text = "response ended before headers" if kind == RES_END else what.decode(errors="replace")
                reply.whole(502, "Tunnel error: " + text)
                return
            reply.head(what["status"], [(n, v) for n, v in what["headers"].items()
                                        if n.lower() not in ("transfer-encoding", "connection")])
            while True:
                kind, what = await queue.get()
                if kind != RES_BODY:  # an error as well: the body simply ends
                    break
                reply.body(what)
                await reply.writer.drain()
            reply.end()
        except asyncio.TimeoutError:
            reply.whole(504, "Tunnel response timeout")
        finally:
            del self.streams[stream]
