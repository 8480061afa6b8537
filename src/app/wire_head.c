#include "app/wire_head.h"

#include "base/alloc.h"
#include "base/str.h"

/* ---- writing --------------------------------------------------------------------------------- */

static void put_string(struct adit_buf *out, const char *s)
{
    size_t n = strlen(s);

    if (n > UINT16_MAX) {
        out->err = -EMSGSIZE;
        return;
    }
    adit_buf_add16(out, (uint16_t)n);
    adit_buf_add(out, s, n);
}

void adit_wire_put_fields(struct adit_buf *out, const struct adit_http1_field *fields,
                          unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        put_string(out, fields[i].name);
        put_string(out, fields[i].value);
    }
}

/* What is not in the fields and yet must be known: see `facts`. */
enum { BODY = 1, CHUNKED = 2, UPGRADE = 4, EXPECT_CONTINUE = 8 };

void adit_wire_put_head(struct adit_buf *out, const struct adit_http1_head *head)
{
    unsigned facts =
        (head->body ? BODY : 0u) | (head->chunked || head->until_close ? CHUNKED : 0u) |
        (head->upgrade ? UPGRADE : 0u) | (head->expect_continue ? EXPECT_CONTINUE : 0u);

    adit_buf_add8(out, (uint8_t)facts);
    if (head->method && *head->method) {
        put_string(out, head->method);
        put_string(out, head->target);
    } else {
        adit_buf_add16(out, (uint16_t)head->status);
        put_string(out, head->reason ? head->reason : "");
    }
    adit_wire_put_fields(out, head->fields, head->count);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* The next string, with a zero byte behind it. What is copied is shorter than what was read. */
static const char *get_string(struct adit_wire_head *w, struct adit_cursor *c)
{
    size_t n = adit_cursor_get16(c);
    const uint8_t *at = adit_cursor_take(c, n);
    char *s = w->text + w->used;

    if (!at)
        return "";
    memcpy(s, at, n);
    s[n] = '\0';
    w->used += n + 1;
    if (memchr(s, '\0', n))
        c->bad = true;
    return s;
}

/* RFC 9110 section 5.5: what may stand in a field's value; obs-text included. */
static bool is_value(const char *s)
{
    for (const char *p = s; *p; p++)
        if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f)
            return false;
    return s[0] != ' ' && s[0] != '\t' && (!s[0] || !strchr(" \t", s[strlen(s) - 1]));
}

static bool is_target(const char *s)
{
    for (const char *p = s; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return false;
    return s[0] != '\0';
}

static int get_fields(struct adit_wire_head *w, struct adit_cursor *c)
{
    unsigned n = 0;

    while (!c->bad && adit_cursor_left(c)) {
        const char *name = get_string(w, c), *value = get_string(w, c);

        if (c->bad || n == ADIT_WIRE_FIELDS_MAX || !adit_http1_is_token(name, strlen(name)) ||
            !is_value(value))
            return -EPROTO;
        w->fields[n++] = (struct adit_http1_field){ name, value };
    }
    w->head.fields = w->fields;
    w->head.count = n;
    return c->bad ? -EPROTO : 0;
}

static int begin(struct adit_wire_head *w, struct adit_cursor *c, const uint8_t *bytes, size_t n)
{
    w->head = (struct adit_http1_head){ .method = "", .target = "", .reason = "", .minor = 1 };
    w->used = 0;
    w->text = adit_malloc(n + 1);
    *c = adit_cursor(bytes, n);
    return w->text ? 0 : -ENOMEM;
}

/* What http1.h would have made of the same head. */
static int conclude(struct adit_wire_head *w, unsigned facts)
{
    struct adit_http1_head *h = &w->head;
    const char *length = adit_http1_get(h, "content-length");

    h->body = facts & BODY;
    h->chunked = h->body && facts & CHUNKED;
    h->upgrade = facts & UPGRADE;
    h->expect_continue = facts & EXPECT_CONTINUE;
    h->keep_alive = true;
    h->interim = h->status >= 100 && h->status < 200 && h->status != 101;
    if (adit_http1_get(h, "transfer-encoding") || adit_http1_count(h, "content-length") > 1 ||
        (h->chunked && length))
        return -EPROTO;
    if (h->body && !h->chunked &&
        (!length || adit_str_u64(&h->length, length, strlen(length), 0, UINT64_MAX) < 0))
        return -EPROTO;
    return 0;
}

int adit_wire_get_request(struct adit_wire_head *w, const uint8_t *bytes, size_t n)
{
    struct adit_cursor c;
    int err = begin(w, &c, bytes, n);
    unsigned facts;

    if (err)
        return err;
    facts = adit_cursor_get8(&c);
    w->head.method = get_string(w, &c);
    w->head.target = get_string(w, &c);
    if (c.bad || !adit_http1_is_token(w->head.method, strlen(w->head.method)) ||
        !is_target(w->head.target))
        return -EPROTO;
    err = get_fields(w, &c);
    return err ? err : conclude(w, facts);
}

int adit_wire_get_response(struct adit_wire_head *w, const uint8_t *bytes, size_t n)
{
    struct adit_cursor c;
    int err = begin(w, &c, bytes, n);
    unsigned facts;

    if (err)
        return err;
    facts = adit_cursor_get8(&c);
    w->head.status = adit_cursor_get16(&c);
    w->head.reason = get_string(w, &c);
    if (c.bad || w->head.status < 100 || w->head.status > 999 || !is_value(w->head.reason))
        return -EPROTO;
    err = get_fields(w, &c);
    return err ? err : conclude(w, facts);
}

int adit_wire_get_fields(struct adit_wire_head *w, const uint8_t *bytes, size_t n)
{
    struct adit_cursor c;
    int err = begin(w, &c, bytes, n);

    return err ? err : get_fields(w, &c);
}

void adit_wire_head_done(struct adit_wire_head *w)
{
    adit_free(w->text);
    w->text = NULL;
}
