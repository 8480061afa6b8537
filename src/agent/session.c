#include "agent/session.h"

#include <unistd.h>

#include "agent/handout.h"
#include "agent/inner.h"
#include "agent/paste.h"
#include "agent/report.h"
#include "base/alloc.h"
#include "base/log.h"

#define TEXT_SIZE    (64 * 1024)
#define ANSWERED_MAX (60 * ADIT_SEC) /* for a connection when both sides have all they need */
#define HINT_AFTER   (40 * ADIT_SEC) /* both descriptions are known, and no check was answered */
#define GOODBYE_MAX  (5 * ADIT_SEC)  /* for the other side to see that we closed */

struct adit_session {
    struct adit_loop *loop;
    struct adit_session_conf conf;
    void (*ended)(void *arg, int exit_code);
    void *arg;

    struct adit_peer *peer;
    struct adit_lanes lanes;
    struct adit_paste paste;
    struct adit_timer timeout, hint, goodbye;
    struct adit_task bury;
    bool gathered, accepted, told, over;
    bool closing; /* goodbye has been said; exit_code is decided */
    enum adit_form form;
    int exit_code;
    struct adit_handout handout;
    char *text; /* TEXT_SIZE: a description being printed */
};

static const char *other_command(const struct adit_session *s)
{
    static const char *const names[] = { "adit answer", "adit offer", "adit pair" };

    return names[s->conf.role];
}

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
    adit_paste_stop(&s->paste);
    adit_lanes_closing(&s->lanes);
    adit_lanes_end(&s->lanes);
}

static void fail(struct adit_session *s, int exit_code, const char *text)
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

/* ---- descriptions ---------------------------------------------------------------------------- */

static void on_handout_failed(struct adit_handout *h, const char *text)
{
    fail(adit_container_of(h, struct adit_session, handout), ADIT_EXIT_SIGNALING, text);
}

/* Prints our description when it is complete, and again when it changed. */
static void tell(struct adit_session *s)
{
    bool again = s->told;
    int n;

    if (!s->gathered || s->over || (s->conf.role == ADIT_SESSION_ANSWER && !s->accepted))
        return;
    n = adit_peer_describe(s->peer, s->form, s->text, TEXT_SIZE - 1);
    if (n < 0) {
        fail(s, ADIT_EXIT_FAILED, "cannot describe ourselves: out of memory");
        return;
    }
    s->told = true;
    if (again)
        adit_log(ADIT_LOG_WARN, "session",
                 "our address changed; give them this line instead, continuing");
    else if (isatty(s->conf.text_out))
        adit_log(ADIT_LOG_INFO, "session", "give this to the other side (%s):", other_command(s));
    adit_handout_give(&s->handout, s->text, (size_t)n);
    if (!s->over && !s->accepted && !again && isatty(s->conf.text_in))
        adit_log(ADIT_LOG_INFO, "session", "and paste theirs here:");
}

static enum adit_form form_of(enum adit_pairtext_form form)
{
    return form == ADIT_PAIRTEXT_TICKET ? ADIT_FORM_TICKET
           : form == ADIT_PAIRTEXT_JSON ? ADIT_FORM_JSON
                                        : ADIT_FORM_SDP;
}

static void refuse(struct adit_session *s, const struct adit_cause *cause, bool ended)
{
    if (ended || !s->paste.terminal) {
        fail(s, ADIT_EXIT_SIGNALING, cause->text);
        return;
    }
    adit_log(ADIT_LOG_ERROR, "session", "%s; please paste again", cause->text);
    adit_paste_again(&s->paste);
}

static void on_found(void *arg, const struct adit_pairtext *text, adit_time now)
{
    struct adit_session *s = arg;
    struct adit_cause cause;

    if (adit_peer_accept_found(s->peer, text, &cause) < 0) {
        refuse(s, &cause, false);
        return;
    }
    s->accepted = true;
    s->lanes.peer_is_adit = text->desc.adit;
    if (!s->conf.form_given && s->conf.role == ADIT_SESSION_ANSWER)
        s->form = form_of(text->form);
    adit_paste_stop(&s->paste);
    adit_timer_set(&s->hint, now + HINT_AFTER);
    /* Nobody has to paste any more: that it does not come about means that there is no way. */
    if (s->conf.role == ADIT_SESSION_OFFER && !s->conf.timeout)
        adit_timer_set(&s->timeout, now + ANSWERED_MAX);
    if (s->conf.role == ADIT_SESSION_OFFER ||
        (s->conf.role == ADIT_SESSION_PAIR &&
         adit_engine_role(s->peer->engine) == ADIT_ROLE_OFFERER))
        adit_lanes_open(&s->lanes);
    else
        tell(s);
}

static void on_failed(void *arg, const struct adit_cause *cause, bool ended, adit_time now)
{
    (void)now;
    refuse(arg, cause, ended);
}

static const struct adit_paste_ops paste_ops = { .found = on_found, .failed = on_failed };

static void start_reading(struct adit_session *s)
{
    struct adit_pairtext_conf conf;
    int err;

    if (s->paste.running || s->accepted || s->over)
        return;
    adit_peer_pairtext_conf(s->peer, &conf);
    err = adit_paste_start(&s->paste, s->loop, s->conf.text_in, &conf, &paste_ops, s);
    if (err)
        fail(s, ADIT_EXIT_SIGNALING, "cannot read the other side's description: there is no input");
    else if (s->conf.role == ADIT_SESSION_ANSWER && s->paste.terminal)
        adit_log(ADIT_LOG_INFO, "session",
                 "paste what the other side (%s) printed:", other_command(s));
}

/* ---- the peer -------------------------------------------------------------------------------- */

static void on_gathered(struct adit_peer *peer, void *user)
{
    struct adit_session *s = user;

    if (!s->gathered && !adit_engine_stun_answered(peer->engine))
        adit_log(ADIT_LOG_WARN, "session", "no STUN server told us our public address, continuing");
    s->gathered = true;
    if (!s->lanes.was_open) /* another path is looked for otherwise */
        tell(s);
    start_reading(s);
}

static void on_remapped(struct adit_peer *peer, void *user)
{
    struct adit_session *s = user;

    (void)peer;
    if (s->told && !s->lanes.was_open)
        tell(s);
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
        break;
    case ADIT_PEER_CONNECTED:
        if (s->lanes.was_open)
            adit_log(ADIT_LOG_INFO, "session", "the other side answers again");
        break;
    case ADIT_PEER_FAILED:
        if (s->closing)
            finish(s, s->exit_code); /* an app has said why */
        else
            fail(s, adit_exit_of(cause), cause->text);
        break;
    case ADIT_PEER_CLOSED:
        if (s->closing)
            finish(s, s->exit_code);
        else if (!s->lanes.was_open)
            fail(s, ADIT_EXIT_REFUSED,
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
        fail(s, ADIT_EXIT_NO_PATH, "timed out: no connection to the other side");
    else if (!s->gathered)
        fail(s, ADIT_EXIT_NO_PATH, "timed out: no network interface could be used");
    else
        fail(s, ADIT_EXIT_SIGNALING, "timed out: the other side's description did not come");
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
             (int)(HINT_AFTER / ADIT_SEC),
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
    if (!s || !(s->text = adit_malloc(TEXT_SIZE))) {
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
    adit_task_cancel(&s->bury);
    adit_peer_free(s->peer);
    adit_lanes_done(&s->lanes);
    adit_handout_close(&s->handout);
    adit_free(s->text);
    adit_free(s);
    return NULL;
}
