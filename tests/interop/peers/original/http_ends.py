"""Both ends of HTTP for peers that carry it: an upstream that is asked, a listener that asks."""
import asyncio
import http.client
import threading
import urllib.parse


class Upstream:
    """As a program's HTTP client does it, in a thread of its own; redirects are followed if asked for."""

    def __init__(self, base, redirects=0, seconds=None):
        self.base, self.redirects, self.seconds = base.rstrip("/"), redirects, seconds

    async def ask(self, method, path, headers, body):
        """(status, [(name, value)], an async iterator of the body). OSError, http.client.HTTPException."""
        loop, queue = asyncio.get_running_loop(), asyncio.Queue()

        def tell(*what):
            loop.call_soon_threadsafe(queue.put_nowait, what)

        def work():
            try:
                response = self.open(method, self.base + path, headers, body)
                tell("head", response.status, response.getheaders())
                while chunk := response.read1(16384):
                    tell("body", chunk)
                if response.length:
                    raise http.client.IncompleteRead(b"", response.length)
                tell("end")
            except Exception as e:  # whatever it is, it is told where it is waited for
                tell("error", e)

        threading.Thread(target=work, daemon=True).start()
        kind, *what = await queue.get()
        if kind == "error":
            raise what[0]

        async def chunks():
            while True:
                kind, *more = await queue.get()
                if kind == "error":
                    raise more[0]
                if kind == "end":
                    return
                yield more[0]

        return what[0], what[1], chunks()

    def open(self, method, url, headers, body, left=None):
        left = self.redirects if left is None else left
        parts = urllib.parse.urlsplit(url)
        c = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=self.seconds)
        target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
        c.putrequest(method, target, skip_accept_encoding=True)
        names = {name.lower() for name, _ in headers}
        for name, value in headers:
            if name.lower() != "content-length":
                c.putheader(name, value)
        if body or "content-length" in names:
            c.putheader("content-length", str(len(body)))
        c.endheaders(body or None)
        response = c.getresponse()
        where = response.getheader("location")
        if left and where and response.status in (301, 302, 303, 307, 308):
            again = method if response.status > 303 else "GET"
            return self.open(again, urllib.parse.urljoin(url, where), headers, body if again == method else b"", left - 1)
        return response


class Request:
    def __init__(self, method, target, headers):
        self.method, self.target, self.headers, self.body = method, target, headers, b""

    def get(self, name):
        return next((value for n, value in self.headers if n == name), None)


class Listener:
    """answer(request, reply) is a coroutine; reply.head(status, [(name, value)]), reply.body(bytes), reply.end()."""

    def __init__(self, answer):
        self.answer = answer

    async def listen(self, where):
        host, port = where.rsplit(":", 1)
        return await asyncio.start_server(self.serve, host, int(port))

    async def serve(self, reader, writer):
        try:
            while request := await self.read(reader):
                reply = Reply(writer, request.method == "HEAD")
                await self.answer(request, reply)
                if not reply.reusable:
                    break
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def read(self, reader):
        try:
            lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
        except asyncio.IncompleteReadError:
            return None
        method, target, _ = lines[0].split(" ")
        request = Request(method, target, [(n.lower(), v.strip()) for n, v in (line.split(":", 1) for line in lines[1:])])
        if request.get("expect"):
            request.headers = [h for h in request.headers if h[0] != "expect"]
        if "chunked" in (request.get("transfer-encoding") or ""):
            while size := int(await reader.readuntil(b"\r\n"), 16):
                request.body += await reader.readexactly(size)
                await reader.readexactly(2)
            await reader.readuntil(b"\r\n")
        else:
            request.body = await reader.readexactly(int(request.get("content-length") or 0))
        return request


class Reply:
    def __init__(self, writer, bodyless):
        self.writer, self.bodyless = writer, bodyless
        self.chunked, self.reusable, self.said = False, True, False

    def head(self, status, headers):
        self.said = True
        self.bodyless = self.bodyless or status in (204, 304)
        counted = any(name.lower() == "content-length" for name, _ in headers)
        self.chunked = not counted and not self.bodyless
        out = "HTTP/1.1 %d -\r\n" % status + "".join("%s: %s\r\n" % h for h in headers)
        self.writer.write((out + ("transfer-encoding: chunked\r\n" if self.chunked else "") + "\r\n").encode("latin-1"))

    def body(self, data):
        if data and not self.bodyless:
            self.writer.write(b"%x\r\n%s\r\n" % (len(data), data) if self.chunked else data)

    def end(self):
        if self.chunked:
            self.writer.write(b"0\r\n\r\n")

    def whole(self, status, text, kind="text/plain"):
        self.head(status, [("content-type", kind), ("content-length", str(len(text.encode())))])
        self.body(text.encode())

    def broken(self):
        self.reusable = False
        self.writer.transport.abort()
