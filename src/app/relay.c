#include "app/relay_inner.h"
#include "base/alloc.h"

/* ---- callbacks ------------------------------------------------------------------------------- */

static bool *enter(struct adit_relay *r, bool *mine)
{
    bool *outer = r->gone;

    *mine = false;
    r->gone = mine;
    return outer;
}

static bool left(struct adit_relay *r, bool *mine, bool *outer)
{
    if (*mine && outer)
        *outer = true;
    if (!*mine)
        r->gone = outer;
    return !*mine;
}

bool adit_relay_tell_opened(struct adit_relay *r, adit_time now)
{
    bool gone, *outer = enter(r, &gone);

    r->ops->opened(r->arg, now);
    return left(r, &gone, outer);
}

bool adit_relay_tell_message(struct adit_relay *r, struct adit_span bytes, adit_time now)
{
    bool gone, *outer = enter(r, &gone);

    r->ops->message(r->arg, bytes.data, bytes.len, now);
    return left(r, &gone, outer);
}

bool adit_relay_tell_writable(struct adit_relay *r, adit_time now)
{
    bool gone, *outer = enter(r, &gone);

    if (r->ops->writable)
        r->ops->writable(r->arg, now);
    return left(r, &gone, outer);
}

/* ---- attempts -------------------------------------------------------------------------------- */

void adit_relay_fail(struct adit_relay *r, const struct adit_cause *cause, bool final)
{
    if (r->failed)
        return;
    r->failed = true;
    r->cause = *cause;
    /* A token of the second generation is good once. */
    r->final = !r->retryable && (final || r->refused || (r->conf.second && r->open));
}

void adit_relay_fail_text(struct adit_relay *r, enum adit_reason reason, int err, const char *text,
                          bool final)
{
    struct adit_cause cause;

    adit_cause_set(&cause, reason, err, "%s", text);
    adit_relay_fail(r, &cause, final);
}

void adit_relay_settle(struct adit_relay *r, adit_time now)
{
    adit_time most = r->conf.retry_max ? r->conf.retry_max : ADIT_RELAY_RETRY_MAX;
    struct adit_cause cause;
    bool final;

    if (!r->failed)
        return;
    cause = r->cause;
    final = r->final;
    adit_relay_disconnect(r);
    if (!final) {
        adit_timer_set(&r->retry, now + r->pause);
        r->pause = r->pause * 2 < most ? r->pause * 2 : most;
    }
    r->ops->down(r->arg, &cause, final, now);
}

static void on_retry(struct adit_timer *timer, adit_time now)
{
    struct adit_relay *r = adit_container_of(timer, struct adit_relay, retry);

    adit_relay_connect(r);
    adit_relay_settle(r, now);
}

/* ---- configuration --------------------------------------------------------------------------- */

static int refuse(struct adit_cause *cause, const char *text)
{
    adit_cause_set(cause, ADIT_REASON_LOCAL, EINVAL, "%s", text);
    return -EINVAL;
}

static void put_target(struct adit_relay *r, const struct adit_relay_conf *conf)
{
    size_t path = strcspn(r->url.target, "?");

    if (!conf->session) {
        adit_buf_add(&r->target, r->url.target, strlen(r->url.target));
    } else {
        while (path > 0 && r->url.target[path - 1] == '/')
            path--;
        adit_buf_add(&r->target, r->url.target, path);
        adit_buf_printf(&r->target, "/relay/");
        adit_url_encode(&r->target, conf->session, strlen(conf->session));
    }
    if (!conf->second)
        adit_url_query_add(&r->target, "token", conf->token);
}

static int configure(struct adit_relay *r, const struct adit_relay_conf *conf,
                     struct adit_cause *cause)
{
    int err =
        adit_url_parse(&r->url, conf->url, strlen(conf->url), ADIT_URL_WS | ADIT_URL_WSS, cause);

