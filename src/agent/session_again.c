/* session_again - descriptions under a connection that stands: an ICE restart, carried by people.
 *
 * Two adits do without, as long as one of them finds the other by what it was told before. When
 * both have other addresses, nothing is left but to ask: who offered prints a fresh line, once for
 * an outage, and whoever answered reads it and prints an answer. They are an offer and an answer
 * with new ICE credentials, so nothing above ICE notices (docs/restart.md). A peer that is no adit
 * may restart whenever it likes: its offers are read as long as there is an input. */
#include "agent/exit.h"
#include "agent/session_inner.h"
#include "base/log.h"

/* Consent may be found to have expired when we have only just woken: nothing else was tried yet. */
#define ELSE_LEAST  (5 * ADIT_SEC)
#define BY_HAND_MAX (10 * 60 * ADIT_SEC) /* for people to carry both lines; --timeout says else */

static bool offers(const struct adit_session *s)
{
    return adit_engine_role(s->peer->engine) == ADIT_ROLE_OFFERER;
}

static bool is_adit(const struct adit_session *s)
{
    return s->lanes.peer_is_adit;
}

static adit_time by_hand(const struct adit_session *s)
{
    return s->conf.timeout ? s->conf.timeout : BY_HAND_MAX;
}

/* The payload has neither the input nor the output of descriptions. */
static bool apart(const struct adit_session *s)
{
    const struct adit_lanes_conf *l = &s->conf.lanes;

    return !l->input || (s->conf.text_in != l->in && s->conf.text_out != l->out);
}

const char *adit_session_again_not(const struct adit_session *s)
{
    if (!apart(s))
        return "no fresh line can be exchanged where standard input and output carry the data: "
               "--in and --out give lines others";
    if (s->again.deaf || !adit_paste_there(s->conf.text_in))
        return "no fresh line can be exchanged, for the input has ended";
    return NULL;
}

adit_time adit_session_again_hold(const struct adit_session *s)
{
    adit_time hold = s->conf.peer.hold;

    return apart(s) ? hold + by_hand(s) + ADIT_SESSION_ANSWERED_MAX : hold;
}

/* ---- reading --------------------------------------------------------------------------------- */

static void on_found(void *arg, const struct adit_pairtext *text, adit_time now)
{
    struct adit_session *s = arg;
    struct adit_cause cause;
    bool answer = text->desc.type == ADIT_DESC_ANSWER;

    if (!answer)
        adit_session_take_form(s, text);
    if (adit_peer_accept_found(s->peer, text, &cause) < 0)
        adit_log(ADIT_LOG_ERROR, "session", "%s; continuing", cause.text);
    else if (answer && s->again.asked)
        adit_timer_set(&s->again.limit, now + ADIT_SESSION_ANSWERED_MAX);
    if (s->paste.running)
        adit_paste_again(&s->paste);
}

static void on_failed(void *arg, const struct adit_cause *cause, bool ended, adit_time now)
{
    struct adit_session *s = arg;

    (void)now;
    if (!ended) {
        adit_log(ADIT_LOG_ERROR, "session", "%s; please paste again", cause->text);
        return;
    }
    s->again.deaf = true;
    adit_paste_stop(&s->paste);
    if (s->again.asked)
        adit_session_fail(s, ADIT_EXIT_NO_PATH, adit_session_again_not(s));
}

static const struct adit_paste_ops paste_ops = { .found = on_found, .failed = on_failed };

static void read_on(struct adit_session *s)
{
    struct adit_pairtext_conf conf;

    if (s->paste.running || s->over || s->closing || adit_session_again_not(s))
        return;
    adit_peer_pairtext_conf(s->peer, &conf);
    if (adit_paste_start(&s->paste, s->loop, s->conf.text_in, &conf, &paste_ops, s) < 0)
        s->again.deaf = true;
}

/* ---- printing -------------------------------------------------------------------------------- */

static void print_soon(struct adit_session *s)
{
    if (s->again.due != ADIT_DESC_UNKNOWN)
        adit_loop_before_sleep(s->loop, &s->again.print);
}

