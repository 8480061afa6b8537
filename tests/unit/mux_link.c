#include "unit/mux_link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"

struct message {
    struct adit_link link;
    adit_time arrives, acked;
    bool arrived;
    size_t n;
    uint8_t bytes[];
};

static int on_send(void *arg, const void *bytes, size_t n)
{
    struct link_end *e = arg;
    struct mux_link *l = e->link;
    struct message *m;

    if (e->stuck || (e->buffered && e->buffered + n > l->buffer))
        return -EAGAIN;
    m = adit_zalloc(sizeof *m + n);
    m->n = n;
    memcpy(m->bytes, bytes, n);
    e->free_at =
        (e->free_at > l->now ? e->free_at : l->now) + (l->rate ? n * ADIT_SEC / l->rate : 0);
    m->arrives = e->free_at + l->delay;
    m->acked = m->arrives + l->delay;
    adit_list_add(&e->on_way, &m->link);
    e->buffered += n;
    e->most = e->buffered > e->most ? e->buffered : e->most;
    e->messages++;
    e->bytes += n;
    return 0;
}

static size_t on_buffered(void *arg)
{
    struct link_end *e = arg;

    return e->buffered;
}

/* A window without end, and the wire's own queue. */
static void on_flow(void *arg, size_t *ret_window, adit_time *ret_rtt)
{
    struct link_end *e = arg;
    struct mux_link *l = e->link;

    *ret_window = l->buffer;
    *ret_rtt = 2 * l->delay + (e->free_at > l->now ? e->free_at - l->now : 0) + 1;
}

static void on_opened(void *arg, struct adit_mux_stream *s, enum adit_mux_kind kind,
                      const uint8_t *target, size_t n, adit_time now)
{
    struct link_end *e = arg;

    (void)now;
    e->s = s;
    e->kind = kind;
    e->opened++;
    snprintf(e->target, sizeof e->target, "%.*s", (int)n, n ? (const char *)target : "");
    e->raw = target;
    e->raw_n = n;
    if (e->on_opened)
        e->on_opened(e, s);
    else if (e->ops == &note_ops)
        ((struct note *)e->arg)->s = s;
    if (!e->on_opened && e->ops)
        adit_mux_accept(s, e->ops, e->arg);
}

static void on_due(void *arg)
{
    struct link_end *e = arg;

    e->due = true;
}

static const struct adit_mux_ops ops = {
    .flow = on_flow, .send = on_send, .buffered = on_buffered, .opened = on_opened, .due = on_due
};

static void start_end(struct mux_link *l, struct link_end *e, struct link_end *peer,
                      const struct adit_mux_conf *conf, bool odd)
{
    struct adit_mux_conf c = conf ? *conf : (struct adit_mux_conf){ 0 };

    c.odd = odd;
    e->link = l;
    e->peer = peer;
    adit_list_init(&e->on_way);
    e->mux = adit_mux_new(&c, &ops, e);
    assert_non_null(e->mux);
}

void mux_link_start(struct mux_link *l, const struct adit_mux_conf *a,
                    const struct adit_mux_conf *b)
{
    if (!l->buffer)
        l->buffer = 1 << 20;
    l->now = ADIT_SEC;
    start_end(l, &l->a, &l->b, a, true);
    start_end(l, &l->b, &l->a, b, false);
}

static void stop_end(struct link_end *e)
{
    struct adit_link *it, *tmp;

    e->mux = adit_mux_free(e->mux);
    ADIT_LIST_EACH(&e->on_way, it, tmp)
    adit_free(adit_container_of(it, struct message, link));
}

void mux_link_stop(struct mux_link *l)
{
    stop_end(&l->a);
    stop_end(&l->b);
}

static adit_time next_of(const struct link_end *e)
{
    adit_time at = ADIT_NEVER;
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&e->on_way, it, tmp)
    {
        struct message *m = adit_container_of(it, struct message, link);

        at = adit_time_min(at, m->arrived ? m->acked : m->arrives);
    }
    return at;
}

