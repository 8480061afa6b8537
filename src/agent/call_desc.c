/* call_desc - the descriptions of a call: ours to signaling, theirs from it. */
#include "agent/call_inner.h"
#include "agent/exit.h"
#include "base/alloc.h"
#include "base/log.h"

/* ---- ours ------------------------------------------------------------------------------------ */

void adit_call_on_tell(struct adit_task *task, adit_time now)
{
    struct adit_call *call = adit_container_of(task, struct adit_call, tell);
    char *text = adit_malloc(ADIT_SIGNAL_SDP_MAX);
    int n =
        text ? adit_peer_describe(call->peer, ADIT_FORM_SDP, text, ADIT_SIGNAL_SDP_MAX) : -ENOMEM;

    (void)now;
    if (n == -EAGAIN) {
        adit_free(text);
        return; /* the next candidate brings us back */
    }
    if (n > 0) {
        call->told = true;
        adit_call_restart_told(call);
        bool offer = adit_engine_describes(call->peer->engine) == ADIT_DESC_OFFER;

        call->ops->describe(call->arg, call, offer ? ADIT_SIGNAL_OFFER : ADIT_SIGNAL_ANSWER, text,
                            (size_t)n);
        if (call->gathered && call->conf->trickle)
            call->ops->candidate(call->arg, call, NULL);
    } else {
        adit_call_end_because(call, ADIT_EXIT_FAILED, ADIT_REASON_RESOURCE,
                              "cannot describe ourselves: out of memory");
    }
    adit_free(text);
}

/* As soon as there is something to tell: an answer not before its offer has been taken. */
void adit_call_tell_soon(struct adit_call *call)
{
    if (!call->told && (call->gathered || !call->conf->complete || call->hurry) &&
        (call->offering || call->accepted))
        adit_loop_before_sleep(call->loop, &call->tell);
}

void adit_call_hurry(struct adit_call *call)
{
    call->hurry = true;
    adit_call_tell_soon(call);
}

void adit_call_repeat(struct adit_call *call)
{
    bool answering = call->state == ADIT_CALL_CONNECTING && !call->offering;

    if ((call->state != ADIT_CALL_CALLING && !answering && !adit_call_restarting(call)) ||
        !call->told)
        return;
    call->told = false;
    adit_call_tell_soon(call);
}

/* ---- theirs ---------------------------------------------------------------------------------- */

void adit_call_forget_theirs(struct adit_call *call)
{
    if (call->theirs) {
        adit_pairtext_done(call->theirs);
        adit_free(call->theirs);
        call->theirs = NULL;
    }
    while (call->early_count)
        adit_free(call->early[--call->early_count]);
    call->early_end = false;
}

static void add_early(struct adit_call *call)
{
    for (size_t i = 0; i < call->early_count; i++)
        if (adit_peer_add_candidate(call->peer, call->early[i]) < 0)
            adit_debug("call", "a candidate of theirs was of no use");
    if (call->early_end && adit_peer_add_candidate(call->peer, NULL) < 0)
        adit_debug("call", "the end of their candidates was of no use");
}

/* It may be connected: everything that was held back happens. */
static void accept(struct adit_call *call)
{
    struct adit_pairtext *theirs = call->theirs;
    struct adit_cause cause;

    if (adit_peer_accept_found(call->peer, theirs, &cause) < 0) {
        adit_call_end(call, ADIT_EXIT_SIGNALING, &cause);
        return;
    }
    if (call->state == ADIT_CALL_ENDING)
        return; /* it failed at once */
    call->accepted = true;
    call->lanes.peer_is_adit = theirs->desc.adit;
    adit_call_set_state(call, ADIT_CALL_CONNECTING);
    adit_timer_set(&call->limit, adit_loop_now(call->loop) + call->conf->connect_max);
    add_early(call);
    if (call->offering)
        adit_lanes_open(&call->lanes);
    else
        adit_call_tell_soon(call);
}

void adit_call_admit(struct adit_call *call, bool yes)
{
    if (call->state != ADIT_CALL_ASKING)
        return;
    if (yes)
        accept(call);
    else
        adit_call_end_because(call, ADIT_EXIT_REFUSED, ADIT_REASON_NOT_AUTHENTIC,
                              "the other side is not trusted");
}

static void ask(struct adit_call *call)
{
    enum adit_call_admit verdict;

    adit_timer_stop(&call->limit);
    adit_call_set_state(call, ADIT_CALL_ASKING);
    verdict = call->ops->admit(call->arg, call, &call->theirs->desc);
    if (verdict != ADIT_CALL_LATER)
        adit_call_admit(call, verdict == ADIT_CALL_YES);
}

struct adit_pairtext *adit_call_find(struct adit_call *call, enum adit_signal_type type,
                                     const char *text, size_t n, struct adit_cause *ret_cause)
{
    struct adit_pairtext *p = adit_malloc(sizeof *p);
    struct adit_pairtext_conf conf;
    int found;

    adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, ENOMEM, "out of memory");
    if (!p)
        return NULL;
    adit_peer_pairtext_conf(call->peer, &conf);
    adit_pairtext_init(p, &conf);
    found = adit_pairtext_feed(p, text, n);
    if (found == 0)
        found = adit_pairtext_end(p);
    if (found < 0) {
        *ret_cause = p->cause;
        adit_pairtext_done(p);
        adit_free(p);
        return NULL;
    }
    p->desc.type = type == ADIT_SIGNAL_OFFER ? ADIT_DESC_OFFER : ADIT_DESC_ANSWER;
    return p;
}

int adit_call_description(struct adit_call *call, enum adit_signal_type type, const char *text,
                          size_t n, struct adit_cause *ret_cause)
{
    bool offer = type == ADIT_SIGNAL_OFFER;

    if (call->state == ADIT_CALL_UP || call->state == ADIT_CALL_SILENT)
        return adit_call_restarted(call, type, text, n, ret_cause);
    if (call->state != (offer ? ADIT_CALL_IDLE : ADIT_CALL_CALLING))
        return 0;
    if (offer && adit_call_start_peer(call) != ADIT_EXIT_OK) {
        adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, 0, "no connection can be made here");
        return -EINVAL;
    }
    call->theirs = adit_call_find(call, type, text, n, ret_cause);
    if (call->theirs)
        ask(call);
    else if (offer)
        adit_call_drop_peer(call);
    return call->theirs || call->state == ADIT_CALL_ENDING ? 0 : -EINVAL;
}

void adit_call_candidate(struct adit_call *call, const char *candidate)
{
    if (call->accepted && call->peer) {
        if (adit_peer_add_candidate(call->peer, candidate) < 0)
            adit_debug("call", "a candidate of theirs was of no use");
    } else if (!candidate) {
        call->early_end = true;
    } else if (call->peer && call->early_count < ADIT_CALL_EARLY_MAX) {
        call->early[call->early_count] = adit_strdup(candidate);
        call->early_count += call->early[call->early_count] != NULL;
    }
}
