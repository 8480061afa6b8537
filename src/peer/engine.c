#include "peer/engine.h"

#include "base/alloc.h"
#include "base/log.h"
#include "peer/inner.h"

#define MESSAGE_MAX_DEFAULT (256 * 1024)

void adit_engine_tell(struct adit_engine *e, const struct adit_engine_event *ev)
{
    e->ops->event(e->arg, ev);
}

/* ---- ending ---------------------------------------------------------------------------------- */

void adit_engine_end(struct adit_engine *e, const struct adit_cause *cause)
{
    if (adit_engine_ended(e))
        return;
    e->cause = *cause;
    if (e->sctp && !e->sctp_down)
        adit_sctp_abort(e->sctp, e->now); /* channels get their CLOSED */
    if (e->next)
        adit_sctp_abort(e->next, e->now);
    if (e->dtls)
        adit_dtls_close(e->dtls);
    adit_ice_close(e->ice);
    adit_relays_close(e);
    adit_restart_end(e);
}

static void end(struct adit_engine *e, enum adit_reason reason, const char *text)
{
    struct adit_cause cause;

    adit_cause_set(&cause, reason, 0, "%s", text);
    adit_engine_end(e, &cause);
}

/* ---- what follows from what happened --------------------------------------------------------- */

bool adit_engine_is_dtls_client(const struct adit_engine *e)
{
    switch (e->remote->setup) {
    case ADIT_SETUP_ACTIVE:
        return false;
    case ADIT_SETUP_PASSIVE:
        return true;
    case ADIT_SETUP_ACTPASS:
        break;
    }
    return e->role == ADIT_ROLE_ANSWERER; /* RFC 8842 section 5.3: an answerer should be active */
}

static void start_dtls(struct adit_engine *e)
{
    struct kept_packet p;
    bool client;

    if (e->dtls_started || !e->remote || !adit_ice_selected(e->ice, NULL))
        return;
    client = adit_engine_is_dtls_client(e);
    if (client && !adit_ice_heard(e->ice) && !e->remote->ice_lite)
        return;
    e->dtls = adit_parts_new_dtls(e, client);
    if (!e->dtls) {
        end(e, ADIT_REASON_RESOURCE, "out of memory for DTLS");
        return;
    }
    e->dtls_started = true;
    adit_dtls_expect(e->dtls, e->remote->fingerprints, e->remote->fingerprint_count, e->now);
    adit_dtls_start(e->dtls, e->now);
    while ((p = adit_kept_take(&e->early)).bytes) {
        adit_dtls_feed(e->dtls, p.bytes, p.n, e->now);
        adit_free(p.bytes);
    }
}

static void start_sctp(struct adit_engine *e)
{
    if (e->sctp_started || !e->dtls || adit_dtls_state(e->dtls) != ADIT_DTLS_CONNECTED)
        return;
    e->sctp_started = true;
    adit_sctp_start(e->sctp,
                    &(struct adit_sctp_peer){ .dtls_client = adit_engine_is_dtls_client(e),
                                              .rto = adit_parts_rto(e),
                                              .port = e->remote->sctp_port,
                                              .message_max = e->remote->max_message_size },
                    e->now);
}

/* The association ended. SHUTDOWN is a goodbye; after an ABORT it is set up again, for usrsctp of
 * many peers aborts on legitimate packets (see docs/decisions.md) and DTLS below is as good as
 * before. */
static void replace_sctp(struct adit_engine *e)
{
    if (!e->sctp_down || adit_engine_ended(e))
        return;
    if (e->closing) {
        end(e, ADIT_REASON_LOCAL, "closed");
        return;
    }
    if (e->sctp_cause.reason == ADIT_REASON_REMOTE) {
        end(e, ADIT_REASON_REMOTE, "the other side closed the connection");
        return;
    }
    if (++e->sctp_restarts > SCTP_RESTARTS_MAX) {
        adit_engine_end(e, &e->sctp_cause);
        return;
    }
    adit_sctp_free(e->sctp);
    e->sctp = e->next ? e->next : adit_parts_new_sctp(e);
    e->next = NULL;
    e->sctp_down = e->sctp_started = false;
    if (!e->sctp)
        end(e, ADIT_REASON_RESOURCE, "out of memory for SCTP");
}

