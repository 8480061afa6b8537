/* http_proxy_request.c - may this request pass, and what of it does. */
#include <stdio.h>
#include <strings.h>

#include "app/http_proxy_inner.h"
#include "base/digest.h"
#include "base/str.h"
#include "http/url.h"

#define PATH_MAX_HERE 8192

/* ---- where to -------------------------------------------------------------------------------- */

/* RFC 3986 section 3.2.2, loosely: what can be no part of a host and a port is refused, so that
 * nobody behind us reads another host out of it. */
static bool is_host(const char *host)
{
    for (; *host; host++)
        if (!((*host >= 'a' && *host <= 'z') || (*host >= 'A' && *host <= 'Z') ||
              (*host >= '0' && *host <= '9') || strchr("-._~:[]%!$&'()*+,;=", *host)))
            return false;
    return true;
}

/* What to ask the far side for, or NULL: we are no proxy for other places. "http://host/path" is
 * taken only if the host is that of the Host field (RFC 9112 section 3.2.2). */
static const char *target_of(const struct adit_http1_head *head)
{
    const char *host = adit_http1_get(head, "Host"), *rest;

    if (host && !is_host(host))
        return NULL;
    if (adit_http_is_path(head->method, head->target))
        return head->target;
    if (!host || !*host || strncasecmp(head->target, "http://", 7) != 0 ||
        strncasecmp(head->target + 7, host, strlen(host)) != 0)
        return NULL;
    rest = head->target + 7 + strlen(host);
    return *rest == '/' ? rest : *rest == '\0' ? "/" : NULL;
}

/* ---- may it ---------------------------------------------------------------------------------- */

static bool is_below(const char *path, const char *prefix)
{
    size_t n = strlen(prefix);

    if (strncmp(path, prefix, n) != 0)
        return false;
    return prefix[n - 1] == '/' || path[n] == '/' || path[n] == '\0';
}

/* Judged as decoded once; what some server could take for another path is refused: dot segments
 * and encoded slashes (adit_url_path), backslashes, and ";" behind dots. */
static bool is_allowed(const struct adit_http_proxy *p, const char *target)
{
    char path[PATH_MAX_HERE];

    if (p->allow_count == 0)
        return true;
    if (adit_url_path(target, path, sizeof path) < 0 || strchr(path, '\\') || strstr(path, "/.;") ||
        strstr(path, "/..;"))
        return false;
    for (size_t i = 0; i < p->allow_count; i++)
        if (is_below(path, p->allow[i]))
            return true;
    return false;
}

static bool is_known(const struct adit_http_proxy *p, const struct adit_http1_head *head)
{
    const char *login = adit_http1_get_one(head, "Authorization");
    size_t n = p->login ? strlen(p->login) : 0;

    if (!p->login)
        return true;
    return login && strlen(login) == n && strncasecmp(login, "Basic ", 6) == 0 &&
           adit_equal_secret(login + 6, p->login + 6, n - 6);
}

static bool only_reads(const struct adit_http1_head *head)
{
    static const char *const methods[] = { "GET", "HEAD", "OPTIONS" };

    for (size_t i = 0; i < ADIT_LEN(methods); i++)
        if (strcmp(head->method, methods[i]) == 0)
            return !head->upgrade;
    return false;
}

static void say_not_ready(struct adit_http_conn *c, adit_time now)
{
    char extra[64];

    snprintf(extra, sizeof extra, "Retry-After: %llu\r\n",
             (unsigned long long)((c->proxy->retry_after + ADIT_SEC - 1) / ADIT_SEC));
    adit_http_conn_reply(c, 503, "Tunnel not ready", extra, now);
}

/* False: it was answered. */
static bool check(struct adit_http_conn *c, const struct adit_http1_head *head, const char *target,
                  adit_time now)
{
    const struct adit_http_proxy *p = c->proxy;

    if (strcmp(head->method, "CONNECT") == 0)
        adit_http_conn_reply(c, 405, "Not a proxy for CONNECT",
                             "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n", now);
    else if (!target)
        adit_http_conn_reply(c, 400, "The request is for another place", "", now);
    else if (!is_known(p, head))
        adit_http_conn_reply(c, 401, "Who are you?", "WWW-Authenticate: Basic realm=\"adit\"\r\n",
                             now);
    else if (p->readonly && !only_reads(head))
        adit_http_conn_reply(c, 405, "Reading only", "Allow: GET, HEAD, OPTIONS\r\n", now);
    else if (!is_allowed(p, target))
        adit_http_conn_reply(c, 403, "This path is not open", "", now);
    else if (!p->carrier)
        say_not_ready(c, now);
    else
        return true;
    return false;
}

