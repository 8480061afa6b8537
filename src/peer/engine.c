#include "peer/engine.h"

#include "base/alloc.h"
#include "base/log.h"
#include "peer/inner.h"

#define MESSAGE_MAX_DEFAULT (256 * 1024)

static const struct adit_dtls_ops dtls_ops;
static const struct adit_sctp_ops sctp_ops;

void adit_engine_tell(struct adit_engine *e, const struct adit_engine_event *ev)
{
    e->ops->event(e->arg, ev);
}

/* ---- ending
 * ----------------------------------------------------------------------------------------- */

static bool ended(const struct adit_engine *e)
{
    return e->cause.reason != ADIT_REASON_NONE;
}

void adit_engine_end(struct adit_engine *e, const struct adit_cause *cause)
{
    if (ended(e))
        return;
    e->cause = *cause;
    if (e->sctp && !e->sctp_down)
        adit_sctp_abort(e->sctp, e->now); /* channels get their CLOSED */
    if (e->dtls)
        adit_dtls_close(e->dtls);
    adit_ice_close(e->ice);
}

static void end(struct adit_engine *e, enum adit_reason reason, const char *text)
{
    struct adit_cause cause;

    adit_cause_set(&cause, reason, 0, "%s", text);
    adit_engine_end(e, &cause);
}

/* ---- the parts talk
 * ----------------------------------------------------------------------------------- */

static void ice_send(void *arg, int base, const struct adit_addr *to, const void *bytes, size_t n)
{
    struct adit_engine *e = arg;

    e->ops->send(e->arg, base, to, bytes, n);
}

static size_t mtu_of(const struct adit_engine *e)
{
    return e->conf.mtu ? e->conf.mtu : adit_ice_mtu(e->ice);
}

static void set_mtu(struct adit_engine *e)
{
    size_t mtu = mtu_of(e);

    if (e->dtls)
        adit_dtls_set_mtu(e->dtls, mtu);
    if (e->sctp && !e->sctp_down)
        adit_sctp_set_mtu(e->sctp, adit_dtls_payload_for(mtu));
}

static void ice_event(void *arg, const struct adit_ice_event *ev)
{
    struct adit_engine *e = arg;

    switch (ev->type) {
    case ADIT_ICE_EV_STATE:
        if (ev->state == ADIT_ICE_FAILED)
            adit_engine_end(e, &ev->cause);
        break; /* what else it changes, settle() sees */
    case ADIT_ICE_EV_CAND:
        adit_engine_tell(
            e, &(struct adit_engine_event){ .type = ADIT_ENGINE_EV_CAND, .cand = ev->cand });
        break;
    case ADIT_ICE_EV_GATHERED:
        e->times.gathered = e->now;
        adit_engine_tell(e, &(struct adit_engine_event){ .type = ADIT_ENGINE_EV_GATHERED });
        break;
    case ADIT_ICE_EV_SELECTED:
        if (!e->times.ice_valid)
            e->times.ice_valid = e->now;
        adit_engine_tell(e, &(struct adit_engine_event){ .type = ADIT_ENGINE_EV_SELECTED });
        break;
    case ADIT_ICE_EV_MAPPED:
        adit_engine_tell(
            e, &(struct adit_engine_event){ .type = ADIT_ENGINE_EV_MAPPED, .cand = ev->cand });
        break;
    case ADIT_ICE_EV_MTU:
        set_mtu(e);
        break;
    case ADIT_ICE_EV_HEARD:
        break;
    }
}

static const struct adit_ice_ops ice_ops = { .send = ice_send, .event = ice_event };

static void dtls_send(void *arg, const void *bytes, size_t n)
{
    struct adit_engine *e = arg;

    if (adit_ice_send(e->ice, bytes, n) < 0)
        return; /* no path at the moment: as if the network had lost it */
    e->packets_sent++;
    e->bytes_sent += n;
}

static void dtls_data(void *arg, const void *bytes, size_t n, adit_time now)
{
    struct adit_engine *e = arg;

    if (e->sctp && !e->sctp_down)
        adit_sctp_feed(e->sctp, bytes, n, now);
}

static void dtls_event(void *arg, enum adit_dtls_state state, const struct adit_cause *cause)
{
    struct adit_engine *e = arg;

    if (state == ADIT_DTLS_CONNECTED && !e->times.dtls_up)
        e->times.dtls_up = e->now;
    if (state == ADIT_DTLS_FAILED || state == ADIT_DTLS_CLOSED)
        adit_engine_end(e, cause);
}

