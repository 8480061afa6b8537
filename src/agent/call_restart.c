/* call_restart - an ICE restart under a connection that is up: its descriptions by way of
 * signaling, if there is any; between two adits it does without. */
#include "agent/call_inner.h"
#include "agent/exit.h"
#include "base/alloc.h"

/* Signaling may lose an offer without a word: the other side was not there at the moment. */
#define AGAIN_FIRST ADIT_SEC
#define AGAIN_SOON  3 /* so often at that pace, then doubling */
#define AGAIN_MAX   (12 * ADIT_SEC)

static bool stands(const struct adit_call *call)
{
    return call->state == ADIT_CALL_UP || call->state == ADIT_CALL_SILENT;
}

bool adit_call_restarting(const struct adit_call *call)
{
    return stands(call) && adit_engine_restarting(call->peer->engine);
}

void adit_call_on_restart(void *arg)
{
    struct adit_call *call = arg;

    if (call->state == ADIT_CALL_ENDING || !call->accepted)
        return;
    call->told = false;
    call->repeats = 0;
    call->gathered = adit_engine_gathered(call->peer->engine);
    adit_call_tell_soon(call);
}

void adit_call_restart_told(struct adit_call *call)
{
    unsigned doublings = call->repeats > AGAIN_SOON ? call->repeats - AGAIN_SOON : 0;
    adit_time pause = adit_time_min(AGAIN_FIRST << doublings, AGAIN_MAX);

    if (adit_call_restarting(call))
        adit_timer_set(&call->again, adit_loop_now(call->loop) + pause);
}

void adit_call_on_again(struct adit_timer *timer, adit_time now)
{
    struct adit_call *call = adit_container_of(timer, struct adit_call, again);

    (void)now;
    if (!adit_call_restarting(call))
        return;
    if (call->repeats < 16)
        call->repeats++;
    adit_call_repeat(call);
}

int adit_call_restarted(struct adit_call *call, enum adit_signal_type type, const char *text,
                        size_t n, struct adit_cause *ret_cause)
{
    struct adit_pairtext *p = adit_call_find(call, type, text, n, ret_cause);
    int err = p ? adit_peer_accept_found(call->peer, p, ret_cause) : -EINVAL;

    if (p)
        adit_pairtext_done(p);
    adit_free(p);
    return err;
}

void adit_call_restart(struct adit_call *call)
{
    if (stands(call))
        adit_peer_restart(call->peer);
}

bool adit_call_seen_at(struct adit_call *call, const struct adit_addr *ip)
{
    return stands(call) && !adit_engine_is_at(call->peer->engine, ip) &&
           adit_peer_restart(call->peer);
}

void adit_call_give_up(struct adit_call *call)
{
    call->replaced = true;
    if (call->state == ADIT_CALL_SILENT)
        adit_call_end_because(call, ADIT_EXIT_NO_PATH, ADIT_REASON_SILENCE,
                              "the other side was started again");
}
