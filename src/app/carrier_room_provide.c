/* carrier_room_provide.c - the HTTP tunnel's provider: requests in, responses out. */
#include "app/carrier_room.h"

#include <stdio.h>
#include <strings.h>

#include "base/str.h"

static void speak_error(struct adit_framing *f, uint32_t id, const char *text)
{
    adit_room_speak(f, ADIT_ROOM_ERROR, id, text);
    adit_room_speak(f, ADIT_ROOM_RES_END, id, "");
}

static int send_response(struct adit_room_exchange *x, int status, json_t *headers)
{
    return adit_room_send_json(x, ADIT_ROOM_RES_HEADERS,
                               json_pack("{sIsiso}", "stream_id", (json_int_t)x->f.key[0], "status",
                                         status, "headers", headers));
}

int adit_room_head(struct adit_exchange *exchange, const struct adit_http1_head *head,
                   adit_time now)
{
    struct adit_room_exchange *x = (struct adit_room_exchange *)exchange;
    int err;

    (void)now;
    if (head->interim)
        return 0;
    if (x->f.over || x->f.out_ended)
        return -EPIPE;
    if (head->status == 101)
        return -EINVAL;
    err = send_response(x, head->status, adit_framing_object(head));
    if (err)
        return err;
    x->head_said = true;
    if (head->body)
        return 0;
    x->f.out_ended = true;
    return adit_room_send(x, ADIT_ROOM_RES_END, NULL, 0);
}

/* As the original words it. */
void adit_room_say_failure(struct adit_room_exchange *x, const char *text)
{
    const char *before = x->head_said                                     ? "upstream error: "
                         : text && adit_str_starts(text, "Bad Gateway: ") ? ""
                                                                          : "Bad Gateway: ";
    char words[256];
    size_t len;

    snprintf(words, sizeof words, "%s%s", before, text ? text : "it broke off");
    len = strlen(words);
    adit_framing_purge(adit_framing_of(&x->f), x->f.lane);
    if (x->head_said) {
        (void)!adit_room_send(x, ADIT_ROOM_ERROR, words, len);
    } else {
        (void)!send_response(x, 502, json_pack("{ss}", "content-type", "text/plain"));
        (void)!adit_room_send(x, ADIT_ROOM_RES_BODY, words, len);
    }
    (void)!adit_room_send(x, ADIT_ROOM_RES_END, NULL, 0);
}

/* ---- in ---- */

/* What is said of the body settles whether there is one. */
static bool settle(struct adit_room_exchange *x, bool body, adit_time now)
{
    bool alive = true;

    if (!x->waits)
        return true;
    x->waits = false;
    x->kept.head.body = x->kept.head.chunked = body;
    if (!body)
        x->kept.head.length = 0;
    alive = adit_framed_tell_request(&x->f, &x->kept.head, now);
    if (alive)
        adit_framing_head_done(&x->kept);
    return alive;
}

static void begin_request(struct adit_room_exchange *x, bool chunked, adit_time now)
{
    bool known = adit_http1_get(&x->kept.head, "Content-Length") != NULL;

    x->waits = true;
    if (known) {
        x->waits = false;
        if (adit_framed_tell_request(&x->f, &x->kept.head, now))
            adit_framing_head_done(&x->kept);
    } else if (chunked) {
        settle(x, true, now);
    }
}

static bool is_chunked(const json_t *headers)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)headers, name,
                        value) if (strcasecmp(name, "Transfer-Encoding") == 0) return true;
    return false;
}

static void on_request(struct adit_framing *f, uint32_t id, const json_t *json, adit_time now)
{
    const json_t *number = json_object_get(json, "stream_id");
    const char *method = adit_json_string(json, "method"), *path = adit_json_string(json, "path");
    json_t *headers = json_object_get(json, "headers");
    json_int_t n = json_integer_value(number);
    struct adit_room_exchange *x;
    int err;

    if (json_is_integer(number) && n >= 0 && n <= UINT32_MAX)
        id = (uint32_t)n;
    if (adit_framed_find(f, id, 0))
        return; /* the same number twice: the second is passed over */
    if (!json_is_integer(number) || !method || !path || !json_is_object(headers) ||
        !adit_framing_is_request(method, path)) {
        speak_error(f, id, "the request is not understood");
        return;
    }
    if (adit_framing_admits(f) < 0) {
        speak_error(f, id, "too many requests at a time");
        return;
    }
    x = adit_room_new(f, id);
    if (!x) {
        speak_error(f, id, "no memory");
        return;
    }
    x->kept.head.method = method;
    x->kept.head.target = path;
    err = adit_framing_read(&x->kept, headers, 0);
    if (err) {
        speak_error(f, id, err == -ENOMEM ? "no memory" : "the request is not understood");
        adit_framed_free(&x->f, true);
        return;
    }
    /* method and path are in the outer object */
    json_decref(x->kept.json);
    x->kept.json = json_incref((json_t *)json);
    begin_request(x, is_chunked(headers), now);
}

void adit_room_provide(struct adit_framing *f, uint8_t type, uint32_t id, const uint8_t *bytes,
                       size_t n, adit_time now)
{
    struct adit_room_exchange *x = (struct adit_room_exchange *)adit_framed_find(f, id, 0);
    struct adit_cause cause;
    json_t *json;

    if (type == ADIT_ROOM_REQ_HEADERS) {
        json = adit_json_read((const char *)bytes, n, &cause);
        on_request(f, id, json, now);
        json_decref(json);
        return;
    }
    if (!x || x->f.in_ended)
        return;
    if (type == ADIT_ROOM_REQ_BODY && n > 0 && settle(x, true, now))
        adit_framed_tell_body(&x->f, bytes, n, now);
    if (type == ADIT_ROOM_REQ_END && settle(x, false, now))
        adit_framed_tell_end(&x->f, now);
}
