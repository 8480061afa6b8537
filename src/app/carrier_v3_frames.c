/* carrier_v3_frames.c - frames of the third version on their way out. */
#include <stdlib.h>

#include "app/carrier_v3.h"

static void add32(struct adit_buf *out, uint32_t v)
{
    uint8_t p[4];

    adit_put32(p, v);
    adit_buf_add(out, p, sizeof p);
}

static void begin(struct adit_buf *out, size_t limit, enum adit_v3_type type, uint32_t id)
{
    adit_buf_init(out, limit);
    adit_buf_add8(out, (uint8_t)type);
    add32(out, id);
}

static void add_text16(struct adit_buf *out, const char *text)
{
    size_t n = strlen(text);

    if (n > UINT16_MAX && !out->err)
        out->err = -EMSGSIZE;
    adit_buf_add16(out, (uint16_t)n);
    adit_buf_add(out, text, n);
}

/* Takes json. */
static void add_json(struct adit_buf *out, json_t *json)
{
    size_t n;
    char *text = adit_framing_text(json, &n);

    if (!out->err)
        out->err = !text ? -ENOMEM : n > ADIT_V3_HEADERS_MAX ? -EMSGSIZE : 0;
    add32(out, (uint32_t)n);
    adit_buf_add(out, text, n);
    free(text);
}

/* x NULL: it belongs to no exchange. */
static int finish(struct adit_v3 *v, struct adit_v3_exchange *x, struct adit_buf *out)
{
    struct adit_span part = { out->data, out->len };
    int err = out->err;

    if (!err && x)
        err = adit_framing_send(&v->f, x->f.lane, &part, 1);
    else if (!err)
        adit_framing_speak(&v->f, &part, 1);
    adit_buf_done(out);
    return err == -EMSGSIZE ? -EINVAL : err;
}

void adit_v3_put_hello(struct adit_buf *out)
{
    adit_buf_add8(out, ADIT_V3_HELLO);
    adit_buf_add8(out, 3);
    adit_buf_add16(out, 0);
    add32(out, ADIT_V3_CHUNK_MAX);
    add32(out, ADIT_V3_BODY_MAX);
    add_text16(out, "adit/" ADIT_VERSION);
}

size_t adit_v3_chunk(const struct adit_v3 *v)
{
    size_t max = adit_framing_message_max(&v->f), fits = max > 2048 ? max - 1024 : max - max / 4;

    fits = fits < v->chunk_max ? fits : v->chunk_max;
    return fits < ADIT_V3_CHUNK_MAX ? fits : ADIT_V3_CHUNK_MAX;
}

/* ---- HTTP ------------------------------------------------------------------------------------ */

int adit_v3_send_request(struct adit_v3_exchange *x, const char *method, const char *path,
                         json_t *fields, bool body)
{
    struct adit_v3 *v = adit_v3_of(x);
    struct adit_buf out;

    begin(&out, adit_framing_message_max(&v->f), ADIT_V3_REQUEST_HEAD, x->f.key[0]);
    adit_buf_add8(&out, body);
    add_text16(&out, method);
    add_text16(&out, path);
    add_json(&out, fields);
    return finish(v, x, &out);
}

static int response(struct adit_v3 *v, struct adit_v3_exchange *x, uint32_t id, int status,
                    json_t *fields, bool body)
{
    struct adit_buf out;

    begin(&out, adit_framing_message_max(&v->f), ADIT_V3_RESPONSE_HEAD, id);
    adit_buf_add16(&out, (uint16_t)status);
    adit_buf_add8(&out, body);
    add_json(&out, fields);
    return finish(v, x, &out);
}

int adit_v3_send_response(struct adit_v3_exchange *x, int status, json_t *fields, bool body)
{
    return response(adit_v3_of(x), x, x->f.key[0], status, fields, body);
}

static int chunk(struct adit_v3 *v, struct adit_v3_exchange *x, uint32_t id, const void *bytes,
                 size_t n, bool final)
{
    uint8_t header[10] = { v->f.c.conf.provider ? ADIT_V3_RESPONSE_CHUNK : ADIT_V3_REQUEST_CHUNK };
    struct adit_span parts[] = { { header, sizeof header }, { bytes, n } };

    adit_put32(header + 1, id);
    header[5] = final;
    adit_put32(header + 6, (uint32_t)n);
    if (x)
        return adit_framing_send(&v->f, x->f.lane, parts, 2);
    adit_framing_speak(&v->f, parts, 2);
    return 0;
}

