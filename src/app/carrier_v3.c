/* carrier_v3.c - the Tunnel Agent's frames of its second generation, version 3:
 *
 *     HELLO          00  u8 3, u16 0, u32 chunk_max, u32 body_max, u16 n, name
 *     REQUEST_HEAD   01  u32 id, u8 body follows, u16 n, method, u16 n, path, u32 n, [[name,value]]
 *     RESPONSE_HEAD  03  u32 id, u16 status, u8 body follows, u32 n, [[name,value]]
 *     RESPONSE_CHUNK 04, REQUEST_CHUNK 06  u32 id, u8 final, u32 n, bytes
 *     CANCEL         05  u32 id, u16 reason
 *     WS_CONNECT     10  u32 id, u16 n, url, u32 n, [[name,value]]
 *     WS_DATA        11  u32 id, u8 opcode, u8 fin, u32 n, bytes
 *     WS_CLOSE       12, WS_CONNECT_ERROR 14  u32 id, u16 code, u16 n, reason
 *     WS_CONNECT_ACK 13  u32 id, u16 n, subprotocol
 *
 * Bodies stream, each of at most 32 MiB. One that breaks off is CANCELled and has no final chunk,
 * so that nobody takes it for whole. */
#include "app/carrier_v3.h"

#include "base/alloc.h"

struct early {
    struct adit_link link;
    size_t n;
    uint8_t bytes[];
};

/* ---- what comes in --------------------------------------------------------------------------- */

static void too_large(struct adit_v3_exchange *x, adit_time now)
{
    struct adit_v3 *v = adit_v3_of(x);

    if (v->f.c.conf.provider && !x->head_said) {
        adit_v3_send_problem(x, ADIT_V3_TOO_LARGE, "the request is larger than the tunnel carries");
        x->head_said = true;
    }
    adit_v3_give_up(x, ADIT_V3_TOO_LARGE, now);
}

static void on_chunk(struct adit_v3 *v, uint32_t id, struct adit_cursor *c, adit_time now)
{
    struct adit_v3_exchange *x =
        (struct adit_v3_exchange *)adit_framed_find(&v->f, id, ADIT_V3_HTTP);
    bool final = adit_cursor_get8(c) & 1;
    size_t n = adit_cursor_get32(c);
    const uint8_t *p = adit_cursor_take(c, n);

    if (!x || x->f.in_ended || x->f.fail_status) {
        adit_v3_drain(v, id, p ? n : 0, final, now);
        return;
    }
    if (!p || (!v->f.c.conf.provider && !x->head_said)) {
        adit_v3_give_up(x, ADIT_V3_MALFORMED, now);
        return;
    }
    x->got += n;
    if (n > ADIT_V3_CHUNK_MAX || x->got > ADIT_V3_BODY_MAX) {
        too_large(x, now);
        return;
    }
    adit_v3_patience(x, final ? 0 : ADIT_V3_IDLE_TIME, now);
    if (adit_framed_tell_body(&x->f, p, n, now) && final)
        adit_framed_tell_end(&x->f, now);
}

static void on_cancel(struct adit_v3 *v, uint32_t id, struct adit_cursor *c, adit_time now)
{
    struct adit_v3_exchange *x =
        (struct adit_v3_exchange *)adit_framed_find(&v->f, id, ADIT_V3_HTTP);
    unsigned reason = adit_cursor_get16(c);

    if (!x)
        return;
    adit_framing_purge(&v->f, x->f.lane);
    x->settled = x->f.out_ended = true;
    adit_v3_patience(x, 0, now);
    if (v->f.c.conf.provider || !x->f.in_ended)
        adit_framed_tell_failed(&x->f, adit_v3_status(reason), adit_v3_words(reason), now);
}

static void on_frame(struct adit_v3 *v, const uint8_t *bytes, size_t n, adit_time now)
{
    bool provider = v->f.c.conf.provider;
    struct adit_cursor c = adit_cursor(bytes + 1, n - 1);
    uint32_t id = adit_cursor_get32(&c);
    uint8_t type = bytes[0];

    if (type == ADIT_V3_OLD_RESPONSE)
        adit_framing_break(&v->f, "the other side answers in version 2", now);
    else if (type == ADIT_V3_HELLO || c.bad)
        return;
    else if (id == 0)
        adit_framing_break(&v->f, "a frame with the number 0", now);
    else if (type == ADIT_V3_REQUEST_HEAD && provider)
        adit_v3_on_request(v, id, &c, now);
    else if (type == ADIT_V3_RESPONSE_HEAD && !provider)
        adit_v3_on_response(v, id, &c, now);
    else if (type == (provider ? ADIT_V3_REQUEST_CHUNK : ADIT_V3_RESPONSE_CHUNK))
        on_chunk(v, id, &c, now);
    else if (type == ADIT_V3_CANCEL)
        on_cancel(v, id, &c, now);
    else if (type >= ADIT_V3_WS_CONNECT && type <= ADIT_V3_WS_ERROR)
        adit_v3_on_ws(v, type, id, &c, now);
}

/* ---- HELLO ----------------------------------------------------------------------------------- */

static struct early *next_early(struct adit_v3 *v)
{
    struct early *e = adit_container_of(v->early.next, struct early, link);

    if (adit_list_empty(&v->early))
        return NULL;
    adit_list_del(&e->link);
    v->early_count--;
    return e;
}