static void on_print(struct adit_task *task, adit_time now)
{
    struct adit_session *s = adit_container_of(task, struct adit_session, again.print);
    struct session_again *a = &s->again;
    bool offer = a->due == ADIT_DESC_OFFER;

    (void)now;
    if (s->over || s->closing || !adit_engine_gathered(s->peer->engine) ||
        !adit_engine_describe_as(s->peer->engine, a->due))
        return; /* it will be */
    if (a->printed && adit_peer_told_holds(s->peer))
        return;
    adit_log(ADIT_LOG_WARN, "session", "%s (%s):",
             a->printed ? "our address changed; give the other side this line instead"
             : offer ? "no way leads to the other side any more; give it this line, and paste its "
                       "answer here"
                     : "give this to the other side",
             adit_session_other_command(s));
    a->printed = true;
    adit_session_give(s);
    if (!offer)
        return;
    adit_paste_stop(&s->paste); /* what is an answer depends on what was asked */
    read_on(s);
}

/* ---- what happens ---------------------------------------------------------------------------- */

/* See ADIT_ENGINE_EV_RESTART. */
static void on_restart(void *arg)
{
    struct adit_session *s = arg;

    if (adit_engine_describes(s->peer->engine) == ADIT_DESC_ANSWER) {
        s->again.due = ADIT_DESC_ANSWER;
        s->again.printed = false;
    }
    print_soon(s);
}

static void ask(struct adit_session *s, adit_time now)
{
    struct session_again *a = &s->again;

    a->asked = true;
    adit_timer_set(&a->limit, now + by_hand(s));
    if (offers(s)) {
        a->due = ADIT_DESC_OFFER;
        a->printed = false;
        adit_peer_restart(s->peer);
        print_soon(s);
        return;
    }
    adit_log(ADIT_LOG_WARN, "session",
             "no way leads to the other side any more. It (%s) prints a fresh line: paste that "
             "here, and give it our answer",
             adit_session_other_command(s));
    read_on(s);
}

static void on_limit(struct adit_timer *timer, adit_time now)
{
    struct adit_session *s = adit_container_of(timer, struct adit_session, again.limit);
    const char *why = adit_session_again_not(s);

    if (!s->again.asked && is_adit(s) && !why)
        ask(s, now);
    else
        adit_session_fail(s, ADIT_EXIT_NO_PATH,
                          is_adit(s) && why ? why : "the other side has not answered for too long");
}

/* See ADIT_ENGINE_EV_LOST. */
static void on_lost(void *arg)
{
    struct adit_session *s = arg;

    if (s->again.lost || s->over || s->closing)
        return;
    s->again.lost = true;
    adit_timer_set(&s->again.limit,
                   adit_loop_now(s->loop) + adit_time_max(s->conf.peer.hold, ELSE_LEAST));
}

void adit_session_again_up(struct adit_session *s)
{
    if (!is_adit(s))
        read_on(s);
}

void adit_session_again_silent(struct adit_session *s)
{
    if (s->lanes.was_open && is_adit(s) && !offers(s))
        read_on(s); /* theirs may come before we know that it is needed */
}

void adit_session_again_back(struct adit_session *s)
{
    struct session_again *a = &s->again;

    adit_timer_stop(&a->limit);
    adit_task_cancel(&a->print);
    a->due = ADIT_DESC_UNKNOWN;
    a->printed = a->lost = a->asked = false;
    if (s->lanes.was_open && is_adit(s))
        adit_paste_stop(&s->paste);
}

/* Says why people were not asked, if they would have been. */
void adit_session_again_failed(const struct adit_session *s, const struct adit_cause *cause)
{
    const char *why = adit_session_again_not(s);

    if (cause->reason == ADIT_REASON_SILENCE && s->lanes.was_open && is_adit(s) && why)
        adit_log(ADIT_LOG_WARN, "session", "%s", why);
}

void adit_session_again_gathered(struct adit_session *s)
{
    print_soon(s);
}

void adit_session_again_init(struct adit_session *s)
{
    adit_timer_init(&s->again.limit, s->loop, on_limit, "fresh line");
    adit_task_init(&s->again.print, on_print);
}

void adit_session_again_attach(struct adit_session *s)
{
    s->peer->restart = on_restart;
    s->peer->lost = on_lost;
    s->peer->restart_arg = s;
}

void adit_session_again_done(struct adit_session *s)
{
    adit_timer_stop(&s->again.limit);
    adit_task_cancel(&s->again.print);
}
