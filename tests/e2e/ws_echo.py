#!/usr/bin/python3
"""WebSockets: a server that sends back what comes, and a client that compares.

usage: ws_echo.py serve PORT
       ws_echo.py talk URL
"""
import asyncio
import os
import sys

import websockets

SIZES = (0, 1, 125, 126, 1000, 65535, 65536, 1000000)


async def echo(ws, _path=None):
    async for message in ws:
        await ws.send(message)


async def serve(port):
    async with websockets.serve(echo, "127.0.0.1", port, max_size=1 << 22):
        await asyncio.get_running_loop().create_future()


async def talk(url):
    async with websockets.connect(url, max_size=1 << 22) as ws:
        for size in SIZES:
            text, data = "ä" * (size // 2), os.urandom(size)
            await ws.send(text)
            await ws.send(data)
            assert await ws.recv() == text, f"text of {size}"
            assert await ws.recv() == data, f"{size} bytes"
            await (await ws.ping())
        for i in range(100):
            await ws.send(str(i))
        assert [await ws.recv() for _ in range(100)] == [str(i) for i in range(100)]


if sys.argv[1] == "serve":
    asyncio.run(serve(int(sys.argv[2])))
else:
    asyncio.run(asyncio.wait_for(talk(sys.argv[2]), 120))
