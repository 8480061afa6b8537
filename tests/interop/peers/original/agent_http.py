"""HTTP over the tunnel agent's channel `http-proxy`, faults included: version 2 (serve and proxy), version 3 as far as
it can be told from outside."""
import asyncio
import gzip
import http.client
import json
import struct
import urllib.parse

import websockets

from base import say
from http_ends import Listener, Upstream


class Reader:
    """ValueError where a frame is shorter than it says."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        if len(self.data) - self.at < n:
            raise ValueError("a frame that is too short")
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self, size):
        return int.from_bytes(self.take(size), "big")

    def text(self, size):
        return self.take(self.number(size)).decode()


def sized(size, data):
    data = data.encode() if isinstance(data, str) else data
    return len(data).to_bytes(size, "big") + data


def route(url):
    parts = urllib.parse.urlsplit(url)
    return parts.path + ("?" + parts.query if parts.query else "")


class Sockets:
    """Both versions' WebSockets at the serving end."""

    def __init__(self, agent):
        self.agent, self.open = agent, {}
        self.base = agent.named["upstream"].replace("http", "ws", 1).rstrip("/")

    async def connect(self, conn, url, headers):
        self.open[conn] = asyncio.Queue()
        protocols = [p.strip() for n, v in headers if n.lower() == "sec-websocket-protocol" for p in v.split(",")]
        more = [(n, v) for n, v in headers if n.lower() in ("cookie", "authorization")]
        try:
            ws = await websockets.connect(self.base + route(url), subprotocols=protocols or None, extra_headers=more)
        except (OSError, websockets.WebSocketException) as e:
            del self.open[conn]
            self.agent.ws_failed(conn, "Connection failed: %s" % e)
            return
        self.agent.ws_stands(conn, ws.subprotocol or "")
        out = asyncio.ensure_future(self.pump(conn, ws))
        try:
            async for data in ws:
                text = isinstance(data, str)
                self.agent.ws_data(conn, 1 if text else 2, data.encode() if text else data)
        except websockets.ConnectionClosed:
            pass
        out.cancel()
        if self.open.pop(conn, None):
            self.agent.ws_closed(conn, ws.close_code or 1000, "Server closed connection")

    async def pump(self, conn, ws):
        queue = self.open[conn]
        while True:
            kind, data = await queue.get()
            if kind == "close":
                await ws.close(*data)
                return
            if kind == 9:
                await ws.ping(data)
            elif kind in (1, 2):
                await ws.send(data.decode() if kind == 1 else data)

    def data(self, conn, opcode, payload):
        if conn in self.open:
            self.open[conn].put_nowait((opcode, payload))

    def close(self, conn, code, reason):
        queue = self.open.pop(conn, None)
        if queue:
            queue.put_nowait(("close", (code if code in (1000, 1001, 1011) or code >= 3000 else 1011, reason)))


