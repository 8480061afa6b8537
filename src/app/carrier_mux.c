/* carrier_mux - HTTP exchanges between two adits: one stream each, docs/streams.md.
 *
 * A request's head is the OPEN of its stream, a response's (also an interim one) a HEAD; bodies are
 * DATA with the stream's window, trailers come with END. Cancelling and breaking off are RESET. */
#include "app/carrier_mux.h"

#include "app/wire_head.h"
#include "base/alloc.h"

struct carrier {
    struct adit_carrier carrier;
    struct adit_mux *mux;
};

struct exchange {
    struct adit_exchange x;
    struct adit_mux_stream *s; /* NULL: it is gone */
    bool ended, end_told;      /* our side; the other side */
    bool head_told;            /* the consumer has heard of a response that is no interim one */
};

static struct adit_mux *mux_of(struct adit_carrier *c)
{
    return adit_container_of(c, struct carrier, carrier)->mux;
}

static struct exchange *exchange_of(struct adit_exchange *x)
{
    return adit_container_of(x, struct exchange, x);
}

/* ---- what the stream tells ------------------------------------------------------------------- */

static void fail(struct exchange *e, int status, const char *text, adit_time now)
{
    e->s = NULL;
    e->x.ops->failed(e->x.arg, status, text, now);
}

static void on_head(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct exchange *e = arg;
    struct adit_wire_head w;

    if (e->x.carrier->conf.provider || e->head_told)
        return;
    if (adit_wire_get_response(&w, bytes, n) < 0) {
        adit_mux_reset(e->s, ADIT_MUX_UNKNOWN, NULL);
        fail(e, 502, "the other side's answer is no HTTP", now);
    } else {
        e->head_told = !w.head.interim;
        e->x.ops->head(e->x.arg, &w.head, now);
    }
    adit_wire_head_done(&w);
}

static void on_data(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct exchange *e = arg;

    e->x.ops->body(e->x.arg, bytes, n, now);
}

static void on_end(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct exchange *e = arg;
    struct adit_wire_head w;

    if (adit_wire_get_fields(&w, bytes, n) < 0) {
        adit_mux_reset(e->s, ADIT_MUX_UNKNOWN, NULL);
        fail(e, 502, "the other side's trailers are no HTTP", now);
    } else if (!e->x.carrier->conf.provider && !e->head_told) {
        adit_mux_reset(e->s, ADIT_MUX_UNKNOWN, NULL);
        fail(e, 502, "the other side ended without an answer", now);
    } else {
        e->end_told = true;
        e->x.ops->end(e->x.arg, w.head.fields, w.head.count, now);
    }
    adit_wire_head_done(&w);
}

static void on_writable(void *arg, adit_time now)
{
    struct exchange *e = arg;

    e->x.ops->writable(e->x.arg, now);
}

static void on_closed(void *arg, enum adit_mux_code code, const char *text, adit_time now)
{
    struct exchange *e = arg;
    /* A provider that has answered in full may stop a request that still comes in. */
    bool complete = e->end_told && (e->ended || !e->x.carrier->conf.provider);
    int status = code == ADIT_MUX_TIMEOUT ? 504 : code == ADIT_MUX_FULL ? 503 : 502;

    e->s = NULL;
    if (code != ADIT_MUX_DONE || !complete)
        fail(e, status, *text ? text : adit_mux_code_text(code), now);
}

static const struct adit_mux_stream_ops stream_ops = {
    .head = on_head, .data = on_data, .end = on_end, .writable = on_writable, .closed = on_closed
};

/* ---- exchanges ------------------------------------------------------------------------------- */

static struct exchange *new_exchange(struct adit_carrier *c)
{
    struct exchange *e = adit_zalloc(sizeof *e);

    if (e)
        e->x.carrier = c;
    return e;
}

static struct adit_exchange *begin(struct adit_carrier *c, const struct adit_http1_head *head,
                                   int *ret_err, adit_time now)
{
    struct exchange *e = new_exchange(c);
    struct adit_buf target;

    (void)now;
    adit_buf_init(&target, ADIT_HTTP1_HEAD_MAX + ADIT_HTTP1_HEAD_DEFAULT);
    adit_wire_put_head(&target, head);
    *ret_err = !e ? -ENOMEM : target.err;
    if (!*ret_err)
        *ret_err =
            adit_mux_open(&e->s, mux_of(c), ADIT_MUX_HTTP, target.data, target.len, &stream_ops, e);
    adit_buf_done(&target);
    if (!*ret_err)
        return &e->x;
    if (*ret_err == -EMSGSIZE)
        *ret_err = -EINVAL;
    adit_free(e);
    return NULL;
}

