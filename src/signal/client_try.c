#include "base/log.h"
#include "signal/client_inner.h"
#include "signal/say.h"

#define TRY_MAX     (30 * ADIT_SEC)     /* from the first packet to JOINED */
#define AT_ONCE_MAX 3                   /* attempts in another form, one after the other */
#define AWAY_SHORT  (2 * 60 * ADIT_SEC) /* a server that was there so lately is being restarted, */
#define AWAY_PAUSE  (3 * ADIT_SEC)      /* and is tried as often as this at least */
#define STABLE      (30 * ADIT_SEC)     /* joined for so long: the next failure is a new one */

/* ---- failing --------------------------------------------------------------------------------- */

void adit_client_fail(struct adit_signal *s, const struct adit_cause *cause)
{
    if (s->failed)
        return;
    s->failed = true;
    s->cause = *cause;
}

void adit_client_fail_text(struct adit_signal *s, enum adit_reason reason, int err,
                           const char *text)
{
    struct adit_cause cause;

    adit_cause_set(&cause, reason, err, "%s", text);
    adit_client_fail(s, &cause);
}

void adit_client_close(struct adit_signal *s)
{
    adit_client_ws_stop(s);
    adit_client_http_stop(s);
    adit_client_exec_stop(s);
    adit_client_file_stop(s);
}

void adit_client_left(struct adit_signal *s)
{
    s->state = ADIT_CLIENT_OVER;
    s->stopped = true;
    adit_client_close(s);
    adit_timer_stop(&s->timer);
    adit_timer_stop(&s->deadline);
    adit_client_tell(s, ADIT_SIGNAL_STOPPED, NULL, true);
}

/* first × factor^(tries - 1), at most max, and some more by chance. */
static adit_time pause_of(struct adit_signal *s, adit_time now)
{
    const struct adit_dialect_traits *t = &s->dialect->traits;
    adit_time most = s->conf.retry_max ? s->conf.retry_max : t->retry_max;
    adit_time pause = s->conf.retry_first ? s->conf.retry_first : t->retry_first;
    unsigned factor = s->conf.retry_factor_x10 ? s->conf.retry_factor_x10 : t->retry_factor_x10;

    for (unsigned i = 1; i < s->tries && pause < most; i++)
        pause = pause / 10 * factor;
    pause = adit_time_min(pause, most);
    if (s->joined_at && now - s->joined_at < AWAY_SHORT && !s->conf.retry_first)
        pause = adit_time_min(pause, AWAY_PAUSE);
    return pause + pause / 100 * adit_rng_below(&s->rng, t->retry_jitter_percent + 1);
}

static void over(struct adit_signal *s)
{
    s->state = ADIT_CLIENT_OVER;
    adit_timer_stop(&s->timer);
    adit_client_tell(s, ADIT_SIGNAL_DOWN, &s->cause, true);
}

/* The attempt, or the connection, has ended. */
static void end_attempt(struct adit_signal *s, adit_time now)
{
    bool leaving = s->state == ADIT_CLIENT_LEAVING;
    bool stable = s->engine->joined && now - s->joined_at >= STABLE;

    adit_client_close(s);
    if (s->dialect->lost && s->dialect->lost(s->engine, s->http_status, s->close_code,
                                             s->close_reason, &s->cause, &s->final, now))
        s->again = true;
    s->engine->joined = false;
    s->failed = false;
    if (leaving) {
        adit_client_left(s);
        return;
    }
    if (stable)
        s->tries = s->at_once = 0;
    s->state = ADIT_CLIENT_PAUSED;
    if (s->again && !s->final && s->at_once++ < AT_ONCE_MAX) {
        adit_timer_set(&s->timer, now);
        return;
    }
    s->at_once = 0;
    s->tries++;
    if (s->final || (s->conf.retry_tries > 0 && s->tries >= (unsigned)s->conf.retry_tries)) {
        over(s);
        return;
    }
    adit_timer_set(&s->timer, now + pause_of(s, now));
    adit_client_tell(s, ADIT_SIGNAL_DOWN, &s->cause, false);
}

static void arm_deadline(struct adit_signal *s)
{
    if (s->dialect->deadline && s->state != ADIT_CLIENT_OVER)
        adit_timer_set(&s->deadline, s->dialect->deadline(s->engine));
}

