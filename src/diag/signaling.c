#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <unistd.h>

#include "diag/inner.h"

#define SCHEMES  (ADIT_URL_WS | ADIT_URL_WSS | ADIT_URL_HTTP | ADIT_URL_HTTPS)
#define HTTP_MAX (3 * ADIT_SEC) /* TLS and the answer */

/* One step after the other: the name, a connection, TLS, and what HTTP answers. No token is shown
 * and nobody joins, because a name at a server may be in use by an agent that runs here. */

static void finish(struct adit_diag_signaling *s, const char *problem, const char *advice)
{
    if (problem)
        adit_diag_problem(s->facts, problem, advice);
    s->ok = !problem;
    json_object_set_new(s->facts, "ok", json_boolean(s->ok));
    adit_diag_finish(s->d, &s->check);
}

static void step(struct adit_diag_signaling *s, const char *key, adit_time now)
{
    json_object_set_new(s->facts, key, adit_diag_ms(now - s->began));
    s->began = now;
}

static bool is_websocket(const struct adit_diag_signaling *s)
{
    return s->url.scheme == ADIT_URL_WS || s->url.scheme == ADIT_URL_WSS;
}

/* ---- HTTP ------------------------------------------------------------------------------------ */

static void judge_status(struct adit_diag_signaling *s, int status)
{
    char problem[64];

    json_object_set_new(s->facts, "status", json_integer(status));
    snprintf(problem, sizeof problem, "it answers %d%s%s", status,
             *adit_http1_reason(status) ? " " : "", adit_http1_reason(status));
    if (status >= 500)
        finish(s, problem, "the server, or what a proxy before it leads to, is broken or down");
    else if (status >= 300 && status < 400)
        finish(s, problem, "it sends us elsewhere: give its new address as --signal");
    else if (is_websocket(s) && status == 407)
        finish(s, problem, "a proxy stands in between and wants a password: --proxy");
    else if (is_websocket(s) && (status == 404 || status < 300) && status != 101)
        finish(s, problem, "that is no WebSocket: look at the path in --signal");
    else
        finish(s, NULL, NULL);
}

static void take_tls(struct adit_diag_signaling *s)
{
    char date[32] = "";
    time_t at = (time_t)adit_stream_tls_expires(s->stream);
    struct tm tm;

    json_object_set_new(s->facts, "tls", json_string(adit_stream_tls(s->stream)));
    if (at && gmtime_r(&at, &tm) && strftime(date, sizeof date, "%Y-%m-%d", &tm))
        json_object_set_new(s->facts, "expires", json_string(date));
}

static void on_connected(void *arg, adit_time now)
{
    struct adit_diag_signaling *s = arg;

    step(s, s->url.secure ? "tls_ms" : "connect_ms", now);
    if (s->url.secure)
        take_tls(s);
    if (s->request.err || adit_stream_send(s->stream, s->request.data, s->request.len) < 0)
        finish(s, "no memory for a request", NULL);
}

static size_t on_data(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_diag_signaling *s = arg;
    struct adit_http1_event ev;

    if (!s->http)
        return n;
    adit_http1_feed(s->http, bytes, n, &ev);
    if (ev.what == ADIT_HTTP1_BAD || ev.what == ADIT_HTTP1_HEAD) {
        step(s, "http_ms", now);
        if (ev.what == ADIT_HTTP1_BAD)
            finish(s, "its answer is no HTTP", "that is another service: look at the port");
        else
            judge_status(s, ev.head->status);
        s->http = adit_http1_free(s->http);
    }
    return n;
}

