/* streams_way - HELLO, and what both sides then speak. */
#include "app/carrier_mux.h"
#include "app/hello.h"
#include "app/streams_inner.h"
#include "base/log.h"

#define LABEL_SIZE 64

/* ---- what goes wrong ------------------------------------------------------------------------- */

static void on_broken(struct adit_task *task, adit_time now)
{
    struct adit_streams *s = adit_container_of(task, struct adit_streams, broken);
    const char *why = s->why;

    (void)now;
    adit_way_lost(s);
    adit_app_done(&s->app, ADIT_REASON_PROTOCOL, why);
}

/* Not at once: we may be inside a mux or carrier that is to be freed. */
static void break_off(struct adit_streams *s, const char *why)
{
    if (s->way == ADIT_WAY_BROKEN)
        return;
    s->way = ADIT_WAY_BROKEN;
    s->why = why;
    adit_loop_before_sleep(s->app.conf.loop, &s->broken);
}

static void on_limit(struct adit_timer *timer, adit_time now)
{
    struct adit_streams *s = adit_container_of(timer, struct adit_streams, limit);

    (void)now;
    break_off(s, "the other side does not say HELLO: it carries no streams");
}

/* ---- the channel, for mux and carriers ------------------------------------------------------- */

static int send_message(void *arg, const void *bytes, size_t n)
{
    struct adit_streams *s = arg;
    const struct adit_app_conf *c = &s->app.conf;

    return c->ops->send(c->arg, bytes, n, false);
}

static int send_any(void *arg, const void *bytes, size_t n, bool text)
{
    struct adit_streams *s = arg;
    const struct adit_app_conf *c = &s->app.conf;

    return c->ops->send(c->arg, bytes, n, text);
}

static size_t buffered(void *arg)
{
    struct adit_streams *s = arg;
    const struct adit_app_conf *c = &s->app.conf;

    return c->ops->buffered(c->arg);
}

static void flow(void *arg, size_t *ret_window, adit_time *ret_rtt)
{
    struct adit_streams *s = arg;
    const struct adit_app_conf *c = &s->app.conf;

    c->ops->flow(c->arg, ret_window, ret_rtt);
}

static size_t message_max(void *arg)
{
    struct adit_streams *s = arg;
    const struct adit_app_conf *c = &s->app.conf;

    return c->ops->message_max(c->arg);
}

static void pause_channel(void *arg)
{
    struct adit_streams *s = arg;

    s->app.conf.ops->pause(s->app.conf.arg);
}

static void resume_channel(void *arg)
{
    struct adit_streams *s = arg;

    s->app.conf.ops->resume(s->app.conf.arg);
}

static void on_request(void *arg, struct adit_exchange *x, const struct adit_http1_head *head,
                       adit_time now)
{
    struct adit_streams *s = arg;

    adit_http_serve_request(s->serve, x, head, now);
}

static void on_ready(void *arg, adit_time now)
{
    adit_streams_ready(arg, now);
}

static void on_carrier_broken(void *arg, const char *text, adit_time now)
{
    (void)now;
    break_off(arg, text);
}

static struct adit_carrier_conf carrier_conf(struct adit_streams *s)
{
    static const struct adit_carrier_ops ops = { .send = send_any,
                                                 .buffered = buffered,
                                                 .message_max = message_max,
                                                 .pause = pause_channel,
                                                 .resume = resume_channel,
                                                 .request = on_request,
                                                 .ready = on_ready,
                                                 .broken = on_carrier_broken };

    return (struct adit_carrier_conf){
        .loop = s->app.conf.loop, .provider = s->serve != NULL, .ops = &ops, .arg = s
    };
}

/* ---- adit's streams -------------------------------------------------------------------------- */

