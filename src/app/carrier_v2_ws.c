/* carrier_v2_ws.c - WebSockets in frames of the first generation. Nothing tells that one stands:
 * the client's is opened at once, and closed when the other end could not. */
#include "app/carrier_v2.h"
#include "base/alloc.h"
#include "base/str.h"

static void send_data(struct adit_framed *x, unsigned opcode, const uint8_t *bytes, size_t n)
{
    uint8_t header[10] = { ADIT_V2_WS_DATA };
    struct adit_span parts[] = { { header, sizeof header }, { bytes, n } };

    adit_put32(header + 1, x->key[0]);
    header[5] = (uint8_t)opcode;
    adit_put32(header + 6, (uint32_t)n);
    (void)!adit_framing_send(adit_framing_of(x), x->lane, parts, 2);
}

static void on_message(struct adit_framed *x, bool text, const uint8_t *bytes, size_t n)
{
    send_data(x, text ? 1 : 2, bytes, n);
}

static void close_frame(uint8_t header[9], uint32_t id, unsigned code, size_t n)
{
    header[0] = ADIT_V2_WS_CLOSE;
    adit_put32(header + 1, id);
    adit_put16(header + 5, (uint16_t)code);
    adit_put16(header + 7, (uint16_t)n);
}

static void on_closed(struct adit_framed *x, unsigned code, const uint8_t *reason, size_t n)
{
    uint8_t header[9];
    struct adit_span parts[] = { { header, sizeof header }, { reason, n } };

    close_frame(header, x->key[0], code, n);
    (void)!adit_framing_send(adit_framing_of(x), x->lane, parts, 2);
}

static const struct adit_ws_bridge_ops bridge_ops = { .message = on_message, .closed = on_closed };

static void speak_close(struct adit_framing *f, uint32_t id, const char *reason)
{
    uint8_t header[9];
    struct adit_span parts[] = { { header, sizeof header },
                                 { (const uint8_t *)reason, strlen(reason) } };

    close_frame(header, id, ADIT_WS_ABNORMAL, strlen(reason));
    adit_framing_speak(f, parts, 2);
}

static struct adit_v2_exchange *new_socket(struct adit_framing *f, uint32_t id, adit_time now)
{
    struct adit_v2_exchange *x = adit_v2_new(f, id, ADIT_V2_WS);
    size_t max = adit_framing_message_max(f);
    struct adit_ws_bridge_conf conf = { .x = x ? &x->f : NULL,
                                        .server = !f->c.conf.provider,
                                        .message_max = max < 1024 ? 1014
                                                       : max - 10 < ADIT_WS_BRIDGE_MAX
                                                           ? max - 10
                                                           : ADIT_WS_BRIDGE_MAX,
                                        .ops = &bridge_ops };

    if (x)
        x->ws = adit_ws_bridge_new(&conf, now);
    if (x && !x->ws) {
        adit_framed_free(&x->f, true);
        return NULL;
    }
    return x;
}

/* ---- consumer -------------------------------------------------------------------------------- */

static int send_connect(struct adit_v2_exchange *x, const struct adit_http1_head *head)
{
    struct adit_framing *f = adit_framing_of(&x->f);
    size_t url = strlen(head->target);
    struct adit_buf out;
    struct adit_span part;
    int err;

    adit_buf_init(&out, adit_framing_message_max(f));
    adit_buf_add8(&out, ADIT_V2_WS_CONNECT);
    adit_v2_add32(&out, x->f.key[0]);
    if (url > UINT16_MAX)
        out.err = -EMSGSIZE;
    adit_buf_add16(&out, (uint16_t)url);
    adit_buf_add(&out, head->target, url);
    adit_v2_add_json(&out, adit_framing_object(head));
    part = (struct adit_span){ out.data, out.len };
    err = out.err == -EMSGSIZE ? -EINVAL
          : out.err            ? out.err
                               : adit_framing_send(f, x->f.lane, &part, 1);
    adit_buf_done(&out);
    return err;
}

