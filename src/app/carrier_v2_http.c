/* carrier_v2_http.c - requests and responses, whole in one message each. */
#include <stdio.h>

#include "app/carrier_v2.h"
#include "base/alloc.h"
#include "base/str.h"

#define PIECE (64 * 1024)

/* ---- out ------------------------------------------------------------------------------------- */

static void collected(struct adit_v2_exchange *x, size_t before)
{
    adit_framing_of(&x->f)->collected += x->out.len - before;
}

static void add_text16(struct adit_buf *out, const char *text)
{
    size_t n = strlen(text);

    if (n > UINT16_MAX && !out->err)
        out->err = -EMSGSIZE;
    adit_buf_add16(out, (uint16_t)n);
    adit_buf_add(out, text, n);
}

/* Everything before the body; its length is filled in at the end. */
static int begin_message(struct adit_v2_exchange *x, json_t *headers)
{
    adit_v2_add_json(&x->out, headers);
    adit_v2_add32(&x->out, 0);
    x->body_at = x->out.len;
    collected(x, 0);
    return x->out.err == -EMSGSIZE ? -EINVAL : x->out.err;
}

static int send_message(struct adit_v2_exchange *x)
{
    struct adit_framing *f = adit_framing_of(&x->f);
    struct adit_span part = { x->out.data, x->out.len };
    int err;

    adit_put32(x->out.data + x->body_at - 4, (uint32_t)(x->out.len - x->body_at));
    err = adit_framing_send(f, x->f.lane, &part, 1);
    f->collected -= x->out.len;
    adit_buf_done(&x->out);
    x->sent = true;
    return err;
}

static bool fits(const struct adit_v2_exchange *x, uint64_t n)
{
    const struct adit_framing *f = adit_framing_of(&x->f);

    return n <= x->out.limit - x->out.len && n <= ADIT_FRAMING_COLLECT_MAX - f->collected;
}

/* {"error": "what: text"}, with the blanks of the originals. */
static void put_error(struct adit_buf *out, uint32_t id, int status, const char *what,
                      const char *text)
{
    char words[256], body[600];
    size_t n = 0;

    snprintf(words, sizeof words, "%s%s", what, text);
    adit_str_printable(words, sizeof words, words, strlen(words));
    n += (size_t)snprintf(body, sizeof body, "{\"error\": \"");
    for (const char *p = words; *p; p++) {
        if (*p == '"' || *p == '\\')
            body[n++] = '\\';
        body[n++] = *p;
    }
    n += (size_t)snprintf(body + n, sizeof body - n, "\"}");
    adit_buf_add8(out, ADIT_V2_RESPONSE);
    adit_v2_add32(out, id);
    adit_buf_add16(out, (uint16_t)status);
    adit_v2_add_json(out, json_pack("{ss}", "content-type", "application/json"));
    adit_v2_add32(out, (uint32_t)n);
    adit_buf_add(out, body, n);
}

static void speak_error(struct adit_framing *f, uint32_t id, int status, const char *what,
                        const char *text)
{
    struct adit_buf out;
    struct adit_span part;

    adit_buf_init(&out, 2048);
    put_error(&out, id, status, what, text);
    part = (struct adit_span){ out.data, out.len };
    if (!out.err)
        adit_framing_speak(f, &part, 1);
    adit_buf_done(&out);
}

/* In place of the response. */
static void send_error(struct adit_v2_exchange *x, const char *text)
{
    struct adit_buf out;
    struct adit_span part;
    bool prefixed = text && adit_str_starts(text, "Bad Gateway: ");

    adit_buf_init(&out, 2048);
    put_error(&out, x->f.key[0], 502,
              prefixed ? "" : "Bad Gateway: ", text ? text : "it broke off");
    part = (struct adit_span){ out.data, out.len };
    if (!out.err)
        (void)!adit_framing_send(adit_framing_of(&x->f), x->f.lane, &part, 1);
    adit_buf_done(&out);
    x->f.out_ended = x->sent = true;
}

struct adit_exchange *adit_v2_begin_http(struct adit_framing *f, const struct adit_http1_head *head,
                                         int *ret_err)
{
    struct adit_v2_exchange *x = adit_v2_new(f, adit_framing_next(f, ADIT_V2_HTTP), ADIT_V2_HTTP);
    json_t *headers = adit_framing_object(head);

    /* The originals would decompress the body and leave its Content-Encoding as it is. */
    json_object_set_new(headers, "accept-encoding", json_string("identity"));
    if (!x) {
        json_decref(headers);
        *ret_err = -ENOMEM;
        return NULL;
    }
    x->f.asks_head = strcmp(head->method, "HEAD") == 0;
    adit_buf_add8(&x->out, ADIT_V2_REQUEST);
    adit_v2_add32(&x->out, x->f.key[0]);
    add_text16(&x->out, head->method);
    add_text16(&x->out, head->target);
    *ret_err = begin_message(x, headers);
    if (*ret_err) {
        adit_framed_free(&x->f, true);
        return NULL;
    }
    if (head->body && !head->chunked && !fits(x, head->length))
        adit_framed_fail_later(&x->f, 413, "the request is larger than the tunnel carries at once");
    return &x->f.x;
}