class Serve2:
    """upstream=URL"""

    def __init__(self, peer):
        self.peer, self.named = peer, peer.named
        self.upstream = Upstream(self.named["upstream"], redirects=10, seconds=30)
        self.sockets = Sockets(self)

    def opened(self):
        pass

    def send(self, data):
        if self.peer.channel.readyState == "open":
            self.peer.channel.send(data)

    def hear(self, data):
        if isinstance(data, str):
            say("text", data)
            return
        try:
            self.frame(data)
        except (ValueError, IndexError) as e:
            say("fault: %s" % e)

    def frame(self, data):
        r = Reader(data[1:])
        if data[0] == 0x01:
            asyncio.ensure_future(self.request(data))
        elif data[0] == 0x10:
            conn, url, headers = r.number(4), r.text(2), json.loads(r.text(4))
            asyncio.ensure_future(self.sockets.connect(conn, url, list(headers.items())))
        elif data[0] == 0x11:
            conn, opcode = r.number(4), r.number(1)
            self.sockets.data(conn, opcode, r.take(r.number(4)))
        elif data[0] == 0x12:
            self.sockets.close(r.number(4), r.number(2), r.text(2))
        else:
            say("unknown frame", data[:1].hex())

    def respond(self, number, status, headers, body):
        self.send(struct.pack(">BIH", 2, number, status) + sized(4, json.dumps(headers)) + sized(4, body))

    async def request(self, data):
        try:
            r = Reader(data[1:])
            number, method, path = r.number(4), r.text(2), r.text(2)
            headers, body = json.loads(r.text(4)), r.text(4)
            say("request", number, method, path, len(body))
            await self.forward(number, method, path, headers, body)
        except Exception as e:
            wrong = int.from_bytes(data[:4], "big") if len(data) >= 4 else 0  # the type is one of these bytes
            self.respond(wrong, 500, {"Content-Type": "application/json"}, '{"error": "Internal proxy error: %s"}' % e)

    async def forward(self, number, method, path, headers, body):
        try:
            status, fields, chunks = await self.upstream.ask(method, path, list(headers.items()), body.encode())
            whole = b"".join([chunk async for chunk in chunks])
            fields = dict(fields)
            if fields.get("Content-Encoding") == "gzip":
                whole = gzip.decompress(whole)  # and the field stays
            text = whole.decode()  # what is no text is an error
        except (OSError, http.client.HTTPException) as e:
            self.respond(number, 502, {"Content-Type": "application/json"}, '{"error": "Bad Gateway: %s"}' % e)
        except Exception as e:
            self.respond(number, 500, {"Content-Type": "application/json"}, '{"error": "Internal Server Error: %s"}' % e)
        else:
            self.respond(number, status, fields, text)

    def ws_stands(self, conn, protocol):
        pass  # nobody is told

    def ws_failed(self, conn, why):
        self.ws_closed(conn, 1006, why)

    def ws_data(self, conn, opcode, payload):
        self.send(struct.pack(">BIB", 0x11, conn, opcode) + sized(4, payload))

    def ws_closed(self, conn, code, reason):
        self.send(struct.pack(">BIH", 0x12, conn, code) + sized(2, reason))


class Proxy2:
    """The page, with a listener in place of its fetch(). listen=HOST:PORT; ws=PATH: a WebSocket, whose messages are
    the lines of stdin"""

    def __init__(self, peer):
        self.peer, self.named, self.last, self.waiting = peer, peer.named, 0, {}

    def send(self, data):
        self.peer.channel.send(data)

    def opened(self):
        asyncio.ensure_future(self.listen())

    async def listen(self):
        await Listener(self.answer).listen(self.named.get("listen", "127.0.0.1:8000"))
        say("listening")
        if "ws" in self.named:
            self.connect()

    def connect(self):
        self.send(struct.pack(">BI", 0x10, 1) + sized(2, "ws://localhost" + self.named["ws"]) + sized(4, "{}"))

    def line(self, text):
        self.send(struct.pack(">BIB", 0x11, 1, 1) + sized(4, text))

    def hear(self, data):
        if isinstance(data, str):
            say("text", data)
            return
        r = Reader(data[1:])
        try:
            if data[0] == 0x02:
                number, status, headers, body = r.number(4), r.number(2), json.loads(r.text(4)), r.take(r.number(4))
                future = self.waiting.pop(number, None)
                if future:
                    future.set_result((status, headers, body.decode(errors="replace")))
                else:
                    say("no pending request", number)
            elif data[0] == 0x11:
                say("ws data", r.number(4), r.number(1), r.take(r.number(4)).decode(errors="backslashreplace"))
            elif data[0] == 0x12:
                say("ws close", r.number(4), r.number(2), r.text(2))
            else:
                say("unknown frame", data[:1].hex())
        except (ValueError, IndexError) as e:
            say("fault: %s" % e)

    async def answer(self, request, reply):
        self.last += 1
        number, future = self.last, asyncio.get_running_loop().create_future()
        self.waiting[number] = future
        headers = {n: v for n, v in request.headers if n not in ("host", "connection", "transfer-encoding")}
        self.send(struct.pack(">BI", 1, number) + sized(2, request.method) + sized(2, request.target) +
                  sized(4, json.dumps(headers, separators=(",", ":"))) + sized(4, request.body.decode(errors="replace")))
        try:
            status, headers, body = await asyncio.wait_for(future, 30)
        except asyncio.TimeoutError:
            self.waiting.pop(number, None)
            reply.whole(504, "Request timeout")
            return
        kept = [(n, v) for n, v in headers.items() if n.lower() not in ("transfer-encoding", "connection", "content-length")]
        data = body.encode()
        reply.head(status, kept + [("content-length", str(len(data)))])
        reply.body(data)


