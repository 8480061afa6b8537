/* carrier_v2.c - the Tunnel Agent's frames of its first generation, one to a message:
 *
 *     REQUEST  01  u32 id, u16 n, method, u16 n, path, u32 n, {headers}, u32 n, body
 *     RESPONSE 02  u32 id, u16 status, u32 n, {headers}, u32 n, body
 *     WS_CONNECT 10  u32 id, u16 n, url, u32 n, {headers}       WS_CLOSE 12  u32 id, u16 code,
 *     WS_DATA    11  u32 id, u8 opcode, u32 n, bytes                           u16 n, reason
 *
 * Bodies are whole in their message, so they are collected, up to what one message takes. The
 * originals take them for UTF-8; we send and take bytes as they are. */
#include "app/carrier_v2.h"

#include <stdlib.h>

#include "base/alloc.h"

static void release(struct adit_framed *framed)
{
    struct adit_v2_exchange *x = (struct adit_v2_exchange *)framed;

    adit_framing_of(framed)->collected -= x->out.len + x->in_len;
    adit_buf_done(&x->out);
    adit_free(x->in);
    x->ws = adit_ws_bridge_free(x->ws);
}

struct adit_v2_exchange *adit_v2_new(struct adit_framing *f, uint32_t id, enum adit_v2_kind kind)
{
    struct adit_framed *framed = adit_framed_new(f, sizeof(struct adit_v2_exchange), id, kind);
    struct adit_v2_exchange *x = (struct adit_v2_exchange *)framed;
    size_t max = adit_framing_message_max(f);

    if (!x)
        return NULL;
    framed->release = release;
    adit_buf_init(&x->out, max < ADIT_V2_BODY_MAX ? max : ADIT_V2_BODY_MAX);
    return x;
}

void adit_v2_add32(struct adit_buf *out, uint32_t v)
{
    uint8_t p[4];

    adit_put32(p, v);
    adit_buf_add(out, p, sizeof p);
}

void adit_v2_add_json(struct adit_buf *out, json_t *json)
{
    size_t n;
    char *text = adit_framing_text(json, &n);

    if (!text && !out->err)
        out->err = -ENOMEM;
    adit_v2_add32(out, (uint32_t)n);
    adit_buf_add(out, text, n);
    free(text);
}

char *adit_v2_string(const uint8_t *bytes, size_t n)
{
    char *s = memchr(bytes, 0, n) ? NULL : adit_malloc(n + 1);

    if (s) {
        memcpy(s, bytes, n);
        s[n] = '\0';
    }
    return s;
}

static struct adit_exchange *v2_begin(struct adit_carrier *c, const struct adit_http1_head *head,
                                      int *ret_err, adit_time now)
{
    struct adit_framing *f = (struct adit_framing *)c;

    *ret_err = adit_framing_admits(f);
    if (!*ret_err && !adit_framing_is_request(head->method, head->target))
        *ret_err = -EINVAL;
    if (*ret_err)
        return NULL;
    return head->upgrade && adit_ws_wanted(head) ? adit_v2_begin_ws(f, head, ret_err, now)
                                                 : adit_v2_begin_http(f, head, ret_err);
}

static int v2_head(struct adit_exchange *exchange, const struct adit_http1_head *head,
                   adit_time now)
{
    struct adit_v2_exchange *x = (struct adit_v2_exchange *)exchange;

    (void)now;
    if (head->interim)
        return 0;
    if (x->f.over || x->f.out_ended)
        return -EPIPE;
    return x->ws ? adit_v2_head_ws(x, head) : adit_v2_head_http(x, head);
}

/* A body is collected: there is always room, up to a limit that ends the exchange. */
static size_t v2_room(struct adit_exchange *exchange)
{
    struct adit_v2_exchange *x = (struct adit_v2_exchange *)exchange;

    return x->ws ? adit_framed_room(exchange) : x->f.over ? 0 : ADIT_FRAMING_QUEUE_MAX;
}

static int v2_body(struct adit_exchange *exchange, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_v2_exchange *x = (struct adit_v2_exchange *)exchange;

    if (x->f.over || (x->f.out_ended && !x->f.fail_status))
        return -EPIPE;
    if (!x->ws)
        return adit_v2_body_http(x, bytes, n);
    adit_ws_bridge_feed(x->ws, bytes, n, now);
    return 0;
}

static int v2_end(struct adit_exchange *exchange, const struct adit_http1_field *trailers,
                  unsigned count, adit_time now)
{
    struct adit_v2_exchange *x = (struct adit_v2_exchange *)exchange;

    (void)trailers, (void)count; /* there is no place for them */
    if (x->f.over)
        return -EPIPE;
    if (x->f.out_ended)
        return 0;
    x->f.out_ended = true;
    if (!x->ws)
        return adit_v2_end_http(x);
    adit_ws_bridge_eof(x->ws, now);
    return 0;
}

static void v2_consumed(struct adit_exchange *exchange, size_t n, adit_time now)
{
    struct adit_v2_exchange *x = (struct adit_v2_exchange *)exchange;

    adit_framed_consumed(exchange, n, now);
    if (x->in)
        adit_framed_later(&x->f);
}

static void v2_drop(struct adit_exchange *exchange, const char *text, adit_time now)
{
    struct adit_v2_exchange *x = (struct adit_v2_exchange *)exchange;

    bool provider = exchange->carrier->conf.provider;

    (void)now;
    if (x->ws)
        adit_ws_bridge_leave(x->ws, text);
    else
        adit_v2_drop_http(x, text);
    adit_framed_free(&x->f, !x->ws && !provider);
}

static void v2_late(struct adit_framed *framed, adit_time now)
{
    struct adit_v2_exchange *x = (struct adit_v2_exchange *)framed;

    if (!x->ws)
        adit_v2_tell_body(x, now);
    else if (adit_framing_of(framed)->c.conf.provider)
        adit_ws_bridge_tell(x->ws, now);
    else if (adit_ws_bridge_tell_open(x->ws, adit_ws_bridge_offer(x->ws), now))
        adit_ws_bridge_tell(x->ws, now);
}

static void v2_message(struct adit_carrier *c, const uint8_t *bytes, size_t n, bool text,
                       adit_time now)
{
    struct adit_framing *f = (struct adit_framing *)c;

    if (text || n == 0 || f->dead)
        return;
    if (bytes[0] == ADIT_V2_REQUEST && c->conf.provider)
        adit_v2_request(f, bytes, n, now);
    else if (bytes[0] == ADIT_V2_RESPONSE && !c->conf.provider)
        adit_v2_response(f, bytes, n, now);
    else if (bytes[0] >= ADIT_V2_WS_CONNECT && bytes[0] <= ADIT_V2_WS_CLOSE)
        adit_v2_ws(f, bytes, n, now);
}

static int v2_init(struct adit_carrier *c, adit_time now)
{
    struct adit_framing *f = (struct adit_framing *)c;

    (void)now;
    adit_framing_init(f);
    f->late = v2_late;
    adit_framing_greet(f);
    return 0;
}

static void v2_free(struct adit_carrier *c)
{
    adit_framing_done((struct adit_framing *)c);
}

const struct adit_carrier_class adit_carrier_v2 = {
    .name = "tunnel-agent-2",
    .size = sizeof(struct adit_framing),
    .init = v2_init,
    .free = v2_free,
    .message = v2_message,
    .writable = adit_framing_writable,
    .lost = adit_framing_lost,
    .begin = v2_begin,
    .head = v2_head,
    .room = v2_room,
    .body = v2_body,
    .end = v2_end,
    .consumed = v2_consumed,
    .drop = v2_drop,
};