int adit_v2_head_http(struct adit_v2_exchange *x, const struct adit_http1_head *head)
{
    int err;

    if (x->sent || x->out.len > 0 || head->status == 101)
        return -EINVAL;
    adit_buf_add8(&x->out, ADIT_V2_RESPONSE);
    adit_v2_add32(&x->out, x->f.key[0]);
    adit_buf_add16(&x->out, (uint16_t)head->status);
    err = begin_message(x, adit_framing_object(head));
    if (err) {
        adit_framing_of(&x->f)->collected -= x->out.len;
        adit_buf_done(&x->out);
        x->body_at = 0;
    }
    return err;
}

/* Too large: the one who waits for the answer is told. */
static void too_large(struct adit_v2_exchange *x)
{
    struct adit_framing *f = adit_framing_of(&x->f);

    f->collected -= x->out.len;
    adit_buf_done(&x->out);
    if (f->c.conf.provider)
        send_error(x, "the response is larger than the tunnel carries at once");
    x->f.out_ended = true;
    adit_framed_fail_later(&x->f, f->c.conf.provider ? 502 : 413,
                           "the body is larger than the tunnel carries at once");
}

int adit_v2_body_http(struct adit_v2_exchange *x, const uint8_t *bytes, size_t n)
{
    size_t before = x->out.len;

    if (x->f.fail_status)
        return 0;
    if (!fits(x, n)) {
        too_large(x);
        return 0;
    }
    adit_buf_add(&x->out, bytes, n);
    collected(x, before);
    return x->out.err;
}

int adit_v2_end_http(struct adit_v2_exchange *x)
{
    return x->f.fail_status || x->sent ? 0 : x->body_at ? send_message(x) : -EINVAL;
}

void adit_v2_drop_http(struct adit_v2_exchange *x, const char *text)
{
    const struct adit_framing *f = adit_framing_of(&x->f);

    if (f->c.conf.provider && !x->sent && !f->dead)
        send_error(x, text);
}

/* ---- in -------------------------------------------------------------------------------------- */

bool adit_v2_tell_body(struct adit_v2_exchange *x, adit_time now)
{
    struct adit_framing *f = adit_framing_of(&x->f);

    while (x->in_at < x->in_len) {
        size_t n = x->in_len - x->in_at < PIECE ? x->in_len - x->in_at : PIECE;
        if (x->f.held >= ADIT_FRAMING_HELD_MAX / 2)
            return true;
        x->in_at += n;
        if (!adit_framed_tell_body(&x->f, x->in + x->in_at - n, n, now))
            return false;
    }
    adit_free(x->in);
    f->collected -= x->in_len;
    x->in = NULL;
    x->in_len = x->in_at = 0;
    return adit_framed_tell_end(&x->f, now);
}

static int keep_body(struct adit_v2_exchange *x, const uint8_t *bytes, size_t n)
{
    struct adit_framing *f = adit_framing_of(&x->f);

    if (n > ADIT_FRAMING_COLLECT_MAX - f->collected)
        return -ENOMEM;
    x->in = n ? adit_memdup(bytes, n) : NULL;
    if (n && !x->in)
        return -ENOMEM;
    x->in_len = n;
    f->collected += n;
    return 0;
}

/* A frame, taken apart. The strings are ours. */
struct parsed {
    uint32_t id;
    int status;
    char *method, *path;
    json_t *headers;
    const uint8_t *body;
    size_t body_len;
};

static char *get_string(struct adit_cursor *c)
{
    size_t n = adit_cursor_get16(c);
    const uint8_t *p = adit_cursor_take(c, n);

    return p ? adit_v2_string(p, n) : NULL;
}

static bool parse(struct parsed *p, const uint8_t *bytes, size_t n, bool request)
{
    struct adit_cursor c = adit_cursor(bytes + 1, n - 1);
    struct adit_cause cause;
    const uint8_t *json;
    size_t len;

    *p = (struct parsed){ .id = adit_cursor_get32(&c) };
    if (request) {
        p->method = get_string(&c);
        p->path = get_string(&c);
    } else {
        p->status = adit_cursor_get16(&c);
    }
    len = adit_cursor_get32(&c);
    json = adit_cursor_take(&c, len);
    if (json)
        p->headers = adit_json_read((const char *)json, len, &cause);
    p->body_len = adit_cursor_get32(&c);
    p->body = adit_cursor_take(&c, p->body_len);
    return !c.bad && json_is_object(p->headers) &&
           (!request || (p->method && p->path && adit_framing_is_request(p->method, p->path)));
}

