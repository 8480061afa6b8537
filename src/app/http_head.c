#include "app/http_head.h"

#include "base/str.h"

#define HOP     (1 << 0) /* of one connection: never goes on */
#define FRAMING (ADIT_HTTP_NO_HOST | ADIT_HTTP_NO_LENGTH)

static const struct {
    const char *name; /* lower case */
    uint8_t len, class;
} known[] = {
    { "host", 4, ADIT_HTTP_NO_HOST },
    { "expect", 6, ADIT_HTTP_NO_EXPECT },
    { "upgrade", 7, ADIT_HTTP_NO_UPGRADE },
    { "forwarded", 9, ADIT_HTTP_NO_FORWARDED },
    { "x-real-ip", 9, ADIT_HTTP_NO_FORWARDED },
    { "connection", 10, HOP },
    { "keep-alive", 10, HOP },
    { "x-client-ip", 11, ADIT_HTTP_NO_FORWARDED },
    { "authorization", 13, ADIT_HTTP_NO_LOGIN },
    { "content-length", 14, ADIT_HTTP_NO_LENGTH },
    { "http2-settings", 14, HOP },
    { "true-client-ip", 14, ADIT_HTTP_NO_FORWARDED },
    { "transfer-encoding", 17, HOP },
    { "upgrade-insecure-requests", 25, HOP }, /* it would lead out of the tunnel */
};

/* b is in lower case. */
static bool same(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = a[i];

        if (c >= 'A' && c <= 'Z')
            c = (char)(c | 0x20);
        else if (c == '_')
            c = '-';
        if (c != b[i])
            return false;
    }
    return true;
}

static unsigned class_of(const char *name, size_t len)
{
    for (size_t i = 0; i < ADIT_LEN(known); i++)
        if (known[i].len == len && same(name, known[i].name, len))
            return known[i].class;
    if (len > 6 && same(name, "proxy-", 6))
        return HOP;
    if (len > 12 && same(name, "x-forwarded-", 12))
        return ADIT_HTTP_NO_FORWARDED;
    return 0;
}

static bool is_token(const struct adit_span *t, const char *word)
{
    return t->len == strlen(word) && same((const char *)t->data, word, t->len);
}

/* Does Connection name fields beyond those that never go on? Most often it does not. */
static bool names_others(const struct adit_http1_head *head)
{
    struct adit_span t;

    for (unsigned i = 0; i < head->count; i++) {
        const char *list = head->fields[i].value;

        if (strlen(head->fields[i].name) != 10 || !same(head->fields[i].name, "connection", 10))
            continue;
        while (adit_http1_token(&list, &t))
            if (!is_token(&t, "keep-alive") && !is_token(&t, "close") && !is_token(&t, "upgrade") &&
                !is_token(&t, "te"))
                return true;
    }
    return false;
}

static bool is_named(const struct adit_http1_head *head, const char *name, size_t len)
{
    /* Naming these would change which message it is. */
    return !(class_of(name, len) & FRAMING) && adit_http1_has_token(head, "Connection", name);
}

static bool is_te(const char *name, size_t len)
{
    return len == 2 && same(name, "te", 2);
}

bool adit_http_wants_trailers(const struct adit_http1_head *head)
{
    for (unsigned i = 0; i < head->count; i++)
        if (is_te(head->fields[i].name, strlen(head->fields[i].name)) &&
            strstr(head->fields[i].value, "trailers"))
            return true;
    return false;
}

/* The next field that goes on; *io_at is moved behind it. False: no more. */
static bool next(const struct adit_http1_head *head, unsigned without, bool named, unsigned *io_at,
                 struct adit_http1_field *ret_field)
{
    while (*io_at < head->count) {
        const struct adit_http1_field *f = &head->fields[(*io_at)++];
        size_t len = strlen(f->name);

        if (is_te(f->name, len)) {
            if (!strstr(f->value, "trailers"))
                continue;
            *ret_field = (struct adit_http1_field){ f->name, "trailers" };
            return true;
        }
        if (class_of(f->name, len) & without || (named && is_named(head, f->name, len)))
            continue;
        *ret_field = *f;
        return true;
    }
    return false;
}

static unsigned also_hops(const struct adit_http1_head *head, unsigned without)
{
    return without | HOP | (head->upgrade ? 0u : ADIT_HTTP_NO_UPGRADE);
}

int adit_http_head_pick(struct adit_http1_field *out, unsigned max,
                        const struct adit_http1_head *head, unsigned without)
{
    bool named = names_others(head);
    struct adit_http1_field f;
    unsigned at = 0, count = 0;

    without = also_hops(head, without);
    while (next(head, without, named, &at, &f)) {
        if (count == max)
            return -EMSGSIZE;
        out[count++] = f;
    }
    return (int)count;
}

void adit_http_head_put(struct adit_buf *out, const struct adit_http1_head *head, unsigned without)
{
    bool named = names_others(head);
    struct adit_http1_field f;
    unsigned at = 0;

    without = also_hops(head, without);
    while (next(head, without, named, &at, &f))
        adit_http1_put_field(out, f.name, f.value);
}

unsigned adit_http_trailers_pick(struct adit_http1_field *out, unsigned max,
                                 const struct adit_http1_field *trailers, unsigned count)
{
    unsigned n = 0;

    for (unsigned i = 0; i < count && n < max; i++) {
        size_t len = strlen(trailers[i].name);

        if (!class_of(trailers[i].name, len) && !is_te(trailers[i].name, len) &&
            !(len == 7 && same(trailers[i].name, "trailer", 7)))
            out[n++] = trailers[i];
    }
    return n;
}

bool adit_http_is_bodyless(int status, bool to_head)
{
    return to_head || status / 100 == 1 || status == 204 || status == 304;
}

const char *adit_http_length_told(const struct adit_http1_head *head)
{
    const char *value = adit_http1_get_one(head, "Content-Length");
    uint64_t n;

    return value && adit_str_u64(&n, value, strlen(value), 0, INT64_MAX) == 0 ? value : NULL;
}

bool adit_http_is_path(const char *method, const char *target)
{
    return target[0] == '/' || (strcmp(target, "*") == 0 && strcmp(method, "OPTIONS") == 0);
}
