#include "fwd_world.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/listen.h"

/* ---- servers --------------------------------------------------------------------------------- */

struct echo {
    struct adit_link link;
    struct fw_world *w;
    struct adit_stream *stream;
};

static void echo_connected(void *arg, adit_time now)
{
    (void)arg, (void)now;
}

static size_t echo_data(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct echo *e = arg;
    int err = adit_stream_send(e->stream, bytes, n);

    (void)now;
    if (err == -ENOMEM)
        adit_stream_close(e->stream);
    return err ? 0 : n;
}

static void echo_writable(void *arg, adit_time now)
{
    struct echo *e = arg;

    (void)now;
    adit_stream_resume(e->stream);
}

static void echo_eof(void *arg, adit_time now)
{
    struct echo *e = arg;

    (void)now;
    adit_stream_shutdown(e->stream);
}

static void echo_free(struct echo *e)
{
    adit_stream_free(e->stream);
    adit_list_del(&e->link);
    free(e);
}

static void echo_closed(void *arg, const struct adit_cause *cause, adit_time now)
{
    (void)cause, (void)now;
    echo_free(arg);
}

static const struct adit_stream_ops echo_ops = { .connected = echo_connected,
                                                 .data = echo_data,
                                                 .eof = echo_eof,
                                                 .writable = echo_writable,
                                                 .closed = echo_closed };

static void echo_accepted(void *arg, int fd, const struct adit_addr *from, adit_time now)
{
    struct fw_world *w = arg;
    struct echo *e = calloc(1, sizeof *e);
    struct adit_stream_accept_conf none = { 0 };

    (void)from, (void)now;
    e->w = w;
    w->echo_count++;
    adit_list_add(&w->echoes, &e->link);
    if (adit_stream_accept(&e->stream, w->loop, fd, &none, &echo_ops, e) < 0)
        echo_free(e);
}

static void echo_packet(void *arg, const struct adit_addr *from, const uint8_t *bytes, size_t n,
                        adit_time now)
{
    struct fw_world *w = arg;

    (void)now;
    w->udp_count++;
    assert_int_equal(adit_dgram_send(&w->udp, from, bytes, n), 0);
}

/* ---- the world ------------------------------------------------------------------------------- */

void fw_init(struct fw_world *w, struct adit_loop *loop)
{
    static const struct adit_listen_ops listen_ops = { .accepted = echo_accepted };
    static const struct adit_dgram_ops dgram_ops = { .packet = echo_packet };
    static const char *const at = "127.0.0.1:0";
    struct adit_listen_conf conf = { .at = &at, .count = 1 };
    struct adit_addr addr = { .family = ADIT_FAMILY_V4, .ip = { 127, 0, 0, 1 } };

    w->loop = loop;
    adit_list_init(&w->echoes);
    assert_int_equal(adit_listen_open(&w->echo, loop, &conf, &listen_ops, w, NULL), 0);
    assert_int_equal(adit_dgram_bind(&w->udp, loop, &addr, &dgram_ops, w), 0);
}

uint16_t fw_tcp(const struct fw_world *w)
{
    return adit_listen_addr(w->echo, 0)->port;
}

uint16_t fw_udp(const struct fw_world *w)
{
    return w->udp.local.port;
}

/* The port takes the place of "%u". */
static void put_port(char *out, size_t size, const char *text, unsigned port)
{
    const char *mark = strstr(text, "%u");

    if (mark)
        snprintf(out, size, "%.*s%u%s", (int)(mark - text), text, port, mark + 2);
    else
        snprintf(out, size, "%s", text);
}

void fw_forward(struct fw_world *w, enum adit_fwd_kind kind, const char *text, unsigned port)
{
    char whole[200];
    struct adit_cause cause;
    struct adit_fwd fwd;

    put_port(whole, sizeof whole, text, port);
    if (adit_fwd_parse(&fwd, kind, whole, &cause) < 0)
        fail_msg("%s: %s", whole, cause.text);
    if (kind == ADIT_FWD_STDIO) {
        w->stdio = fwd.to;
        w->conf_a.stdio = &w->stdio;
        return;
    }
    assert_true(w->conf_a.count < FW_FORWARDS);
    w->list[w->conf_a.count++] = fwd;
}