class Three:
    """Version 3: HELLO first, within two seconds, in both directions."""
    chunk = 49152

    def hello(self):
        self.heard, self.early = asyncio.Event(), []
        self.send(struct.pack(">BBHII", 0, 3, 0, 49152, 33554432) + sized(2, "peer/0.1.0"))
        asyncio.ensure_future(self.wait_for_hello())

    async def wait_for_hello(self):
        try:
            await asyncio.wait_for(self.heard.wait(), 2)
        except asyncio.TimeoutError:
            say("no HELLO")
            self.peer.channel.close()

    def hear(self, data):
        if isinstance(data, str):
            say("text", data)
            return
        if data[0] == 0 and not self.heard.is_set():
            _, version, _, chunk, _ = struct.unpack(">BBHII", data[:12])
            say("hello", version, data[14:].decode())
            self.chunk = min(self.chunk, chunk)
            self.heard.set()
            for frame in self.early:
                self.frame(frame)
            self.greeted()
        elif not self.heard.is_set():
            self.early.append(data)
            if len(self.early) > 16:
                say("fault: too many frames before HELLO")
                self.peer.channel.close()
        else:
            try:
                self.frame(data)
            except (ValueError, IndexError) as e:
                say("fault: %s" % e)

    def greeted(self):
        pass

    def chunks(self, kind, number, data):
        for at in range(0, len(data), self.chunk):
            self.send(struct.pack(">BIB", kind, number, 0) + sized(4, data[at:at + self.chunk]))

    def ws_data(self, conn, opcode, payload):
        first, rest = payload[:self.chunk], payload[self.chunk:]
        self.send(struct.pack(">BIBB", 0x11, conn, opcode, not rest) + sized(4, first))
        while rest:
            part, rest = rest[:self.chunk], rest[self.chunk:]
            self.send(struct.pack(">BIBB", 0x11, conn, 0, not rest) + sized(4, part))

    def ws_part(self, r):
        """A whole message (opcode, bytes), or None."""
        conn, opcode, fin = r.number(4), r.number(1), r.number(1) & 1
        begun = self.__dict__.setdefault("parts", {}).setdefault(conn, [opcode, b""])
        begun[1] += r.take(r.number(4))
        return (conn, *self.parts.pop(conn)) if fin else None


class Serve3(Three, Serve2):
    """upstream=URL"""

    def __init__(self, peer):
        super().__init__(peer)
        self.pending, self.running = {}, {}

    def opened(self):
        self.hello()

    def frame(self, data):
        r = Reader(data[1:])
        if data[0] == 0x01:
            number, follows = r.number(4), r.number(1) & 1
            head = (r.text(2), r.text(2), [tuple(h) for h in json.loads(r.text(4))], bytearray())
            if follows:
                self.pending[number] = head
            else:
                self.dispatch(number, head)
        elif data[0] == 0x06:
            number, final = r.number(4), r.number(1) & 1
            if number in self.pending:
                self.pending[number][3].extend(r.take(r.number(4)))
                if final:
                    self.dispatch(number, self.pending.pop(number))
        elif data[0] == 0x05:
            number = r.number(4)
            say("cancel", number, r.number(2))
            self.pending.pop(number, None)
            if number in self.running:
                self.running.pop(number).cancel()
        elif data[0] == 0x10:
            conn, url, headers = r.number(4), r.text(2), json.loads(r.text(4))
            asyncio.ensure_future(self.sockets.connect(conn, url, [tuple(h) for h in headers]))
        elif data[0] == 0x11:
            whole = self.ws_part(r)
            if whole:
                self.sockets.data(*whole)
        elif data[0] == 0x12:
            self.sockets.close(r.number(4), r.number(2), r.text(2))
        else:
            say("unknown frame", data[:1].hex())

    def dispatch(self, number, head):
        self.running[number] = asyncio.ensure_future(self.stream(number, *head))

    def head3(self, number, status, headers):
        self.send(struct.pack(">BIHB", 3, number, status, 1) + sized(4, json.dumps(headers)))

    async def stream(self, number, method, path, headers, body):
        say("request", number, method, path, len(body))
        gone = ("host", "connection", "x-lem-service", "accept-encoding")
        try:
            status, fields, chunks = await self.upstream.ask(
                method, path, [h for h in headers if h[0].lower() not in gone], bytes(body))
        except (OSError, http.client.HTTPException):
            self.head3(number, 502, [["content-type", "application/problem+json"]])
            self.send(struct.pack(">BIB", 4, number, 1) + sized(4, '{"title":"E_UPSTREAM","status":502}'))
            return
        hop = ("connection", "keep-alive", "transfer-encoding", "upgrade", "content-length", "content-encoding")
        self.head3(number, status, [[n, v] for n, v in fields if n.lower() not in hop])
        try:
            async for chunk in chunks:
                self.chunks(4, number, chunk)
        except (OSError, http.client.HTTPException):
            self.send(struct.pack(">BIH", 5, number, 1012))  # and no final chunk
            return
        self.send(struct.pack(">BIBI", 4, number, 1, 0))
        self.running.pop(number, None)

    def ws_stands(self, conn, protocol):
        self.send(struct.pack(">BI", 0x13, conn) + sized(2, protocol))

    def ws_failed(self, conn, why):
        say(why)
        self.send(struct.pack(">BIH", 0x14, conn, 1011) + sized(2, "Connection failed"))


