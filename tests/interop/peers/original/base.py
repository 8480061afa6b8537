"""What peers of all kinds have in common: descriptions, one connection, its channel, its signaling."""
import asyncio
import json
import re

import websockets.legacy.client  # the newer one is not in all versions, and differs
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp


def say(*words):
    print(*words, flush=True)


def modern(sdp):
    """The m-line as pion, webrtc-rs and browsers write it; aiortc before 1.14 does so only in answers."""
    sdp = re.sub(r"m=application (\d+) DTLS/SCTP \d+", r"m=application \1 UDP/DTLS/SCTP webrtc-datachannel", sdp)
    return re.sub(r"a=sctpmap:(\d+) .*?\r\n", r"a=sctp-port:\1\r\n", sdp)


def candidates(sdp):
    return re.findall(r"^a=(candidate:[^\r\n]*)", sdp, re.M)


def bare(sdp):
    """As it is before anything was gathered, whoever may have to find us."""
    sdp = re.sub(r"a=(candidate:|end-of-candidates)[^\r]*\r\n", "", sdp)
    return re.sub(r"c=IN .*\r\n", "c=IN IP4 0.0.0.0\r\n", re.sub(r"m=application \d+", "m=application 9", sdp))


class Peer:
    label = "data"
    known_label = None  # the only one that an answerer cares for

    def __init__(self, url, words, named):
        self.url, self.words, self.named = url, words, named
        self.offers, self.to = "offer" in words, named.get("to")
        self.channel = self.pc = None

    def new_connection(self):
        self.over, self.up = asyncio.Event(), asyncio.Event()
        pc = self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))

        @pc.on("connectionstatechange")
        def state():
            say("state", pc.connectionState)
            if pc.connectionState == "connected":
                self.up.set()
            elif pc.connectionState in ("failed", "closed"):
                self.over.set()

        @pc.on("datachannel")
        def incoming(channel):
            if self.known_label in (None, channel.label):
                self.use(channel)

    def use(self, channel):
        """A channel that is open, or will be."""
        self.channel = channel
        channel.on("message", self.message)

        @channel.on("close")
        def closed():
            say("closed")
            self.over.set()

        def opened():
            say("open", channel.label, "ordered" if channel.ordered else "unordered",
                "reliable" if channel.maxRetransmits is channel.maxPacketLifeTime is None else "lossy",
                "protocol=%s" % channel.protocol)
            self.opened()

        opened() if channel.readyState == "open" else channel.on("open", opened)

    def opened(self):
        if "send" in self.named:
            self.channel.send(bytes.fromhex(self.named["send"]))

    def message(self, data):
        say("text " + data if isinstance(data, str) else "binary " + data.hex())

    def line(self, text):
        self.channel.send(text.encode())

    async def local(self, description):
        await self.pc.setLocalDescription(description)
        return self.pc.localDescription.sdp

    async def offer(self):
        """Our offer as (told at the create step, with everything that was gathered)."""
        self.new_connection()
        self.use(self.pc.createDataChannel(self.named.get("label", self.label)))
        created = await self.pc.createOffer()
        return created.sdp, await self.local(created)

    async def answer(self, sdp):
        if not self.pc or self.over.is_set():
            self.new_connection()
        await self.remote("offer", sdp)
        created = await self.pc.createAnswer()
        return created.sdp, await self.local(created)

    async def remote(self, kind, sdp):
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp, kind))

    async def add(self, c):
        """RTCIceCandidateInit, as aiortc's users turn it into what aiortc takes."""
        candidate = candidate_from_sdp(c["candidate"].removeprefix("candidate:"))
        candidate.sdpMid, candidate.sdpMLineIndex = c.get("sdpMid"), c.get("sdpMLineIndex")
        await self.pc.addIceCandidate(candidate)

    async def connect(self, url, **more):
        return await websockets.legacy.client.connect(url, **more)

    async def send(self, **message):
        await self.ws.send(json.dumps(message))

    async def messages(self):
        """Until the server hangs up."""
        async for text in self.ws:
            m = json.loads(text)
            say("ws", m.get("type"), m.get("status") or m.get("message") or "")
            yield m.get("type"), m

    async def run(self):
        raise NotImplementedError
