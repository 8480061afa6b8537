#include "app/streams.h"

#include <inttypes.h>

#include "app/streams_inner.h"
#include "base/log.h"

/* ---- parts that come to their end ------------------------------------------------------------ */

static void on_sent(void *arg, int exit_code)
{
    struct adit_streams *s = arg;

    adit_app_done(&s->app, ADIT_REASON_RESOURCE, exit_code ? "not everything was sent" : NULL);
}

static void on_received(void *arg, int exit_code)
{
    struct adit_streams *s = arg;

    adit_app_done(&s->app, ADIT_REASON_RESOURCE, exit_code ? "not everything was received" : NULL);
}

static void on_forward_done(void *arg, const struct adit_cause *cause, adit_time now)
{
    struct adit_streams *s = arg;

    (void)now;
    adit_app_done(&s->app, cause->reason, cause->reason ? cause->text : NULL);
}

/* ---- joining --------------------------------------------------------------------------------- */

void adit_streams_ready(struct adit_streams *s, adit_time now)
{
    if (s->proxy)
        adit_http_proxy_attach(s->proxy, s->carrier);
    if (s->mux && s->forwards)
        adit_forwards_attach(s->forwards, s->mux, now);
    if (s->mux && s->send)
        adit_send_attach(s->send, s->mux, now);
    if (!s->mux && (s->forwards || s->send || s->receive))
        adit_log(ADIT_LOG_WARN, "streams",
                 "the other side is no adit: it carries HTTP and nothing else, continuing");
}

void adit_streams_detach(struct adit_streams *s, adit_time now)
{
    if (s->proxy)
        adit_http_proxy_detach(s->proxy, now);
    if (s->forwards)
        adit_forwards_detach(s->forwards, now);
    if (s->send)
        adit_send_detach(s->send);
    if (s->receive)
        adit_receive_detach(s->receive);
}

/* ---- parts ----------------------------------------------------------------------------------- */

static int fail(const struct adit_cause *cause)
{
    adit_log(ADIT_LOG_ERROR, "streams", "%s", cause->text);
    return cause->err ? -cause->err : -EINVAL;
}

static int make_http(struct adit_streams *s)
{
    struct adit_cause cause = { 0 };

    if (s->conf->serve) {
        struct adit_http_serve_conf c = *s->conf->serve;

        c.loop = s->app.conf.loop;
        s->serve = adit_http_serve_new(&c, &cause);
        if (!s->serve)
            return fail(&cause);
    }
    if (s->conf->proxy) {
        struct adit_http_proxy_conf c = *s->conf->proxy;

        c.loop = s->app.conf.loop;
        s->proxy = adit_http_proxy_new(&c, &cause);
        if (!s->proxy)
            return fail(&cause);
        for (size_t i = 0; adit_http_proxy_at(s->proxy, i); i++)
            adit_log(ADIT_LOG_INFO, "streams", "HTTP at http://%s",
                     adit_http_proxy_at(s->proxy, i));
    }
    return 0;
}

static int make_forwards(struct adit_streams *s)
{
    static const struct adit_forwards_ops ops = { .done = on_forward_done };
    struct adit_cause cause = { 0 };

    if (!s->conf->forwards)
        return 0;
    s->forwards_conf = *s->conf->forwards;
    s->forwards_conf.loop = s->app.conf.loop;
    s->forwards_conf.in = s->app.conf.in;
    s->forwards_conf.out = s->app.conf.out;
    if (adit_forwards_start(&s->forwards, &s->forwards_conf, &ops, s, &cause) < 0)
        return fail(&cause);
    return 0;
}

static int make_files(struct adit_streams *s)
{
    int err = 0;

    if (s->conf->send) {
        struct adit_send_conf c = *s->conf->send;

        c.loop = s->app.conf.loop;
        c.done = on_sent;
        c.arg = s;
        s->send = adit_send_new(&c, &err);
    }
    if (!err && s->conf->receive) {
        struct adit_receive_conf c = *s->conf->receive;

        c.loop = s->app.conf.loop;
        c.done = on_received;
        c.arg = s;
        s->receive = adit_receive_new(&c, &err);
    }
    return err;
}

