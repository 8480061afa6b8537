/* parts - ICE, DTLS and SCTP talk to each other and to the application through here. */
#include "base/log.h"
#include "peer/inner.h"

static void ice_send(void *arg, int base, const struct adit_addr *to, const void *bytes, size_t n)
{
    struct adit_engine *e = ((struct peer_agent *)arg)->e;

    if (base >= ADIT_ENGINE_RELAY_BASE)
        adit_relays_send(e, base, to, bytes, n);
    else
        e->ops->send(e->arg, base, to, bytes, n);
}

size_t adit_parts_mtu(const struct adit_engine *e)
{
    return e->conf.mtu ? e->conf.mtu : adit_ice_mtu(e->ice);
}

size_t adit_engine_packet_max(const struct adit_engine *e, bool *ret_sure)
{
    *ret_sure = e->conf.mtu || adit_ice_mtu_settled(e->ice);
    return adit_sctp_payload_for(adit_dtls_payload_for(adit_parts_mtu(e)));
}

size_t adit_engine_path_mtu(const struct adit_engine *e)
{
    size_t n = adit_ice_mtu(e->ice);
    bool known = n > ADIT_PMTU_BASE || adit_ice_mtu_settled(e->ice);

    return known && adit_ice_selected(e->ice, NULL) ? n : 0;
}

void adit_engine_flow(const struct adit_engine *e, uint32_t *ret_window, adit_time *ret_rtt)
{
    *ret_window = 0;
    *ret_rtt = 0;
    if (e->sctp)
        adit_sctp_flow(e->sctp, ret_window, ret_rtt);
}

static void set_mtu(struct adit_engine *e)
{
    size_t mtu = adit_parts_mtu(e);

    /* Never less than before: chunks that SCTP has cut keep their size, and have to leave. */
    if (e->dtls && adit_dtls_payload_for(mtu) > adit_dtls_payload_max(e->dtls))
        adit_dtls_set_mtu(e->dtls, mtu);
    if (e->sctp && !e->sctp_down)
        adit_sctp_set_mtu(e->sctp, adit_dtls_payload_for(mtu));
}

static void tell(struct adit_engine *e, enum adit_engine_event_type type)
{
    adit_engine_tell(e, &(struct adit_engine_event){ .type = type });
}

/* Of a restart they name their session, so that the other side does not mix them up. */
static void tell_candidate(struct adit_engine *e, const struct adit_cand *cand)
{
    struct adit_cand named = *cand;

    if (e->restart.next)
        strcpy(named.ufrag, adit_ice_ufrag(e->restart.next));
    adit_engine_tell(e, &(struct adit_engine_event){ .type = ADIT_ENGINE_EV_CAND, .cand = &named });
}

static void hurry(struct adit_engine *e)
{
    if (e->sctp && !e->sctp_down)
        adit_sctp_hurry(e->sctp, e->now);
}

/* Whoever moves first speaks to somebody who still answers by the old path, and would wait for long
 * before he repeats it. */
void adit_parts_landed(struct adit_engine *e, int base, const struct adit_addr *from)
{
    if (!adit_ice_uses(e->ice, base, from))
        return;
    e->moved = false;
    hurry(e);
}

static void path_selected(struct adit_engine *e)
{
    struct adit_ice_pair_info pair;

    hurry(e);
    e->moved = true;
    if (adit_ice_selected(e->ice, &pair))
        e->restart.path = *pair.remote;
    if (!e->times.ice_valid)
        e->times.ice_valid = e->now;
    tell(e, ADIT_ENGINE_EV_SELECTED);
}

void adit_parts_path_changed(struct adit_engine *e)
{
    set_mtu(e);
    path_selected(e);
    tell(e, ADIT_ENGINE_EV_MTU);
}

static void ice_state(struct adit_engine *e, const struct adit_ice_event *ev)
{
    bool failed = ev->state == ADIT_ICE_FAILED;

    if (ev->state == ADIT_ICE_CONNECTED)
        hurry(e);
    if (!failed && ev->state != ADIT_ICE_DISCONNECTED)
        return; /* what else it changes, settle() sees */
    adit_relays_doubt(e);
    if (!adit_restart_lost(e, failed) && failed && !e->goodbye.reason)
        adit_engine_end(e, &ev->cause);
}

static void event_of_current(struct adit_engine *e, const struct adit_ice_event *ev)
{
    switch (ev->type) {
    case ADIT_ICE_EV_STATE:
        ice_state(e, ev);
        break;
    case ADIT_ICE_EV_CAND:
        adit_told_changed(e);
        if (!e->restart.next)
            tell_candidate(e, ev->cand);
        break;
    case ADIT_ICE_EV_GATHERED:
        if (!e->times.gathered)
            e->times.gathered = e->now;
        tell(e, ADIT_ENGINE_EV_GATHERED);
        break;
    case ADIT_ICE_EV_SELECTED:
        path_selected(e);
        break;
    case ADIT_ICE_EV_MAPPED:
        adit_engine_tell(
            e, &(struct adit_engine_event){ .type = ADIT_ENGINE_EV_MAPPED, .cand = ev->cand });
        break;
    case ADIT_ICE_EV_MTU:
        set_mtu(e);
        tell(e, ADIT_ENGINE_EV_MTU);
        break;
    case ADIT_ICE_EV_SILENT:
        adit_restart_doubt(e);
        break;
    case ADIT_ICE_EV_HEARD:
        break;
    }
}