static void on_opened(void *arg, struct adit_mux_stream *stream, enum adit_mux_kind kind,
                      const uint8_t *target, size_t n, adit_time now)
{
    struct adit_streams *s = arg;

    if (kind == ADIT_MUX_HTTP) {
        if (s->carrier)
            adit_carrier_mux_opened(s->carrier, stream, target, n, now);
        else
            adit_mux_reset(stream, ADIT_MUX_FORBIDDEN, NULL);
    } else if (kind == ADIT_MUX_FILE) {
        if (!s->receive || !adit_receive_opened(s->receive, stream, kind, target, n, now))
            adit_mux_reset(stream, ADIT_MUX_FORBIDDEN, NULL);
    } else if (!s->forwards || !adit_forwards_opened(s->forwards, stream, kind, target, n, now)) {
        adit_mux_reset(stream, ADIT_MUX_FORBIDDEN, NULL);
    }
}

static void on_due(void *arg)
{
    struct adit_streams *s = arg;

    adit_loop_before_sleep(s->app.conf.loop, &s->flush);
}

static void on_flush(struct adit_task *task, adit_time now)
{
    struct adit_streams *s = adit_container_of(task, struct adit_streams, flush);
    const struct adit_app_conf *c = &s->app.conf;
    const char *why = NULL;

    if (s->way != ADIT_WAY_MUX)
        return;
    if (adit_mux_flush(s->mux, &why, now) < 0)
        break_off(s, why);
    c->ops->set_low(c->arg, adit_mux_low(s->mux));
}

static void start_mux(struct adit_streams *s, const struct adit_hello *theirs, adit_time now)
{
    static const struct adit_mux_ops ops = {
        .send = send_message, .buffered = buffered, .flow = flow, .opened = on_opened, .due = on_due
    };
    const struct adit_app_conf *c = &s->app.conf;
    struct adit_mux_conf conf = { .odd = c->ops->ours(c->arg),
                                  .memory = s->conf->memory,
                                  .streams_max = s->conf->streams_max,
                                  .their_streams = theirs->streams,
                                  .their_window = theirs->window,
                                  .message_max = message_max(s) };
    struct adit_carrier_conf carrier = carrier_conf(s);

    s->mux = adit_mux_new(&conf, &ops, s);
    if (s->mux && (s->serve || s->proxy))
        s->carrier = adit_carrier_mux_new(&carrier, s->mux, now);
    if (!s->mux || ((s->serve || s->proxy) && !s->carrier)) {
        break_off(s, "out of memory");
        return;
    }
    s->way = ADIT_WAY_MUX;
    adit_streams_ready(s, now);
}

/* ---- other programs -------------------------------------------------------------------------- */

static void start_carrier(struct adit_streams *s, const struct adit_carrier_class *class,
                          adit_time now)
{
    struct adit_carrier_conf conf = carrier_conf(s);

    if (!s->serve && !s->proxy) {
        break_off(s, "the other side is no adit: it can carry HTTP, and nothing else");
        return;
    }
    s->way = ADIT_WAY_CARRIER; /* it may be ready at once */
    s->carrier = adit_carrier_new(class, &conf, now);
    if (!s->carrier)
        break_off(s, "out of memory");
}

/* ---- HELLO ----------------------------------------------------------------------------------- */

static void say_hello(struct adit_streams *s, const struct adit_hello *theirs)
{
    unsigned streams = s->conf->streams_max ? s->conf->streams_max : ADIT_MUX_STREAMS_DEFAULT;
    struct adit_buf out;

    adit_buf_init(&out, ADIT_HELLO_MAX);
    adit_hello_put(&out, theirs, streams, ADIT_MUX_WINDOW_MIN);
    if (out.err || send_message(s, out.data, out.len) < 0)
        break_off(s, "no HELLO could be sent");
    adit_buf_done(&out);
}