class Proxy3(Three, Proxy2):
    """As Proxy2; a client that goes away cancels."""

    def opened(self):
        self.hello()

    def greeted(self):
        asyncio.ensure_future(self.listen())

    def connect(self):
        self.send(struct.pack(">BI", 0x10, 1) + sized(2, "ws://localhost" + self.named["ws"]) + sized(4, "[]"))

    def line(self, text):
        self.ws_data(1, 1, text.encode())

    def frame(self, data):
        r = Reader(data[1:])
        if data[0] in (0x03, 0x04, 0x05):
            queue = self.waiting.get(r.number(4))
            if queue:
                queue.put_nowait((data[0], r))
        elif data[0] == 0x02:
            say("fault: a frame of version 2")
        elif data[0] == 0x11:
            whole = self.ws_part(r)
            if whole:
                say("ws data", whole[0], whole[1], whole[2].decode(errors="backslashreplace"))
        elif data[0] == 0x12:
            say("ws close", r.number(4), r.number(2), r.text(2))
        elif data[0] == 0x13:
            say("ws ack", r.number(4), r.text(2))
        elif data[0] == 0x14:
            say("ws error", r.number(4), r.number(2), r.text(2))
        else:
            say("unknown frame", data[:1].hex())

    async def answer(self, request, reply):
        self.last += 1
        number, queue = self.last, asyncio.Queue()
        self.waiting[number] = queue
        headers = [[n, v] for n, v in request.headers if n not in ("host", "connection", "transfer-encoding")]
        self.send(struct.pack(">BIB", 1, number, bool(request.body)) + sized(2, request.method) + sized(2, request.target) +
                  sized(4, json.dumps(headers)))
        self.chunks(6, number, request.body)
        if request.body:
            self.send(struct.pack(">BIBI", 6, number, 1, 0))
        try:
            kind, r = await asyncio.wait_for(queue.get(), 30)
            if kind != 0x03:
                reply.whole(502, "E_PROTO_MALFORMED" if kind == 0x04 else "cancelled: %d" % r.number(2))
                return
            status, follows, fields = r.number(2), r.number(1) & 1, json.loads(r.text(4))
            reply.head(status, [tuple(f) for f in fields] + ([] if follows else [("content-length", "0")]))
            while follows:
                kind, r = await asyncio.wait_for(queue.get(), 60)
                if kind != 0x04:
                    say("cancelled", number, r.number(2))
                    reply.broken()
                    return
                follows = not r.number(1) & 1
                reply.body(r.take(r.number(4)))
                await reply.writer.drain()
                if reply.writer.transport.is_closing():
                    raise ConnectionError
            reply.end()
        except asyncio.TimeoutError:
            self.send(struct.pack(">BIH", 5, number, 1006 if not reply.said else 1007))
            reply.broken() if reply.said else reply.whole(504, "E_TIMEOUT_HEAD")
        except ConnectionError:
            self.send(struct.pack(">BIH", 5, number, 1005))
            raise
        finally:
            del self.waiting[number]


VERSIONS = {("serve", "2"): Serve2, ("proxy", "2"): Proxy2, ("serve", "3"): Serve3, ("proxy", "3"): Proxy3}