static void event_of_next(struct adit_engine *e, const struct adit_ice_event *ev)
{
    if (ev->type == ADIT_ICE_EV_CAND || ev->type == ADIT_ICE_EV_MAPPED) {
        adit_told_changed(e);
        tell_candidate(e, ev->cand);
    } else if (ev->type == ADIT_ICE_EV_GATHERED) {
        tell(e, ADIT_ENGINE_EV_GATHERED);
    }
}

static void ice_event(void *arg, const struct adit_ice_event *ev)
{
    struct peer_agent *a = arg;
    struct adit_engine *e = a->e;

    e->in_ice++;
    if (a->dead)
        ; /* nobody waits for it any more */
    else if (a->ice == e->ice)
        event_of_current(e, ev);
    else if (a->ice == e->restart.next)
        event_of_next(e, ev);
    e->in_ice--;
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

    if (!adit_told_feed(e, bytes, n) && e->sctp && !e->sctp_down)
        adit_sctp_feed(e->sctp, bytes, n, now);
}

static void dtls_direct(void *arg, const void *bytes, size_t n, adit_time now)
{
    (void)now;
    adit_datagram_feed(arg, bytes, n);
}

static void dtls_event(void *arg, enum adit_dtls_state state, const struct adit_cause *cause)
{
    struct adit_engine *e = arg;

    if (state == ADIT_DTLS_CONNECTED && !e->times.dtls_up)
        e->times.dtls_up = e->now;
    if (state == ADIT_DTLS_CONNECTED) {
        adit_datagram_start(e);
        adit_told_changed(e);
    }
    if (state == ADIT_DTLS_CLOSED && e->sctp && !e->sctp_down && adit_sctp_unread(e->sctp))
        e->goodbye = *cause; /* it has been acknowledged, so nobody will send it again */
    else if (state == ADIT_DTLS_FAILED || state == ADIT_DTLS_CLOSED)
        adit_engine_end(e, cause);
}

static const struct adit_dtls_ops dtls_ops = {
    .send = dtls_send, .data = dtls_data, .direct = dtls_direct, .event = dtls_event
};

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
        if (adit_engine_ended(e))
            told.cause = e->cause; /* what ended the connection ended its channels */
        adit_engine_tell(
            e, &(struct adit_engine_event){ .type = ADIT_ENGINE_EV_CHANNEL, .sctp = &told });
        break;
    }
}

static const struct adit_sctp_ops sctp_ops = { .send = sctp_send, .event = sctp_event };

/* ---- making them ---------------------------------------------------------------------------- */

struct adit_ice *adit_parts_new_ice(struct adit_engine *e, const struct adit_engine_conf *conf)
{
    struct peer_agent *a = NULL;

    for (size_t i = 0; i < ADIT_LEN(e->agents) && !a; i++)
        if (!e->agents[i].ice)
            a = &e->agents[i];
    if (!a) /* all are on the stack */
        return NULL;
    *a = (struct peer_agent){ .e = e };
    a->ice = adit_ice_new(&(struct adit_ice_conf){ .ufrag = conf->ufrag,
                                                   .pwd = conf->pwd,
                                                   .stun = e->stun,
                                                   .stun_count = e->stun_count,
                                                   .path = conf->path,
                                                   .allow_loopback = conf->allow_loopback,
                                                   .hide_hosts = conf->hide_hosts,
                                                   .restarts = e->ice != NULL,
                                                   .ta = conf->ta,
                                                   .patience = conf->patience,
                                                   .rng = conf->rng },
                          &ice_ops, a, e->now);
    return a->ice;
}

void adit_parts_free_ice(struct adit_engine *e, struct adit_ice *ice)
{
    for (size_t i = 0; ice && i < ADIT_LEN(e->agents); i++)
        if (e->agents[i].ice == ice) {
            e->agents[i].dead = true;
            adit_ice_close(ice);
        }
}

void adit_parts_reap_ice(struct adit_engine *e)
{
    struct adit_ice_stats stats;

    for (size_t i = 0; i < ADIT_LEN(e->agents) && !e->in_ice; i++)
        if (e->agents[i].dead) {
            adit_ice_stats(e->agents[i].ice, &stats);
            e->dropped_before += stats.dropped_unauthenticated;
            adit_ice_free(e->agents[i].ice);
            e->agents[i] = (struct peer_agent){ 0 };
        }
}

/* ICE has measured the path: nothing is repeated before an answer can have come. */
adit_time adit_parts_rto(const struct adit_engine *e)
{
    return adit_ice_rtt(e->ice) * 3 / 2;
}

struct adit_dtls *adit_parts_new_dtls(struct adit_engine *e, bool client)
{
    return adit_dtls_new(&(struct adit_dtls_conf){ .cert = e->conf.cert,
                                                   .client = client,
                                                   .mtu = adit_parts_mtu(e),
                                                   .rto = adit_parts_rto(e) },
                         &dtls_ops, e, e->now);
}

struct adit_sctp *adit_parts_new_sctp(struct adit_engine *e)
{
    struct adit_sctp_conf conf = {
        .mtu = adit_dtls_payload_for(adit_parts_mtu(e)),
        .local_message_max = e->conf.message_max,
        .channels_max = e->conf.channels_max,
        .send_buffer = e->conf.send_buffer,
        .recv_buffer = e->conf.recv_buffer,
    };

    return adit_sctp_new(&conf, &sctp_ops, e, e->now);
}
