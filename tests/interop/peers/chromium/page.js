// The peer inside the page: start() is called once, accept() with the other side's description, finish() to
// end an echo. Everything leaves through the binding report(), one JSON text each.
'use strict';

const BUFFERED_MAX = 1 << 20;
const PATIENCE_MS = 10000;
const NO_LIMIT = 2 ** 30;

const emit = (o) => report(JSON.stringify(o));
const say = (text) => emit({ say: text });

let opt, pc, finish;
const descriptions = [];
let wanting = null;
const finished = new Promise((resolve) => { finish = resolve; });
const accept = (description) => {
    descriptions.push(description);
    if (wanting) wanting();
};
async function remote() {
    while (!descriptions.length) await new Promise((resolve) => { wanting = resolve; });
    return descriptions.shift();
}

// An ICE restart of ours, once, when so many bytes have come in. Until the other side has answered nothing is sent, so
// that what follows has to go the new way.
let got = 0, again = null;
function received(data) {
    const before = got;
    got += bytesOf(data).length;
    if (opt.restart && before < opt.restart && got >= opt.restart) again = restart();
}
async function restart() {
    pc.restartIce();
    await describe(await pc.createOffer());
    await pc.setRemoteDescription(await remote());
    emit({ restarted: true });
}
const tally = { echoed: 0, largest: 0, channels: 0 };
let active = 0;