static void on_hello(struct adit_v3 *v, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_cursor c = adit_cursor(bytes + 1, n - 1);
    unsigned version = adit_cursor_get8(&c);
    struct early *e;

    adit_cursor_get16(&c);
    v->chunk_max = adit_cursor_get32(&c);
    v->body_max = adit_cursor_get32(&c);
    if (v->body_max > ADIT_V3_BODY_MAX)
        v->body_max = ADIT_V3_BODY_MAX;
    if (version != 3 || c.bad || v->chunk_max < ADIT_V3_CHUNK_MIN) {
        adit_framing_break(&v->f, "4001: the other side speaks another version", now);
        return;
    }
    v->heard = true;
    adit_timer_stop(&v->hello);
    adit_framing_greet(&v->f);
    while (!v->f.dead && (e = next_early(v))) {
        on_frame(v, e->bytes, e->n, now);
        adit_free(e);
    }
}

static void keep_early(struct adit_v3 *v, const uint8_t *bytes, size_t n, adit_time now)
{
    struct early *e = v->early_count < ADIT_V3_EARLY_MAX ? adit_malloc(sizeof *e + n) : NULL;

    if (!e) {
        adit_framing_break(&v->f, "4001: the other side says no HELLO", now);
        return;
    }
    e->n = n;
    memcpy(e->bytes, bytes, n);
    adit_list_add(&v->early, &e->link);
    v->early_count++;
}

static void on_silence(struct adit_timer *timer, adit_time now)
{
    struct adit_v3 *v = adit_container_of(timer, struct adit_v3, hello);

    adit_framing_break(&v->f, "4001: the other side says no HELLO", now);
}

static void v3_message(struct adit_carrier *carrier, const uint8_t *bytes, size_t n, bool text,
                       adit_time now)
{
    struct adit_v3 *v = (struct adit_v3 *)carrier;

    if (text || n == 0 || v->f.dead)
        return;
    if (v->heard)
        on_frame(v, bytes, n, now);
    else if (bytes[0] == ADIT_V3_HELLO)
        on_hello(v, bytes, n, now);
    else
        keep_early(v, bytes, n, now);
}

/* ---- what HTTP's side does ------------------------------------------------------------------- */

static struct adit_exchange *v3_begin(struct adit_carrier *c, const struct adit_http1_head *head,
                                      int *ret_err, adit_time now)
{
    struct adit_v3 *v = (struct adit_v3 *)c;

    *ret_err = adit_framing_admits(&v->f);
    if (!*ret_err && !adit_framing_is_request(head->method, head->target))
        *ret_err = -EINVAL;
    if (*ret_err)
        return NULL;
    return head->upgrade && adit_ws_wanted(head) ? adit_v3_begin_ws(v, head, ret_err, now)
                                                 : adit_v3_begin_http(v, head, ret_err, now);
}

static int v3_head(struct adit_exchange *exchange, const struct adit_http1_head *head,
                   adit_time now)
{
    struct adit_v3_exchange *x = (struct adit_v3_exchange *)exchange;

    if (head->interim)
        return 0;
    if (x->f.over || x->f.out_ended)
        return -EPIPE;
    return x->ws ? adit_v3_head_ws(x, head) : adit_v3_respond(x, head, now);
}

static void v3_late(struct adit_framed *framed, adit_time now)
{
    struct adit_v3_exchange *x = (struct adit_v3_exchange *)framed;

    if (x->ws)
        adit_ws_bridge_tell(x->ws, now);
}

/* ---- the carrier ----------------------------------------------------------------------------- */

static int init_greeted(struct adit_carrier *c, adit_time now)
{
    struct adit_v3 *v = (struct adit_v3 *)c;

    adit_framing_init(&v->f);
    v->f.late = v3_late;
    v->f.high_water = ADIT_V3_ON_ITS_WAY;
    adit_list_init(&v->early);
    adit_timer_init(&v->hello, c->conf.loop, on_silence, "HELLO");
    adit_timer_set(&v->hello, now + ADIT_V3_HELLO_TIME);
    return 0;
}

static int v3_init(struct adit_carrier *c, adit_time now)
{
    struct adit_v3 *v = (struct adit_v3 *)c;
    struct adit_buf hello;
    struct adit_span part;
    int err;

    init_greeted(c, now);
    adit_buf_init(&hello, 64);
    adit_v3_put_hello(&hello);
    part = (struct adit_span){ hello.data, hello.len };
    err = hello.err;
    if (!err)
        adit_framing_speak(&v->f, &part, 1);
    adit_buf_done(&hello);
    return err;
}

static void v3_free(struct adit_carrier *c)
{
    struct adit_v3 *v = (struct adit_v3 *)c;
    struct early *e;

    adit_timer_stop(&v->hello);
    while ((e = next_early(v)))
        adit_free(e);
    adit_framing_done(&v->f);
}

static void v3_lost(struct adit_carrier *c, adit_time now)
{
    adit_timer_stop(&((struct adit_v3 *)c)->hello);
    adit_framing_lost(c, now);
}

#define CLASS(init_)                                                                   \
    {                                                                                  \
        .name = "tunnel-agent-3", .size = sizeof(struct adit_v3), .init = (init_),     \
        .free = v3_free, .message = v3_message, .writable = adit_framing_writable,     \
        .lost = v3_lost, .begin = v3_begin, .head = v3_head, .room = adit_framed_room, \
        .body = adit_v3_body, .end = adit_v3_end, .consumed = adit_framed_consumed,    \
        .drop = adit_v3_drop                                                           \
    }

const struct adit_carrier_class adit_carrier_v3 = CLASS(v3_init);
const struct adit_carrier_class adit_carrier_v3_greeted = CLASS(init_greeted);