static void deliver(struct link_end *e)
{
    struct mux_link *l = e->link;
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&e->on_way, it, tmp)
    {
        struct message *m = adit_container_of(it, struct message, link);

        if (!m->arrived && m->arrives <= l->now) {
            m->arrived = true;
            if (!e->peer->why &&
                adit_mux_feed(e->peer->mux, m->bytes, m->n, &e->peer->why, l->now) < 0)
                adit_mux_lost(e->peer->mux, l->now);
        }
        if (m->arrived && m->acked <= l->now) {
            adit_list_del(&m->link);
            e->buffered -= m->n;
            adit_free(m);
            e->due = true;
        }
    }
}

static void flush(struct link_end *e)
{
    if (!e->due)
        return;
    e->due = false;
    if (!e->why && adit_mux_flush(e->mux, &e->why, e->link->now) < 0)
        adit_mux_lost(e->mux, e->link->now);
}

void mux_link_run(struct mux_link *l, adit_time until)
{
    for (;;) {
        adit_time at;

        while (l->a.due || l->b.due) {
            flush(&l->a);
            flush(&l->b);
        }
        at = adit_time_min(next_of(&l->a), next_of(&l->b));
        if (at == ADIT_NEVER || at > until)
            break;
        l->now = at;
        deliver(&l->a);
        deliver(&l->b);
    }
    if (until != ADIT_NEVER)
        l->now = until;
}

/* ---- notes ----------------------------------------------------------------------------------- */

static uint8_t byte_at(size_t i)
{
    return (uint8_t)(i * 7 + i / 251);
}

uint32_t note_sum(size_t bytes)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < bytes; i++)
        sum = sum * 31 + byte_at(i);
    return sum;
}

void note_pump(struct note *n)
{
    static uint8_t bytes[256 * 1024];
    size_t room;

    while (n->s && n->to_send && (room = adit_mux_room(n->s)) > 0) {
        room = room < n->to_send ? room : n->to_send;
        room = room < sizeof bytes ? room : sizeof bytes;
        for (size_t i = 0; i < room; i++)
            bytes[i] = byte_at(n->want + i);
        assert_int_equal(adit_mux_send(n->s, bytes, room), 0);
        n->want += room;
        n->to_send -= room;
    }
    if (n->s && !n->to_send && n->end_at_end) {
        n->end_at_end = false;
        assert_int_equal(adit_mux_end(n->s, "bye", 3), 0);
    }
}

static void on_head(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct note *x = arg;

    (void)now;
    x->heads++;
    snprintf(x->head, sizeof x->head, "%.*s", (int)n, n ? (const char *)bytes : "");
}

static void on_data(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct note *x = arg;

    for (size_t i = 0; i < n; i++)
        x->sum = x->sum * 31 + bytes[i];
    x->got += n;
    x->got_at = now;
    if (x->reset_in_data) {
        adit_mux_reset(x->s, ADIT_MUX_DONE, "enough");
        x->s = NULL;
    } else if (!x->keep) {
        adit_mux_consumed(x->s, n);
    }
}

static void on_datagram(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct note *x = arg;

    (void)bytes, (void)now;
    x->datagrams++;
    x->got += n;
}

static void on_end(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct note *x = arg;

    (void)now;
    x->ends++;
    snprintf(x->end, sizeof x->end, "%.*s", (int)n, n ? (const char *)bytes : "");
}

static void on_writable(void *arg, adit_time now)
{
    struct note *x = arg;

    (void)now;
    x->writables++;
    note_pump(x);
}

static void on_closed(void *arg, enum adit_mux_code code, const char *text, adit_time now)
{
    struct note *x = arg;

    (void)now;
    x->closed++;
    x->code = code;
    x->s = NULL;
    snprintf(x->text, sizeof x->text, "%s", text);
}

const struct adit_mux_stream_ops note_ops = { .head = on_head,
                                              .data = on_data,
                                              .datagram = on_datagram,
                                              .end = on_end,
                                              .writable = on_writable,
                                              .closed = on_closed };