static void on_hello(struct adit_streams *s, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_hello theirs;
    int err = adit_hello_get(&theirs, bytes, n);

    if (err) {
        break_off(s, err == -EPROTONOSUPPORT ? "the other side speaks another version of HELLO"
                                             : "the other side does not begin with HELLO");
        return;
    }
    adit_timer_stop(&s->limit);
    if (theirs.type == ADIT_HELLO && !theirs.adit && s->proxy && !s->serve) {
        break_off(s, "the other side is a proxy, as we are: one must serve");
        return;
    }
    if (theirs.type == ADIT_HELLO)
        say_hello(s, &theirs);
    if (s->way == ADIT_WAY_BROKEN)
        return;
    if (theirs.adit)
        start_mux(s, &theirs, now);
    else
        start_carrier(s, &adit_carrier_room, now);
}

/* An original provider waits for HELLO, an original consumer for AGREE and nothing before it. */
static bool we_say_hello(const struct adit_streams *s)
{
    const struct adit_app_conf *c = &s->app.conf;

    return !s->serve || (c->peer_is_adit && c->ops->ours(c->arg));
}

static bool is_agents(struct adit_streams *s)
{
    const struct adit_app_conf *c = &s->app.conf;
    char label[LABEL_SIZE];

    if (s->conf->framing != ADIT_FRAMING_AUTO)
        return s->conf->framing == ADIT_FRAMING_AGENT;
    c->ops->label(c->arg, label, sizeof label);
    return strcmp(label, ADIT_STREAMS_AGENT_LABEL) == 0 && !c->peer_is_adit;
}

void adit_way_open(struct adit_streams *s)
{
    adit_time now = adit_loop_now(s->app.conf.loop);

    adit_way_lost(s); /* of an association before this one */
    if (is_agents(s)) {
        start_carrier(s, &adit_carrier_agent, now);
        return;
    }
    s->way = ADIT_WAY_HELLO;
    adit_timer_set(&s->limit, now + ADIT_STREAMS_HELLO_MAX);
    if (we_say_hello(s))
        say_hello(s, NULL);
}

/* ---- messages -------------------------------------------------------------------------------- */

void adit_way_message(struct adit_streams *s, const uint8_t *bytes, size_t n, bool text)
{
    adit_time now = adit_loop_now(s->app.conf.loop);
    const char *why;

    switch (s->way) {
    case ADIT_WAY_HELLO:
        on_hello(s, bytes, n, now);
        break;
    case ADIT_WAY_MUX:
        /* When both said HELLO an answer to ours is still to come; it says nothing new. */
        if (n && (bytes[0] == ADIT_AGREE || bytes[0] == ADIT_HELLO))
            break;
        if (adit_mux_feed(s->mux, bytes, n, &why, now) < 0)
            break_off(s, why);
        break;
    case ADIT_WAY_CARRIER:
        adit_carrier_message(s->carrier, bytes, n, text, now);
        break;
    case ADIT_WAY_NONE:
    case ADIT_WAY_BROKEN:
        break;
    }
}

void adit_way_writable(struct adit_streams *s)
{
    if (s->way == ADIT_WAY_MUX)
        on_due(s);
    else if (s->way == ADIT_WAY_CARRIER)
        adit_carrier_writable(s->carrier, adit_loop_now(s->app.conf.loop));
}

void adit_way_lost(struct adit_streams *s)
{
    adit_time now = adit_loop_now(s->app.conf.loop);

    adit_timer_stop(&s->limit);
    adit_task_cancel(&s->flush);
    adit_task_cancel(&s->broken);
    s->way = ADIT_WAY_NONE;
    if (s->mux)
        adit_mux_lost(s->mux, now);
    if (s->carrier)
        adit_carrier_lost(s->carrier, now);
    adit_streams_detach(s, now);
    s->carrier = adit_carrier_free(s->carrier);
    s->mux = adit_mux_free(s->mux);
}

void adit_way_init(struct adit_streams *s)
{
    adit_task_init(&s->flush, on_flush);
    adit_task_init(&s->broken, on_broken);
    adit_timer_init(&s->limit, s->app.conf.loop, on_limit, "HELLO");
}