static const struct adit_dtls_ops dtls_ops = { .send = dtls_send,
                                               .data = dtls_data,
                                               .event = dtls_event };

static void sctp_send(void *arg, const void *bytes, size_t n)
{
    struct adit_engine *e = arg;

    if (adit_dtls_write(e->dtls, bytes, n) < 0)
        adit_trace("peer", "an SCTP packet of %zu bytes found DTLS closed", n);
}

static void sctp_event(void *arg, const struct adit_sctp_event *ev)
{
    struct adit_engine *e = arg;
    struct adit_sctp_event told = *ev;

    switch (ev->type) {
    case ADIT_SCTP_EV_UP:
        if (!e->times.sctp_up)
            e->times.sctp_up = e->now;
        adit_engine_tell(e, &(struct adit_engine_event){ .type = ADIT_ENGINE_EV_ASSOCIATED });
        break;
    case ADIT_SCTP_EV_DOWN:
        e->sctp_down = true;
        e->sctp_cause = ev->cause;
        break;
    case ADIT_SCTP_EV_ACCEPT:
    case ADIT_SCTP_EV_OPEN:
        if (!e->times.channel_open)
            e->times.channel_open = e->now;
        /* fall through */
    case ADIT_SCTP_EV_MESSAGE:
    case ADIT_SCTP_EV_WRITABLE:
    case ADIT_SCTP_EV_LOW:
    case ADIT_SCTP_EV_CLOSED:
        if (ended(e))
            told.cause = e->cause; /* what ended the connection ended its channels */
        adit_engine_tell(
            e, &(struct adit_engine_event){ .type = ADIT_ENGINE_EV_CHANNEL, .sctp = &told });
        break;
    }
}

static const struct adit_sctp_ops sctp_ops = { .send = sctp_send, .event = sctp_event };

/* ---- what follows from what happened
 * --------------------------------------------------------------------- */

static struct adit_sctp *new_sctp(struct adit_engine *e)
{
    struct adit_sctp_conf conf = {
        .mtu = adit_dtls_payload_for(mtu_of(e)),
        .local_message_max = e->conf.message_max,
        .channels_max = e->conf.channels_max,
        .send_buffer = e->conf.send_buffer,
        .recv_buffer = e->conf.recv_buffer,
    };

    return adit_sctp_new(&conf, &sctp_ops, e, e->now);
}

static bool is_dtls_client(const struct adit_engine *e)
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
    uint8_t *bytes;
    bool client;
    size_t n;

    if (e->dtls_started || !e->remote || !adit_ice_selected(e->ice, NULL))
        return;
    client = is_dtls_client(e);
    if (client && !adit_ice_heard(e->ice) && !e->remote->ice_lite)
        return;
    e->dtls = adit_dtls_new(
        &(struct adit_dtls_conf){ .cert = e->conf.cert, .client = client, .mtu = mtu_of(e) },
        &dtls_ops, e, e->now);
    if (!e->dtls) {
        end(e, ADIT_REASON_RESOURCE, "out of memory for DTLS");
        return;
    }
    e->dtls_started = true;
    adit_dtls_expect(e->dtls, e->remote->fingerprints, e->remote->fingerprint_count, e->now);
    adit_dtls_start(e->dtls, e->now);
    while ((bytes = adit_early_take(&e->early, &n))) {
        adit_dtls_feed(e->dtls, bytes, n, e->now);
        adit_free(bytes);
    }
}

static void start_sctp(struct adit_engine *e)
{
    if (e->sctp_started || !e->dtls || adit_dtls_state(e->dtls) != ADIT_DTLS_CONNECTED)
        return;
    e->sctp_started = true;
    adit_sctp_start(e->sctp,
                    &(struct adit_sctp_peer){ .dtls_client = is_dtls_client(e),
                                              .port = e->remote->sctp_port,
                                              .message_max = e->remote->max_message_size },
                    e->now);
}

/* The association ended. SHUTDOWN is a goodbye; after an ABORT it is set up again, for usrsctp of
 * many peers aborts on legitimate packets (see docs/decisions.md) and DTLS below is as good as
 * before. */