/* ---- on its way ------------------------------------------------------------------------------ */

struct forwarded {
    char address[ADIT_ADDR_STR];
    struct adit_http1_field fields[3];
};

/* Where the request came from, as we have seen it. How many fields. */
static unsigned forwarded_by_us(struct forwarded *f, const struct adit_http_conn *c,
                                const struct adit_http1_head *head)
{
    const char *host = adit_http1_get(head, "Host");
    unsigned n = 0;

    if (c->proxy->forwarded != ADIT_HTTP_FORWARDED_ADD)
        return 0;
    if (c->from.family)
        f->fields[n++] =
            (struct adit_http1_field){ "X-Forwarded-For", adit_addr_str_ip(&c->from, f->address) };
    f->fields[n++] = (struct adit_http1_field){ "X-Forwarded-Proto", "http" };
    if (host && *host)
        f->fields[n++] = (struct adit_http1_field){ "X-Forwarded-Host", host };
    return n;
}

/* 0; -errno of adit_exchange_begin. */
static int begin(struct adit_http_conn *c, const struct adit_http1_head *head, const char *target,
                 adit_time now)
{
    struct adit_http_proxy *p = c->proxy;
    struct adit_http1_field fields[ADIT_HTTP_FIELDS_MAX + 3];
    struct adit_http1_head out = *head;
    struct forwarded forwarded;
    unsigned without = ADIT_HTTP_NO_EXPECT | (p->login ? ADIT_HTTP_NO_LOGIN : 0u) |
                       (p->forwarded == ADIT_HTTP_FORWARDED_PASS ? 0u : ADIT_HTTP_NO_FORWARDED);
    unsigned ours = forwarded_by_us(&forwarded, c, head);
    int n, err = -EINVAL;

    out.upgrade = c->upgrade;
    out.expect_continue = false; /* 100 comes from us */
    n = adit_http_head_pick(fields, ADIT_HTTP_FIELDS_MAX, &out, without);
    if (n >= 0) {
        memcpy(fields + n, forwarded.fields, ours * sizeof *fields);
        out.target = target;
        out.fields = fields;
        out.count = (unsigned)n + ours;
        c->x = adit_exchange_begin(p->carrier, &out, &adit_http_conn_ops, c, &err, now);
    }
    return c->x ? 0 : err;
}

static void ask(struct adit_http_conn *c, const struct adit_http1_head *head, const char *target,
                adit_time now)
{
    struct adit_http_proxy *p = c->proxy;
    int err = begin(c, head, target, now);

    if (err == -EINVAL && c->upgrade) { /* RFC 9110 section 7.8: it may be ignored */
        c->upgrade = false;
        err = begin(c, head, target, now);
    }
    if (!err) {
        p->exchange_count++;
        c->state = ADIT_HTTP_CONN_ASKING;
        c->interims = 0;
        c->end_by = p->total_time == ADIT_NEVER ? ADIT_NEVER : now + p->total_time;
        adit_http_conn_patience(c, p->response_time, now);
        adit_http_conn_go_on(c);
    } else if (err == -EINVAL) {
        adit_http_conn_reply(c, 501, "The tunnel cannot carry this request", "", now);
    } else if (err == -EPIPE) {
        adit_http_conn_reply(c, 502, "Tunnel send failed", "", now);
    } else {
        say_not_ready(c, now);
    }
}

void adit_http_conn_ask(struct adit_http_conn *c, const struct adit_http1_head *head, adit_time now)
{
    const char *target = target_of(head);

    c->keep_alive = head->keep_alive && target;
    c->old = head->minor == 0;
    c->to_head = strcmp(head->method, "HEAD") == 0;
    c->has_body = head->body;
    /* h2c would be a second connection to the upstream, past all rules of this one. */
    c->upgrade = head->upgrade && !head->body && !adit_http1_has_token(head, "Upgrade", "h2c");
    c->owes_continue = head->expect_continue && head->body;
    if (check(c, head, target, now))
        ask(c, head, target, now);
}