void adit_carrier_mux_opened(struct adit_carrier *c, struct adit_mux_stream *s,
                             const uint8_t *target, size_t n, adit_time now)
{
    struct exchange *e = c->conf.provider ? new_exchange(c) : NULL;
    struct adit_wire_head w;
    int err;

    if (!e) {
        adit_mux_reset(s, c->conf.provider ? ADIT_MUX_FULL : ADIT_MUX_FORBIDDEN, NULL);
        return;
    }
    e->s = s;
    err = adit_wire_get_request(&w, target, n);
    if (err) {
        adit_mux_reset(s, err == -ENOMEM ? ADIT_MUX_FULL : ADIT_MUX_UNKNOWN, NULL);
        adit_free(e);
    } else {
        adit_mux_accept(s, &stream_ops, e);
        c->conf.ops->request(c->conf.arg, &e->x, &w.head, now);
    }
    adit_wire_head_done(&w);
}

static int put_head(struct adit_exchange *x, const struct adit_http1_head *head, adit_time now)
{
    struct exchange *e = exchange_of(x);
    struct adit_buf out;
    int err;

    (void)now;
    adit_buf_init(&out, ADIT_HTTP1_HEAD_MAX + ADIT_HTTP1_HEAD_DEFAULT);
    adit_wire_put_head(&out, head);
    err = out.err ? out.err : e->s ? adit_mux_head(e->s, out.data, out.len) : -EPIPE;
    adit_buf_done(&out);
    return err == -EMSGSIZE ? -EINVAL : err;
}

static size_t room(struct adit_exchange *x)
{
    struct exchange *e = exchange_of(x);

    return e->s ? adit_mux_room(e->s) : 0;
}

static int put_body(struct adit_exchange *x, const uint8_t *bytes, size_t n, adit_time now)
{
    struct exchange *e = exchange_of(x);

    (void)now;
    return e->s ? adit_mux_send(e->s, bytes, n) : -EPIPE;
}

static int put_end(struct adit_exchange *x, const struct adit_http1_field *trailers, unsigned count,
                   adit_time now)
{
    struct exchange *e = exchange_of(x);
    struct adit_buf out;
    int err;

    (void)now;
    adit_buf_init(&out, ADIT_HTTP1_HEAD_MAX);
    adit_wire_put_fields(&out, trailers, count);
    err = out.err ? out.err : e->s ? adit_mux_end(e->s, out.data, out.len) : -EPIPE;
    adit_buf_done(&out);
    e->ended = !err;
    return err;
}

static void consumed(struct adit_exchange *x, size_t n, adit_time now)
{
    struct exchange *e = exchange_of(x);

    (void)now;
    if (e->s)
        adit_mux_consumed(e->s, n);
}

static void drop(struct adit_exchange *x, const char *text, adit_time now)
{
    struct exchange *e = exchange_of(x);

    (void)now;
    if (e->s && e->ended && (e->end_told || x->carrier->conf.provider))
        adit_mux_leave(e->s);
    else if (e->s)
        adit_mux_reset(e->s, x->carrier->conf.provider ? ADIT_MUX_BROKEN : ADIT_MUX_DONE, text);
    adit_free(e);
}

/* ---- the carrier ----------------------------------------------------------------------------- */

static int init(struct adit_carrier *c, adit_time now)
{
    (void)c, (void)now;
    return 0;
}

static void done(struct adit_carrier *c)
{
    (void)c;
}

/* Messages go to the mux, which the composing app owns. */
static void message(struct adit_carrier *c, const uint8_t *bytes, size_t n, bool text,
                    adit_time now)
{
    (void)c, (void)bytes, (void)n, (void)text, (void)now;
}

static void lost(struct adit_carrier *c, adit_time now)
{
    (void)c, (void)now;
}

static const struct adit_carrier_class class = {
    .name = "adit",
    .size = sizeof(struct carrier),
    .init = init,
    .free = done,
    .message = message,
    .lost = lost,
    .begin = begin,
    .head = put_head,
    .room = room,
    .body = put_body,
    .end = put_end,
    .consumed = consumed,
    .drop = drop,
};

struct adit_carrier *adit_carrier_mux_new(const struct adit_carrier_conf *conf,
                                          struct adit_mux *mux, adit_time now)
{
    struct adit_carrier *c = adit_carrier_new(&class, conf, now);

    if (c)
        adit_container_of(c, struct carrier, carrier)->mux = mux;
    return c;
}
