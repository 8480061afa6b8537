/* carrier_v3_ws.c - WebSockets in frames of the third version. */
#include "app/carrier_v3.h"
#include "base/alloc.h"
#include "base/str.h"

static void on_message(struct adit_framed *x, bool text, const uint8_t *bytes, size_t n)
{
    adit_v3_send_message((struct adit_v3_exchange *)x, text, bytes, n);
}

static void on_closed(struct adit_framed *framed, unsigned code, const uint8_t *reason, size_t n)
{
    struct adit_v3_exchange *x = (struct adit_v3_exchange *)framed;
    bool failed = adit_v3_of(x)->f.c.conf.provider && !x->head_said;

    if (x->settled)
        return;
    x->settled = true;
    if (failed)
        adit_v3_send_code(x, ADIT_V3_WS_ERROR, ADIT_WS_INTERNAL, reason, n);
    else
        adit_v3_send_code(x, ADIT_V3_WS_CLOSE, code, reason, n);
}

static const struct adit_ws_bridge_ops bridge_ops = { .message = on_message, .closed = on_closed };

static struct adit_v3_exchange *new_socket(struct adit_v3 *v, uint32_t id, adit_time now)
{
    struct adit_v3_exchange *x = adit_v3_new(v, id, ADIT_V3_WS);
    struct adit_ws_bridge_conf conf = { .x = x ? &x->f : NULL,
                                        .server = !v->f.c.conf.provider,
                                        .message_max = ADIT_WS_BRIDGE_MAX,
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

struct adit_exchange *adit_v3_begin_ws(struct adit_v3 *v, const struct adit_http1_head *head,
                                       int *ret_err, adit_time now)
{
    struct adit_v3_exchange *x = NULL;
    struct adit_http1_head stripped;
    struct adit_http1_field *fields;
    int status;

    *ret_err = -EAGAIN;
    if (v->counts[ADIT_V3_WS] >= ADIT_V3_SOCKETS_MAX)
        return NULL;
    *ret_err = -EINVAL;
    if (strlen(head->target) > ADIT_V3_URL_MAX)
        return NULL;
    fields = adit_ws_bridge_strip(&stripped, head);
    x = new_socket(v, adit_framing_next(&v->f, ADIT_V3_WS), now);
    *ret_err = x && fields ? 0 : -ENOMEM;
    if (!*ret_err) {
        status = adit_ws_bridge_asked(x->ws, head);
        if (status)
            adit_framed_fail_later(&x->f, status, "this is no request for a WebSocket");
        else
            *ret_err = adit_v3_send_connect(x, head->target, adit_framing_pairs(&stripped));
        x->settled = status != 0;
        adit_v3_patience(x, status ? 0 : ADIT_V3_CONNECT_TIME, now);
    }
    adit_free(fields);
    if (*ret_err && x) {
        x->settled = true;
        adit_framed_free(&x->f, true);
    }
    return *ret_err ? NULL : &x->f.x;
}

static void on_ack(struct adit_v3_exchange *x, struct adit_cursor *c, adit_time now)
{
    char protocol[ADIT_WS_PROTOCOL_SIZE];
    size_t n = adit_cursor_get16(c);
    const uint8_t *p = adit_cursor_take(c, n);

    if (x->head_said)
        return;
    if (!p || (n > 0 && !adit_http1_is_token((const char *)p, n)) ||
        adit_str_copy(protocol, sizeof protocol, (const char *)p, n) < 0) {
        adit_v3_give_up(x, ADIT_V3_MALFORMED, now);
        return;
    }
    x->head_said = true;
    adit_v3_patience(x, 0, now);
    adit_ws_bridge_tell_open(x->ws, protocol, now);
}

static void on_refused(struct adit_v3_exchange *x, struct adit_cursor *c, adit_time now)
{
    unsigned code = adit_cursor_get16(c);
    size_t n = adit_cursor_get16(c);
    const uint8_t *p = adit_cursor_take(c, n);
    char words[128];

    if (x->head_said)
        return;
    x->settled = true;
    adit_framed_tell_failed(
        &x->f, code == ADIT_V3_WS_TOO_MANY ? 503 : 502,
        adit_str_printable(words, sizeof words, p ? p : (const uint8_t *)"", p ? n : 0), now);
}

/* ---- provider -------------------------------------------------------------------------------- */

int adit_v3_head_ws(struct adit_v3_exchange *x, const struct adit_http1_head *head)
{
    const char *protocol;

    if (adit_ws_bridge_answered(x->ws, head, &protocol)) {
        x->head_said = true;
        adit_v3_send_ack(x, protocol);
        return 0;
    }
    adit_ws_bridge_leave(x->ws, "Connection failed");
    x->f.out_ended = true;
    adit_framed_fail_later(&x->f, 502, "the upstream made no WebSocket of it");
    return 0;
}

static void on_connect(struct adit_v3 *v, uint32_t id, struct adit_cursor *c, adit_time now)
{
    size_t url_len = adit_cursor_get16(c), len;
    const uint8_t *url = adit_cursor_take(c, url_len), *text;
    struct adit_framing_head h = { .json = NULL };
    struct adit_v3_exchange *x = NULL;
    struct adit_cause cause;
    json_t *fields = NULL;
    char *path = NULL;
    int err;

    len = adit_cursor_get32(c);
    text = adit_cursor_take(c, len);
    if (text && len <= ADIT_V3_HEADERS_MAX)
        fields = adit_json_read((const char *)text, len, &cause);
    if (url && url_len <= ADIT_V3_URL_MAX)
        path = adit_ws_bridge_path((const char *)url, url_len);
    if (adit_framed_find(&v->f, id, ADIT_V3_WS))
        goto out;
    err = c->bad || !path || !json_is_array(fields)      ? -EPROTO
          : v->counts[ADIT_V3_WS] >= ADIT_V3_SOCKETS_MAX ? -EAGAIN
                                                         : adit_framing_admits(&v->f);
    if (!err)
        x = new_socket(v, id, now);
    if (!err && !x)
        err = -ENOMEM;
    if (!err) {
        h.head.method = "GET";
        h.head.target = path;
        err = adit_ws_bridge_ask(x->ws, &h, fields);
    }
    if (err) {
        adit_v3_speak_code(v, ADIT_V3_WS_ERROR, id,
                           err == -EAGAIN ? ADIT_V3_WS_TOO_MANY : ADIT_WS_INTERNAL,
                           "Connection failed");
        if (x)
            adit_framed_free(&x->f, true);
    } else {
        adit_framing_remove(&h, "X-Lem-Service");
        adit_framed_tell_request(&x->f, &h.head, now);
    }
out:
    adit_framing_head_done(&h);
    json_decref(fields);
    adit_free(path);
}

/* ---- both ------------------------------------------------------------------------------------ */

static void on_data(struct adit_v3_exchange *x, struct adit_cursor *c, adit_time now)
{
    unsigned opcode = adit_cursor_get8(c);
    bool fin = adit_cursor_get8(c) & 1;
    size_t n = adit_cursor_get32(c);
    const uint8_t *p = adit_cursor_take(c, n);
    static const char words[] = "a frame that is none";

    if (p && n <= ADIT_V3_CHUNK_MAX && (fin || opcode <= 2)) {
        adit_ws_bridge_data(x->ws, opcode, fin, p, n, now);
    } else {
        adit_ws_bridge_leave(x->ws, words);
        adit_ws_bridge_close(x->ws, ADIT_WS_PROTOCOL, (const uint8_t *)words, strlen(words), now);
    }
}

static void on_close(struct adit_v3_exchange *x, struct adit_cursor *c, adit_time now)
{
    unsigned code = adit_cursor_get16(c);
    size_t n = adit_cursor_get16(c);
    const uint8_t *p = adit_cursor_take(c, n);

    if (!x->head_said && !adit_v3_of(x)->f.c.conf.provider) {
        x->settled = true;
        adit_framed_tell_failed(&x->f, 502, "the other end closed the WebSocket", now);
    } else {
        adit_ws_bridge_close(x->ws, code, p, p ? n : 0, now);
    }
}

void adit_v3_on_ws(struct adit_v3 *v, uint8_t type, uint32_t id, struct adit_cursor *c,
                   adit_time now)
{
    struct adit_v3_exchange *x = (struct adit_v3_exchange *)adit_framed_find(&v->f, id, ADIT_V3_WS);
    bool provider = v->f.c.conf.provider;

    if (type == ADIT_V3_WS_CONNECT && provider)
        on_connect(v, id, c, now);
    else if (!x || x->f.fail_status)
        return;
    else if (type == ADIT_V3_WS_DATA)
        on_data(x, c, now);
    else if (type == ADIT_V3_WS_CLOSE)
        on_close(x, c, now);
    else if (type == ADIT_V3_WS_ACK && !provider)
        on_ack(x, c, now);
    else if (type == ADIT_V3_WS_ERROR && !provider)
        on_refused(x, c, now);
}
