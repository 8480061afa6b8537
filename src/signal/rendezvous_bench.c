/* rendezvous_bench.c - the workers' UDP benchmark: u32 number and bytes, FF FF FF FF at the end.
 *
 * The original sends without a pause and never reports what was lost. We send BURST datagrams a
 * millisecond, and a receiver that has heard nothing for five seconds takes that for the end. */
#include "signal/rendezvous.h"

#define BURST 16
#define PAUSE ADIT_MS

static const uint8_t end_marker[4] = { 0xff, 0xff, 0xff, 0xff };

int adit_rendezvous_bench(struct adit_dialect_state *s, const char *peer, uint64_t bytes,
                          unsigned chunk, adit_time now)
{
    struct adit_rendezvous *w = adit_rendezvous_of(s);

    (void)peer;
    if (!w->peer[0] || w->out.active)
        return -EAGAIN;
    if (chunk == 0)
        chunk = 1024;
    if (chunk > ADIT_RENDEZVOUS_BENCH_MAX || bytes == 0 || bytes / chunk >= UINT32_MAX - 1)
        return -EMSGSIZE;
    w->out = (struct adit_bench_out){ .left = bytes, .chunk = chunk, .active = true, .at = now };
    return 0;
}

static void send_chunk(struct adit_rendezvous *w)
{
    uint8_t packet[4 + ADIT_RENDEZVOUS_BENCH_MAX];
    size_t n = w->out.left < w->out.chunk ? (size_t)w->out.left : w->out.chunk;

    adit_put32(packet, w->out.seq++);
    memset(packet + 4, 0, n); /* what the bytes are is nobody's concern, but never JSON */
    w->out.left -= n;
    w->s.ops->datagram(w->s.arg, &w->peer_addr, packet, 4 + n);
}

adit_time adit_rendezvous_bench_deadline(const struct adit_rendezvous *w)
{
    adit_time at = w->out.active ? w->out.at : ADIT_NEVER;

    return w->in.active ? adit_time_min(at, w->in.last_at + ADIT_RENDEZVOUS_BENCH_QUIET) : at;
}

static void report(struct adit_rendezvous *w)
{
    struct adit_signal_event e = ADIT_SIGNAL_EVENT(ADIT_SIGNAL_BENCH);

    e.peer = w->peer;
    e.bench = (struct adit_signal_bench){ .chunks = w->in.chunks,
                                          .bytes = w->in.bytes,
                                          .took = w->in.last_at - w->in.first_at };
    w->in = (struct adit_bench_in){ .active = false };
    w->s.ops->event(w->s.arg, &e);
}

void adit_rendezvous_bench_tick(struct adit_rendezvous *w, adit_time now)
{
    if (w->out.active && now >= w->out.at) {
        for (unsigned i = 0; i < BURST && w->out.left; i++)
            send_chunk(w);
        w->out.at = now + PAUSE;
        if (w->out.left == 0) {
            w->s.ops->datagram(w->s.arg, &w->peer_addr, end_marker, sizeof end_marker);
            w->out.active = false;
        }
    }
    if (w->in.active && now >= w->in.last_at + ADIT_RENDEZVOUS_BENCH_QUIET)
        report(w);
}

static void count(struct adit_rendezvous *w, bool end, size_t n, adit_time now)
{
    if (!end) {
        if (!w->in.active)
            w->in = (struct adit_bench_in){ .active = true, .first_at = now };
        w->in.chunks++;
        w->in.bytes += n;
    }
    w->in.last_at = now;
    if (end && w->in.active)
        report(w);
}

void adit_rendezvous_bench_raw(struct adit_rendezvous *w, const uint8_t *bytes, size_t n,
                               adit_time now)
{
    count(w, n == sizeof end_marker && memcmp(bytes, end_marker, n) == 0, n, now);
}

void adit_rendezvous_bench_json(struct adit_rendezvous *w, bool end, size_t n, adit_time now)
{
    count(w, end, n, now);
}