static enum adit_peer_state state_now(const struct adit_engine *e)
{
    if (e->cause.reason == ADIT_REASON_LOCAL || e->cause.reason == ADIT_REASON_REMOTE)
        return ADIT_PEER_CLOSED;
    if (adit_engine_ended(e))
        return ADIT_PEER_FAILED;
    if (e->dtls && adit_dtls_state(e->dtls) == ADIT_DTLS_CONNECTED)
        return adit_ice_state(e->ice) == ADIT_ICE_CONNECTED ? ADIT_PEER_CONNECTED
                                                            : ADIT_PEER_DISCONNECTED;
    return e->remote ? ADIT_PEER_CONNECTING : ADIT_PEER_NEW;
}

/* Called last in every public function: starts what can start, ends what must, tells the new state.
 * A handler of ours may call in again; that inner call leaves the work to the outer one. */
void adit_engine_settle(struct adit_engine *e)
{
    enum adit_peer_state state;

    if (e->settling)
        return;
    e->settling = true;
    do {
        if (e->goodbye.reason && (!e->sctp || e->sctp_down || !adit_sctp_unread(e->sctp)))
            adit_engine_end(e, &e->goodbye);
        if (!adit_engine_ended(e))
            adit_restart_settle(e);
        if (!adit_engine_ended(e))
            start_dtls(e);
        replace_sctp(e);
        if (!adit_engine_ended(e))
            start_sctp(e);
        if (!adit_engine_ended(e))
            adit_told_settle(e);
        adit_again_settle(e);
        state = state_now(e);
        if (state != e->state) {
            e->state = state;
            adit_engine_tell(e, &(struct adit_engine_event){ .type = ADIT_ENGINE_EV_STATE,
                                                             .state = state,
                                                             .cause = e->cause });
        }
    } while (state != state_now(e) || (e->sctp_down && !adit_engine_ended(e)));
    adit_parts_reap_ice(e);
    e->settling = false;
}

/* ---- life ------------------------------------------------------------------------------------ */

struct adit_engine *adit_engine_new(const struct adit_engine_conf *conf,
                                    const struct adit_engine_ops *ops, void *arg, adit_time now)
{
    struct adit_engine *e = adit_zalloc(sizeof *e);

    if (!e)
        return NULL;
    e->conf = *conf;
    if (!e->conf.message_max)
        e->conf.message_max = MESSAGE_MAX_DEFAULT;
    e->ops = ops;
    e->arg = arg;
    e->now = e->times.started = now;
    e->close_at = ADIT_NEVER;
    e->session_id = adit_rng_u64(conf->rng) >> 1; /* RFC 8829 section 5.2.1: 63 bits */
    while (e->stun_count < conf->stun_count && e->stun_count < PEER_STUN_MAX) {
        e->stun[e->stun_count] = conf->stun[e->stun_count];
        e->stun_count++;
    }
    adit_restart_init(e);
    e->told.next = ADIT_NEVER;
    e->ice = adit_parts_new_ice(e, conf);
    e->conf.stun = NULL;
    e->conf.ufrag = e->conf.pwd = NULL;
    if (e->ice)
        e->sctp = adit_parts_new_sctp(e);
    return e->sctp ? e : adit_engine_free(e);
}

struct adit_engine *adit_engine_free(struct adit_engine *e)
{
    if (!e)
        return NULL;
    adit_sctp_free(e->next);
    adit_sctp_free(e->sctp);
    adit_dtls_free(e->dtls);
    for (size_t i = 0; i < ADIT_LEN(e->agents); i++)
        adit_ice_free(e->agents[i].ice);
    adit_relays_free(e);
    adit_kept_drop(&e->early);
    adit_kept_drop(&e->again.packets);
    adit_free(e->remote);
    adit_free(e);
    return NULL;
}

