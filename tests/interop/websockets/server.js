#!/usr/bin/env node
// A server of the dialect "agent" with Node's ws. Usage: server.js PORT. It sends what it passes on in fragments
// with a ping between them. Lines on stdin: `ping NAME`, `close NAME CODE WORDS`, `big NAME BYTES`. What happens is
// printed.
"use strict";
const { WebSocketServer } = require("ws");

const clients = new Map();
const say = (...words) => console.log(...words);

function inFragments(ws, message) {
    const bytes = Buffer.from(JSON.stringify(message));
    for (let i = 0; i < bytes.length; i += 97) {
        ws.send(bytes.subarray(i, i + 97), { binary: false, fin: i + 97 >= bytes.length });
        if (i === 0)
            ws.ping("between");
    }
}

const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]), perMessageDeflate: true },
    () => say("listening"));
server.on("connection", (ws, request) => {
    const me = request.url.split("/").pop();
    clients.set(me, ws);
    say(me, "joined", `extensions=${ws.extensions || "none"}`);
    ws.on("message", (data, isBinary) => {
        const m = JSON.parse(data);
        say(me, isBinary ? "binary" : "text", m.type);
        if (m.type === "register")
            inFragments(ws, { type: "registered", id: me, status: "success", x: "\u{1f600}".repeat(2000) });
        else if (clients.has(m.to))
            inFragments(clients.get(m.to), { ...m, from: me });
    });
    ws.on("pong", (data) => say(me, "pong", String(data)));
    ws.on("ping", () => say(me, "ping"));
    ws.on("error", (e) => say(me, "error", e.message));
    ws.on("close", (code) => {
        say(me, "left", code);
        if (clients.get(me) === ws)
            clients.delete(me);
    });
});

require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
    const [verb, name, first, ...rest] = line.split(" ");
    const ws = clients.get(name);
    if (verb === "ping")
        ws.ping("asked");
    else if (verb === "close")
        ws.close(Number(first), rest.join(" "));
    else if (verb === "big")
        ws.send("x".repeat(Number(first)));
});
