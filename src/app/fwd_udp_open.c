/* fwd_udp_open - datagrams that the other side sends to a host of ours: a connected socket for each
 * stream, until it is idle. What comes before the name is resolved waits, within a limit. */
#include <stdio.h>

#include "app/fwd_flow.h"
#include "app/fwd_inner.h"
#include "base/alloc.h"
#include "core/dgram.h"
#include "core/resolve.h"

#define EARLY_MAX     (2 * (ADIT_DGRAM_MAX + 2)) /* bytes that wait: each u16 length, datagram */
#define EARLY_ALL_MAX (1024 * 1024)              /* in all streams */

struct adit_fwd_udp {
    struct adit_link link;
    struct adit_forwards *f;
    struct adit_mux_stream *stream;
    struct adit_resolve *resolve;
    struct adit_dgram dgram;
    struct adit_timer timer;
    adit_time used_at;
    bool by_addr; /* only addresses that are permitted */
    struct adit_end to;
    struct adit_buf early;
};

static void forget_early(struct adit_fwd_udp *u)
{
    u->f->early -= u->early.len;
    adit_buf_done(&u->early);
}

static void drop(struct adit_fwd_udp *u, enum adit_mux_code code)
{
    if (u->stream)
        adit_mux_reset(u->stream, code, NULL);
    u->resolve = adit_resolve_free(u->resolve);
    adit_dgram_close(&u->dgram);
    adit_timer_stop(&u->timer);
    forget_early(u);
    adit_list_del(&u->link);
    u->f->their_flows--;
    adit_free(u);
}

static void on_timer(struct adit_timer *timer, adit_time now)
{
    struct adit_fwd_udp *u = adit_container_of(timer, struct adit_fwd_udp, timer);
    adit_time until = u->used_at + adit_flow_idle(u->f);

    if (now < until)
        adit_timer_set(timer, until);
    else
        drop(u, ADIT_MUX_DONE);
}

/* ---- datagrams ------------------------------------------------------------------------------- */

static void on_packet(void *arg, const struct adit_addr *from, const uint8_t *bytes, size_t n,
                      adit_time now)
{
    struct adit_fwd_udp *u = arg;

    (void)from;
    u->used_at = now;
    adit_flow_put(u->f, u->stream, bytes, n);
}

static const struct adit_dgram_ops dgram_ops = { .packet = on_packet };

static void send_out(struct adit_fwd_udp *u, const uint8_t *bytes, size_t n)
{
    if (adit_dgram_send(&u->dgram, NULL, bytes, n) < 0)
        u->f->stats.datagrams_dropped++;
    else
        u->f->stats.datagrams_in++;
}

static void on_datagram(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_fwd_udp *u = arg;

    u->used_at = now;
    if (adit_dgram_is_open(&u->dgram)) {
        send_out(u, bytes, n);
    } else if (n > ADIT_DGRAM_MAX || u->early.len + 2 + n > EARLY_MAX ||
               u->f->early + 2 + n > EARLY_ALL_MAX) {
        u->f->stats.datagrams_dropped++;
    } else {
        size_t before = u->early.len;

        adit_buf_add16(&u->early, (uint16_t)n);
        adit_buf_add(&u->early, bytes, n);
        u->f->early += u->early.len - before;
    }
}

static void on_end(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    (void)bytes, (void)n, (void)now;
    drop(arg, ADIT_MUX_DONE);
}

static void on_closed(void *arg, enum adit_mux_code code, const char *text, adit_time now)
{
    struct adit_fwd_udp *u = arg;

    (void)text, (void)now;
    u->stream = NULL;
    drop(u, code);
}

static const struct adit_mux_stream_ops ops = { .datagram = on_datagram,
                                                .end = on_end,
                                                .closed = on_closed };

/* ---- the socket ------------------------------------------------------------------------------ */

static int put_head(struct adit_fwd_udp *u, const struct adit_addr *addr)
{
    uint8_t head[1 + ADIT_ADDR_STR] = { 0 };

    adit_addr_str(addr, (char *)head + 1);
    return adit_mux_head(u->stream, head, 1 + strlen((char *)head + 1));
}