    if (err)
        return err;
    if (!conf->token || !*conf->token)
        return refuse(cause, "the relay needs a token");
    if (conf->session && !*conf->session)
        return refuse(cause, "the relay needs a session");
    if (r->url.secure && !conf->tls)
        return refuse(cause, "the relay needs TLS");
    r->conf = *conf;
    r->conf.url = r->conf.session = NULL;
    r->token = adit_strdup(conf->token);
    r->servers = conf->servers ? adit_strdup(conf->servers) : NULL;
    if (conf->proxy)
        r->proxy = *conf->proxy;
    r->has_proxy = conf->proxy && conf->proxy->kind != ADIT_PROXY_NONE;
    put_target(r, conf);
    adit_url_authority(&r->authority, &r->url);
    r->pause = conf->retry_first ? conf->retry_first : ADIT_RELAY_RETRY_FIRST;
    if (!r->token || (conf->servers && !r->servers) || r->target.err || r->authority.err) {
        adit_cause_set(cause, ADIT_REASON_RESOURCE, ENOMEM, "no memory for the relay");
        return -ENOMEM;
    }
    return 0;
}

int adit_relay_new(struct adit_relay **ret_relay, struct adit_loop *loop,
                   const struct adit_relay_conf *conf, const struct adit_relay_ops *ops, void *arg,
                   struct adit_cause *ret_cause)
{
    struct adit_relay *r = adit_zalloc(sizeof *r);
    int err;

    if (!r) {
        adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, ENOMEM, "no memory for the relay");
        return -ENOMEM;
    }
    r->loop = loop;
    r->ops = ops;
    r->arg = arg;
    adit_rng_init(&r->rng);
    adit_buf_init(&r->authority, 1024);
    adit_buf_init(&r->target, 3 * ADIT_URL_TARGET_MAX);
    adit_timer_init(&r->retry, loop, on_retry, "relay");
    adit_relay_init(r);
    err = configure(r, conf, ret_cause);
    if (err) {
        adit_relay_free(r);
        return err;
    }
    adit_timer_set(&r->retry, adit_loop_now(loop));
    *ret_relay = r;
    return 0;
}

static void forget(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    adit_free(secret);
}

struct adit_relay *adit_relay_free(struct adit_relay *r)
{
    if (!r)
        return NULL;
    if (r->gone)
        *r->gone = true;
    adit_relay_disconnect(r);
    adit_timer_stop(&r->retry);
    if (r->target.data)
        explicit_bzero(r->target.data, r->target.len);
    adit_buf_done(&r->target);
    adit_buf_done(&r->authority);
    forget(r->token);
    adit_free(r->servers);
    explicit_bzero(&r->proxy, sizeof r->proxy);
    adit_free(r);
    return NULL;
}

/* ---- what the owner calls -------------------------------------------------------------------- */

int adit_relay_send(struct adit_relay *r, const void *bytes, size_t n)
{
    int err;

    if (!r->open || r->failed)
        return -EPIPE;
    if (n > ADIT_RELAY_MESSAGE_MAX)
        return -EMSGSIZE;
    if (adit_relay_buffered(r) >= ADIT_RELAY_QUEUE_MAX) {
        r->starved = true;
        return -EAGAIN;
    }
    err = adit_ws_send(r->ws, false, bytes, n);
    if (err == 0)
        adit_relay_pump(r);
    return err == -ECANCELED ? -EPIPE : err;
}

size_t adit_relay_buffered(const struct adit_relay *r)
{
    return (r->ws ? adit_ws_pending(r->ws).len : 0) +
           (r->stream ? adit_stream_buffered(r->stream) : 0);
}

bool adit_relay_is_open(const struct adit_relay *r)
{
    return r->open && !r->failed;
}

void adit_relay_pause(struct adit_relay *r)
{
    r->paused = true;
    if (r->stream)
        adit_stream_pause(r->stream);
}

void adit_relay_resume(struct adit_relay *r)
{
    if (!r->paused)
        return;
    r->paused = false;
    if (r->stream)
        adit_loop_before_sleep(r->loop, &r->again);
}

void adit_relay_reset(struct adit_relay *r, const char *text)
{
    if (!r->stream)
        return;
    adit_relay_fail_text(r, ADIT_REASON_PROTOCOL, EPROTO, text, false);
    adit_loop_before_sleep(r->loop, &r->again);
}
