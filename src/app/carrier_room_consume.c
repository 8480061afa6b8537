/* carrier_room_consume.c - the HTTP tunnel's consumer: requests out, responses in. */
#include "app/carrier_room.h"

#include "base/str.h"

static int send_request(struct adit_room_exchange *x, const struct adit_http1_head *head)
{
    json_t *headers = adit_framing_object(head);

    /* The originals pass it on, and providers take it off: that a body follows is good to know. */
    if (headers && head->body && head->chunked &&
        json_object_set_new(headers, "transfer-encoding", json_string("chunked"))) {
        json_decref(headers);
        headers = NULL;
    }
    return adit_room_send_json(x, ADIT_ROOM_REQ_HEADERS,
                               json_pack("{sIssssso}", "stream_id", (json_int_t)x->f.key[0],
                                         "method", head->method, "path", head->target, "headers",
                                         headers));
}

struct adit_exchange *adit_room_begin(struct adit_carrier *c, const struct adit_http1_head *head,
                                      int *ret_err, adit_time now)
{
    struct adit_framing *f = (struct adit_framing *)c;
    struct adit_room_exchange *x;
    uint32_t id;

    (void)now;
    *ret_err = adit_framing_admits(f);
    if (!*ret_err && (!adit_framing_is_request(head->method, head->target) ||
                      (head->upgrade && adit_http1_has_token(head, "Upgrade", "websocket"))))
        *ret_err = -EINVAL;
    if (*ret_err)
        return NULL;
    id = adit_framing_next(f, 0);
    x = adit_room_new(f, id);
    if (!x) {
        *ret_err = -ENOMEM;
        return NULL;
    }
    x->f.asks_head = strcmp(head->method, "HEAD") == 0;
    *ret_err = send_request(x, head);
    if (!*ret_err && !head->body) {
        x->f.out_ended = true;
        *ret_err = adit_room_send(x, ADIT_ROOM_REQ_END, NULL, 0);
    }
    if (*ret_err) {
        adit_framed_free(&x->f, true);
        return NULL;
    }
    return &x->f.x;
}

/* ---- in ---- */

static void on_response(struct adit_framing *f, uint32_t id, json_t *json, adit_time now)
{
    const json_t *number = json_object_get(json, "stream_id");
    json_int_t status = json_integer_value(json_object_get(json, "status"));
    struct adit_framing_head h = { .json = NULL };
    struct adit_room_exchange *x;

    if (json_is_integer(number))
        id = (uint32_t)json_integer_value(number);
    x = (struct adit_room_exchange *)adit_framed_find(f, id, 0);
    if (!x || x->head_said)
        return;
    h.head.status = status >= 100 && status <= 599 && status != 101 ? (int)status : 0;
    if (h.head.status == 0 || adit_framing_read(&h, json_object_get(json, "headers"), 0) < 0) {
        adit_framed_tell_failed(&x->f, 502, "the response is not understood", now);
    } else {
        x->head_said = !h.head.interim;
        h.head.body = h.head.body && !x->f.asks_head;
        h.head.chunked = h.head.chunked && h.head.body;
        adit_framed_tell_head(&x->f, &h.head, now);
    }
    adit_framing_head_done(&h);
}

static void on_error(struct adit_room_exchange *x, const uint8_t *bytes, size_t n, adit_time now)
{
    char text[128];

    adit_framed_tell_failed(&x->f, 502, adit_str_printable(text, sizeof text, bytes, n), now);
}

void adit_room_consume(struct adit_framing *f, uint8_t type, uint32_t id, const uint8_t *bytes,
                       size_t n, adit_time now)
{
    struct adit_room_exchange *x = (struct adit_room_exchange *)adit_framed_find(f, id, 0);
    struct adit_cause cause;
    json_t *json;

    if (type == ADIT_ROOM_RES_HEADERS) {
        json = adit_json_read((const char *)bytes, n, &cause);
        on_response(f, id, json, now);
        json_decref(json);
    } else if (!x || x->f.in_ended) {
        return;
    } else if (type == ADIT_ROOM_ERROR) {
        on_error(x, bytes, n, now);
    } else if (type == ADIT_ROOM_RES_BODY && x->head_said) {
        adit_framed_tell_body(&x->f, bytes, n, now);
    } else if (type == ADIT_ROOM_RES_END && x->head_said) {
        adit_framed_tell_end(&x->f, now);
    } else if (type == ADIT_ROOM_RES_END) {
        adit_framed_tell_failed(&x->f, 502, "response ended before headers", now);
    }
}