void adit_engine_close(struct adit_engine *e, adit_time now)
{
    e->now = now;
    if (!adit_engine_ended(e) && !e->closing) {
        e->closing = true;
        e->close_at = now + ADIT_ENGINE_CLOSE_MAX;
        if (e->sctp_started && !e->sctp_down)
            adit_sctp_shutdown(e->sctp, now);
        else
            end(e, ADIT_REASON_LOCAL, "closed");
    }
    adit_engine_settle(e);
}

/* ---- packets and time ------------------------------------------------------------------------ */

/* RFC 7983 section 7: the first byte says what it is; STUN has been taken by ICE. */
static bool is_dtls(const struct adit_span *pkt)
{
    return pkt->len && pkt->data[0] >= 20 && pkt->data[0] <= 63;
}

/* Packets go by one ICE agent, directly, as those before them. */
static bool steady(const struct adit_engine *e)
{
    return !adit_relays_any(e) && !e->restart.next && !e->restart.past && !e->moved && !e->again.on;
}

bool adit_engine_take(struct adit_engine *e, int base, const struct adit_addr *from,
                      struct adit_span pkt)
{
    bool was_steady = steady(e);

    if (adit_engine_ended(e) || !adit_restart_feed(e, base, from, &pkt) || !is_dtls(&pkt))
        return true;
    if (e->moved)
        adit_parts_landed(e, base, from);
    e->packets_received++;
    e->bytes_received += pkt.len;
    if (e->dtls_started)
        return adit_dtls_feed(e->dtls, pkt.data, pkt.len, e->now) || !was_steady;
    adit_kept_add(&e->early, EARLY_MAX, pkt.data, pkt.len, e->now);
    return true;
}

bool adit_engine_feed(struct adit_engine *e, int base, const struct adit_addr *from,
                      const void *bytes, size_t n, adit_time now)
{
    struct adit_span pkt = { .data = bytes, .len = n };
    bool more = true;

    e->now = now;
    if (!e->relays || !adit_relays_feed(e, base, from, pkt))
        more = adit_engine_take(e, base, from, pkt);
    if (more)
        adit_engine_settle(e);
    return more;
}

adit_time adit_engine_deadline(const struct adit_engine *e)
{
    adit_time at = e->close_at;

    if (adit_engine_ended(e))
        return ADIT_NEVER;
    at = adit_time_min(at, adit_ice_deadline(e->ice));
    at = adit_time_min(at, adit_relays_deadline(e));
    at = adit_time_min(at, adit_restart_deadline(e));
    at = adit_time_min(at, adit_told_deadline(e));
    if (e->dtls)
        at = adit_time_min(at, adit_dtls_deadline(e->dtls));
    if (e->sctp_started && !e->sctp_down)
        at = adit_time_min(at, adit_sctp_deadline(e->sctp));
    return at;
}

adit_time adit_engine_datagram_deadline(const struct adit_engine *e)
{
    return steady(e) ? adit_ice_deadline(e->ice) : e->now;
}

void adit_engine_tick(struct adit_engine *e, adit_time now)
{
    e->now = now;
    if (!adit_engine_ended(e) && now >= e->close_at)
        end(e, ADIT_REASON_LOCAL, "closed");
    if (!adit_engine_ended(e))
        adit_ice_tick(e->ice, now);
    if (!adit_engine_ended(e))
        adit_relays_tick(e);
    if (!adit_engine_ended(e))
        adit_restart_tick(e);
    if (!adit_engine_ended(e) && e->dtls)
        adit_dtls_tick(e->dtls, now);
    if (!adit_engine_ended(e) && e->sctp_started && !e->sctp_down)
        adit_sctp_tick(e->sctp, now);
    adit_engine_settle(e);
}

/* ---- channels -------------------------------------------------------------------------------- */

static struct adit_channel *open_on_next(struct adit_engine *e,
                                         const struct adit_channel_conf *conf, int *ret_err)
{
    if (!e->next)
        e->next = adit_parts_new_sctp(e);
    if (e->next)
        return adit_channel_open(e->next, conf, ret_err, e->now);
    *ret_err = -ENOMEM;
    return NULL;
}

