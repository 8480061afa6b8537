/* session_text - the descriptions that begin a connection: ours printed, theirs read. */
#include <unistd.h>

#include "agent/session_inner.h"
#include "base/log.h"

const char *adit_session_other_command(const struct adit_session *s)
{
    static const char *const names[] = { "adit answer", "adit offer", "adit pair" };

    return names[s->conf.role];
}

void adit_session_give(struct adit_session *s)
{
    int n = adit_peer_describe(s->peer, s->form, s->text, ADIT_SESSION_TEXT - 1);

    if (n < 0)
        adit_session_fail(s, ADIT_EXIT_FAILED, "cannot describe ourselves: out of memory");
    else
        adit_handout_give(&s->handout, s->text, (size_t)n);
}

void adit_session_tell(struct adit_session *s)
{
    bool again = s->told;

    if (!s->gathered || s->over || (s->conf.role == ADIT_SESSION_ANSWER && !s->accepted))
        return;
    s->told = true;
    if (again)
        adit_log(ADIT_LOG_WARN, "session",
                 "our address changed; give them this line instead, continuing");
    else if (isatty(s->conf.text_out))
        adit_log(ADIT_LOG_INFO, "session",
                 "give this to the other side (%s):", adit_session_other_command(s));
    adit_session_give(s);
    if (!s->over && !s->accepted && !again && isatty(s->conf.text_in))
        adit_log(ADIT_LOG_INFO, "session", "and paste theirs here:");
}

static enum adit_form form_of(enum adit_pairtext_form form)
{
    return form == ADIT_PAIRTEXT_TICKET ? ADIT_FORM_TICKET
           : form == ADIT_PAIRTEXT_JSON ? ADIT_FORM_JSON
                                        : ADIT_FORM_SDP;
}

void adit_session_take_form(struct adit_session *s, const struct adit_pairtext *theirs)
{
    if (!s->conf.form_given)
        s->form = form_of(theirs->form);
}

static void refuse(struct adit_session *s, const struct adit_cause *cause, bool ended)
{
    if (ended || !s->paste.terminal) {
        adit_session_fail(s, ADIT_EXIT_SIGNALING, cause->text);
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
    if (s->conf.role == ADIT_SESSION_ANSWER)
        adit_session_take_form(s, text);
    adit_paste_stop(&s->paste);
    adit_timer_set(&s->hint, now + ADIT_SESSION_HINT_AFTER);
    /* Nobody has to paste any more: that it does not come about means that there is no way. */
    if (s->conf.role == ADIT_SESSION_OFFER && !s->conf.timeout)
        adit_timer_set(&s->timeout, now + ADIT_SESSION_ANSWERED_MAX);
    if (s->conf.role == ADIT_SESSION_OFFER ||
        (s->conf.role == ADIT_SESSION_PAIR &&
         adit_engine_role(s->peer->engine) == ADIT_ROLE_OFFERER))
        adit_lanes_open(&s->lanes);
    else
        adit_session_tell(s);
}

static void on_failed(void *arg, const struct adit_cause *cause, bool ended, adit_time now)
{
    (void)now;
    refuse(arg, cause, ended);
}

static const struct adit_paste_ops paste_ops = { .found = on_found, .failed = on_failed };

void adit_session_read(struct adit_session *s)
{
    struct adit_pairtext_conf conf;
    int err;

    if (s->paste.running || s->accepted || s->over)
        return;
    adit_peer_pairtext_conf(s->peer, &conf);
    err = adit_paste_start(&s->paste, s->loop, s->conf.text_in, &conf, &paste_ops, s);
    if (err)
        adit_session_fail(s, ADIT_EXIT_SIGNALING,
                          "cannot read the other side's description: there is no input");
    else if (s->conf.role == ADIT_SESSION_ANSWER && s->paste.terminal)
        adit_log(ADIT_LOG_INFO, "session",
                 "paste what the other side (%s) printed:", adit_session_other_command(s));
}
