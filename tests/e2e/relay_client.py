#!/usr/bin/python3
"""relay_client - two devices of the Tunnel Agent in a session of the relay, in both generations.

usage: relay_client first|second HTTP-URL    prints what it has seen, a line each; the server lets anybody register
"""
import asyncio
import base64
import json
import subprocess
import sys
import tempfile
import urllib.request

import websockets

GENERATION, HTTP = sys.argv[1], sys.argv[2]
WS = HTTP.replace("http", "ws", 1)


def post(path, body, token=None):
    head = {"Content-Type": "application/json"}
    if token:
        head["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(HTTP + path, json.dumps(body).encode(), head)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


class Device:
    """With a key of its own; openssl signs."""

    def __init__(self, name, token):
        self.name, self.token, self.dir = name, token, tempfile.mkdtemp()
        self.key = f"{self.dir}/key"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.key], check=True)
        der = subprocess.run(["openssl", "pkey", "-in", self.key, "-pubout", "-outform", "DER"], check=True,
                             capture_output=True).stdout
        self.pubkey = base64.b64encode(der[-32:]).decode()

    def sign(self, asked):
        with open(f"{self.dir}/text", "w") as f:
            f.write(f"{asked['context']}:{self.name}:{asked['challenge']}")
        out = subprocess.run(["openssl", "pkeyutl", "-sign", "-inkey", self.key, "-rawin", "-in", f.name],
                             check=True, capture_output=True).stdout
        return base64.b64encode(out).decode()

    def register(self):
        asked = post("/devices/challenge", {"device_id": self.name}, self.token)
        post("/devices/register", {"device_id": self.name, "pubkey": self.pubkey, "challenge": asked["challenge"],
                                   "signature": self.sign(asked)}, self.token)

    async def connect(self):
        if GENERATION == "first":
            ws = await websockets.connect(f"{WS}/signal?token={self.token}&device_id={self.name}")
        else:
            ws = await websockets.connect(f"{WS}/signal")
            await say(ws, type="auth", token=self.token, device_id=self.name)
            await say(ws, type="auth-response", signature=self.sign(await hear(ws, "challenge")))
        await hear(ws, "connected")
        return ws


async def say(ws, **message):
    await ws.send(json.dumps(message))


async def hear(ws, kind):
    while True:
        message = json.loads(await asyncio.wait_for(ws.recv(), 10))
        if message["type"] == kind:
            return message


async def enter(url, session, token):
    """A socket in the session; the first generation has the token of its account in the URL."""
    if GENERATION == "first":
        return await websockets.connect(f"{url}/relay/{session}?token={token}", max_size=1 << 24)
    ws = await websockets.connect(f"{url}/relay/{session}", max_size=1 << 24)
    await say(ws, type="auth", token=token)
    return ws


async def ended(ws):
    try:
        while True:
            await asyncio.wait_for(ws.recv(), 10)
    except websockets.ConnectionClosed as e:
        return f"{e.code} {e.reason}"


async def main():
    token = post("/auth/register", {"email": f"{GENERATION}@example.org", "password": "correct horse"})["access_token"]
    desk, phone = Device("desk-01", token), Device("phone-9", token)
    desk.name, phone.name = f"desk-{GENERATION}", f"phone-{GENERATION}"
    for d in desk, phone:
        d.register()
    at_desk, at_phone = await desk.connect(), await phone.connect()
    await say(at_phone, type="connect-request", target_device_id=desk.name, preferred_transport="relay",
              relay_session_id=f"{phone.name}-{desk.name}")
    request = await hear(at_desk, "connect-request-received")
    session, url = request["relay_session_id"], request["relay_url"]
    print("told", url)
    grants = token, token
    if GENERATION == "second":
        sent = await hear(at_phone, "connect-request-sent")
        grants = sent["relay_token"], request["relay_token"]
    a = await enter(url, session, grants[0])
    await a.send(b"before the other is there")
    b = await enter(url, session, grants[1])
    print("early", await asyncio.wait_for(b.recv(), 10) == b"before the other is there")
    big = bytes(range(256)) * 4096  # a body as the first generation has them: in one message
    for one, other in (a, b), (b, a):
        await asyncio.gather(*(one.send(big) for _ in range(3)))
        print("large", [await asyncio.wait_for(other.recv(), 20) for _ in range(3)] == [big] * 3)
    c = await enter(url, session, grants[0])
    print("third", await ended(c))
    wrong = await enter(url, session, "nonsense")
    print("wrong", await ended(wrong))
    await a.close()
    print("over", await ended(b))
    await asyncio.gather(at_desk.close(), at_phone.close())


asyncio.run(main())