static const char *advice_for(const struct adit_diag_signaling *s, const struct adit_cause *cause)
{
    if (s->proxy.kind != ADIT_PROXY_NONE && cause->reason != ADIT_REASON_NOT_AUTHENTIC)
        return "look at the proxy: --proxy, https_proxy, all_proxy; --proxy none goes without";
    switch (cause->err) {
    case EKEYEXPIRED:
        return "have its certificate renewed; or set the clock of this machine, if it is wrong";
    case EKEYREJECTED:
        return "name the server in --signal as its certificate does; or say whom to believe: --ca "
               "FILE, --tls-pin sha256/KEY";
    case ENOENT:
        return "install ca-certificates, or name a CA file: --ca";
    case ECONNREFUSED:
        return "start the server, or look at the port in --signal";
    case ETIMEDOUT:
        return "the server is down, or a firewall swallows what goes there: look at both";
    case ENETUNREACH:
    case EHOSTUNREACH:
        return "this host has no route there: look at `ip route`";
    default:
        break;
    }
    return s->url.secure ? "look whether that port speaks TLS: ws:// is without, wss:// with"
                         : "look whether that port wants TLS: wss:// in place of ws://";
}

static void on_closed(void *arg, const struct adit_cause *cause, adit_time now)
{
    struct adit_diag_signaling *s = arg;

    (void)now;
    if (s->http) /* nothing was said before */
        finish(s, cause->text, advice_for(s, cause));
    s->stream = adit_stream_free(s->stream);
}

static void request(struct adit_diag_signaling *s)
{
    struct adit_buf host;

    adit_buf_init(&host, ADIT_URL_MAX);
    adit_buf_init(&s->request, ADIT_URL_MAX + 1024);
    adit_url_authority(&host, &s->url);
    if (is_websocket(s)) {
        struct adit_ws_request ask = { .host = adit_buf_str(&host), .target = s->url.target };

        adit_ws_make_key(s->key, &s->d->rng);
        adit_ws_put_request(&s->request, &ask, s->key);
    } else {
        adit_http1_put_request(&s->request, "GET", s->url.target);
        adit_http1_put_field(&s->request, "Host", adit_buf_str(&host));
        adit_http1_put_end(&s->request);
    }
    adit_buf_done(&host);
}

static void open_stream(struct adit_diag_signaling *s)
{
    static const struct adit_stream_ops ops = { .connected = on_connected,
                                                .data = on_data,
                                                .closed = on_closed };
    struct adit_stream_conf conf = { .host = s->url.host,
                                     .port = s->url.port,
                                     .addrs = s->addrs,
                                     .addr_count = s->addr_count,
                                     .proxy = s->proxy.kind == ADIT_PROXY_NONE ? NULL : &s->proxy,
                                     .tls = s->tls,
                                     .timeout = HTTP_MAX };

    request(s);
    s->http = adit_http1_new(&(struct adit_http1_conf){ .response = true });
    if (!s->http || adit_stream_connect(&s->stream, s->d->loop, &conf, &ops, s) < 0)
        finish(s, "no memory for a connection", NULL);
    else
        adit_stream_limit(s->stream, s->began + HTTP_MAX, "it is connected and says nothing");
}

/* ---- the name, and a connection -------------------------------------------------------------- */

static void on_dialled(void *arg, int fd, const struct adit_addr *addr,
                       const struct adit_cause *cause, adit_time now)
{
    struct adit_diag_signaling *s = arg;
    bool web = s->url.port == 80 || s->url.port == 443;
    struct adit_cause why = *cause;
    char text[ADIT_ADDR_STR];

    adit_addr_str(addr, text);
    s->dial = adit_dial_free(s->dial); /* and what it pointed to */
    s->d->facts.tcp |= fd >= 0 || why.err == ECONNREFUSED;
    s->d->facts.tcp_other |= !web && (fd >= 0 || why.err == ECONNREFUSED);
    s->d->facts.tcp_tried |= !web;
    if (fd < 0) {
        finish(s, why.text, advice_for(s, &why));
        return;
    }
    close(fd);
    step(s, "tcp_ms", now);
    json_object_set_new(s->facts, "address", json_string(text));
    open_stream(s);
}

