/* relays_stream.c - TURN servers by TCP and TLS: the owner's stream, cut into frames. */
#include "peer/relays_inner.h"

void adit_engine_turn_opened(struct adit_engine *e, int relay, const struct adit_addr *server,
                             adit_time now)
{
    struct relay *r = adit_peer_relay_at(e, relay);

    e->now = now;
    if (!r || !r->asked || adit_engine_ended(e))
        return;
    r->asked = false;
    r->open = true;
    if (server && !r->server.family)
        r->server = *server;
    adit_turn_start(r->turn, &r->server, 0, now);
    adit_engine_settle(e);
}

static void stream_over(struct relay *r, const struct adit_cause *cause)
{
    if (adit_turn_ready(r->turn))
        adit_peer_relay_lost(r, cause, 0);
    else
        adit_peer_relay_failed(r, cause, 0);
}

void adit_engine_turn_closed(struct adit_engine *e, int relay, const struct adit_cause *cause,
                             adit_time now)
{
    struct relay *r = adit_peer_relay_at(e, relay);

    e->now = now;
    if (!r || adit_engine_ended(e))
        return;
    r->open = r->asked = false; /* the owner needs no word of it */
    stream_over(r, cause);
    adit_relays_settle(e);
    adit_engine_settle(e);
}

/* One frame of a stream. > 0: so many bytes are done with; 0: more has to come; negative: nothing
 * of what comes can be made out any more. */
static int take_frame(struct relay *r, const uint8_t *bytes, size_t n)
{
    size_t skip = n < r->skip ? n : r->skip;
    int len;

    r->skip -= skip;
    if (skip)
        return (int)skip;
    len = adit_turn_frame(bytes, n);
    if (len > ADIT_STUN_IN_MAX) { /* of a peer's making: it costs that peer a packet */
        r->skip = (size_t)len;
        return take_frame(r, bytes, n);
    }
    if (len > 0 && (size_t)len <= n)
        adit_peer_relay_feed(r, (struct adit_span){ bytes, (size_t)len });
    return len > 0 && (size_t)len > n ? 0 : len;
}

size_t adit_engine_turn_feed(struct adit_engine *e, int relay, const void *bytes, size_t n,
                             adit_time now)
{
    struct relay *r = adit_peer_relay_at(e, relay);
    struct adit_cause cause;
    size_t at = 0;
    int used = 1;

    e->now = now;
    while (r && r->open && at < n && used > 0) {
        used = take_frame(r, (const uint8_t *)bytes + at, n - at);
        at += used > 0 ? (size_t)used : 0;
    }
    if (used < 0) {
        adit_cause_set(&cause, ADIT_REASON_PROTOCOL, EPROTO, "it does not speak TURN");
        stream_over(r, &cause);
        adit_relays_settle(e);
    }
    adit_engine_settle(e);
    return r && r->open ? at : n;
}
