#include "agent/session.h"

#include "agent/report.h"
#include "agent/session_inner.h"
#include "base/alloc.h"
#include "base/log.h"

#define GOODBYE_MAX (5 * ADIT_SEC) /* for the other side to see that we closed */

/* ---- ending ---------------------------------------------------------------------------------- */

static void on_bury(struct adit_task *task, adit_time now)
{
    struct adit_session *s = adit_container_of(task, struct adit_session, bury);

    (void)now;
    s->ended(s->arg, s->exit_code);
}

static void finish(struct adit_session *s, int exit_code)
{
    if (s->over)
        return;
    s->over = true;
    s->exit_code = exit_code;
    adit_timer_stop(&s->timeout);
    adit_timer_stop(&s->hint);
    adit_timer_stop(&s->goodbye);
    adit_session_again_done(s);
    adit_paste_stop(&s->paste);
    adit_lanes_closing(&s->lanes);
    adit_lanes_end(&s->lanes);
}

void adit_session_fail(struct adit_session *s, int exit_code, const char *text)
{
    if (!s->over)
        adit_report_failed(s->peer, text);
    finish(s, exit_code);
}

static void say_goodbye(struct adit_session *s, int exit_code)
{
    enum adit_peer_state state = adit_peer_state(s->peer);

    s->closing = true;
    s->exit_code = exit_code;
    adit_lanes_closing(&s->lanes);
    if (state == ADIT_PEER_CLOSED || state == ADIT_PEER_FAILED) {
        finish(s, exit_code);
        return;
    }
    adit_timer_set(&s->goodbye, adit_loop_now(s->loop) + GOODBYE_MAX);
    adit_peer_close(s->peer);
}

/* ---- channels -------------------------------------------------------------------------------- */

static void on_lanes_opened(void *arg)
{
    struct adit_session *s = arg;

    adit_timer_stop(&s->timeout);
    adit_timer_stop(&s->hint);
    adit_report_connected(s->peer);
    adit_session_again_up(s);
}

static void on_lanes_done(void *arg, int exit_code)
{
    struct adit_session *s = arg;

    if (!s->over && !s->closing)
        say_goodbye(s, exit_code);
}

static void on_lanes_failed(void *arg, int exit_code)
{
    finish(arg, exit_code);
}

static void on_lanes_ended(void *arg)
{
    struct adit_session *s = arg;

    adit_loop_end_of_round(s->loop, &s->bury);
}

static const struct adit_lanes_ops lanes_ops = {
    .opened = on_lanes_opened,
    .done = on_lanes_done,
    .failed = on_lanes_failed,
    .ended = on_lanes_ended,
};

/* ---- the peer -------------------------------------------------------------------------------- */

static void on_gathered(struct adit_peer *peer, void *user)
{
    struct adit_session *s = user;

    if (!s->gathered && !adit_engine_stun_answered(peer->engine))
        adit_log(ADIT_LOG_WARN, "session", "no STUN server told us our public address, continuing");
    s->gathered = true;
    if (s->lanes.was_open)
        adit_session_again_gathered(s);
    else
        adit_session_tell(s);
    adit_session_read(s);
}

static void on_remapped(struct adit_peer *peer, void *user)
{
    struct adit_session *s = user;

    (void)peer;
    if (s->told && !s->lanes.was_open)
        adit_session_tell(s);
}

static void on_path(struct adit_peer *peer, void *user)
{
    struct adit_session *s = user;
    struct adit_ice_pair_info pair;

    if (!adit_engine_selected(peer->engine, &pair))
        return;
    adit_lanes_path(&s->lanes, &pair.local->addr, &pair.remote->addr);
    if (s->lanes.was_open)
        adit_report_path(peer);
}

static void on_channel(struct adit_peer *peer, struct adit_dc *dc, void *user)
{
    struct adit_session *s = user;

    (void)peer;
    adit_lanes_accept(&s->lanes, dc);
}