void fw_permit(struct fw_world *w, const char *text, unsigned port)
{
    char whole[200];
    struct adit_cause cause;

    put_port(whole, sizeof whole, text, port);
    if (adit_permits_add(&w->permits, whole, &cause) < 0)
        fail_msg("%s: %s", whole, cause.text);
}

static void on_done(void *arg, const struct adit_cause *cause, adit_time now)
{
    struct fw_world *w = arg;

    (void)now;
    w->done++;
    w->done_cause = *cause;
}

static const struct adit_forwards_ops ops = { .done = on_done };

static void opened_a(void *arg, struct adit_mux_stream *s, enum adit_mux_kind kind,
                     const uint8_t *target, size_t n, adit_time now)
{
    struct fw_world *w = arg;

    assert_true(adit_forwards_opened(w->a, s, kind, target, n, now));
}

static void opened_b(void *arg, struct adit_mux_stream *s, enum adit_mux_kind kind,
                     const uint8_t *target, size_t n, adit_time now)
{
    struct fw_world *w = arg;

    adit_forwards_opened(w->b, s, kind, target, n, now);
}

void fw_start(struct fw_world *w)
{
    struct adit_cause cause = { .text = "" };

    w->conf_a.loop = w->conf_b.loop = w->loop;
    w->conf_a.list = w->list;
    w->conf_b.permits = &w->permits;
    if (adit_forwards_start(&w->a, &w->conf_a, &ops, w, &cause) < 0 ||
        adit_forwards_start(&w->b, &w->conf_b, &ops, w, &cause) < 0)
        fail_msg("%s", cause.text);
    fw_up(w);
}

void fw_up(struct fw_world *w)
{
    mux_pair_start(&w->pair, w->loop, NULL, NULL);
    w->pair.a.opened = opened_a;
    w->pair.b.opened = opened_b;
    w->pair.a.arg = w->pair.b.arg = w;
    adit_forwards_attach(w->a, w->pair.a.mux, adit_loop_now(w->loop));
    adit_forwards_attach(w->b, w->pair.b.mux, adit_loop_now(w->loop));
}

void fw_down(struct fw_world *w)
{
    mux_pair_cut(&w->pair);
    adit_forwards_detach(w->a, adit_loop_now(w->loop));
    adit_forwards_detach(w->b, adit_loop_now(w->loop));
    mux_pair_stop(&w->pair);
}

void fw_done(struct fw_world *w)
{
    struct adit_link *it, *tmp;

    w->a = adit_forwards_stop(w->a);
    w->b = adit_forwards_stop(w->b);
    if (w->pair.a.mux) {
        assert_int_equal(adit_mux_count(w->pair.a.mux), 0);
        mux_pair_stop(&w->pair);
    }
    adit_permits_done(&w->permits);
    w->echo = adit_listen_free(w->echo);
    adit_dgram_close(&w->udp);
    ADIT_LIST_EACH(&w->echoes, it, tmp)
    echo_free(adit_container_of(it, struct echo, link));
}

void fw_turn(struct fw_world *w)
{
    struct pollfd p = { .fd = adit_loop_fd(w->loop), .events = POLLIN };
    int ms = adit_loop_timeout_ms(w->loop);

    poll(&p, 1, ms < 0 || ms > 20 ? 20 : ms);
    assert_int_equal(adit_loop_process(w->loop), 0);
}

void fw_call(struct fw_world *w, struct end *e, size_t n)
{
    const char *at = adit_forwards_at(w->a, n, 0);
    struct adit_stream_conf conf = { 0 };
    struct adit_addr addr;

    assert_non_null(at);
    if (!e->got.limit)
        adit_buf_init(&e->got, SIZE_MAX);
    if (adit_addr_parse_port(&addr, at, strlen(at), 0) == 0) {
        conf.addrs = &addr;
        conf.addr_count = 1;
    } else {
        conf.host = at;
    }
    assert_int_equal(adit_stream_connect(&e->stream, w->loop, &conf, &end_ops, e), 0);
}

bool fw_quiet(struct fw_world *w, bool flows)
{
    adit_time end = adit_loop_now(w->loop) + 5 * ADIT_SEC;
    struct adit_forwards_stats a, b;

    for (;;) {
        adit_forwards_stats(w->a, &a);
        adit_forwards_stats(w->b, &b);
        if (!a.conns && !b.conns && (!flows || (!a.flows && !b.flows)))
            return true;
        if (adit_loop_now(w->loop) > end)
            return false;
        fw_turn(w);
    }
}