struct adit_channel *adit_engine_open_channel(struct adit_engine *e,
                                              const struct adit_channel_conf *conf, int *ret_err,
                                              adit_time now)
{
    struct adit_channel *c;

    e->now = now;
    *ret_err = -EPIPE;
    if (adit_engine_ended(e) || e->closing)
        return NULL;
    c = e->next ? NULL : adit_channel_open(e->sctp, conf, ret_err, now);
    if (!c && *ret_err == -EPIPE) /* a handler of CLOSED opens it anew: on the next association */
        c = open_on_next(e, conf, ret_err);
    adit_engine_settle(e);
    return c;
}

void adit_engine_pause(struct adit_engine *e)
{
    if (e->sctp && !e->sctp_down)
        adit_sctp_pause(e->sctp);
}

void adit_engine_resume(struct adit_engine *e, adit_time now)
{
    e->now = now;
    if (e->sctp && !e->sctp_down)
        adit_sctp_resume(e->sctp, now);
    adit_engine_settle(e);
}

void adit_engine_fail(struct adit_engine *e, const struct adit_cause *cause, adit_time now)
{
    e->now = now;
    adit_engine_end(e, cause);
    adit_engine_settle(e);
}

size_t adit_engine_message_max(const struct adit_engine *e)
{
    if (e->sctp_started && !e->sctp_down)
        return adit_sctp_message_max(e->sctp);
    return e->remote && e->remote->max_message_size ? e->remote->max_message_size : SIZE_MAX;
}

/* ---- questions ------------------------------------------------------------------------------- */

enum adit_peer_state adit_engine_state(const struct adit_engine *e)
{
    return e->state;
}

bool adit_engine_stun_answered(const struct adit_engine *e)
{
    return adit_ice_stun_answered(e->ice);
}

bool adit_engine_selected(const struct adit_engine *e, struct adit_ice_pair_info *ret_info)
{
    return adit_ice_selected(e->ice, ret_info);
}

enum adit_mapping adit_engine_mapping(const struct adit_engine *e)
{
    return adit_ice_mapping(e->ice);
}

const struct adit_cand *adit_engine_local(const struct adit_engine *e, size_t i)
{
    return i < adit_ice_local_count(e->ice) ? adit_ice_local(e->ice, i) : NULL;
}

const struct adit_cand *adit_engine_remote(const struct adit_engine *e, size_t i)
{
    return adit_ice_remote(e->ice, i);
}

bool adit_engine_pair_at(const struct adit_engine *e, size_t i, struct adit_ice_pair_view *ret_view)
{
    return adit_ice_pair_at(e->ice, i, ret_view);
}

bool adit_engine_stun_at(const struct adit_engine *e, size_t i, struct adit_ice_stun_view *ret_view)
{
    return adit_ice_stun_at(e->ice, i, ret_view);
}

void adit_engine_stats(struct adit_engine *e, struct adit_engine_stats *ret_stats)
{
    *ret_stats = (struct adit_engine_stats){
        .packets_sent = e->packets_sent,
        .packets_received = e->packets_received,
        .bytes_sent = e->bytes_sent,
        .bytes_received = e->bytes_received,
        .sctp_restarts = e->sctp_restarts,
        .ice_restarts = e->restart.done,
        .datagrams_sent = e->datagrams_sent,
        .datagrams_received = e->datagrams_received,
        .datagram_bytes_sent = e->datagram_bytes_sent,
        .datagram_bytes_received = e->datagram_bytes_received,
        .datagrams_dropped = e->dtls ? adit_dtls_direct_dropped(e->dtls) : 0,
        .times = e->times,
        .cipher = e->dtls ? adit_dtls_cipher(e->dtls) : "",
    };
    adit_ice_stats(e->ice, &ret_stats->ice);
    ret_stats->ice.dropped_unauthenticated += e->dropped_before;
    if (e->sctp_started && !e->sctp_down)
        adit_sctp_stats(e->sctp, &ret_stats->sctp);
}
