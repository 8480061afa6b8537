#!/usr/bin/python3
"""An HTTP service of the kinds that a static server has none of; behind nginx, see world.sh.

usage: world.py PORT DIRECTORY

  GET  /sse?n=N        N events, each but the first only after GET /seen?id=I for the one before:
                       whoever holds an event back waits for ever
  POST /sum            length and SHA-256 of what was sent, in whatever pieces
  GET  /echo           the request's head as JSON, repeated fields in a list of pairs
  GET  /broken         a body that ends too early
  any  /git/...        git http-backend over DIRECTORY
"""
import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
import urllib.parse

SEEN = threading.Condition()
seen = set()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format, *args):
        pass

    def body(self):
        """The request's body in pieces, also a chunked one."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            left = int(self.headers.get("Content-Length", 0))
            while left and (piece := self.rfile.read(min(left, 1 << 16))):
                left -= len(piece)
                yield piece
            return
        while size := int(self.rfile.readline().split(b";")[0], 16):
            while size:
                piece = self.rfile.read(min(size, 1 << 16))
                size -= len(piece)
                yield piece
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def answer(self, text, kind="text/plain", status=200):
        body = text if isinstance(text, bytes) else text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def sse(self, count, name):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for i in range(count):
            self.chunk(f"id: {i}\ndata: event {i}\n\n".encode())
            with SEEN:
                SEEN.wait_for(lambda i=i: (name, i) in seen)
        self.chunk(b"")

    def git(self, path, query):
        env = {"PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": sys.argv[2], "GIT_HTTP_EXPORT_ALL": "1",
               "PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": self.command, "REMOTE_USER": "tester",
               "REMOTE_ADDR": "127.0.0.1", "CONTENT_TYPE": self.headers.get("Content-Type", ""),
               "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
        for name in ("Content-Encoding", "Git-Protocol"):
            if name in self.headers:
                env["HTTP_" + name.upper().replace("-", "_")] = self.headers[name]
        done = subprocess.run(["git", "http-backend"], input=b"".join(self.body()), env=env,
                              stdout=subprocess.PIPE, check=True)
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.answer(body, fields.get("Content-Type", "text/plain"), int(fields.get("Status", "200").split()[0]))

    def handle_request(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path.startswith("/git/"):
            self.git(url.path[4:], url.query)
        elif url.path == "/sse":
            self.sse(int(query["n"]), query.get("name", ""))
        elif url.path == "/seen":
            with SEEN:
                seen.add((query.get("name", ""), int(query["id"])))
                SEEN.notify_all()
            self.answer("")
        elif url.path == "/sum":
            digest, length = hashlib.sha256(), 0
            for piece in self.body():
                digest.update(piece)
                length += len(piece)
            self.answer(f"{length} {digest.hexdigest()}\n")
        elif url.path == "/echo":
            body = b"".join(self.body())
            self.answer(json.dumps({"method": self.command, "target": self.path, "body": body.decode("latin-1"),
                                    "fields": [[k, v] for k, v in self.headers.items()]}), "application/json")
        elif url.path == "/broken":
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"x" * 1000)
            self.close_connection = True
        else:
            self.answer("nothing of that name\n", status=404)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = handle_request


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512


Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
