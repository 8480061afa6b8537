#include "agent/call_inner.h"
#include "agent/exit.h"
#include "agent/report.h"
#include "base/alloc.h"
#include "base/log.h"

#define GOODBYE_MAX (5 * ADIT_SEC) /* for the other side to see that we closed */
static const struct adit_cause closed_by_them = { .reason = ADIT_REASON_REMOTE,
                                                  .text = "the other side closed the connection" };

const char *adit_call_state_name(enum adit_call_state state)
{
    static const char *const names[] = {
        [ADIT_CALL_IDLE] = "idle",      [ADIT_CALL_CALLING] = "calling",
        [ADIT_CALL_ASKING] = "asking",  [ADIT_CALL_CONNECTING] = "connecting",
        [ADIT_CALL_UP] = "connected",   [ADIT_CALL_SILENT] = "silent",
        [ADIT_CALL_ENDING] = "closing",
    };

    return names[state];
}

/* Which state may follow which. */
static const uint8_t arrows[] = {
    [ADIT_CALL_IDLE] = 1 << ADIT_CALL_CALLING | 1 << ADIT_CALL_ASKING | 1 << ADIT_CALL_ENDING,
    [ADIT_CALL_CALLING] = 1 << ADIT_CALL_ASKING | 1 << ADIT_CALL_ENDING,
    [ADIT_CALL_ASKING] = 1 << ADIT_CALL_CONNECTING | 1 << ADIT_CALL_ENDING,
    [ADIT_CALL_CONNECTING] = 1 << ADIT_CALL_UP | 1 << ADIT_CALL_ENDING,
    [ADIT_CALL_UP] = 1 << ADIT_CALL_SILENT | 1 << ADIT_CALL_ENDING,
    [ADIT_CALL_SILENT] = 1 << ADIT_CALL_UP | 1 << ADIT_CALL_ENDING,
    [ADIT_CALL_ENDING] = 1 << ADIT_CALL_IDLE,
};

void adit_call_set_state(struct adit_call *call, enum adit_call_state state)
{
    assert(arrows[call->state] & 1 << state);
    call->state = state;
    call->since = adit_loop_now(call->loop);
    adit_debug("call", "%s", adit_call_state_name(state));
    call->ops->state(call->arg, call);
}

/* ---- ending ---------------------------------------------------------------------------------- */

void adit_call_drop_peer(struct adit_call *call)
{
    adit_lanes_detach(&call->lanes);
    call->peer = adit_peer_free(call->peer);
}

static void on_bury(struct adit_task *task, adit_time now)
{
    struct adit_call *call = adit_container_of(task, struct adit_call, bury);
    struct adit_cause cause = call->cause;

    (void)now;
    adit_call_drop_peer(call);
    adit_call_forget_theirs(call);
    adit_call_set_state(call, ADIT_CALL_IDLE);
    call->ops->ended(call->arg, call, call->exit_code, call->finished, &cause);
}

/* The connection is over, whatever it was. The first cause counts. */
void adit_call_end(struct adit_call *call, int exit_code, const struct adit_cause *cause)
{
    adit_timer_stop(&call->limit);
    adit_timer_stop(&call->again);
    adit_task_cancel(&call->tell);
    if (call->state != ADIT_CALL_ENDING) {
        call->exit_code = exit_code;
        call->cause = *cause;
        adit_call_set_state(call, ADIT_CALL_ENDING);
    }
    adit_loop_end_of_round(call->loop, &call->bury);
}

void adit_call_end_because(struct adit_call *call, int exit_code, enum adit_reason reason,
                           const char *text)
{
    struct adit_cause cause;

    adit_cause_set(&cause, reason, 0, "%s", text);
    adit_call_end(call, exit_code, &cause);
}

static void say_goodbye(struct adit_call *call, int exit_code)
{
    enum adit_peer_state state = adit_peer_state(call->peer);

    call->exit_code = exit_code;
    if (state == ADIT_PEER_CLOSED)
        call->cause = closed_by_them;
    else
        adit_cause_set(&call->cause, ADIT_REASON_LOCAL, 0, "closed here");
    adit_call_set_state(call, ADIT_CALL_ENDING);
    adit_timer_set(&call->limit, adit_loop_now(call->loop) + GOODBYE_MAX);
    if (state == ADIT_PEER_CLOSED || state == ADIT_PEER_FAILED)
        adit_loop_end_of_round(call->loop, &call->bury);
    else
        adit_peer_close(call->peer);
}