static void send_early(struct adit_fwd_udp *u)
{
    struct adit_cursor c = adit_cursor(u->early.data, u->early.len);

    while (adit_cursor_left(&c) && !c.bad) {
        size_t n = adit_cursor_get16(&c);

        send_out(u, adit_cursor_take(&c, n), n);
    }
    forget_early(u);
}

/* The first that can be reached, as far as that can be known. */
static void connect_to(struct adit_fwd_udp *u, const struct adit_addr *addrs, size_t count)
{
    int err = -EHOSTUNREACH;
    size_t i;

    for (i = 0; i < count; i++) {
        err = adit_dgram_connect(&u->dgram, u->f->conf.loop, &addrs[i], &dgram_ops, u);
        if (!err)
            break;
    }
    if (!err)
        err = put_head(u, &addrs[i]);
    if (err)
        drop(u, adit_fwd_resolve_code(err));
    else
        send_early(u);
}

static void on_resolved(void *arg, int err, const struct adit_addr *addrs, size_t count,
                        adit_time now)
{
    struct adit_fwd_udp *u = arg;
    struct adit_addr list[ADIT_RESOLVE_MAX];

    (void)now;
    memcpy(list, addrs, count * sizeof *addrs);
    u->resolve = adit_resolve_free(u->resolve);
    if (err) {
        drop(u, adit_fwd_resolve_code(err));
        return;
    }
    if (u->by_addr)
        count = adit_fwd_permitted(u->f, ADIT_END_UDP, list, count);
    if (count) {
        connect_to(u, list, count);
        return;
    }
    adit_fwd_forbid(u->f, u->stream, &u->to);
    u->stream = NULL;
    drop(u, ADIT_MUX_FORBIDDEN);
}

/* ---- what is asked for ----------------------------------------------------------------------- */

static void start(struct adit_forwards *f, struct adit_mux_stream *s, const struct adit_end *to,
                  bool by_addr, adit_time now)
{
    struct adit_fwd_udp *u = adit_zalloc(sizeof *u);
    struct adit_resolve_conf conf = { .host = to->name,
                                      .port = to->port,
                                      .servers = f->conf.servers };
    struct adit_addr addr;

    if (!u) {
        adit_mux_reset(s, ADIT_MUX_FULL, NULL);
        return;
    }
    u->f = f;
    u->stream = s;
    u->to = *to;
    u->by_addr = by_addr;
    u->used_at = now;
    adit_buf_init(&u->early, EARLY_MAX);
    adit_list_add(&f->theirs, &u->link);
    f->their_flows++;
    f->stats.flows_total++;
    adit_timer_init(&u->timer, f->conf.loop, on_timer, "datagrams");
    adit_timer_set(&u->timer, now + adit_flow_idle(f));
    adit_mux_accept(s, &ops, u);
    if (adit_end_addr(to, &addr)) {
        connect_to(u, &addr, 1);
        return;
    }
    int err = adit_resolve_start(&u->resolve, f->conf.loop, &conf, on_resolved, u);
    if (err)
        drop(u, adit_fwd_resolve_code(err));
}

void adit_fwd_udp_open(struct adit_forwards *f, struct adit_mux_stream *s, const uint8_t *target,
                       size_t n, adit_time now)
{
    unsigned max = f->conf.flows_max ? f->conf.flows_max : ADIT_FORWARDS_FLOWS_MAX;
    struct adit_end to;

    if (adit_end_parse(&to, (const char *)target, n, ADIT_END_TO_CONNECT) < 0 ||
        to.kind != ADIT_END_UDP) {
        adit_mux_reset(s, ADIT_MUX_UNKNOWN, NULL);
        return;
    }
    enum adit_permitted answer = adit_permit_connect(f->conf.permits, &to);
    if (answer == ADIT_PERMIT_NO)
        adit_fwd_forbid(f, s, &to);
    else if (f->their_flows >= max)
        adit_mux_reset(s, ADIT_MUX_FULL, NULL);
    else
        start(f, s, &to, answer == ADIT_PERMIT_BY_ADDR, now);
}

void adit_fwd_udp_close_all(struct adit_forwards *f)
{
    while (!adit_list_empty(&f->theirs))
        drop(adit_container_of(f->theirs.next, struct adit_fwd_udp, link), ADIT_MUX_DONE);
}
