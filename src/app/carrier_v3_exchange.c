/* carrier_v3_exchange.c - an exchange of version 3: its time, its bodies, its end. */
#include "app/carrier_v3.h"

/* ---- reasons --------------------------------------------------------------------------------- */

static const struct {
    int status;
    const char *words;
} reasons[] = {
    { 421, "no session" },
    { 409, "another device" },
    { 403, "the service is forbidden" },
    { 503, "unavailable" },
    { 503, "the tunnel is down" },
    { 410, "the session is closed" },
    { 504, "the response took too long" },
    { 504, "the body stalled" },
    { 502, "the body is too large" },
    { 502, "the other side speaks another version" },
    { 502, "a frame of version 2" },
    { 502, "a frame that is not understood" },
    { 502, "the upstream failed" },
    { 502, "no such service" },
    { 500, "the other side failed" },
};

int adit_v3_status(unsigned reason)
{
    unsigned i = reason - ADIT_V3_NO_SESSION;

    return i < ADIT_LEN(reasons) ? reasons[i].status : 502;
}

const char *adit_v3_words(unsigned reason)
{
    unsigned i = reason - ADIT_V3_NO_SESSION;

    return i < ADIT_LEN(reasons) ? reasons[i].words : "it was cancelled";
}

/* ---- exchanges ------------------------------------------------------------------------------- */

static void release(struct adit_framed *framed)
{
    struct adit_v3_exchange *x = (struct adit_v3_exchange *)framed;

    adit_timer_stop(&x->timer);
    x->ws = adit_ws_bridge_free(x->ws);
    adit_v3_of(x)->counts[framed->key[1]]--;
}

static void on_timer(struct adit_timer *timer, adit_time now)
{
    struct adit_v3_exchange *x = adit_container_of(timer, struct adit_v3_exchange, timer);

    if (x->f.held > 0 || adit_v3_of(x)->f.paused) { /* it is we who are slow */
        adit_v3_patience(x, x->patience, now);
    } else if (x->ws) {
        adit_v3_send_code(x, ADIT_V3_WS_CLOSE, ADIT_V3_WS_TIMEOUT, NULL, 0);
        x->settled = true;
        adit_framed_tell_failed(&x->f, 504, "the WebSocket took too long", now);
    } else {
        adit_v3_give_up(
            x, x->head_said || x->f.out_ended == 0 ? ADIT_V3_STREAM_TIMEOUT : ADIT_V3_HEAD_TIMEOUT,
            now);
    }
}

struct adit_v3_exchange *adit_v3_new(struct adit_v3 *v, uint32_t id, enum adit_v3_kind kind)
{
    struct adit_framed *framed = adit_framed_new(&v->f, sizeof(struct adit_v3_exchange), id, kind);
    struct adit_v3_exchange *x = (struct adit_v3_exchange *)framed;

    if (!x)
        return NULL;
    framed->release = release;
    adit_timer_init(&x->timer, v->f.c.conf.loop, on_timer, "exchange");
    x->reason = v->f.c.conf.provider ? ADIT_V3_UPSTREAM : ADIT_V3_CLOSED;
    v->counts[kind]++;
    return x;
}

void adit_v3_patience(struct adit_v3_exchange *x, adit_time within, adit_time now)
{
    x->patience = within;
    adit_timer_set(&x->timer, within ? now + within : ADIT_NEVER);
}

bool adit_v3_give_up(struct adit_v3_exchange *x, enum adit_v3_reason reason, adit_time now)
{
    adit_v3_patience(x, 0, now);
    x->reason = reason;
    return adit_framed_tell_failed(&x->f, adit_v3_status(reason), adit_v3_words(reason), now);
}

bool adit_v3_drain(struct adit_v3 *v, uint32_t id, size_t n, bool final, adit_time now)
{
    unsigned i = 0;

    while (i < ADIT_LEN(v->drained) && v->drained[i].id != id)
        i++;
    if (final) {
        if (i < ADIT_LEN(v->drained))
            v->drained[i].id = 0;
        return true;
    }
    if (i == ADIT_LEN(v->drained)) {
        i = v->drained_at++ % ADIT_LEN(v->drained);
        v->drained[i].id = id;
        v->drained[i].bytes = 0;
    }
    v->drained[i].bytes += n;
    if (v->drained[i].bytes <= ADIT_V3_DRAIN_MAX)
        return true;
    adit_framing_break(&v->f, "4006: the other side goes on with what was cancelled", now);
    return false;
}

/* ---- what HTTP's side does ------------------------------------------------------------------- */

int adit_v3_body(struct adit_exchange *exchange, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_v3_exchange *x = (struct adit_v3_exchange *)exchange;
    bool provider = exchange->carrier->conf.provider;

    if (x->f.fail_status)
        return 0;
    if (x->f.over || x->f.out_ended)
        return -EPIPE;
    if (x->ws) {
        adit_ws_bridge_feed(x->ws, bytes, n, now);
        return 0;
    }
    x->sent += n;
    if (x->sent > adit_v3_of(x)->body_max) { /* no final chunk: it must not look whole */
        x->reason = ADIT_V3_TOO_LARGE;
        adit_framed_fail_later(&x->f, provider ? 502 : 413, adit_v3_words(ADIT_V3_TOO_LARGE));
        return 0;
    }
    return n ? adit_v3_send_chunks(x, bytes, n, false) : 0;
}

int adit_v3_end(struct adit_exchange *exchange, const struct adit_http1_field *trailers,
                unsigned count, adit_time now)
{
    struct adit_v3_exchange *x = (struct adit_v3_exchange *)exchange;
    bool provider = exchange->carrier->conf.provider;

    (void)trailers, (void)count; /* there is no frame for them */
    if (x->f.fail_status)
        return 0;
    if (x->f.over)
        return -EPIPE;
    if (x->f.out_ended)
        return 0;
    x->f.out_ended = true;
    if (x->ws) {
        adit_ws_bridge_eof(x->ws, now);
        return 0;
    }
    if (!provider && !x->head_said)
        adit_v3_patience(x, ADIT_V3_HEAD_TIME, now);
    return adit_v3_send_chunks(x, NULL, 0, true);
}

/* What is not whole is cancelled; a request without an answer is answered. */
static void settle(struct adit_v3_exchange *x, const char *text)
{
    struct adit_v3 *v = adit_v3_of(x);

    if (!v->f.c.conf.provider) {
        if (x->f.in_ended && x->f.out_ended)
            return;
        adit_framing_purge(&v->f, x->f.lane);
        adit_v3_send_cancel(x, x->reason);
        return;
    }
    if (!x->f.out_ended && !x->head_said)
        adit_v3_send_problem(x, x->reason, text ? text : adit_v3_words(x->reason));
    if ((!x->f.out_ended && x->head_said) || !x->f.in_ended)
        adit_v3_send_cancel(x, x->reason);
}

void adit_v3_drop(struct adit_exchange *exchange, const char *text, adit_time now)
{
    struct adit_v3_exchange *x = (struct adit_v3_exchange *)exchange;

    (void)now;
    if (x->ws)
        adit_ws_bridge_leave(x->ws, text);
    else if (!x->settled && !adit_v3_of(x)->f.dead)
        settle(x, text);
    adit_framed_free(&x->f, false);
}