static void on_resolved(void *arg, int err, const struct adit_addr *addrs, size_t count,
                        adit_time now)
{
    struct adit_diag_signaling *s = arg;
    struct adit_dial_conf conf = { .addrs = s->addrs,
                                   .addr_count = count,
                                   .timeout = ADIT_DIAG_TCP_MAX };

    if (!err)
        memcpy(s->addrs, addrs, count * sizeof *addrs);
    s->resolve = adit_resolve_free(s->resolve); /* and what it found */
    if (err) {
        finish(s, adit_resolve_error(err),
               err == -ENOENT ? "look whether the name of the server in --signal is right"
                              : "look at /etc/resolv.conf, or give the server's address");
        return;
    }
    step(s, "dns_ms", now);
    s->addr_count = count;
    if (adit_dial_start(&s->dial, s->d->loop, &conf, on_dialled, s) < 0)
        finish(s, "no memory for a connection", NULL);
}

static void resolve(struct adit_diag_signaling *s)
{
    struct adit_resolve_conf conf = { .host = s->url.host,
                                      .port = s->url.port,
                                      .timeout = ADIT_DIAG_NAME_MAX };

    if (adit_resolve_start(&s->resolve, s->d->loop, &conf, on_resolved, s) < 0)
        finish(s, "not the name of a host", "look at --signal");
}

/* ---- life ------------------------------------------------------------------------------------ */

static int read_conf(struct adit_diag_signaling *s, struct adit_cause *cause)
{
    const struct adit_diag_conf *c = s->d->conf;
    struct adit_tls_client_conf tls = { .ca = c->ca,
                                        .pins = c->pins,
                                        .pin_count = c->pin_count,
                                        .insecure = c->insecure,
                                        .alpn = "http/1.1" };
    int err = adit_url_parse(&s->url, c->signal, strlen(c->signal), SCHEMES, cause);

    if (!err)
        err = c->proxy ? adit_proxy_parse(&s->proxy, c->proxy, cause)
                       : adit_proxy_choose(&s->proxy, s->url.secure, s->url.host, s->url.port,
                                           getenv, cause);
    if (!err && s->url.secure) {
        s->tls = adit_tls_client_new(&tls, cause);
        err = s->tls ? 0 : -EINVAL;
    }
    return err;
}

/* Without what a URL may have in it that is nobody's business. */
static void report_url(struct adit_diag_signaling *s)
{
    struct adit_buf text;

    adit_buf_init(&text, ADIT_URL_MAX);
    adit_url_authority(&text, &s->url);
    json_object_set_new(s->facts, "url",
                        json_sprintf("%s://%s%.*s",
                                     is_websocket(s) ? s->url.secure ? "wss" : "ws"
                                     : s->url.secure ? "https"
                                                     : "http",
                                     adit_buf_str(&text), (int)strcspn(s->url.target, "?"),
                                     s->url.target));
    adit_buf_done(&text);
    if (s->proxy.kind != ADIT_PROXY_NONE)
        json_object_set_new(s->facts, "proxy",
                            json_sprintf("%s://%s:%u",
                                         s->proxy.kind == ADIT_PROXY_HTTP ? "http" : "socks5",
                                         s->proxy.host, s->proxy.port));
}

void adit_diag_signaling_start(struct adit_diag *d)
{
    struct adit_diag_signaling *s = &d->signaling;
    struct adit_cause cause;

    if (!d->conf->signal)
        return;
    s->d = d;
    s->began = adit_loop_now(d->loop);
    s->facts = json_pack("{s:b, s:n, s:n}", "ok", 0, "tls", "status");
    json_object_set_new(d->report, "signaling", s->facts);
    adit_diag_begin(d, &s->check, "signaling");
    if (read_conf(s, &cause) < 0) {
        finish(s, cause.text, "look at --signal, --proxy and --ca");
        return;
    }
    report_url(s);
    if (s->proxy.kind == ADIT_PROXY_NONE)
        resolve(s);
    else
        open_stream(s);
}

void adit_diag_signaling_stop(struct adit_diag *d)
{
    struct adit_diag_signaling *s = &d->signaling;

    s->resolve = adit_resolve_free(s->resolve);
    s->dial = adit_dial_free(s->dial);
    s->stream = adit_stream_free(s->stream);
    s->http = adit_http1_free(s->http);
    s->tls = adit_tls_client_free(s->tls);
    adit_buf_done(&s->request);
    explicit_bzero(&s->proxy, sizeof s->proxy);
}
