#include "unit/dtls_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

int64_t world_wall = 1000000007 * (int64_t)ADIT_SEC;

int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    (void)tz;
    tv->tv_sec = (time_t)(world_wall / (int64_t)ADIT_SEC);
    tv->tv_usec = (suseconds_t)(world_wall % (int64_t)ADIT_SEC / 1000);
    return 0;
}

const struct adit_cert *world_cert(int index)
{
    static struct adit_cert *certs[2];

    if (!certs[index])
        certs[index] = adit_cert_generate();
    return certs[index];
}

const struct adit_fingerprint *world_fingerprint(int index)
{
    static struct adit_fingerprint fps[2];

    adit_cert_fingerprint(world_cert(index), ADIT_HASH_SHA256, &fps[index]);
    return &fps[index];
}

static void enqueue(struct world *w, int to, const void *bytes, size_t n, adit_time at)
{
    if (w->count == WORLD_PACKETS_MAX)
        abort();
    struct packet *p = &w->packets[w->count++];
    p->at = at;
    p->order = w->order++;
    p->to = to;
    p->n = n;
    memcpy(p->bytes, bytes, n);
}

void world_send(struct world *w, int from, const void *bytes, size_t n)
{
    struct end *e = &w->end[from];
    w->sending = *(const uint8_t *)bytes;
    enum fate fate = w->fate ? w->fate(w, from, e->sent) : PASS;

    e->sent++;
    if (n > e->largest)
        e->largest = n;
    if (e->tap)
        e->tap(e, bytes, n);
    if (fate == LOSE || w->now < w->lost_until)
        return;
    enqueue(w, !from, bytes, n, w->now + w->delay + (fate == LATE ? 3 * ADIT_MS : 0));
    if (fate == TWICE)
        enqueue(w, !from, bytes, n, w->now + w->delay);
}

static void on_send(void *arg, const void *bytes, size_t n)
{
    struct end *e = arg;

    world_send(e->w, e->index, bytes, n);
}

static void on_data(void *arg, const void *bytes, size_t n, adit_time now)
{
    struct end *e = arg;

    if (now != e->w->now || e->state != ADIT_DTLS_CONNECTED || adit_dtls_state(e->d) != e->state)
        abort(); /* nothing may come up at any other time */
    if (e->received < RECEIVED_MAX)
        e->first[e->received] = n ? *(const uint8_t *)bytes : 0;
    e->received++;
    e->bytes += (unsigned)n;
    if (e->echo && adit_dtls_write(e->d, bytes, n) < 0)
        abort();
    if (e->close_on_data)
        adit_dtls_close(e->d);
}

static void on_event(void *arg, enum adit_dtls_state state, const struct adit_cause *cause)
{
    struct end *e = arg;

    if (state == e->state && e->events)
        abort(); /* told twice */
    if ((cause != NULL) != (state == ADIT_DTLS_CLOSED || state == ADIT_DTLS_FAILED))
        abort();
    e->state = state;
    e->events++;
    if (cause)
        e->cause = *cause;
    if (state == ADIT_DTLS_CONNECTED) {
        e->up_at = e->w->now;
        if (e->speak_when_up && adit_dtls_write(e->d, "hi", 2) < 0)
            abort();
    }
}

static const struct adit_dtls_ops ops = { on_send, on_data, on_data, on_event };

const struct adit_dtls_ops *world_ops(void)
{
    return &ops;
}

struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof *w);

    w->now = 77777 * ADIT_SEC + 12345;
    w->delay = 10 * ADIT_MS;
    for (int i = 0; i < 2; i++)
        w->end[i] =
            (struct end){ .w = w, .index = i, .conf = { .cert = world_cert(i), .client = i == 0 } };
    return w;
}

static void make(struct end *e)
{
    e->d = adit_dtls_new(&e->conf, &ops, e, e->w->now);
}

struct world *world_pair(void)
{
    struct world *w = world_new();

    for (int i = 0; i < 2; i++) {
        make(&w->end[i]);
        adit_dtls_expect(w->end[i].d, world_fingerprint(!i), 1, w->now);
    }
    return w;
}

/* What a test has put into conf takes effect here. */
void world_start(struct world *w)
{
    for (int i = 1; i >= 0; i--) {
        if (!w->end[i].d)
            make(&w->end[i]);
        adit_dtls_start(w->end[i].d, w->now);
    }
}

struct world *world_free(struct world *w)
{
    adit_dtls_free(w->end[0].d);
    adit_dtls_free(w->end[1].d);
    free(w);
    return NULL;
}

static void advance(struct world *w, adit_time to)
{
    if (to > w->now) {
        world_wall += (int64_t)(to - w->now);
        w->now = to;
    }
}

static void deliver_next(struct world *w, unsigned i)
{
    struct packet p = w->packets[i];
    uint8_t *exact = malloc(p.n ? p.n : 1); /* reading past the end is seen by the sanitizer */

    w->packets[i] = w->packets[--w->count];
    memcpy(exact, p.bytes, p.n);
    if (w->deliver)
        w->deliver(w, p.to, exact, p.n);
    else if (w->end[p.to].d)
        adit_dtls_feed(w->end[p.to].d, exact, p.n, w->now);
    free(exact);
}

void world_run(struct world *w, adit_time until)
{
    for (;;) {
        adit_time next = until;
        int packet = -1, who = -1;

        for (unsigned i = 0; i < w->count; i++)
            if (w->packets[i].at < next || (packet >= 0 && w->packets[i].at == next &&
                                            w->packets[i].order < w->packets[packet].order)) {
                next = w->packets[i].at;
                packet = (int)i;
            }
        for (int i = 0; i < 2; i++)
            if (w->end[i].d && adit_dtls_deadline(w->end[i].d) < next) {
                next = adit_dtls_deadline(w->end[i].d);
                who = i;
            }
        advance(w, next);
        if (who >= 0) {
            adit_dtls_tick(w->end[who].d, w->now);
            if (adit_dtls_deadline(w->end[who].d) <= w->now)
                abort(); /* a deadline that does not move is a busy loop */
        } else if (packet >= 0) {
            deliver_next(w, (unsigned)packet);
        } else {
            return;
        }
    }
}

bool world_up(const struct world *w)
{
    return w->end[0].state == ADIT_DTLS_CONNECTED && w->end[1].state == ADIT_DTLS_CONNECTED;
}

bool world_talks(struct world *w)
{
    struct end *a = &w->end[0], *b = &w->end[1];
    unsigned from_b = a->received, from_a = b->received;

    if (!world_up(w) || adit_dtls_write(a->d, "ping", 4) < 0 ||
        adit_dtls_write(b->d, "pong", 4) < 0)
        return false;
    world_run(w, w->now + ADIT_SEC);
    return a->received == from_b + 1 && b->received == from_a + 1;
}