function within(promise, what) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no ${what} for ${PATIENCE_MS} ms`)), PATIENCE_MS);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// What the writer of this description takes (RFC 8841 section 6.1: absent is 64K, 0 no limit).
function largestMessage(sdp) {
    const found = /^a=max-message-size:(\d+)/m.exec(sdp);
    return found ? Number(found[1]) || NO_LIMIT : 65536;
}

// A data channel whose messages come out of a queue.
class Channel {
    constructor(dc) {
        this.dc = dc;
        this.inbox = [];
        this.reader = null;
        dc.binaryType = 'arraybuffer';
        dc.bufferedAmountLowThreshold = BUFFERED_MAX / 2;
        this.opened = new Promise((resolve) => {
            if (dc.readyState === 'open') resolve(); else dc.addEventListener('open', resolve);
        });
        this.closed = new Promise((resolve) => dc.addEventListener('close', resolve));
        dc.onmessage = (event) => {
            received(event.data);
            this.inbox.push(event.data);
            if (this.reader) { this.reader(); this.reader = null; }
        };
    }

    async room() {
        while (this.dc.bufferedAmount > BUFFERED_MAX)
            await within(new Promise((resolve) => { this.dc.onbufferedamountlow = resolve; }), 'room to send');
    }

    async send(data) {
        await again;
        await this.room();
        this.dc.send(data);
    }

    async receive() {
        while (!this.inbox.length) await within(new Promise((resolve) => { this.reader = resolve; }), 'message');
        return this.inbox.shift();
    }
}

function createChannel(label) {
    const init = { ordered: !opt.unordered };
    if (opt.max_retransmits !== null) init.maxRetransmits = opt.max_retransmits;
    return new Channel(pc.createDataChannel(label, init));
}

const bytesOf = (data) => (typeof data === 'string' ? new TextEncoder().encode(data) : new Uint8Array(data));

// Sends back what comes until the last channel closes.
async function echo(channel) {
    await channel.opened;
    tally.channels++;
    active++;
    let turn = Promise.resolve();
    const back = (data) => {
        tally.echoed++;
        tally.largest = Math.max(tally.largest, bytesOf(data).length);
        turn = turn.then(() => channel.send(data)).catch((e) => say(`echo: ${e}`));
    };
    channel.inbox.forEach(back);
    channel.dc.onmessage = (event) => {
        received(event.data);
        back(event.data);
    };
    await channel.closed;
    if (--active === 0) finish();
}

function noise(size) {
    const b = new Uint8Array(size);
    let x = (size + 1) >>> 0;
    for (let i = 0; i < size; i++) {
        x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
        b[i] = x >>> 24;
    }
    return b;
}

function same(got, want, what = 'message') {
    if ((typeof got === 'string') !== (typeof want === 'string')) throw new Error(`${what} changed its kind`);
    const [a, b] = [bytesOf(got), typeof want === 'string' ? bytesOf(want) : want];
    if (a.length !== b.length) throw new Error(`${what} of ${b.length} bytes came back with ${a.length}`);
    for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) throw new Error(`${what} differs at byte ${i}`);
}

async function step(name, size, work) {
    const start = performance.now();
    try {
        const more = await work();
        emit({ check: name, ok: true, bytes: size, ms: Math.round(performance.now() - start), ...more });
    } catch (e) {
        emit({ check: name, ok: false, error: e.message });
        throw e;
    }
}

async function series(channel, taken) {
    const steps = [
        ['empty text', ''], ['empty', noise(0)], ['1 byte', noise(1)], ['text', 'Grüße, 世界 \u{1F6F0} \0 end'],
        ['1200 B', noise(1200)], ['16 KiB', noise(16384)], ['64 KiB', noise(65536)], ['200 KiB', noise(204800)],
    ];
    for (const [name, data] of steps) {
        if (data.length > taken) {
            emit({ check: name, ok: true, skipped: `at most ${taken} bytes here` });
            continue;
        }
        await step(name, data.length, async () => {
            await channel.send(data);
            same(await channel.receive(), data);
        });
    }
    await step('bulk', opt.bulk, () => bulk(channel, Math.min(16384, taken)));
}

// Numbered messages; an unordered channel may return them in any order, a lossy one is used in lock step.
async function bulk(channel, size) {
    const count = Math.ceil(opt.bulk / size);
    const pattern = noise(size + 4096);
    const nth = (i) => {
        const data = pattern.slice(i % 4096, i % 4096 + size);
        new DataView(data.buffer).setUint32(0, i);
        return data;
    };
    const seen = new Set();
    const receiveOne = async (i) => {
        const data = await channel.receive();
        const n = new DataView(data).getUint32(0);
        if (n >= count || seen.has(n) || (n !== i && !opt.unordered))
            throw new Error(`message ${n} came in the place of ${i}`);
        same(data, nth(n), `message ${n}`);
        seen.add(n);
    };
    if (opt.max_retransmits !== null) {
        for (let i = 0; i < count; i++) {
            await channel.send(nth(i));
            await receiveOne(i);
        }
        return;
    }
    await Promise.all([
        (async () => { for (let i = 0; i < count; i++) await channel.send(nth(i)); })(),
        (async () => { for (let i = 0; i < count; i++) await receiveOne(i); })(),
    ]);
}

// Open all channels, have one message echoed on each, close them, wait until both directions are closed.
async function round(number) {
    const all = [];
    for (let n = 0; n < opt.channels; n++) all.push(createChannel(`${opt.label} ${number}/${n}`));
    for (const [n, c] of all.entries()) {
        await within(c.opened, `opening of channel ${n}`);
        await c.send(noise(n + 1));
    }
    for (const [n, c] of all.entries()) same(await c.receive(), noise(n + 1), `message on channel ${n}`);
    const maxId = Math.max(...all.map((c) => c.dc.id));
    for (const c of all) c.dc.close();
    for (const [n, c] of all.entries()) await within(c.closed, `closing of channel ${n}`);
    return { maxId };
}

async function check(channel) {
    const late = new Promise((resolve) => setTimeout(resolve, 20000, false));
    if (!await Promise.race([channel.opened.then(() => true), finished.then(() => false), late])) {
        emit({ check: 'open', ok: false, error: `no channel, the connection is ${pc.connectionState}` });
        return false;
    }
    const both = [pc.localDescription, pc.remoteDescription];
    const taken = Math.min(opt.limit, ...both.map((d) => largestMessage(d.sdp)));
    try {
        if (!opt.channels) await series(channel, taken);
        for (let i = 1; opt.channels && i <= opt.rounds; i++) await step(`round ${i}`, 0, () => round(i));
    } catch (e) {
        say(String(e));
        return false;
    }
    return true;
}

async function describe(description) {
    const gathered = new Promise((resolve) => {
        pc.onicegatheringstatechange = () => { if (pc.iceGatheringState === 'complete') resolve(); };
    });
    await pc.setLocalDescription(description);
    await gathered;
    emit({ type: pc.localDescription.type, sdp: pc.localDescription.sdp });
}

async function run() {
    pc = new RTCPeerConnection({ iceServers: opt.stun ? [{ urls: 'stun:' + opt.stun }] : [] });
    pc.onconnectionstatechange = () => {
        say(`connection ${pc.connectionState}`);
        if (['failed', 'closed'].includes(pc.connectionState)) finish();
    };
    pc.onicecandidateerror = (e) => say(`gathering: ${e.url} ${e.errorCode} ${e.errorText}`);
    pc.ondatachannel = ({ channel }) => {
        emit({ channel: channel.label, ordered: channel.ordered, maxRetransmits: channel.maxRetransmits,
            maxPacketLifeTime: channel.maxPacketLifeTime });
        const c = new Channel(channel);
        if (opt.mode === 'echo') echo(c);
    };
    let first = null;
    if (opt.role === 'offer') {
        first = createChannel(opt.label);
        await describe(await pc.createOffer());
        await pc.setRemoteDescription(await remote());
    } else {
        await pc.setRemoteDescription(await remote());
        if (opt.mode === 'check') first = createChannel(opt.label);
        await describe(await pc.createAnswer());
    }
    if (opt.mode === 'check') {
        const good = await check(first);
        first.dc.close(); // pc.close() alone tells the other side nothing that is sure to leave
        await Promise.race([first.closed, new Promise((resolve) => setTimeout(resolve, 1000))]);
        return good;
    }
    if (first) echo(first);
    await finished;
    emit(tally);
    return tally.channels > 0;
}

function start(options) {
    opt = options;
    run().then((good) => good, (e) => { say(String(e)); return false; }).then((good) => {
        pc.close();
        setTimeout(() => emit({ exit: good ? 0 : 1 }), 100);
    });
}
