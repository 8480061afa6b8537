#include "stream_ends.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "wait.h"

/* True: the stream is gone. */
static bool act(struct end *e, enum end_call call)
{
    if (!e->stream) {
        e->after++;
        return true;
    }
    if (e->free_in == call)
        e->stream = adit_stream_free(e->stream);
    else if (e->abort_in == call)
        e->stream = adit_stream_abort(e->stream);
    else if (e->close_in == call)
        adit_stream_close(e->stream);
    return !e->stream;
}

static void on_connected(void *arg, adit_time now)
{
    struct end *e = arg;

    (void)now;
    e->connected++;
    if (e->say)
        assert_int_equal(adit_stream_send(e->stream, e->say, strlen(e->say)), 0);
    act(e, END_CONNECTED);
}

static size_t on_data(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct end *e = arg;
    size_t used = e->take_none ? 0 : e->take && e->take < n ? e->take : n;

    (void)now;
    assert_true(e->connected);
    assert_true(n > 0);
    e->data++;
    if (e->pause)
        adit_stream_pause(e->stream);
    act(e, END_DATA);
    adit_buf_add(&e->got, bytes, used); /* the bytes live on, even if the stream was freed */
    assert_int_equal(e->got.err, 0);
    e->all = e->got.len >= e->want;
    return used;
}

static void on_eof(void *arg, adit_time now)
{
    struct end *e = arg;

    (void)now;
    e->eof++;
    if (!act(e, END_EOF) && e->close_at_eof)
        adit_stream_close(e->stream);
}

static void on_writable(void *arg, adit_time now)
{
    struct end *e = arg;

    (void)now;
    e->writable++;
    act(e, END_WRITABLE);
}

static void on_sent(void *arg, adit_time now)
{
    struct end *e = arg;

    (void)now;
    e->sent++;
    act(e, END_SENT);
}

static void on_closed(void *arg, const struct adit_cause *cause, adit_time now)
{
    struct end *e = arg;

    (void)now;
    e->closed++;
    e->cause = *cause;
    act(e, END_CLOSED);
}

const struct adit_stream_ops end_ops = { .connected = on_connected,
                                         .data = on_data,
                                         .eof = on_eof,
                                         .writable = on_writable,
                                         .sent = on_sent,
                                         .closed = on_closed };
const struct adit_stream_ops end_ops_without_eof = { .connected = on_connected,
                                                     .data = on_data,
                                                     .closed = on_closed };

void end_done(struct end *e)
{
    assert_int_equal(e->after, 0);
    e->stream = adit_stream_free(e->stream);
    adit_buf_done(&e->got);
}

static void on_accepted(void *arg, int fd, const struct adit_addr *from, adit_time now)
{
    struct door *d = arg;

    (void)now;
    d->calls++;
    d->from = *from;
    d->conf.from = from;
    if (!d->end->got.limit)
        adit_buf_init(&d->end->got, SIZE_MAX);
    assert_int_equal(adit_stream_accept(&d->end->stream, d->loop, fd, &d->conf, &end_ops, d->end),
                     0);
    d->conf.from = NULL;
    if (d->free_in_accept)
        d->listen = adit_listen_free(d->listen);
}

static const struct adit_listen_ops door_ops = { .accepted = on_accepted };

void door_open(struct door *d, struct adit_loop *loop, struct end *end, const char *at)
{
    const char *where = at ? at : "127.0.0.1:0";
    struct adit_listen_conf conf = { .at = &where, .count = 1 };
    struct adit_cause cause = { .text = "" };

    d->loop = loop;
    d->end = end;
    if (adit_listen_open(&d->listen, loop, &conf, &door_ops, d, &cause) < 0)
        fail_msg("%s", cause.text);
}

void door_close(struct door *d)
{
    d->listen = adit_listen_free(d->listen);
}

uint16_t door_port(const struct door *d)
{
    return adit_listen_addr(d->listen, 0)->port;
}

void ends_connect(struct adit_loop *loop, struct end *a, struct end *b,
                  const struct adit_stream_conf *conf, const struct adit_stream_accept_conf *accept)
{
    struct door door = { 0 };
    struct adit_stream_conf to = conf ? *conf : (struct adit_stream_conf){ 0 };

    if (accept)
        door.conf = *accept;
    if (!a->got.limit)
        adit_buf_init(&a->got, SIZE_MAX);
    door_open(&door, loop, b, NULL);
    if (!to.host)
        to.host = "127.0.0.1";
    to.port = door_port(&door);
    assert_int_equal(adit_stream_connect(&a->stream, loop, &to, &end_ops, a), 0);
    assert_int_equal(a->connected, 0); /* never from inside */
    assert_true(wait_for(loop, &a->connected));
    assert_true(wait_for(loop, &b->connected));
    door_close(&door);
}