struct adit_exchange *adit_v2_begin_ws(struct adit_framing *f, const struct adit_http1_head *head,
                                       int *ret_err, adit_time now)
{
    struct adit_v2_exchange *x = new_socket(f, adit_framing_next(f, ADIT_V2_WS), now);
    struct adit_http1_head stripped;
    struct adit_http1_field *fields = adit_ws_bridge_strip(&stripped, head);
    int status;

    *ret_err = x && fields ? 0 : -ENOMEM;
    if (!*ret_err) {
        status = adit_ws_bridge_asked(x->ws, head);
        if (status)
            adit_framed_fail_later(&x->f, status, "this is no request for a WebSocket");
        else
            *ret_err = send_connect(x, &stripped);
        adit_framed_later(&x->f);
    }
    adit_free(fields);
    if (*ret_err && x)
        adit_framed_free(&x->f, true);
    return *ret_err ? NULL : &x->f.x;
}

/* ---- provider -------------------------------------------------------------------------------- */

int adit_v2_head_ws(struct adit_v2_exchange *x, const struct adit_http1_head *head)
{
    const char *protocol;

    if (adit_ws_bridge_answered(x->ws, head, &protocol))
        return 0;
    adit_ws_bridge_leave(x->ws, "Connection failed");
    x->f.out_ended = true;
    adit_framed_fail_later(&x->f, 502, "the upstream made no WebSocket of it");
    return 0;
}

static void on_connect(struct adit_framing *f, uint32_t id, struct adit_cursor *c, adit_time now)
{
    size_t url_len = adit_cursor_get16(c), json_len;
    const uint8_t *url = adit_cursor_take(c, url_len), *json;
    struct adit_framing_head h = { .json = NULL };
    struct adit_v2_exchange *x = NULL;
    struct adit_cause cause;
    json_t *headers = NULL;
    char *path = NULL;
    int err;

    json_len = adit_cursor_get32(c);
    json = adit_cursor_take(c, json_len);
    if (json)
        headers = adit_json_read((const char *)json, json_len, &cause);
    if (url)
        path = adit_ws_bridge_path((const char *)url, url_len);
    if (adit_framed_find(f, id, ADIT_V2_WS))
        goto out;
    err = c->bad || !path || !json_is_object(headers) ? -EPROTO : adit_framing_admits(f);
    if (!err)
        x = new_socket(f, id, now);
    if (!err && !x)
        err = -ENOMEM;
    if (!err) {
        h.head.method = "GET";
        h.head.target = path;
        err = adit_ws_bridge_ask(x->ws, &h, headers);
    }
    if (!err)
        adit_framed_tell_request(&x->f, &h.head, now);
    else
        speak_close(f, id, "Connection failed");
    if (err && x)
        adit_framed_free(&x->f, true);
out:
    adit_framing_head_done(&h);
    json_decref(headers);
    adit_free(path);
}

/* ---- both ------------------------------------------------------------------------------------ */

void adit_v2_ws(struct adit_framing *f, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_cursor c = adit_cursor(bytes + 1, n - 1);
    uint32_t id = adit_cursor_get32(&c);
    struct adit_v2_exchange *x = (struct adit_v2_exchange *)adit_framed_find(f, id, ADIT_V2_WS);
    unsigned word;
    const uint8_t *p;
    size_t len;

    if (bytes[0] == ADIT_V2_WS_CONNECT) {
        if (f->c.conf.provider)
            on_connect(f, id, &c, now);
        return;
    }
    word = bytes[0] == ADIT_V2_WS_DATA ? adit_cursor_get8(&c) : adit_cursor_get16(&c);
    len = bytes[0] == ADIT_V2_WS_DATA ? adit_cursor_get32(&c) : adit_cursor_get16(&c);
    p = adit_cursor_take(&c, len);
    if (!x || !p)
        return; /* logged and passed over by the originals */
    if (bytes[0] == ADIT_V2_WS_CLOSE)
        adit_ws_bridge_close(x->ws, word, p, len, now);
    else if (word != 0) /* pieces cannot be told from whole ones */
        adit_ws_bridge_data(x->ws, word, true, p, len, now);
}