static void on_state(struct adit_peer *peer, enum adit_peer_state state,
                     const struct adit_cause *cause, void *user)
{
    struct adit_session *s = user;

    (void)peer;
    switch (state) {
    case ADIT_PEER_DISCONNECTED:
        adit_log(ADIT_LOG_WARN, "session", "the other side does not answer, continuing");
        adit_session_again_silent(s);
        break;
    case ADIT_PEER_CONNECTED:
        if (s->lanes.was_open)
            adit_log(ADIT_LOG_INFO, "session", "the other side answers again");
        adit_session_again_back(s);
        break;
    case ADIT_PEER_FAILED:
        adit_session_again_failed(s, cause);
        if (s->closing)
            finish(s, s->exit_code); /* an app has said why */
        else
            adit_session_fail(s, adit_exit_of(cause), cause->text);
        break;
    case ADIT_PEER_CLOSED:
        if (s->closing)
            finish(s, s->exit_code);
        else if (!s->lanes.was_open)
            adit_session_fail(s, ADIT_EXIT_REFUSED,
                              "the other side closed the connection before a channel was open");
        else if (adit_lanes_empty(&s->lanes))
            finish(s, ADIT_EXIT_OK);
        break; /* an app that is still writing says when it is done */
    case ADIT_PEER_NEW:
    case ADIT_PEER_CONNECTING:
        break;
    }
}

static void on_timeout(struct adit_timer *timer, adit_time now)
{
    struct adit_session *s = adit_container_of(timer, struct adit_session, timeout);

    (void)now;
    if (s->accepted)
        adit_session_fail(s, ADIT_EXIT_NO_PATH, "timed out: no connection to the other side");
    else if (!s->gathered)
        adit_session_fail(s, ADIT_EXIT_NO_PATH, "timed out: no network interface could be used");
    else
        adit_session_fail(s, ADIT_EXIT_SIGNALING,
                          "timed out: the other side's description did not come");
}

/* Once: waiting goes on, for whoever answers or pairs cannot know whether his line was pasted. */
static void on_hint(struct adit_timer *timer, adit_time now)
{
    struct adit_session *s = adit_container_of(timer, struct adit_session, hint);
    struct adit_ice_pair_info pair;

    (void)now;
    if (adit_engine_selected(s->peer->engine, &pair))
        return;
    adit_log(ADIT_LOG_WARN, "session", "the other side has not answered for %d s, continuing. %s",
             (int)(ADIT_SESSION_HINT_AFTER / ADIT_SEC),
             s->conf.role == ADIT_SESSION_OFFER
                 ? "Is it still running? Otherwise no path leads there: a firewall drops UDP, or "
                   "both NATs choose a new port for each address; open a port on one side and name "
                   "it with --udp-port and --announce"
                 : "Perhaps nobody has pasted our line there yet. Otherwise no path leads there: a "
                   "firewall drops UDP, or both NATs choose a new port for each address; open a "
                   "port on one side and name it with --udp-port and --announce");
}

static void on_goodbye(struct adit_timer *timer, adit_time now)
{
    struct adit_session *s = adit_container_of(timer, struct adit_session, goodbye);

    (void)now;
    finish(s, s->exit_code);
}

void adit_session_report(struct adit_session *s)
{
    adit_lanes_report(&s->lanes);
}

void adit_session_suspend(struct adit_session *s)
{
    adit_paste_suspend(&s->paste);
}

void adit_session_continue(struct adit_session *s)
{
    adit_paste_continue(&s->paste);
}

void adit_session_stop(struct adit_session *s)
{
    if (s->over) { /* an app winds up, and whoever says it twice has no time for that */
        adit_log(ADIT_LOG_WARN, "session",
                 "not waiting for what still winds up; programs of --up and --down are killed");
        adit_loop_end_of_round(s->loop, &s->bury);
        return;
    }
    if (s->closing || !s->lanes.was_open)
        finish(s, s->lanes.was_open ? s->exit_code : ADIT_EXIT_FAILED);
    else
        say_goodbye(s, s->conf.lanes.app->must_finish ? ADIT_EXIT_FAILED : ADIT_EXIT_OK);
}

