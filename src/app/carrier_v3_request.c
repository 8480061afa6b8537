/* carrier_v3_request.c - the provider's side of a request. */
#include "app/carrier_v3.h"
#include "base/alloc.h"

/* A request that cannot be is answered, and the rest of it is not wanted. */
static void refuse(struct adit_v3 *v, uint32_t id, int status, enum adit_v3_reason reason,
                   const char *text, bool body)
{
    adit_v3_speak_problem(v, id, status, reason, text);
    if (body)
        adit_v3_speak_cancel(v, id, reason);
}

static void begin_request(struct adit_v3_exchange *x, const char *method, const char *path,
                          json_t *fields, bool body, adit_time now)
{
    struct adit_framing_head h = { .head = { .method = method, .target = path } };
    struct adit_v3 *v = adit_v3_of(x);
    int err = adit_framing_read(&h, fields, 1);

    if (err) {
        bool memory = err == -ENOMEM;
        refuse(v, x->f.key[0], memory ? 503 : 502, memory ? ADIT_V3_INTERNAL : ADIT_V3_MALFORMED,
               memory ? "no memory" : "the request is not understood", body);
        x->settled = true;
        adit_framed_free(&x->f, true);
    } else {
        h.head.chunked = body && !adit_http1_get(&h.head, "Content-Length");
        h.head.body = body;
        if (!body) {
            h.head.length = 0;
            adit_framing_remove(&h, "Content-Length");
        }
        adit_framing_remove(&h, "X-Lem-Service");   /* which of several: we have one */
        adit_framing_remove(&h, "Accept-Encoding"); /* the other end would not decompress */
        adit_framing_add(&h, "Accept-Encoding", "identity");
        adit_v3_patience(x, body ? ADIT_V3_IDLE_TIME : 0, now);
        if (adit_framed_tell_request(&x->f, &h.head, now) && !body)
            adit_framed_tell_end(&x->f, now);
    }
    adit_framing_head_done(&h);
}

static char *take_string(struct adit_cursor *c)
{
    size_t n = adit_cursor_get16(c);
    const uint8_t *p = adit_cursor_take(c, n);
    char *s = p && !memchr(p, 0, n) ? adit_malloc(n + 1) : NULL;

    if (s) {
        memcpy(s, p, n);
        s[n] = '\0';
    }
    return s;
}

void adit_v3_on_request(struct adit_v3 *v, uint32_t id, struct adit_cursor *c, adit_time now)
{
    bool body = adit_cursor_get8(c) & 1;
    char *method = take_string(c), *path = take_string(c);
    size_t len = adit_cursor_get32(c);
    const uint8_t *text = adit_cursor_take(c, len);
    struct adit_cause cause;
    json_t *fields =
        text && len <= ADIT_V3_HEADERS_MAX ? adit_json_read((const char *)text, len, &cause) : NULL;
    struct adit_v3_exchange *x = NULL;

    if (adit_framed_find(&v->f, id, ADIT_V3_HTTP))
        goto out; /* the same number twice: the second is passed over */
    if (!c->bad && (len > ADIT_V3_HEADERS_MAX || (path && strlen(path) > ADIT_V3_URL_MAX)))
        refuse(v, id, 502, ADIT_V3_TOO_LARGE, "the request's head is too large", body);
    else if (c->bad || !method || !path || !json_is_array(fields) ||
             !adit_framing_is_request(method, path))
        refuse(v, id, 502, ADIT_V3_MALFORMED, "the request is not understood", body);
    else if (v->counts[ADIT_V3_HTTP] >= ADIT_V3_REQUESTS_MAX || adit_framing_admits(&v->f) < 0)
        refuse(v, id, 503, ADIT_V3_NO_BRIDGE, "too many requests at a time", body);
    else if (!(x = adit_v3_new(v, id, ADIT_V3_HTTP)))
        refuse(v, id, 503, ADIT_V3_INTERNAL, "no memory", body);
    else
        begin_request(x, method, path, fields, body, now);
out:
    json_decref(fields);
    adit_free(method);
    adit_free(path);
}

int adit_v3_respond(struct adit_v3_exchange *x, const struct adit_http1_head *head, adit_time now)
{
    const struct adit_v3 *v = adit_v3_of(x);
    int err;

    (void)now;
    if (head->status == 101 || x->head_said)
        return -EINVAL;
    if (head->body && !head->chunked && head->length > v->body_max) {
        adit_v3_send_problem(x, ADIT_V3_TOO_LARGE,
                             "the response is larger than the tunnel carries");
        x->head_said = x->f.out_ended = true;
        adit_framed_fail_later(&x->f, 502, "the response is larger than the tunnel carries");
        return 0;
    }
    err = adit_v3_send_response(x, head->status, adit_framing_pairs(head), head->body);
    if (err)
        return err;
    x->head_said = true;
    x->f.out_ended = !head->body;
    return 0;
}