int adit_v3_send_chunks(struct adit_v3_exchange *x, const uint8_t *bytes, size_t n, bool final)
{
    struct adit_v3 *v = adit_v3_of(x);
    size_t most = adit_v3_chunk(v), part;
    int err = 0;

    do {
        part = n < most ? n : most;
        if (part < n && part == 0)
            return -EPIPE;
        err = chunk(v, x, x->f.key[0], bytes, part, final && part == n);
        bytes = bytes ? bytes + part : NULL;
        n -= part;
    } while (n > 0 && !err);
    return err;
}

static void cancel(struct adit_v3 *v, struct adit_v3_exchange *x, uint32_t id,
                   enum adit_v3_reason reason)
{
    struct adit_buf out;

    begin(&out, 16, ADIT_V3_CANCEL, id);
    adit_buf_add16(&out, (uint16_t)reason);
    (void)!finish(v, x, &out);
}

void adit_v3_send_cancel(struct adit_v3_exchange *x, enum adit_v3_reason reason)
{
    cancel(adit_v3_of(x), x, x->f.key[0], reason);
}

void adit_v3_speak_cancel(struct adit_v3 *v, uint32_t id, enum adit_v3_reason reason)
{
    cancel(v, NULL, id, reason);
}

static void problem(struct adit_v3 *v, struct adit_v3_exchange *x, uint32_t id, int status,
                    enum adit_v3_reason reason, const char *text)
{
    size_t n;
    char *body = adit_framing_text(
        json_pack("{sssiss}", "title", adit_v3_words(reason), "status", status, "detail", text),
        &n);
    json_t *fields = json_pack("[[ss]]", "content-type", "application/problem+json");

    if (body && response(v, x, id, status, fields, true) == 0)
        (void)!chunk(v, x, id, body, n, true);
    else if (!body)
        json_decref(fields);
    free(body);
}

void adit_v3_send_problem(struct adit_v3_exchange *x, enum adit_v3_reason reason, const char *text)
{
    problem(adit_v3_of(x), x, x->f.key[0], adit_v3_status(reason), reason, text);
}

void adit_v3_speak_problem(struct adit_v3 *v, uint32_t id, int status, enum adit_v3_reason reason,
                           const char *text)
{
    problem(v, NULL, id, status, reason, text);
}

/* ---- WebSockets ------------------------------------------------------------------------------ */

int adit_v3_send_connect(struct adit_v3_exchange *x, const char *url, json_t *fields)
{
    struct adit_v3 *v = adit_v3_of(x);
    struct adit_buf out;

    begin(&out, adit_framing_message_max(&v->f), ADIT_V3_WS_CONNECT, x->f.key[0]);
    add_text16(&out, url);
    add_json(&out, fields);
    return finish(v, x, &out);
}

void adit_v3_send_ack(struct adit_v3_exchange *x, const char *protocol)
{
    struct adit_buf out;

    begin(&out, 128, ADIT_V3_WS_ACK, x->f.key[0]);
    add_text16(&out, protocol);
    (void)!finish(adit_v3_of(x), x, &out);
}

void adit_v3_send_message(struct adit_v3_exchange *x, bool text, const uint8_t *bytes, size_t n)
{
    struct adit_v3 *v = adit_v3_of(x);
    size_t most = adit_v3_chunk(v), part;
    uint8_t header[11] = { ADIT_V3_WS_DATA };
    int err;

    adit_put32(header + 1, x->f.key[0]);
    header[5] = text ? 1 : 2;
    do {
        part = n < most ? n : most;
        if (part < n && part == 0)
            return;
        header[6] = part == n;
        adit_put32(header + 7, (uint32_t)part);
        struct adit_span parts[] = { { header, sizeof header }, { bytes, part } };
        err = adit_framing_send(&v->f, x->f.lane, parts, 2);
        header[5] = 0;
        bytes += part;
        n -= part;
    } while (n > 0 && !err);
}

static void code_frame(struct adit_buf *out, enum adit_v3_type type, uint32_t id, unsigned code,
                       const void *reason, size_t n)
{
    begin(out, 256, type, id);
    adit_buf_add16(out, (uint16_t)code);
    n = n < 200 ? n : 200;
    adit_buf_add16(out, (uint16_t)n);
    adit_buf_add(out, reason, n);
}

void adit_v3_send_code(struct adit_v3_exchange *x, enum adit_v3_type type, unsigned code,
                       const uint8_t *reason, size_t n)
{
    struct adit_buf out;

    code_frame(&out, type, x->f.key[0], code, reason, n);
    (void)!finish(adit_v3_of(x), x, &out);
}

void adit_v3_speak_code(struct adit_v3 *v, enum adit_v3_type type, uint32_t id, unsigned code,
                        const char *reason)
{
    struct adit_buf out;

    code_frame(&out, type, id, code, reason, strlen(reason));
    (void)!finish(v, NULL, &out);
}