static void on_handout_failed(struct adit_handout *h, const char *text)
{
    struct adit_session *s = adit_container_of(h, struct adit_session, handout);

    if (s->lanes.was_open)
        adit_log(ADIT_LOG_WARN, "session", "%s, continuing", text);
    else
        adit_session_fail(s, ADIT_EXIT_SIGNALING, text);
}

/* ---- life ------------------------------------------------------------------------------------ */

/* 0, or an exit code after it was logged. */
static int start(struct adit_session *s)
{
    struct adit_peer_conf peer = s->conf.peer;
    struct adit_cause cause;
    int exit_code =
        adit_handout_open(&s->handout, s->loop, s->conf.text_out, s->conf.qr, on_handout_failed);

    if (exit_code)
        return exit_code;
    peer.patient = true; /* the user sets the limit */
    peer.hold = adit_session_again_hold(s);
    peer.on = (struct adit_peer_callbacks){
        .state = on_state,
        .gathered = on_gathered,
        .remapped = on_remapped,
        .path = on_path,
        .channel = on_channel,
    };
    peer.user = s;
    s->peer = adit_peer_new(s->loop, &peer, &cause);
    if (!s->peer) {
        adit_log(ADIT_LOG_ERROR, "session", "%s", cause.text);
        return cause.reason == ADIT_REASON_LOCAL ? ADIT_EXIT_USAGE : ADIT_EXIT_FAILED;
    }
    adit_session_again_attach(s);
    adit_lanes_attach(&s->lanes, s->peer);
    if (s->conf.timeout)
        adit_timer_set(&s->timeout, adit_loop_now(s->loop) + s->conf.timeout);
    if (s->conf.role == ADIT_SESSION_PAIR)
        adit_peer_pair(s->peer);
    if (s->conf.role == ADIT_SESSION_OFFER)
        adit_peer_offer(s->peer);
    return adit_lanes_prepare(&s->lanes);
}

struct adit_session *adit_session_new(struct adit_loop *loop, const struct adit_session_conf *conf,
                                      void (*ended)(void *arg, int exit_code), void *arg,
                                      int *ret_exit)
{
    struct adit_session *s = adit_zalloc(sizeof *s);

    *ret_exit = ADIT_EXIT_FAILED;
    if (!s || !(s->text = adit_malloc(ADIT_SESSION_TEXT))) {
        adit_log(ADIT_LOG_ERROR, "session", "out of memory");
        adit_free(s);
        return NULL;
    }
    s->loop = loop;
    s->conf = *conf;
    s->form = conf->form;
    s->ended = ended;
    s->arg = arg;
    adit_lanes_init(&s->lanes, loop, &s->conf.lanes, &lanes_ops, s);
    adit_timer_init(&s->timeout, loop, on_timeout, "timeout");
    adit_timer_init(&s->hint, loop, on_hint, "hint");
    adit_timer_init(&s->goodbye, loop, on_goodbye, "goodbye");
    adit_session_again_init(s);
    adit_task_init(&s->bury, on_bury);
    *ret_exit = start(s);
    return *ret_exit ? adit_session_free(s) : s;
}

struct adit_session *adit_session_free(struct adit_session *s)
{
    if (!s)
        return NULL;
    adit_paste_stop(&s->paste);
    adit_timer_stop(&s->timeout);
    adit_timer_stop(&s->hint);
    adit_timer_stop(&s->goodbye);
    adit_session_again_done(s);
    adit_task_cancel(&s->bury);
    adit_peer_free(s->peer);
    adit_lanes_done(&s->lanes);
    adit_handout_close(&s->handout);
    adit_free(s->text);
    adit_free(s);
    return NULL;
}
