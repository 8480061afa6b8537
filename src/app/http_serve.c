#include "app/http_serve.h"

#include "app/http_serve_inner.h"
#include "base/alloc.h"
#include "core/unixpath.h"
#include "http/url.h"

/* ---- where the upstream is ------------------------------------------------------------------- */

/* "unix:PATH[:/prefix]" */
static int read_unix(struct adit_http_serve *s, const char *text, struct adit_cause *ret_cause)
{
    const char *colon = strstr(text + 5, ":/");
    struct sockaddr_un sun;

    s->host = adit_strdup(text);
    s->base = adit_strdup(colon ? colon + 1 : "");
    s->authority = adit_strdup("localhost");
    if (!s->host || !s->base || !s->authority)
        return -ENOMEM;
    if (colon)
        s->host[colon - text] = '\0';
    if (adit_unix_addr(&sun, s->host) >= 0)
        return 0;
    adit_cause_set(ret_cause, ADIT_REASON_LOCAL, EINVAL, "the upstream's unix: needs a short path");
    return -EINVAL;
}

static int read_url(struct adit_http_serve *s, const char *text, struct adit_cause *ret_cause)
{
    struct adit_url url;
    struct adit_buf authority;
    int err = adit_url_parse(&url, text, strlen(text), ADIT_URL_HTTP | ADIT_URL_HTTPS, ret_cause);

    if (err)
        return err;
    if (strchr(url.target, '?')) {
        adit_cause_set(ret_cause, ADIT_REASON_LOCAL, EINVAL, "the upstream's URL has a query");
        return -EINVAL;
    }
    if (url.secure && !s->tls) {
        adit_cause_set(ret_cause, ADIT_REASON_LOCAL, EINVAL, "the upstream needs TLS");
        return -EINVAL;
    }
    if (!url.secure)
        s->tls = NULL;
    adit_buf_init(&authority, ADIT_URL_MAX);
    adit_url_authority(&authority, &url);
    s->port = url.port;
    s->host = adit_strdup(url.host);
    s->base = adit_strdup(url.target);
    s->authority = adit_strdup(adit_buf_str(&authority));
    err = authority.err || !s->host || !s->base || !s->authority ? -ENOMEM : 0;
    adit_buf_done(&authority);
    return err;
}

static int read_upstream(struct adit_http_serve *s, const char *text, struct adit_cause *ret_cause)
{
    int err;
    size_t n;

    adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, ENOMEM, "no memory");
    err = adit_unix_is(text) ? read_unix(s, text, ret_cause) : read_url(s, text, ret_cause);
    if (err)
        return err;
    n = strlen(s->base);
    if (n && s->base[n - 1] == '/') /* every target brings its own */
        s->base[n - 1] = '\0';
    return 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void on_bury(struct adit_task *task, adit_time now)
{
    struct adit_http_serve *s = adit_container_of(task, struct adit_http_serve, bury);

    (void)now;
    adit_free(s->host);
    adit_free(s->authority);
    adit_free(s->base);
    adit_free(s->advertise);
    adit_free(s->forwarded_for);
    adit_free(s);
}

struct adit_http_serve *adit_http_serve_free(struct adit_http_serve *s)
{
    adit_time now;

    if (!s)
        return NULL;
    now = adit_loop_now(s->loop);
    while (!adit_list_empty(&s->calls))
        adit_http_call_end(adit_container_of(s->calls.next, struct adit_http_call, link),
                           "the service has ended", now);
    while (!adit_list_empty(&s->ups))
        adit_http_up_free(adit_container_of(s->ups.next, struct adit_http_up, link), false, now);
    while (!adit_list_empty(&s->idle))
        adit_http_up_free(adit_container_of(s->idle.next, struct adit_http_up, link), false, now);
    adit_timer_stop(&s->idle_timer);
    adit_loop_end_of_round(s->loop, &s->bury); /* one of its calls may be on the stack */
    return NULL;
}

static adit_time or_else(adit_time time, adit_time otherwise)
{
    return time ? time : otherwise;
}

static void copy_limits(struct adit_http_serve *s, const struct adit_http_serve_conf *conf)
{
    s->head_max = conf->head_max ? conf->head_max : ADIT_HTTP_SERVE_HEAD_MAX;
    s->exchanges_max = conf->exchanges_max ? conf->exchanges_max : ADIT_HTTP_SERVE_EXCHANGES_MAX;
    s->idle_max = conf->idle_max ? conf->idle_max : ADIT_HTTP_SERVE_IDLE_MAX;
    s->connect_time = or_else(conf->connect_time, ADIT_HTTP_SERVE_CONNECT_TIME);
    s->response_time = or_else(conf->response_time, ADIT_HTTP_SERVE_RESPONSE_TIME);
    s->idle_time = or_else(conf->idle_time, ADIT_HTTP_SERVE_SILENT_TIME);
    s->keep_time = or_else(conf->keep_time, ADIT_HTTP_SERVE_KEEP_TIME);
    s->total_time = or_else(conf->total_time, ADIT_NEVER);
}

struct adit_http_serve *adit_http_serve_new(const struct adit_http_serve_conf *conf,
                                            struct adit_cause *ret_cause)
{
    struct adit_http_serve *s = adit_zalloc(sizeof *s);

    adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, ENOMEM, "no memory");
    if (!s)
        return NULL;
    s->loop = conf->loop;
    s->tls = conf->tls;
    s->keep_host = conf->keep_host;
    s->forwarded = conf->forwarded;
    copy_limits(s, conf);
    adit_list_init(&s->calls);
    adit_list_init(&s->ups);
    adit_list_init(&s->idle);
    adit_timer_init(&s->idle_timer, s->loop, adit_http_up_on_idle, "http idle");
    adit_task_init(&s->bury, on_bury);
    s->advertise = adit_strdup(conf->advertise ? conf->advertise : "");
    s->forwarded_for = conf->forwarded_for ? adit_strdup(conf->forwarded_for) : NULL;
    if (!s->advertise || (conf->forwarded_for && !s->forwarded_for) ||
        read_upstream(s, conf->upstream, ret_cause) < 0)
        return adit_http_serve_free(s);
    return s;
}

size_t adit_http_serve_exchanges(const struct adit_http_serve *s)
{
    return s->call_count;
}

size_t adit_http_serve_connections(const struct adit_http_serve *s)
{
    return s->up_count;
}