void adit_client_settle(struct adit_signal *s, adit_time now)
{
    if (s->failed) {
        end_attempt(s, now);
    } else if (s->state == ADIT_CLIENT_TRYING && s->engine->joined) {
        s->state = ADIT_CLIENT_JOINED;
        s->joined_at = now;
        adit_timer_stop(&s->timer);
        if (!s->warned && s->dialect->traits.warning)
            adit_log(ADIT_LOG_WARN, "signal", "%s, continuing", s->dialect->traits.warning);
        s->warned = true;
    } else if (s->state == ADIT_CLIENT_LEAVING && !s->ws.stream && !adit_client_http_busy(s)) {
        adit_client_left(s);
    }
    arm_deadline(s);
}

/* ---- trying ---------------------------------------------------------------------------------- */

int adit_client_connect(struct adit_signal *s, struct adit_stream **ret_stream,
                        const struct adit_stream_ops *ops, void *arg)
{
    struct adit_stream_conf conf = {
        .host = s->url.host,
        .port = s->url.port,
        .servers = s->conf.dns,
        .proxy = s->has_proxy ? &s->proxy : NULL,
        .tls = s->tls,
        .mark = s->conf.fwmark,
        .timeout = s->conf.connect_timeout,
        .queue_max = 4 * ADIT_DIALECT_MESSAGE_MAX,
    };

    return adit_stream_connect(ret_stream, s->loop, &conf, ops, arg);
}

void adit_client_opened(struct adit_signal *s, adit_time now)
{
    if (s->dialect->opened)
        s->dialect->opened(s->engine, now);
    adit_client_settle(s, now);
}

void adit_client_text(struct adit_signal *s, const char *text, size_t n, adit_time now)
{
    if (s->dialect->text)
        s->dialect->text(s->engine, text, n, now);
    adit_client_settle(s, now);
}

static void try(struct adit_signal *s, adit_time now)
{
    s->state = ADIT_CLIENT_TRYING;
    s->failed = s->again = s->final = false;
    s->http_status = 0;
    s->close_code = 0;
    s->close_reason[0] = 0;
    adit_timer_set(&s->timer, now + adit_time_max(TRY_MAX, 2 * s->conf.connect_timeout));
    if (s->conf.insecure && s->tls)
        adit_log(ADIT_LOG_WARN, "signal",
                 "anybody could be the signaling server: its certificate is not checked "
                 "(--insecure), continuing");
    if (s->conf.exec)
        adit_client_exec_start(s);
    else if (s->conf.file)
        adit_client_file_start(s);
    else if (s->conf.none)
        s->dialect->opened(s->engine, now);
    else
        s->dialect->begin(s->engine, now);
    adit_client_settle(s, now);
}

static void on_timer(struct adit_timer *timer, adit_time now)
{
    struct adit_signal *s = adit_container_of(timer, struct adit_signal, timer);

    switch (s->state) {
    case ADIT_CLIENT_PAUSED:
        try(s, now);
        break;
    case ADIT_CLIENT_TRYING:
        adit_client_fail_text(s, ADIT_REASON_TIMEOUT, ETIMEDOUT,
                              "the signaling server does not let us in within the time");
        adit_client_settle(s, now);
        break;
    case ADIT_CLIENT_LEAVING:
        adit_client_left(s);
        break;
    case ADIT_CLIENT_JOINED:
    case ADIT_CLIENT_OVER:
        break;
    }
}

static void on_deadline(struct adit_timer *timer, adit_time now)
{
    struct adit_signal *s = adit_container_of(timer, struct adit_signal, deadline);

    s->dialect->tick(s->engine, now);
    adit_client_settle(s, now);
}

void adit_client_init(struct adit_signal *s)
{
    adit_timer_init(&s->timer, s->loop, on_timer, "signaling");
    adit_timer_init(&s->deadline, s->loop, on_deadline, "signaling dialect");
    adit_client_http_init(s);
}

void adit_signal_retry(struct adit_signal *s)
{
    if (s->state != ADIT_CLIENT_PAUSED)
        return;
    s->tries = 0;
    adit_timer_set(&s->timer, adit_loop_now(s->loop));
}
