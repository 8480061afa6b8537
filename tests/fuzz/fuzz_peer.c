/* fuzz_peer.c - two whole peers whose packets pass through hostile hands.
 *
 * The input says what happens to each packet on its way: it arrives, is lost, doubled, changed,
 * cut, held back, or something made up comes first; and how time passes. When the input is used up
 * the network behaves. Whatever happened, nobody may crash, spin, or talk to somebody who is not
 * the one in the description. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "peer/engine.h"
#include "sim/openssl_seed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PACKETS_MAX 512
#define STEPS_MAX   3000

struct packet {
    int to; /* side */
    size_t n;
    uint8_t *bytes;
};

struct world {
    struct adit_engine *engine[2];
    struct adit_rng rng[2];
    struct packet queue[PACKETS_MAX];
    unsigned first, count;
    struct adit_cursor in;
    adit_time now;
    unsigned messages;
};

struct side {
    struct world *world;
    int index;
};

static const struct adit_addr addresses[2] = {
    { .family = ADIT_FAMILY_V4, .port = 1000, .ip = { 10, 0, 0, 1 } },
    { .family = ADIT_FAMILY_V4, .port = 2000, .ip = { 10, 0, 0, 2 } },
};

static void push(struct world *w, int to, const void *bytes, size_t n)
{
    struct packet *p;

    if (w->count == PACKETS_MAX)
        return;
    p = &w->queue[(w->first + w->count++) % PACKETS_MAX];
    *p = (struct packet){ .to = to, .n = n, .bytes = adit_memdup(bytes, n) };
    if (!p->bytes)
        abort();
}

static void on_send(void *arg, int base, const struct adit_addr *to, const void *bytes, size_t n)
{
    struct side *s = arg;

    (void)base;
    if (adit_addr_equal(to, &addresses[!s->index]))
        push(s->world, !s->index, bytes, n);
}

static void on_event(void *arg, const struct adit_engine_event *ev)
{
    struct side *s = arg;

    if (ev->type != ADIT_ENGINE_EV_CHANNEL)
        return;
    if (ev->sctp->type == ADIT_SCTP_EV_MESSAGE)
        s->world->messages++;
    if (ev->sctp->type == ADIT_SCTP_EV_OPEN || ev->sctp->type == ADIT_SCTP_EV_ACCEPT) {
        if (adit_channel_send(ev->sctp->channel, "hello", 5, true, s->world->now) > 0)
            abort();
    }
}

static void feed(struct world *w, int to, const uint8_t *bytes, size_t n)
{
    adit_engine_feed(w->engine[to], 0, &addresses[!to], bytes, n, w->now);
}

/* Deadlines that have come; one that does not move would be a busy loop. */
static void pass(struct world *w, adit_time by)
{
    adit_time until = w->now + by;

    for (unsigned rounds = 0;; rounds++) {
        adit_time at[2] = { adit_engine_deadline(w->engine[0]),
                            adit_engine_deadline(w->engine[1]) };
        int next = at[1] < at[0];

        if (at[next] > until)
            break;
        if (rounds > 20000)
            abort();
        w->now = adit_time_max(w->now, at[next]);
        adit_engine_tick(w->engine[next], w->now);
    }
    w->now = until;
}

static void made_up(struct world *w, int to)
{
    uint8_t n = adit_cursor_get8(&w->in);
    const uint8_t *bytes = adit_cursor_take(&w->in, n);

    if (bytes)
        feed(w, to, bytes, n);
}