/* ---- the app --------------------------------------------------------------------------------- */

static int init(struct adit_app *app)
{
    struct adit_streams *s = adit_streams_of(app);
    int err;

    s->conf = app->conf.extra;
    adit_way_init(s);
    err = make_http(s);
    if (!err)
        err = make_forwards(s);
    if (!err)
        err = make_files(s);
    return err;
}

static void done(struct adit_app *app)
{
    struct adit_streams *s = adit_streams_of(app);

    if (!s->conf)
        return;
    adit_way_lost(s);
    s->proxy = adit_http_proxy_free(s->proxy);
    s->serve = adit_http_serve_free(s->serve);
    s->forwards = adit_forwards_stop(s->forwards);
    s->send = adit_send_free(s->send);
    s->receive = adit_receive_free(s->receive);
}

static void opened(struct adit_app *app)
{
    adit_way_open(adit_streams_of(app));
}

static void message(struct adit_app *app, const void *bytes, size_t n, bool text)
{
    adit_way_message(adit_streams_of(app), bytes, n, text);
}

static void writable(struct adit_app *app)
{
    adit_way_writable(adit_streams_of(app));
}

static void lost(struct adit_app *app)
{
    adit_way_lost(adit_streams_of(app));
}

static void report(struct adit_app *app)
{
    struct adit_streams *s = adit_streams_of(app);
    struct adit_forwards_stats f;

    if (s->mux)
        adit_log(ADIT_LOG_INFO, "streams", "streams: %u open, %zu bytes wait here, %zu there",
                 adit_mux_count(s->mux), adit_mux_queued(s->mux), adit_mux_held(s->mux));
    if (s->proxy)
        adit_log(ADIT_LOG_INFO, "streams", "HTTP: %zu clients, %zu requests on their way",
                 adit_http_proxy_connections(s->proxy), adit_http_proxy_exchanges(s->proxy));
    if (s->serve)
        adit_log(ADIT_LOG_INFO, "streams", "HTTP: %zu requests on their way, %zu connections",
                 adit_http_serve_exchanges(s->serve), adit_http_serve_connections(s->serve));
    if (!s->forwards)
        return;
    adit_forwards_stats(s->forwards, &f);
    adit_log(ADIT_LOG_INFO, "streams",
             "forwards: %u connections, %" PRIu64 " in all; %" PRIu64 " turned away, %" PRIu64
             " forbidden, %" PRIu64 " failed; %" PRIu64 " bytes out, %" PRIu64 " in",
             f.conns, f.conns_total, f.turned_away, f.forbidden, f.failed, f.bytes_out, f.bytes_in);
    adit_log(ADIT_LOG_INFO, "streams",
             "datagrams: %u flows; %" PRIu64 " out, %" PRIu64 " in, %" PRIu64 " dropped", f.flows,
             f.datagrams_out, f.datagrams_in, f.datagrams_dropped);
}

static void closed(struct adit_app *app, const struct adit_cause *cause)
{
    struct adit_streams *s = adit_streams_of(app);

    adit_way_lost(s);
    if (s->receive) { /* a sender that has come to its end was told of in on_received */
        adit_app_done(app, ADIT_REASON_REMOTE, "the other side left before it had sent everything");
        return;
    }
    adit_app_done(app, cause->reason,
                  cause->reason == ADIT_REASON_REMOTE || cause->reason == ADIT_REASON_LOCAL
                      ? NULL
                      : cause->text);
}

#define CLASS                                                                                \
    .name = "streams", .size = sizeof(struct adit_streams), .init = init, .free = done,      \
    .open = opened, .message = message, .writable = writable, .low = writable, .lost = lost, \
    .report = report, .closed = closed

const struct adit_app_class adit_app_streams = { CLASS, .persistent = true };
const struct adit_app_class adit_app_streams_passive = { CLASS };
