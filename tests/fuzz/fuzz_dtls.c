/* Client and server talk to each other while the input loses, bends, doubles and invents datagrams.
 *
 * A step is one byte: two bits say to whom or from whom, the rest what. */
#include <stdlib.h>

#include "dtls/dtls.h"
#include "sim/openssl_seed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define QUEUE_MAX 64
#define STEPS_MAX 400

struct datagram {
    size_t n;
    uint8_t bytes[1500];
};

struct end {
    struct adit_dtls *d;
    enum adit_dtls_state state;
    struct datagram queue[QUEUE_MAX]; /* sent by this end, not delivered yet */
    unsigned count;
};

static void on_send(void *arg, const void *bytes, size_t n)
{
    struct end *e = arg;

    if (n == 0 || n > 1200)
        abort();
    if (e->count < QUEUE_MAX) {
        e->queue[e->count].n = n;
        memcpy(e->queue[e->count++].bytes, bytes, n);
    }
}

static void on_data(void *arg, const void *bytes, size_t n, adit_time now)
{
    struct end *e = arg;

    (void)bytes, (void)now;
    if (e->state != ADIT_DTLS_CONNECTED)
        abort();
    if (n == 3 && adit_dtls_write(e->d, bytes, n) < 0)
        abort();
}

static void on_event(void *arg, enum adit_dtls_state state, const struct adit_cause *cause)
{
    struct end *e = arg;

    if (state <= e->state || (state >= ADIT_DTLS_CLOSED) != (cause != NULL))
        abort();
    e->state = state;
}

static const struct adit_dtls_ops ops = { on_send, on_data, on_data, on_event };

static void drop_first(struct end *e)
{
    memmove(&e->queue[0], &e->queue[1], --e->count * sizeof e->queue[0]);
}

static void feed(struct end *to, const uint8_t *bytes, size_t n, adit_time now)
{
    uint8_t *exact = malloc(n ? n : 1);

    memcpy(exact, bytes, n);
    adit_dtls_feed(to->d, exact, n, now);
    free(exact);
}

/* Takes a step; false when the input is used up. */
static bool step(struct end ends[2], const struct adit_fingerprint fps[2], const uint8_t **p,
                 const uint8_t *end, adit_time *now)
{
    if (*p == end)
        return false;
    uint8_t op = *(*p)++;
    struct end *from = &ends[op & 1], *to = &ends[!(op & 1)];
    size_t left = (size_t)(end - *p);

    switch (op >> 1 & 7) {
    case 0: /* as it should be */
    case 1: /* twice */
    case 2: /* bent */
        if (!from->count)
            return true;
        struct datagram d = from->queue[0];
        drop_first(from);
        if ((op >> 1 & 7) == 2 && left >= 2) {
            d.bytes[((*p)[0] * 7u + (op >> 4)) % d.n] ^= (*p)[1];
            *p += 2;
        }
        feed(to, d.bytes, d.n, *now);
        if ((op >> 1 & 7) == 1)
            feed(to, d.bytes, d.n, *now);
        return true;
    case 3: /* lost */
        if (from->count)
            drop_first(from);
        return true;
    case 4: { /* invented */
        size_t n = left ? *(*p)++ : 0;
        n = n < left ? n : left ? left - 1 : 0;
        feed(to, *p, n, *now);
        *p += n;
        return true;
    }
    case 5: /* time */
        *now = adit_time_min(adit_dtls_deadline(from->d), *now + ADIT_SEC);
        adit_dtls_tick(from->d, *now);
        return true;
    case 6:
        adit_dtls_expect(from->d, &fps[!(op & 1)], op >> 4 ? 1 : 0, *now);
        return true;
    default:
        if (op >> 4 == 15)
            adit_dtls_close(from->d);
        else if (adit_dtls_write(from->d, "abcdefghijklmno", op >> 4) == 0 &&
                 from->state != ADIT_DTLS_CONNECTED)
            abort();
        return true;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct adit_cert *certs[2];
    static struct adit_fingerprint fps[2];
    struct end *ends = calloc(2, sizeof *ends);
    const uint8_t *p = data;
    adit_time now = 1234567;

    sim_openssl_seed(1);
    for (int i = 0; i < 2; i++) {
        if (!certs[i])
            certs[i] = adit_cert_generate();
        adit_cert_fingerprint(certs[i], ADIT_HASH_SHA256, &fps[i]);
        ends[i].d = adit_dtls_new(&(struct adit_dtls_conf){ .cert = certs[i], .client = i == 0 },
                                  &ops, &ends[i], now);
    }
    for (int i = 1; i >= 0; i--)
        adit_dtls_start(ends[i].d, now);
    for (int steps = 0; steps < STEPS_MAX && step(ends, fps, &p, data + size, &now); steps++)
        ;
    for (int i = 0; i < 2; i++)
        adit_dtls_free(ends[i].d);
    free(ends);
    return 0;
}
