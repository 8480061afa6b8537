#include "mux_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Not from adit_malloc: tests make that fail. */
struct message {
    struct adit_link link;
    size_t n;
    uint8_t bytes[];
};

static int on_send(void *arg, const void *bytes, size_t n)
{
    struct pair_end *e = arg;
    struct mux_pair *p = e->pair;
    struct message *m;

    if (p->is_cut)
        return -EPIPE;
    if (e->buffered && e->buffered + n > p->buffer)
        return -EAGAIN;
    m = malloc(sizeof *m + n);
    m->n = n;
    memcpy(m->bytes, bytes, n);
    adit_list_add(&e->on_way, &m->link);
    e->buffered += n;
    if (!p->held_up)
        adit_timer_set(&p->deliver, adit_loop_now(p->loop));
    return 0;
}

static size_t on_buffered(void *arg)
{
    const struct pair_end *e = arg;

    return e->buffered;
}

static void on_due(void *arg)
{
    struct pair_end *e = arg;

    adit_loop_before_sleep(e->pair->loop, &e->flush);
}

static void on_opened(void *arg, struct adit_mux_stream *s, enum adit_mux_kind kind,
                      const uint8_t *target, size_t n, adit_time now)
{
    struct pair_end *e = arg;

    if (e->opened)
        e->opened(e->arg, s, kind, target, n, now);
}

static void on_flow(void *arg, size_t *ret_window, adit_time *ret_rtt)
{
    (void)arg;
    *ret_window = 1 << 20;
    *ret_rtt = 0;
}

static const struct adit_mux_ops ops = {
    .flow = on_flow, .send = on_send, .buffered = on_buffered, .opened = on_opened, .due = on_due
};

static void broken(struct mux_pair *p, const char *why)
{
    if (!p->may_break)
        fail_msg("%s", why);
    mux_pair_cut(p);
}

static void on_flush(struct adit_task *task, adit_time now)
{
    struct pair_end *e = adit_container_of(task, struct pair_end, flush);
    const char *why;

    if (!e->pair->is_cut && adit_mux_flush(e->mux, &why, now) < 0)
        broken(e->pair, why);
}

/* What has come so far: what is sent meanwhile comes the next time. */
static void deliver(struct pair_end *e, adit_time now)
{
    struct adit_link batch, *it, *tmp;

    adit_list_init(&batch);
    ADIT_LIST_EACH(&e->on_way, it, tmp)
    {
        adit_list_del(it);
        adit_list_add(&batch, it);
    }
    ADIT_LIST_EACH(&batch, it, tmp)
    {
        struct message *m = adit_container_of(it, struct message, link);
        const char *why = "";
        int err = 0;

        if (!e->pair->is_cut) {
            err = adit_mux_feed(e->peer->mux, m->bytes, m->n, &why, now);
            e->pair->carried++;
        }
        adit_list_del(it);
        e->buffered -= m->n;
        free(m);
        if (err)
            broken(e->pair, why);
        if (e->pair->carried == e->pair->cut_at)
            mux_pair_cut(e->pair);
        on_due(e);
        on_due(e->peer);
    }
}

static void on_deliver(struct adit_timer *timer, adit_time now)
{
    struct mux_pair *p = adit_container_of(timer, struct mux_pair, deliver);

    deliver(&p->a, now);
    deliver(&p->b, now);
    if (!p->held_up && (!adit_list_empty(&p->a.on_way) || !adit_list_empty(&p->b.on_way)))
        adit_timer_set(&p->deliver, now);
}

static void start_end(struct mux_pair *p, struct pair_end *e, struct pair_end *peer,
                      const struct adit_mux_conf *conf, bool odd)
{
    struct adit_mux_conf c = conf ? *conf : (struct adit_mux_conf){ 0 };

    c.odd = odd;
    e->pair = p;
    e->peer = peer;
    e->buffered = 0;
    adit_list_init(&e->on_way);
    adit_task_init(&e->flush, on_flush);
    e->mux = adit_mux_new(&c, &ops, e);
    assert_non_null(e->mux);
}

void mux_pair_start(struct mux_pair *p, struct adit_loop *loop, const struct adit_mux_conf *a,
                    const struct adit_mux_conf *b)
{
    p->loop = loop;
    p->is_cut = false;
    p->carried = 0;
    if (!p->buffer)
        p->buffer = 256 * 1024;
    adit_timer_init(&p->deliver, loop, on_deliver, "pair");
    start_end(p, &p->a, &p->b, a, true);
    start_end(p, &p->b, &p->a, b, false);
}

void mux_pair_cut(struct mux_pair *p)
{
    adit_time now = adit_loop_now(p->loop);

    if (p->is_cut)
        return;
    p->is_cut = true;
    adit_mux_lost(p->a.mux, now);
    adit_mux_lost(p->b.mux, now);
}

static void stop_end(struct pair_end *e)
{
    struct adit_link *it, *tmp;

    e->mux = adit_mux_free(e->mux);
    adit_task_cancel(&e->flush);
    ADIT_LIST_EACH(&e->on_way, it, tmp)
    free(adit_container_of(it, struct message, link));
    adit_list_init(&e->on_way);
}

void mux_pair_stop(struct mux_pair *p)
{
    adit_timer_stop(&p->deliver);
    stop_end(&p->a);
    stop_end(&p->b);
}

void mux_pair_go_on(struct mux_pair *p)
{
    p->held_up = false;
    adit_timer_set(&p->deliver, adit_loop_now(p->loop));
}