void adit_call_hang_up(struct adit_call *call, int exit_code)
{
    if (call->state == ADIT_CALL_IDLE)
        return;
    if (call->state == ADIT_CALL_UP)
        say_goodbye(call, exit_code);
    else
        adit_call_end_because(call, exit_code, ADIT_REASON_LOCAL, "closed here");
}

static void on_limit(struct adit_timer *timer, adit_time now)
{
    struct adit_call *call = adit_container_of(timer, struct adit_call, limit);

    (void)now;
    if (call->state == ADIT_CALL_ENDING)
        adit_loop_end_of_round(call->loop, &call->bury);
    else if (call->state == ADIT_CALL_CALLING)
        adit_call_end_because(call, ADIT_EXIT_SIGNALING, ADIT_REASON_TIMEOUT,
                              "no answer to our offer");
    else
        adit_call_end_because(call, ADIT_EXIT_NO_PATH, ADIT_REASON_TIMEOUT,
                              "no connection to the other side within the time allowed");
}

/* ---- channels -------------------------------------------------------------------------------- */

static void on_lanes_opened(void *arg)
{
    struct adit_call *call = arg;

    adit_timer_stop(&call->limit);
    adit_report_connected(call->peer);
    if (call->state == ADIT_CALL_CONNECTING)
        adit_call_set_state(call, ADIT_CALL_UP);
}

static void on_lanes_done(void *arg, int exit_code)
{
    struct adit_call *call = arg;

    if (call->state == ADIT_CALL_ENDING)
        return;
    call->finished = true;
    if (call->peer)
        say_goodbye(call, exit_code);
    else
        adit_call_end_because(call, exit_code, ADIT_REASON_LOCAL, "closed here");
}

static void on_lanes_failed(void *arg, int exit_code)
{
    adit_call_end_because(arg, exit_code, ADIT_REASON_RESOURCE, "the channel could not be used");
}

static void on_lanes_ended(void *arg)
{
    struct adit_call *call = arg;

    call->ops->gone(call->arg, call);
}

static const struct adit_lanes_ops lanes_ops = {
    .opened = on_lanes_opened,
    .done = on_lanes_done,
    .failed = on_lanes_failed,
    .ended = on_lanes_ended,
};

static void on_candidate(struct adit_peer *peer, const char *candidate, void *user)
{
    struct adit_call *call = user;

    (void)peer;
    if (call->state == ADIT_CALL_ENDING)
        return;
    if (call->told && call->conf->trickle) {
        call->ops->candidate(call->arg, call, candidate);
    } else if (candidate) {
        if (adit_call_restarting(call)) /* the whole once more, where there is no other way */
            call->told = false;
        adit_call_tell_soon(call);
    }
}

static void on_gathered(struct adit_peer *peer, void *user)
{
    struct adit_call *call = user;

    (void)peer;
    call->gathered = true;
    if (call->state != ADIT_CALL_ENDING)
        adit_call_tell_soon(call);
}

/* ---- the peer -------------------------------------------------------------------------------- */

static void on_path(struct adit_peer *peer, void *user)
{
    struct adit_call *call = user;
    struct adit_ice_pair_info pair;

    if (!adit_engine_selected(peer->engine, &pair))
        return;
    adit_lanes_path(&call->lanes, &pair.local->addr, &pair.remote->addr);
    if (call->state == ADIT_CALL_UP || call->state == ADIT_CALL_SILENT)
        adit_report_path(peer);
}

static void on_channel(struct adit_peer *peer, struct adit_dc *dc, void *user)
{
    struct adit_call *call = user;

    (void)peer;
    adit_lanes_accept(&call->lanes, dc);
}

static void on_state(struct adit_peer *peer, enum adit_peer_state state,
                     const struct adit_cause *cause, void *user)
{
    struct adit_call *call = user;

    (void)peer;
    switch (state) {
    case ADIT_PEER_DISCONNECTED:
        if (call->state == ADIT_CALL_UP)
            adit_call_set_state(call, ADIT_CALL_SILENT);
        if (call->replaced)
            adit_call_give_up(call);
        break;
    case ADIT_PEER_CONNECTED:
        call->replaced = false;
        if (call->state == ADIT_CALL_SILENT)
            adit_call_set_state(call, ADIT_CALL_UP);
        break;
    case ADIT_PEER_FAILED:
        adit_call_end(call, adit_exit_of(cause), cause);
        break;
    case ADIT_PEER_CLOSED:
        /* An app that is still writing says when it is done, unless it will be needed again. */
        if (call->state == ADIT_CALL_ENDING || call->conf->lanes.stays ||
            adit_lanes_empty(&call->lanes))
            adit_call_end(call, ADIT_EXIT_OK, &closed_by_them);
        break;
    case ADIT_PEER_NEW:
    case ADIT_PEER_CONNECTING:
        break;
    }
}

