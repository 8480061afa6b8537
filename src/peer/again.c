/* again.c - packets of the datagram carrier that went where nobody answered go once more, by the
 * path that does.
 *
 * The TCP inside repeats what it misses after ever longer pauses. What it repeated last before a
 * path is found is lost with the rest, and the stream would stand for as long again. Nothing of
 * this is needed on the channel carrier: SCTP repeats at once (adit_sctp_hurry). */
#include "base/alloc.h"
#include "base/log.h"
#include "peer/inner.h"

#define SILENCE                                                                                  \
    (500 * ADIT_MS)             /* and two round trips: less is a path that is slow, and carries \
                                 */
#define AGE_MAX (60 * ADIT_SEC) /* RFC 9293 section 3.4.2 has segments gone after two minutes */

void adit_again_keep(struct adit_engine *e, const uint8_t *bytes, size_t n)
{
    struct peer_again *a = &e->again;

    if (!a->on && !adit_ice_unanswered(e->ice))
        return;
    if (!a->on)
        a->since = e->now;
    a->on = true;
    adit_kept_add(&a->packets, KEPT_MAX, bytes, n, e->now);
}

void adit_again_settle(struct adit_engine *e)
{
    struct peer_again *a = &e->again;
    struct kept_packet p;

    if (!a->on || (!adit_engine_ended(e) && adit_ice_unanswered(e->ice)))
        return;
    a->on = false;
    if (adit_engine_ended(e) || e->now < a->since + SILENCE + 2 * adit_ice_rtt(e->ice))
        adit_kept_drop(&a->packets);
    while ((p = adit_kept_take(&a->packets)).bytes) {
        if (p.at + AGE_MAX > e->now && adit_dtls_write_direct(e->dtls, p.bytes, p.n) < 0)
            adit_trace("peer", "a packet to be repeated found DTLS closed");
        adit_free(p.bytes);
    }
}