static void replace_sctp(struct adit_engine *e)
{
    if (!e->sctp_down || ended(e))
        return;
    if (e->closing) {
        end(e, ADIT_REASON_LOCAL, "closed");
        return;
    }
    if (e->sctp_cause.reason == ADIT_REASON_REMOTE) {
        end(e, ADIT_REASON_REMOTE, "the other side closed the connection");
        return;
    }
    e->sctp = adit_sctp_free(e->sctp);
    e->sctp_down = e->sctp_started = false;
    if (++e->sctp_restarts > SCTP_RESTARTS_MAX) {
        adit_engine_end(e, &e->sctp_cause);
        return;
    }
    e->sctp = new_sctp(e);
    if (!e->sctp)
        end(e, ADIT_REASON_RESOURCE, "out of memory for SCTP");
}

static enum adit_peer_state state_now(const struct adit_engine *e)
{
    if (e->cause.reason == ADIT_REASON_LOCAL || e->cause.reason == ADIT_REASON_REMOTE)
        return ADIT_PEER_CLOSED;
    if (ended(e))
        return ADIT_PEER_FAILED;
    if (e->dtls && adit_dtls_state(e->dtls) == ADIT_DTLS_CONNECTED)
        return adit_ice_state(e->ice) == ADIT_ICE_DISCONNECTED ? ADIT_PEER_DISCONNECTED
                                                               : ADIT_PEER_CONNECTED;
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
        if (!ended(e))
            start_dtls(e);
        if (!ended(e))
            start_sctp(e);
        replace_sctp(e);
        state = state_now(e);
        if (state != e->state) {
            e->state = state;
            adit_engine_tell(e, &(struct adit_engine_event){ .type = ADIT_ENGINE_EV_STATE,
                                                             .state = state,
                                                             .cause = e->cause });
        }
    } while (state != state_now(e) || (e->sctp_down && !ended(e)));
    e->settling = false;
}

/* ---- life
 * ------------------------------------------------------------------------------------------- */

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
    e->ice = adit_ice_new(&(struct adit_ice_conf){ .ufrag = conf->ufrag,
                                                   .pwd = conf->pwd,
                                                   .stun = conf->stun,
                                                   .stun_count = conf->stun_count,
                                                   .allow_loopback = conf->allow_loopback,
                                                   .ta = conf->ta,
                                                   .patience = conf->patience,
                                                   .rng = conf->rng },
                          &ice_ops, e, now);
    e->conf.stun = NULL;
    e->conf.ufrag = e->conf.pwd = NULL;
    if (e->ice)
        e->sctp = new_sctp(e);
    return e->sctp ? e : adit_engine_free(e);
}

struct adit_engine *adit_engine_free(struct adit_engine *e)
{
    if (!e)
        return NULL;
    adit_sctp_free(e->sctp);
    adit_dtls_free(e->dtls);
    adit_ice_free(e->ice);
    adit_early_done(&e->early);
    adit_free(e->remote);
    adit_free(e);
    return NULL;
}

void adit_engine_close(struct adit_engine *e, adit_time now)
{
    e->now = now;
    if (!ended(e) && !e->closing) {
        e->closing = true;
        e->close_at = now + ADIT_ENGINE_CLOSE_MAX;
        if (e->sctp_started && !e->sctp_down)
            adit_sctp_shutdown(e->sctp, now);
        else
            end(e, ADIT_REASON_LOCAL, "closed");
    }
    adit_engine_settle(e);
}

/* ---- bases, passed on
 * --------------------------------------------------------------------------------- */

int adit_engine_add_base(struct adit_engine *e, int base, const struct adit_addr *addr,
                         uint16_t preference, bool announce, adit_time now)
{
    int err;

    e->now = now;
    err = adit_ice_add_base(e->ice, base, addr, preference, announce, now);
    adit_engine_settle(e);
    return err;
}

void adit_engine_remove_base(struct adit_engine *e, int base, adit_time now)
{
    e->now = now;
    adit_ice_remove_base(e->ice, base, now);
    adit_engine_settle(e);
}

void adit_engine_add_stun(struct adit_engine *e, const struct adit_addr *server, adit_time now)
{
    e->now = now;
    adit_ice_add_stun(e->ice, server, now);
    adit_engine_settle(e);
}

void adit_engine_bases_done(struct adit_engine *e, adit_time now)
{
    e->now = now;
    adit_ice_bases_done(e->ice, now);
    adit_engine_settle(e);
}