int adit_call_start_peer(struct adit_call *call)
{
    struct adit_peer_conf conf = call->conf->peer;
    struct adit_cause cause;
    int exit_code = ADIT_EXIT_OK;

    conf.on = (struct adit_peer_callbacks){
        .state = on_state,
        .gathered = on_gathered,
        .candidate = on_candidate,
        .path = on_path,
        .channel = on_channel,
    };
    conf.user = call;
    call->peer = adit_peer_new_way(call->loop, &conf, call->conf->way, &cause);
    if (!call->peer) {
        adit_log(ADIT_LOG_ERROR, "call", "%s", cause.text);
        return cause.reason == ADIT_REASON_LOCAL ? ADIT_EXIT_USAGE : ADIT_EXIT_FAILED;
    }
    call->peer->restart = adit_call_on_restart;
    call->peer->restart_arg = call;
    call->offering = call->replaced = call->gathered = call->told = call->accepted =
        call->finished = call->hurry = false;
    adit_lanes_attach(&call->lanes, call->peer);
    exit_code = adit_lanes_prepare(&call->lanes);
    if (exit_code)
        adit_call_drop_peer(call);
    return exit_code;
}

int adit_call_offer(struct adit_call *call)
{
    int exit_code = adit_call_start_peer(call);

    if (exit_code)
        return exit_code;
    call->offering = true;
    adit_peer_offer(call->peer);
    adit_timer_set(&call->limit, adit_loop_now(call->loop) + call->conf->answer_max);
    adit_call_set_state(call, ADIT_CALL_CALLING);
    return ADIT_EXIT_OK;
}

/* ---- life ------------------------------------------------------------------------------------ */

const char *adit_call_name(const struct adit_call *call)
{
    return call->name;
}

const char *adit_call_device(const struct adit_call *call)
{
    return call->lanes.device;
}

enum adit_call_state adit_call_state(const struct adit_call *call)
{
    return call->state;
}

adit_time adit_call_since(const struct adit_call *call)
{
    return call->since;
}

struct adit_peer *adit_call_peer(const struct adit_call *call)
{
    return call->peer;
}

const struct adit_desc *adit_call_remote(const struct adit_call *call)
{
    return call->theirs ? &call->theirs->desc : NULL;
}

const char *adit_call_carrier(const struct adit_call *call)
{
    return adit_lanes_carrier(&call->lanes);
}

int adit_call_prepare(struct adit_call *call)
{
    return adit_lanes_prepare(&call->lanes);
}

int adit_call_rename(struct adit_call *call, const char *name)
{
    size_t n = strlen(name);

    if (n >= sizeof call->name)
        return -EMSGSIZE;
    memcpy(call->name, name, n + 1);
    return 0;
}

void adit_call_wind_up(struct adit_call *call)
{
    adit_lanes_closing(&call->lanes);
    adit_lanes_end(&call->lanes);
}

struct adit_call *adit_call_new(struct adit_loop *loop, const char *name,
                                const struct adit_call_conf *conf, const struct adit_call_ops *ops,
                                void *arg)
{
    struct adit_call *call = adit_zalloc(sizeof *call);

    if (!call || adit_call_rename(call, name) < 0) {
        adit_free(call);
        return NULL;
    }
    call->loop = loop;
    call->conf = conf;
    call->ops = ops;
    call->arg = arg;
    call->since = adit_loop_now(loop);
    adit_lanes_init(&call->lanes, loop, &conf->lanes, &lanes_ops, call);
    adit_timer_init(&call->limit, loop, on_limit, "call");
    adit_timer_init(&call->again, loop, adit_call_on_again, "restart");
    adit_task_init(&call->tell, adit_call_on_tell);
    adit_task_init(&call->bury, on_bury);
    return call;
}

struct adit_call *adit_call_free(struct adit_call *call)
{
    if (!call)
        return NULL;
    adit_timer_stop(&call->limit);
    adit_timer_stop(&call->again);
    adit_task_cancel(&call->tell);
    adit_task_cancel(&call->bury);
    adit_lanes_detach(&call->lanes);
    adit_peer_free(call->peer);
    adit_lanes_done(&call->lanes);
    adit_call_forget_theirs(call);
    adit_free(call);
    return NULL;
}

void adit_call_report(struct adit_call *call)
{
    adit_lanes_report(&call->lanes);
}
