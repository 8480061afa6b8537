/* carrier_v3_response.c - the consumer's side of a request. */
#include "app/carrier_v3.h"

struct adit_exchange *adit_v3_begin_http(struct adit_v3 *v, const struct adit_http1_head *head,
                                         int *ret_err, adit_time now)
{
    struct adit_v3_exchange *x =
        v->counts[ADIT_V3_HTTP] < ADIT_V3_REQUESTS_MAX
            ? adit_v3_new(v, adit_framing_next(&v->f, ADIT_V3_HTTP), ADIT_V3_HTTP)
            : NULL;

    *ret_err = x ? 0 : v->counts[ADIT_V3_HTTP] < ADIT_V3_REQUESTS_MAX ? -ENOMEM : -EAGAIN;
    if (!x)
        return NULL;
    x->f.asks_head = strcmp(head->method, "HEAD") == 0;
    if (strlen(head->target) > ADIT_V3_URL_MAX) {
        x->settled = true;
        adit_framed_fail_later(&x->f, 414, "the address is longer than the tunnel carries");
        return &x->f.x;
    }
    if (head->body && !head->chunked && head->length > v->body_max) {
        x->settled = true;
        adit_framed_fail_later(&x->f, 413, "the request is larger than the tunnel carries");
        return &x->f.x;
    }
    *ret_err =
        adit_v3_send_request(x, head->method, head->target, adit_framing_pairs(head), head->body);
    if (*ret_err) {
        x->settled = true;
        adit_framed_free(&x->f, true);
        return NULL;
    }
    x->f.out_ended = !head->body;
    if (!head->body)
        adit_v3_patience(x, ADIT_V3_HEAD_TIME, now);
    return &x->f.x;
}

void adit_v3_on_response(struct adit_v3 *v, uint32_t id, struct adit_cursor *c, adit_time now)
{
    struct adit_v3_exchange *x =
        (struct adit_v3_exchange *)adit_framed_find(&v->f, id, ADIT_V3_HTTP);
    int status = adit_cursor_get16(c);
    bool body = adit_cursor_get8(c) & 1;
    size_t len = adit_cursor_get32(c);
    const uint8_t *text = adit_cursor_take(c, len);
    struct adit_framing_head h = { .head = { .status = status } };
    struct adit_cause cause;
    json_t *fields = NULL;

    if (!x || x->head_said || x->f.fail_status)
        return;
    if (text && len <= ADIT_V3_HEADERS_MAX)
        fields = adit_json_read((const char *)text, len, &cause);
    if (c->bad || status < 100 || status > 599 || status == 101 || !json_is_array(fields) ||
        adit_framing_read(&h, fields, 0) < 0) {
        adit_v3_give_up(x, len > ADIT_V3_HEADERS_MAX ? ADIT_V3_TOO_LARGE : ADIT_V3_MALFORMED, now);
    } else {
        x->head_said = !h.head.interim;
        body = body && !h.head.interim;
        h.head.body = h.head.body && body && !x->f.asks_head;
        h.head.chunked = h.head.chunked && h.head.body;
        adit_v3_patience(x, body ? ADIT_V3_IDLE_TIME : h.head.interim ? ADIT_V3_HEAD_TIME : 0, now);
        if (adit_framed_tell_head(&x->f, &h.head, now) && x->head_said && !body)
            adit_framed_tell_end(&x->f, now);
    }
    adit_framing_head_done(&h);
    json_decref(fields);
}
