/* silence - data leave and nothing comes back: consent would tell after six seconds (RFC 7675), but
 * there is reason to ask sooner, and to look for another path if that is not answered either. */
#include "peer/inner.h"

#define SUSPECT (1 * ADIT_SEC) /* SCTP acknowledges after 200 ms */
#define GRACE   (1 * ADIT_SEC) /* as ADIT_CONSENT_GRACE */

void adit_silence_heard(struct adit_engine *e)
{
    e->silence = (struct peer_silence){ .since = ADIT_NEVER, .asked = ADIT_NEVER };
}

void adit_silence_sent(struct adit_engine *e)
{
    if (e->silence.since == ADIT_NEVER)
        e->silence.since = e->now;
}

adit_time adit_silence_deadline(const struct adit_engine *e)
{
    const struct peer_silence *s = &e->silence;

    if (s->since == ADIT_NEVER || !adit_restart_possible(e) || e->restart.next ||
        adit_ice_state(e->ice) != ADIT_ICE_CONNECTED)
        return ADIT_NEVER;
    if (s->asked == ADIT_NEVER)
        return s->since + SUSPECT;
    return s->asked + adit_time_max(GRACE, 3 * adit_ice_rtt(e->ice));
}

void adit_silence_settle(struct adit_engine *e)
{
    struct peer_silence *s = &e->silence;

    if (e->now < adit_silence_deadline(e))
        return;
    if (s->asked == ADIT_NEVER && adit_ice_heard_at(e->ice) > s->since) {
        adit_silence_heard(e); /* ICE has asked of its own accord, and was answered */
        return;
    }
    if (s->asked == ADIT_NEVER) {
        s->asked = e->now;
        adit_ice_hurry(e->ice, e->now);
        return;
    }
    if (adit_ice_heard_at(e->ice) < s->asked) {
        e->restart.doubted = true;
        adit_restart_want(e);
    }
    adit_silence_heard(e);
}
