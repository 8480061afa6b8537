#!/usr/bin/env node
// Node's ws as a client of `adit signal`; usage and output as those of ./client.
"use strict";
const WebSocket = require("ws");
const { once } = require("events");
const assert = require("assert");

const PATIENCE = 10000;
const [port, other] = process.argv.slice(2);
const face = "\u{1f600} \u00e9 \u20ac";
const offer = "v=0\r\n" + "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n".repeat(900);

const signal = () => ({ signal: AbortSignal.timeout(PATIENCE) });

function make(path, options = {}, at = port, protocols = []) {
    const ws = new WebSocket(`ws://127.0.0.1:${at}${path}`, protocols, options);
    ws.waiting = [];
    ws.on("message", (data, isBinary) => {
        ws.waiting.push(isBinary ? data : JSON.parse(data));
        ws.emit("heard");
    });
    return ws;
}
async function open(...args) {
    const ws = make(...args);
    await once(ws, "open", signal());
    ws.on("error", () => {}); // a reset behind a close code; the code is looked at
    return ws;
}
async function hear(ws) {
    if (!ws.waiting.length)
        await once(ws, "heard", signal());
    return ws.waiting.shift();
}
const say = (ws, message) => ws.send(JSON.stringify(message));
const closed = async (ws) => (await once(ws, "close", signal()))[0];

const cases = {
    async "agent: an offer of 39 KiB is whole, in one frame and in fragments"() {
        const a = await open("/ws/js-a"), b = await open("/");
        say(b, { type: "register", id: "js-b" });
        assert.equal((await hear(b)).type, "registered");
        say(a, { type: "offer", to: "js-b", sdp: offer });
        assert.deepEqual(await hear(b), { type: "offer", from: "js-a", to: "js-b", sdp: offer });
        const bytes = Buffer.from(JSON.stringify({ type: "answer", to: "js-a", sdp: face + offer + face }));
        for (let i = 0; i < bytes.length; i += 997) { // cuts characters too
            b.send(bytes.subarray(i, i + 997), { binary: false, fin: i + 997 >= bytes.length });
            if (i % 5 === 0)
                b.ping("between");
        }
        assert.equal((await hear(a)).sdp, face + offer + face);
        a.close();
        b.close();
    },
    async "room: two meet, and who leaves is told"() {
        const a = await open("/"), b = await open("/");
        say(a, { type: "join", room: "js" + face });
        assert.deepEqual((await hear(a)).peers, []);
        say(b, { type: "join", room: "js" + face });
        assert.equal((await hear(b)).peers.length, 1);
        assert.equal((await hear(a)).type, "peer-joined");
        say(b, { type: "offer", sdp: offer });
        assert.equal((await hear(a)).sdp, offer);
        b.terminate();
        assert.equal((await hear(a)).type, "peer-left");
        a.close();
    },
    async "ping: ours is answered, with its bytes; the server pings who is silent"() {
        const ws = await open("/ws/js-ping");
        ws.ping("x".repeat(125));
        assert.equal(String((await once(ws, "pong", signal()))[0]), "x".repeat(125));
        await once(ws, "ping", signal());
        ws.close();
    },
    async "closing: our code comes back; none comes back as none; 1008 for the older of one id"() {
        for (const code of [1000, 1001, 3000, 4999]) {
            const ws = await open("/ws/js-close");
            ws.close(code, "goodbye");
            assert.equal(await closed(ws), code);
        }
        const bare = await open("/ws/js-close");
        bare.close();
        assert.equal(await closed(bare), 1005);
        const old = await open("/ws/js-twice");
        say(old, { type: "register", id: "js-twice" });
        await hear(old);
        const gone = closed(old), young = await open("/ws/js-twice");
        assert.equal(await gone, 1008);
        young.close();
    },
    async "a byte more than 64 KiB, and 1 MiB, are refused with 1009; binary with 1003"() {
        for (const [what, code] of [["x".repeat(65537), 1009], ["x".repeat(1 << 20), 1009], [Buffer.from("{}"), 1003]]) {
            const ws = await open("/ws/js-big");
            ws.send(what);
            assert.equal(await closed(ws), code);
        }
    },
    async "permessage-deflate is offered and not taken; a subprotocol that we do not speak is not echoed"() {
        const ws = await open("/ws/js-deflate", { perMessageDeflate: true });
        assert.equal(ws.extensions, "");
        ws.close();
        const [error] = await once(make("/ws/js-sub", {}, port, ["chat.example"]), "error", signal())
            .catch((e) => [e]); // once() throws what an error event brings
        assert.match(error.message, /no subprotocol/);
    },
    async "Origin: the page that is welcome, and 403 for another one"() {
        (await open("/ws/js-page", { origin: "https://app.example" }, other)).close();
        const ws = make("/ws/js-page", { origin: "https://evil.example" }, other);
        const [, response] = await once(ws, "unexpected-response", signal());
        assert.equal(response.statusCode, 403);
        ws.on("error", () => {});
        ws.terminate();
    },
};

(async () => {
    for (const [name, run] of Object.entries(cases))
        await run().then(() => console.log("ok", name), (e) =>
            console.log(`failed ${name}: ${String(e.message).slice(0, 300).replace(/\n/g, " ")}`));
    process.exit(0);
})();
