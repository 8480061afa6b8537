/* http_serve_request.c - a request's head, written anew for the upstream. */
#include "app/http_serve_inner.h"
#include "base/str.h"

/* The prefix under which the service is known goes: by its letters, as the HTTP tunnel's provider
 * has it, but what is left begins with a slash. */
static const char *strip(const char *target, const char *prefix)
{
    return adit_str_starts(target, prefix) ? target + strlen(prefix) : target;
}

/* The next character as servers read it: decoded once. */
static char decoded(const char **path)
{
    char c = *(*path)++;
    int high = c == '%' ? adit_hex_value((*path)[0]) : -1;
    int low = high >= 0 ? adit_hex_value((*path)[1]) : -1;

    if (low < 0)
        return c;
    *path += 2;
    c = (char)(high << 4 | low);
    return c && c != '?' ? c : 'x'; /* written so, it ends nothing */
}

/* Could a server take it for a place above the base? Some read a backslash as a slash, and some
 * leave out what follows a semicolon. */
static bool leads_up(const char *path)
{
    size_t n = 0, dots = 0; /* of this segment */

    for (;;) {
        char c = decoded(&path);
        bool ends = !c || c == '?', slash = c == '/' || c == '\\';

        if ((ends || slash || c == ';') && n == 2 && dots == 2)
            return true;
        if (ends)
            return false;
        n = slash ? 0 : n + 1;
        dots = slash ? 0 : dots + (c == '.');
    }
}

static void put_target(struct adit_buf *out, const struct adit_http_serve *s, const char *target)
{
    if (strcmp(target, "*") == 0) {
        adit_buf_add(out, "*", 1);
        return;
    }
    target = strip(target, s->advertise);
    adit_buf_add(out, s->base, strlen(s->base));
    if (target[0] != '/')
        adit_buf_add(out, "/", 1);
    adit_buf_add(out, target, strlen(target));
}

static bool is_writable(const char *target)
{
    for (; *target; target++)
        if ((unsigned char)*target <= 0x20 || (unsigned char)*target >= 0x7f || *target == '#')
            return false;
    return true;
}

static void put_forwarded(struct adit_buf *out, const struct adit_http_serve *s, const char *host)
{
    if (s->forwarded_for)
        adit_http1_put_field(out, "X-Forwarded-For", s->forwarded_for);
    adit_http1_put_field(out, "X-Forwarded-Proto", "http");
    if (host && *host)
        adit_http1_put_field(out, "X-Forwarded-Host", host);
}

static void put_framing(struct adit_buf *out, const struct adit_http_call *call, const char *method)
{
    if (call->has_body && call->chunked)
        adit_http1_put_field(out, "Transfer-Encoding", "chunked");
    else if (call->has_body)
        adit_http1_put_length(out, call->left);
    else if (strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
             strcmp(method, "PATCH") == 0) /* RFC 9110 section 8.6 */
        adit_http1_put_length(out, 0);
}

int adit_http_call_put_head(struct adit_buf *out, const struct adit_http_call *call,
                            const struct adit_http1_head *head)
{
    const struct adit_http_serve *s = call->serve;
    const char *host = adit_http1_get_one(head, "Host");
    bool pass = s->forwarded == ADIT_HTTP_FORWARDED_PASS;
    struct adit_http1_head clean = *head;

    if (!adit_http1_is_token(head->method, strlen(head->method)) || !is_writable(head->target) ||
        (*s->base && leads_up(strip(head->target, s->advertise))))
        return -EINVAL;
    clean.upgrade = call->upgrade;
    adit_buf_add(out, head->method, strlen(head->method));
    adit_buf_add(out, " ", 1);
    put_target(out, s, head->target);
    adit_buf_add(out, " HTTP/1.1\r\n", 11);
    adit_http1_put_field(out, "Host", s->keep_host && host ? host : s->authority);
    adit_http_head_put(out, &clean,
                       ADIT_HTTP_NO_HOST | ADIT_HTTP_NO_LENGTH | ADIT_HTTP_NO_EXPECT |
                           (pass ? 0u : ADIT_HTTP_NO_FORWARDED));
    if (s->forwarded == ADIT_HTTP_FORWARDED_ADD)
        put_forwarded(out, s, host);
    put_framing(out, call, head->method);
    if (call->upgrade)
        adit_http1_put_field(out, "Connection", "Upgrade");
    else if (adit_http_wants_trailers(head))
        adit_http1_put_field(out, "Connection", "TE");
    adit_http1_put_end(out);
    return out->err;
}