static void parsed_done(struct parsed *p)
{
    adit_free(p->method);
    adit_free(p->path);
    json_decref(p->headers);
}

static void begin_request(struct adit_v2_exchange *x, struct parsed *p, adit_time now)
{
    struct adit_framing_head h = { .head = { .method = p->method, .target = p->path } };
    struct adit_framing *f = adit_framing_of(&x->f);
    int err = keep_body(x, p->body, p->body_len);

    if (!err) {
        json_object_del(p->headers, "content-length");
        json_object_del(p->headers, "Content-Length");
        err = adit_framing_read(&h, p->headers, 2);
    }
    if (err) {
        speak_error(f, x->f.key[0], err == -ENOMEM ? 503 : 500,
                    "Internal proxy error: ", err == -ENOMEM ? "no memory" : "headers");
        adit_framed_free(&x->f, true);
    } else {
        adit_framing_set_length(&h, p->body_len);
        adit_framing_remove(&h, "Accept-Encoding"); /* the other end would not decompress */
        adit_framing_add(&h, "Accept-Encoding", "identity");
        if (adit_framed_tell_request(&x->f, &h.head, now))
            adit_v2_tell_body(x, now);
    }
    adit_framing_head_done(&h);
}

void adit_v2_request(struct adit_framing *f, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_v2_exchange *x;
    struct parsed p;

    if (!parse(&p, bytes, n, true)) {
        /* The original reads the number from the wrong place, and its peers have learned to live
         * with it: request 1 is answered as 0x01000000. */
        speak_error(f, n >= 4 ? adit_get32(bytes) : 0, 500,
                    "Internal proxy error: ", "the request is not understood");
    } else if (adit_framing_admits(f) < 0) {
        speak_error(f, p.id, 503, "", "too many requests at a time");
    } else if (!adit_framed_find(f, p.id, ADIT_V2_HTTP)) {
        x = adit_v2_new(f, p.id, ADIT_V2_HTTP);
        if (x)
            begin_request(x, &p, now);
        else
            speak_error(f, p.id, 503, "", "no memory");
    }
    parsed_done(&p);
}

/* Whose answer is it? One to a request that the original did not understand has a wrong number:
 * the type and the upper three bytes of the right one. It is told to whom it can be meant for, if
 * there is only one. */
static struct adit_v2_exchange *find(struct adit_framing *f, const struct parsed *p)
{
    struct adit_framed *x = adit_framed_find(f, p->id, ADIT_V2_HTTP), *found = NULL;

    if (x || p->id >> 24 != ADIT_V2_REQUEST || p->status != 500)
        return (struct adit_v2_exchange *)x;
    for (struct adit_link *it = f->all.next; it != &f->all; it = it->next) {
        x = adit_container_of(it, struct adit_framed, link);
        if (x->key[1] != ADIT_V2_HTTP || !adit_map_has(&x->node) ||
            x->key[0] >> 8 != (p->id & 0xffffff))
            continue;
        if (found)
            return NULL;
        found = x;
    }
    return (struct adit_v2_exchange *)found;
}

/* The originals send on what they have decompressed with the Content-Encoding that it had. */
static void fix_coding(struct adit_framing_head *h, const struct parsed *p)
{
    if (p->body_len > 0 && adit_utf8_valid(p->body, p->body_len))
        adit_framing_remove(h, "Content-Encoding");
}

static void begin_response(struct adit_v2_exchange *x, struct parsed *p, adit_time now)
{
    struct adit_framing_head h = { .head = { .status = p->status } };
    bool bodyless = x->f.asks_head || p->status == 204 || p->status == 304;
    int err = p->status < 200 || p->status > 599 ? -EPROTO : keep_body(x, p->body, p->body_len);

    if (!err && !bodyless) {
        json_object_del(p->headers, "content-length");
        json_object_del(p->headers, "Content-Length");
    }
    if (!err)
        err = adit_framing_read(&h, p->headers, 1);
    adit_framed_forget(&x->f); /* nothing more comes for it */
    if (err) {
        adit_framed_tell_failed(&x->f, 502, "the response is not understood", now);
    } else {
        if (bodyless) {
            h.head.body = h.head.chunked = false;
        } else {
            adit_framing_set_length(&h, p->body_len);
            fix_coding(&h, p);
        }
        if (adit_framed_tell_head(&x->f, &h.head, now))
            adit_v2_tell_body(x, now);
    }
    adit_framing_head_done(&h);
}

void adit_v2_response(struct adit_framing *f, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_v2_exchange *x;
    struct parsed p;
    bool good = parse(&p, bytes, n, false);

    x = n >= 5 ? find(f, &p) : NULL;
    if (x && x->sent && !x->f.fail_status) {
        if (good)
            begin_response(x, &p, now);
        else
            adit_framed_tell_failed(&x->f, 502, "the response is not understood", now);
    }
    parsed_done(&p);
}