void adit_engine_send_failed(struct adit_engine *e, int base, const struct adit_addr *to,
                             adit_time now)
{
    e->now = now;
    adit_ice_send_failed(e->ice, base, to, now);
    adit_engine_settle(e);
}

int adit_engine_add_candidate(struct adit_engine *e, const struct adit_cand *cand, adit_time now)
{
    int err;

    e->now = now;
    err = adit_ice_add_remote(e->ice, cand, now);
    adit_engine_settle(e);
    return err;
}

void adit_engine_candidates_done(struct adit_engine *e, adit_time now)
{
    e->now = now;
    adit_ice_remote_done(e->ice, now);
    adit_engine_settle(e);
}

/* ---- packets and time
 * --------------------------------------------------------------------------------- */

/* RFC 7983 section 7: the first byte says what it is; STUN has been taken by ICE. */
static bool is_dtls(const struct adit_span *pkt)
{
    return pkt->len && pkt->data[0] >= 20 && pkt->data[0] <= 63;
}

void adit_engine_feed(struct adit_engine *e, int base, const struct adit_addr *from,
                      const void *bytes, size_t n, adit_time now)
{
    struct adit_span pkt = { .data = bytes, .len = n };

    e->now = now;
    if (!ended(e) && adit_ice_feed(e->ice, base, from, &pkt, now) && is_dtls(&pkt)) {
        e->packets_received++;
        e->bytes_received += pkt.len;
        if (e->dtls_started)
            adit_dtls_feed(e->dtls, pkt.data, pkt.len, now);
        else
            adit_early_keep(&e->early, pkt.data, pkt.len);
    }
    adit_engine_settle(e);
}

adit_time adit_engine_deadline(const struct adit_engine *e)
{
    adit_time at = e->close_at;

    if (ended(e))
        return ADIT_NEVER;
    at = adit_time_min(at, adit_ice_deadline(e->ice));
    if (e->dtls)
        at = adit_time_min(at, adit_dtls_deadline(e->dtls));
    if (e->sctp_started && !e->sctp_down)
        at = adit_time_min(at, adit_sctp_deadline(e->sctp));
    return at;
}

void adit_engine_tick(struct adit_engine *e, adit_time now)
{
    e->now = now;
    if (!ended(e) && now >= e->close_at)
        end(e, ADIT_REASON_LOCAL, "closed");
    if (!ended(e))
        adit_ice_tick(e->ice, now);
    if (!ended(e) && e->dtls)
        adit_dtls_tick(e->dtls, now);
    if (!ended(e) && e->sctp_started && !e->sctp_down)
        adit_sctp_tick(e->sctp, now);
    adit_engine_settle(e);
}

/* ---- channels
 * ------------------------------------------------------------------------------------------- */

struct adit_channel *adit_engine_open_channel(struct adit_engine *e,
                                              const struct adit_channel_conf *conf, int *ret_err,
                                              adit_time now)
{
    struct adit_channel *c;

    e->now = now;
    if (ended(e) || e->closing || !e->sctp || e->sctp_down) {
        *ret_err = -EPIPE;
        return NULL;
    }
    c = adit_channel_open(e->sctp, conf, ret_err, now);
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

size_t adit_engine_message_max(const struct adit_engine *e)
{
    if (e->sctp_started && !e->sctp_down)
        return adit_sctp_message_max(e->sctp);
    return e->remote && e->remote->max_message_size ? e->remote->max_message_size : SIZE_MAX;
}

/* ---- questions
 * ------------------------------------------------------------------------------------------ */

enum adit_peer_state adit_engine_state(const struct adit_engine *e)
{
    return e->state;
}

bool adit_engine_selected(const struct adit_engine *e, struct adit_ice_pair_info *ret_info)
{
    return adit_ice_selected(e->ice, ret_info);
}

void adit_engine_stats(struct adit_engine *e, struct adit_engine_stats *ret_stats)
{
    *ret_stats = (struct adit_engine_stats){
        .packets_sent = e->packets_sent,
        .packets_received = e->packets_received,
        .bytes_sent = e->bytes_sent,
        .bytes_received = e->bytes_received,
        .sctp_restarts = e->sctp_restarts,
        .times = e->times,
        .cipher = e->dtls ? adit_dtls_cipher(e->dtls) : "",
    };
    adit_ice_stats(e->ice, &ret_stats->ice);
    if (e->sctp_started && !e->sctp_down)
        adit_sctp_stats(e->sctp, &ret_stats->sctp);
}
