/* framing_head.c - heads of requests and responses as JSON, and back. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "app/framing.h"
#include "base/alloc.h"
#include "base/str.h"

/* ---- out ------------------------------------------------------------------------------------- */

/* What belongs to one connection (RFC 9110 section 7.6.1), and what no framing can carry. */
static bool is_hop(const char *name)
{
    static const char *const names[] = { "connection", "keep-alive",    "transfer-encoding",
                                         "te",         "trailer",       "upgrade",
                                         "expect",     "http2-settings" };

    if (strncasecmp(name, "proxy-", 6) == 0)
        return true;
    for (unsigned i = 0; i < ADIT_LEN(names); i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

/* Fields whose values are no lists: two of them cannot be one (RFC 9110 section 5.3). */
static bool is_single(const char *name)
{
    static const char *const names[] = {
        "age",
        "authorization",
        "content-length",
        "content-location",
        "content-range",
        "content-type",
        "date",
        "etag",
        "expires",
        "from",
        "host",
        "if-modified-since",
        "if-range",
        "last-modified",
        "if-unmodified-since",
        "location",
        "max-forwards",
        "origin",
        "referer",
        "retry-after",
        "server",
        "set-cookie",
        "user-agent",
    };

    for (unsigned i = 0; i < ADIT_LEN(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static char *small_letters(const char *name)
{
    char *copy = adit_strdup(name);

    for (char *p = copy; p && *p; p++)
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
    return copy;
}

/* NULL: left out, as it is no text, or without memory. */
static json_t *joined(const char *name, const json_t *before, const char *value)
{
    const char *old = json_string_value(before);
    const char *comma = strcmp(name, "cookie") == 0 ? "; " : ", ";

    return old && !is_single(name) ? json_sprintf("%s%s%s", old, comma, value) : json_string(value);
}

json_t *adit_framing_object(const struct adit_http1_head *head)
{
    json_t *object = json_object();

    for (unsigned i = 0; object && i < head->count; i++) {
        const struct adit_http1_field *field = &head->fields[i];
        char *name;
        json_t *value;
        int err;

        if (is_hop(field->name) || !adit_utf8_valid(field->value, strlen(field->value)))
            continue;
        name = small_letters(field->name);
        value = name ? joined(name, json_object_get(object, name), field->value) : NULL;
        err = value ? json_object_set_new(object, name, value) : -1;
        adit_free(name);
        if (err) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

json_t *adit_framing_pairs(const struct adit_http1_head *head)
{
    json_t *pairs = json_array();

    for (unsigned i = 0; pairs && i < head->count; i++) {
        const struct adit_http1_field *field = &head->fields[i];
        char *name;
        int err;

        if (is_hop(field->name) || strcasecmp(field->name, "host") == 0 ||
            !adit_utf8_valid(field->value, strlen(field->value)))
            continue;
        name = small_letters(field->name);
        err = name ? json_array_append_new(pairs, json_pack("[ss]", name, field->value)) : -1;
        adit_free(name);
        if (err) {
            json_decref(pairs);
            return NULL;
        }
    }
    return pairs;
}

char *adit_framing_text(json_t *json, size_t *ret_n)
{
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

    json_decref(json);
    *ret_n = text ? strlen(text) : 0;
    return text;
}

/* ---- in -------------------------------------------------------------------------------------- */

static bool is_value(const json_t *value)
{
    const char *s = json_string_value(value);

    if (!s || strlen(s) != json_string_length(value))
        return false;
    for (; *s; s++)
        if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f)
            return false;
    return true;
}

/* A field that cannot be is left out, as the originals do. */
static void take(struct adit_framing_head *h, const char *name, const json_t *value)
{
    if (adit_http1_is_token(name, strlen(name)) && is_value(value) && !is_hop(name))
        h->fields[h->head.count++] = (struct adit_http1_field){ name, json_string_value(value) };
}

static void take_all(struct adit_framing_head *h, json_t *json)
{
    const char *name;
    json_t *value;
    size_t i;

    if (json_is_object(json)) {
        json_object_foreach(json, name, value) take(h, name, value);
        return;
    }
    json_array_foreach(json, i, value)
    {
        const json_t *first = json_array_get(value, 0);
        if (json_array_size(value) == 2 && is_value(first))
            take(h, json_string_value(first), json_array_get(value, 1));
    }
}

/* Two programs must not take two lengths out of one head. */
static int read_length(struct adit_framing_head *h)
{
    const char *text = adit_http1_get(&h->head, "Content-Length");
    struct adit_http1_head *head = &h->head;
    bool response = head->status != 0;

    head->interim = head->status >= 100 && head->status < 200 && head->status != 101;
    head->chunked = !text;
    if (text && (adit_http1_count(head, "Content-Length") != 1 ||
                 adit_str_u64(&head->length, text, strlen(text), 0, INT64_MAX) < 0))
        return -EPROTO;
    if (response)
        head->body = head->status >= 200 && head->status != 204 && head->status != 304;
    else
        head->body = head->length > 0;
    head->chunked = response && head->body && !text;
    return 0;
}

int adit_framing_read(struct adit_framing_head *h, json_t *json, unsigned fresh)
{
    size_t n = json_is_object(json) ? json_object_size(json) : json_array_size(json);

    if ((!json_is_object(json) && !json_is_array(json)) || n > ADIT_FRAMING_FIELDS_MAX)
        return -EPROTO;
    h->fields = adit_zalloc((n + fresh + 1) * sizeof *h->fields);
    if (!h->fields)
        return -ENOMEM;
    h->json = json_incref(json);
    h->head.fields = h->fields;
    h->head.minor = 1;
    h->head.keep_alive = true;
    if (!h->head.method)
        h->head.method = h->head.target = "";
    h->head.reason = adit_http1_reason(h->head.status);
    take_all(h, json);
    return read_length(h);
}

void adit_framing_head_done(struct adit_framing_head *h)
{
    adit_free(h->fields);
    json_decref(h->json);
    h->fields = NULL;
    h->json = NULL;
}

void adit_framing_remove(struct adit_framing_head *h, const char *name)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < h->head.count; i++)
        if (strcasecmp(h->fields[i].name, name) != 0)
            h->fields[kept++] = h->fields[i];
    h->head.count = kept;
}

void adit_framing_add(struct adit_framing_head *h, const char *name, const char *value)
{
    h->fields[h->head.count++] = (struct adit_http1_field){ name, value };
}

void adit_framing_set_length(struct adit_framing_head *h, uint64_t n)
{
    adit_framing_remove(h, "Content-Length");
    snprintf(h->length, sizeof h->length, "%llu", (unsigned long long)n);
    if (n > 0 || h->head.status)
        adit_framing_add(h, "Content-Length", h->length);
    h->head.body = n > 0;
    h->head.chunked = false;
    h->head.length = n;
}

void adit_framed_expect(struct adit_framed *x, const struct adit_http1_head *head)
{
    bool raw = head->status == 101;

    x->none = !head->body && !raw;
    x->counted = !head->chunked && !head->until_close && !raw;
    x->left = head->length;
}

bool adit_framing_is_request(const char *method, const char *target)
{
    if (!adit_http1_is_token(method, strlen(method)) || strcmp(method, "CONNECT") == 0)
        return false;
    if (target[0] != '/' && !(strcmp(target, "*") == 0 && strcmp(method, "OPTIONS") == 0))
        return false;
    for (const char *p = target; *p; p++)
        if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f)
            return false;
    return true;
}