static void deliver_one(struct world *w)
{
    struct packet p = w->queue[w->first];
    uint8_t what = adit_cursor_get8(&w->in);

    w->first = (w->first + 1) % PACKETS_MAX;
    w->count--;
    switch (what % 16) {
    case 9: /* lost */
        break;
    case 10:
        feed(w, p.to, p.bytes, p.n);
        feed(w, p.to, p.bytes, p.n);
        break;
    case 11:
        for (unsigned i = 0; i <= what / 64u; i++)
            p.bytes[adit_cursor_get16(&w->in) % p.n] ^= adit_cursor_get8(&w->in);
        feed(w, p.to, p.bytes, p.n);
        break;
    case 12:
        feed(w, p.to, p.bytes, adit_cursor_get16(&w->in) % p.n);
        break;
    case 13:
        push(w, p.to, p.bytes, p.n);
        break;
    case 14:
        made_up(w, p.to);
        feed(w, p.to, p.bytes, p.n);
        break;
    case 15:
        pass(w, (adit_time)adit_cursor_get8(&w->in) * 20 * ADIT_MS);
        feed(w, p.to, p.bytes, p.n);
        break;
    default:
        feed(w, p.to, p.bytes, p.n);
        break;
    }
    adit_free(p.bytes);
}

static void start(struct world *w, struct side sides[2], struct adit_cert *const certs[2])
{
    static const struct adit_engine_ops ops = { .send = on_send, .event = on_event };

    for (int i = 0; i < 2; i++) {
        struct adit_engine_conf conf = { .cert = certs[i], .rng = &w->rng[i], .channels_max = 8 };

        sides[i] = (struct side){ w, i };
        adit_rng_init_seed(&w->rng[i], 1 + (uint64_t)i);
        w->engine[i] = adit_engine_new(&conf, &ops, &sides[i], w->now);
        if (!w->engine[i])
            abort();
    }
    adit_engine_set_offerer(w->engine[0]);
    for (int i = 0; i < 2; i++) {
        if (adit_engine_add_base(w->engine[i], 0, &addresses[i], 65535, true, w->now) < 0)
            abort();
        adit_engine_bases_done(w->engine[i], w->now);
    }
}

static void introduce(struct world *w, int from)
{
    struct adit_desc *desc = adit_malloc(sizeof *desc);
    struct adit_cause cause;

    if (!desc)
        abort();
    adit_engine_describe(w->engine[from], desc);
    if (adit_engine_set_remote(w->engine[!from], desc, &cause, w->now) < 0)
        abort();
    adit_free(desc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct adit_cert *certs[2]; /* made once: making them is slow */
    const struct adit_channel_conf channel = { .max_retransmits = ADIT_CHANNEL_RELIABLE,
                                               .max_lifetime_ms = ADIT_CHANNEL_RELIABLE,
                                               .id = ADIT_CHANNEL_ID_AUTO };
    struct world *w = adit_zalloc(sizeof *w);
    struct side sides[2];
    int err;

    if (!w)
        abort();
    for (int i = 0; i < 2; i++)
        if (!certs[i] && !(certs[i] = adit_cert_generate()))
            abort();
    sim_openssl_seed(1);
    w->in = adit_cursor(data, size);
    w->now = 1000 * ADIT_SEC;
    start(w, sides, certs);
    introduce(w, 0);
    if (adit_cursor_get8(&w->in) % 2) /* the answer is late: the answering side calls first */
        pass(w, 100 * ADIT_MS);
    introduce(w, 1);
    if (!adit_engine_open_channel(w->engine[0], &channel, &err, w->now))
        abort();
    for (unsigned i = 0; i < STEPS_MAX && w->now < 1030 * ADIT_SEC; i++) {
        if (w->count)
            deliver_one(w);
        else
            pass(w, 50 * ADIT_MS);
    }
    if (size == 0 && w->messages != 2)
        abort(); /* undisturbed they say hello to each other */
    for (int i = 0; i < 2; i++)
        adit_engine_close(w->engine[i], w->now);
    pass(w, 10 * ADIT_SEC);
    for (int i = 0; i < 2; i++) {
        if (adit_engine_state(w->engine[i]) != ADIT_PEER_CLOSED &&
            adit_engine_state(w->engine[i]) != ADIT_PEER_FAILED)
            abort();
        w->engine[i] = adit_engine_free(w->engine[i]);
    }
    for (; w->count; w->count--) {
        adit_free(w->queue[w->first].bytes);
        w->first = (w->first + 1) % PACKETS_MAX;
    }
    adit_free(w);
    return 0;
}
