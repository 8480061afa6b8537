#include "sctp_link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* Time goes on from test to test: associations of one process share a time line, and a test that
 * failed may have left one behind. */
static adit_time newest;

struct packet {
    struct adit_link link;
    adit_time due;
    size_t n;
    uint8_t bytes[];
};

static void enqueue(struct sctp_end *to, const uint8_t *bytes, size_t n)
{
    struct sctp_link *l = to->link;
    struct packet *p = malloc(sizeof *p + n);
    struct adit_link *after = &to->in;

    assert_non_null(p);
    p->due = l->now + l->delay + (l->jitter ? adit_rng_u64(&l->rng) % l->jitter : 0);
    p->n = n;
    memcpy(p->bytes, bytes, n);
    while (after->prev != &to->in &&
           adit_container_of(after->prev, struct packet, link)->due > p->due)
        after = after->prev;
    adit_list_add(after, &p->link); /* before `after` */
}

static void on_send(void *arg, const void *bytes, size_t n)
{
    struct sctp_end *e = arg;
    struct sctp_link *l = e->link;
    uint8_t copy[65536];

    e->packets++;
    e->packet_bytes += n;
    if (n > e->packet_max)
        e->packet_max = n;
    memcpy(copy, bytes, n);
    if (e->pass && !e->pass(e, copy, n))
        return;
    if (adit_rng_below(&l->rng, 1000) < l->loss)
        return;
    enqueue(&l->end[!e->index], copy, n);
    if (adit_rng_below(&l->rng, 1000) < l->dup)
        enqueue(&l->end[!e->index], copy, n);
}

static void on_event(void *arg, const struct adit_sctp_event *ev)
{
    struct sctp_end *e = arg;

    switch (ev->type) {
    case ADIT_SCTP_EV_UP:
        e->up++;
        break;
    case ADIT_SCTP_EV_DOWN:
        e->down++;
        e->cause = ev->cause;
        break;
    case ADIT_SCTP_EV_ACCEPT:
        e->accepted++;
        e->channel = ev->channel;
        break;
    case ADIT_SCTP_EV_OPEN:
        e->opened++;
        break;
    case ADIT_SCTP_EV_MESSAGE:
        e->messages++;
        e->bytes += ev->n;
        break;
    case ADIT_SCTP_EV_WRITABLE:
        e->writable++;
        break;
    case ADIT_SCTP_EV_LOW:
        e->low++;
        break;
    case ADIT_SCTP_EV_CLOSED:
        e->closed++;
        e->channel_cause = ev->cause;
        break;
    }
    if (e->event)
        e->event(e, ev);
}

static const struct adit_sctp_ops ops = { .send = on_send, .event = on_event };

struct adit_sctp *sctp_link_new(struct sctp_end *e)
{
    struct adit_sctp *s = adit_sctp_new(&e->conf, &ops, e, e->link->now);

    assert_non_null(s);
    return s;
}

void sctp_link_init(struct sctp_link *l, uint64_t seed, const struct adit_sctp_conf *conf)
{
    *l = (struct sctp_link){ .now = newest + 5 * ADIT_SEC, .delay = 10 * ADIT_MS };
    l->began = l->now;
    adit_rng_init_seed(&l->rng, seed);
    for (int i = 0; i < 2; i++) {
        struct sctp_end *e = &l->end[i];

        e->link = l;
        e->index = i;
        adit_list_init(&e->in);
        if (conf)
            e->conf = *conf;
        e->s = sctp_link_new(e);
    }
}

void sctp_link_start(struct sctp_link *l, int index)
{
    struct adit_sctp_peer peer = { .dtls_client = index == 0,
                                   .message_max = l->end[!index].conf.local_message_max
                                                      ? l->end[!index].conf.local_message_max
                                                      : 256 * 1024 };

    adit_sctp_start(l->end[index].s, &peer, l->now);
}

void sctp_link_done(struct sctp_link *l)
{
    for (int i = 0; i < 2; i++)
        l->end[i].s = adit_sctp_free(l->end[i].s);
    for (int i = 0; i < 2; i++) {
        while (!adit_list_empty(&l->end[i].in)) {
            struct packet *p = adit_container_of(l->end[i].in.next, struct packet, link);

            adit_list_del(&p->link);
            free(p);
        }
    }
}

void sctp_link_inject(struct sctp_link *l, int index, const void *bytes, size_t n)
{
    enqueue(&l->end[index], bytes, n);
}

static adit_time next_of(struct sctp_end *e)
{
    adit_time at = e->s ? adit_sctp_deadline(e->s) : ADIT_NEVER;

    if (!adit_list_empty(&e->in))
        at = adit_time_min(at, adit_container_of(e->in.next, struct packet, link)->due);
    return at;
}

static void step(struct sctp_end *e)
{
    struct sctp_link *l = e->link;

    while (!adit_list_empty(&e->in)) {
        struct packet *p = adit_container_of(e->in.next, struct packet, link);

        if (p->due > l->now)
            break;
        adit_list_del(&p->link);
        if (e->s)
            adit_sctp_feed(e->s, p->bytes, p->n, l->now);
        l->fed++;
        free(p);
    }
    if (e->s && adit_sctp_deadline(e->s) <= l->now)
        adit_sctp_tick(e->s, l->now);
}

bool sctp_link_run(struct sctp_link *l, adit_time longest, bool (*done)(struct sctp_link *l))
{
    adit_time end = l->now + longest;

    while (!done || !done(l)) {
        adit_time at = adit_time_min(next_of(&l->end[0]), next_of(&l->end[1]));

        if (at > end) {
            l->now = end;
            newest = adit_time_max(newest, l->now);
            return false;
        }
        l->now = adit_time_max(l->now, at);
        newest = adit_time_max(newest, l->now);
        step(&l->end[0]);
        step(&l->end[1]);
    }
    return true;
}

static bool both_up(struct sctp_link *l)
{
    return l->end[0].up && l->end[1].up;
}

void sctp_link_connect(struct sctp_link *l, uint64_t seed, const struct adit_sctp_conf *conf)
{
    sctp_link_init(l, seed, conf);
    sctp_link_start(l, 0);
    sctp_link_start(l, 1);
    assert_true(sctp_link_run(l, 10 * ADIT_SEC, both_up));
}

struct adit_channel *sctp_link_open(struct sctp_link *l, int index, const char *label,
                                    bool unordered, int max_retransmits)
{
    struct adit_channel_conf conf = { .label = label,
                                      .label_len = strlen(label),
                                      .unordered = unordered,
                                      .max_retransmits = max_retransmits,
                                      .max_lifetime_ms = ADIT_CHANNEL_RELIABLE,
                                      .id = ADIT_CHANNEL_ID_AUTO };
    int err = 0;
    struct adit_channel *c = adit_channel_open(l->end[index].s, &conf, &err, l->now);

    assert_int_equal(err, 0);
    assert_non_null(c);
    return c;
}
