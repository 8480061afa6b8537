#!/usr/bin/python3
"""Reads events one by one, and asks for the next only when the last has come; see world.py.

usage: sse_client.py URL COUNT        URL: where world.py is found
"""
import sys
import urllib.request

url, count = sys.argv[1], int(sys.argv[2])
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
with opener.open(f"{url}/sse?n={count}&name={url}", timeout=20) as stream:
    assert stream.headers["Content-Type"].startswith("text/event-stream"), stream.headers
    for i in range(count):
        event = [stream.readline() for _ in range(3)]
        assert event == [b"id: %d\n" % i, b"data: event %d\n" % i, b"\n"], event
        opener.open(f"{url}/seen?id={i}&name={url}", timeout=20).close()
    assert stream.read() == b""
