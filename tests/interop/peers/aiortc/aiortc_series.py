"""The check series over aiortc's channels."""
import asyncio
import random
import time

from words import emit

BUFFERED_MAX = 1 << 20
PATIENCE = 10


class Failed(Exception):
    pass


class Channel:
    """A data channel whose messages come out of a queue."""

    def __init__(self, dc):
        self.dc = dc
        self.inbox = asyncio.Queue()
        self._open, self.closed, self._low = asyncio.Event(), asyncio.Event(), asyncio.Event()
        dc.bufferedAmountLowThreshold = BUFFERED_MAX // 2
        dc.on('open', self._open.set)
        dc.on('close', self.closed.set)
        dc.on('message', self.inbox.put_nowait)
        dc.on('bufferedamountlow', self._low.set)
        if dc.readyState == 'open':
            self._open.set()

    async def opened(self, ended=None):
        waiting = [asyncio.ensure_future(e.wait()) for e in (self._open, ended) if e]
        await asyncio.wait(waiting, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        for w in waiting:
            w.cancel()
        if not self._open.is_set():
            emit(check='open', ok=False, error='no channel')
            raise Failed('no channel')

    async def send(self, data):
        while self.dc.bufferedAmount > BUFFERED_MAX:
            self._low.clear()
            await within(self._low.wait(), 'room to send')
        self.dc.send(data)

    async def receive(self):
        return await within(self.inbox.get(), 'message')


async def within(awaitable, what):
    try:
        return await asyncio.wait_for(awaitable, PATIENCE)
    except asyncio.TimeoutError:
        raise Failed('%s: nothing for %d s' % (what, PATIENCE)) from None


async def step(name, size, work):
    """Run one step and print its line."""
    start = time.monotonic()
    try:
        more = await work
    except Failed as e:
        emit(check=name, ok=False, error=str(e))
        raise
    emit(check=name, ok=True, bytes=size, ms=round((time.monotonic() - start) * 1000, 1), **(more or {}))


def same(got, want, what='message'):
    if type(got) is not type(want):
        raise Failed('%s went as %s and came as %s' % (what, type(want).__name__, type(got).__name__))
    if got != want:
        raise Failed('%s of %d came back as %d, not the same' % (what, len(want), len(got)))


def noise(size):
    return random.Random(size).randbytes(size)


async def series(channel, opt, taken):
    async def there_and_back(data):
        await channel.send(data)
        same(await channel.receive(), data)

    for name, data in (('empty text', ''), ('empty', b''), ('1 byte', b'\xa5'),
                       ('text', 'Grüße, 世界 \U0001F6F0 \0 end'), ('1200 B', noise(1200)),
                       ('16 KiB', noise(16 << 10)), ('64 KiB', noise(64 << 10)), ('200 KiB', noise(200 << 10))):
        if len(data) > taken:
            emit(check=name, ok=True, skipped='at most %d bytes here' % taken)
        else:
            await step(name, len(data), there_and_back(data))
    await step('bulk', opt.bulk, bulk(channel, opt, min(16 << 10, taken)))


async def bulk(channel, opt, size):
    """Numbered messages; an unordered channel may return them in any order, a lossy one is used in lock step."""
    count = -(-opt.bulk // size)
    pattern = noise(size + 4096)
    window = asyncio.Semaphore(1 if opt.max_retransmits is not None else count)

    def nth(i):
        return i.to_bytes(4, 'big') + pattern[i % 4096 + 4:i % 4096 + size]

    async def send_all():
        for i in range(count):
            await window.acquire()
            await channel.send(nth(i))

    sending = asyncio.ensure_future(send_all())
    missing = set(range(count))
    try:
        for i in range(count):
            data = await channel.receive()
            n = int.from_bytes(data[:4], 'big')
            if n not in missing or (n != i and not opt.unordered):
                raise Failed('message %d came in the place of %d' % (n, i))
            same(data, nth(n), 'message %d' % n)
            missing.remove(n)
            window.release()
        await sending
    finally:
        sending.cancel()


async def rounds(create, opt):
    """Open all channels, have one message echoed on each, close them, wait until both directions are closed; again."""
    async def one(i):
        channels = [Channel(create('%s %d/%d' % (opt.label, i, n))) for n in range(opt.channels)]
        for n, c in enumerate(channels):
            await within(c._open.wait(), 'opening of channel %d' % n)
            await c.send(noise(n + 1))
        for n, c in enumerate(channels):
            same(await c.receive(), noise(n + 1), 'message on channel %d' % n)
        top = max(c.dc.id for c in channels)
        for c in channels:
            c.dc.close()
        for n, c in enumerate(channels):
            await within(c.closed.wait(), 'closing of channel %d' % n)
        # To aiortc a channel is closed when its own direction is, and the next one gets the same id: if that one opens
        # before the other direction is reset, the late reset closes it. Only time can keep them apart.
        await asyncio.sleep(0.3)
        return {'maxId': top}

    for i in range(1, opt.rounds + 1):
        await step('round %d' % i, 0, one(i))
