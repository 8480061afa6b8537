#include "sim/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim/openssl_seed.h"

#define CERTIFICATES 4

static const struct adit_cert *certificate(int i)
{
    static struct adit_cert *certs[CERTIFICATES];

    if (!certs[i])
        certs[i] = adit_cert_generate();
    return certs[i];
}

/* ---- descriptions -------------------------------------------------------------------------------
 */

struct letter {
    struct sim_peer *to;
    struct adit_desc desc;
};

static void describe_if_ready(struct sim_peer *p);

static void on_letter(void *arg)
{
    struct letter *l = arg;
    struct sim_peer *p = l->to;

    if (!p->engine)
        return;
    if (!p->remote_at)
        p->remote_at = p->net->now;
    p->refused = adit_engine_set_remote(p->engine, &l->desc, &p->refused_cause, p->net->now);
    describe_if_ready(p);
}

struct note {
    struct sim_peer *to;
    struct adit_cand cand;
};

static void on_note(void *arg)
{
    struct note *n = arg;

    if (n->to->engine && adit_engine_add_candidate(n->to->engine, &n->cand, n->to->net->now) < 0)
        abort();
}

static void trickle(struct sim_peer *p, const struct adit_cand *cand)
{
    struct note *n;

    if (!p->trickles || !p->described || !p->other)
        return;
    n = sim_net_alloc(p->net, sizeof *n, NULL);
    n->to = p->other;
    n->cand = *cand;
    sim_at(p->net, p->net->now + p->carry, on_note, n);
}

static void describe_if_ready(struct sim_peer *p)
{
    struct letter *l;

    if (p->described || !adit_engine_gathered(p->engine) || !p->other || p->no_signaling ||
        !(p->offerer || p->restarts || p->symmetric || (p->remote_at && !p->refused)))
        return;
    p->described = true;
    l = sim_net_alloc(p->net, sizeof *l, NULL);
    l->to = p->other;
    adit_engine_describe(p->engine, &l->desc);
    p->letters++;
    if (p->symmetric)
        l->desc.type = ADIT_DESC_UNKNOWN;
    if (p->keep_cands)
        l->desc.cand_count = 0, l->desc.end_of_candidates = false;
    if (p->tamper)
        p->tamper(&l->desc);
    sim_at(p->net, p->net->now + p->carry, on_letter, l);
}

/* ---- the engine's side --------------------------------------------------------------------------
 */

static void on_send(void *arg, int base, const struct adit_addr *to, const void *bytes, size_t n)
{
    struct sim_peer *p = arg;
    uint8_t wrapped[2048];

    if (base == SIM_PEER_RELAY) {
        if (n + SIM_RELAY_HEAD > sizeof wrapped)
            abort();
        sim_relay_wrap(wrapped, p->relay_client, to, bytes, n);
        sim_send(p->ifaces[0], &(struct sim_packet){ p->relay_local, p->relay->addr, wrapped,
                                                     n + SIM_RELAY_HEAD });
        return;
    }
    sim_send(p->ifaces[base], &(struct sim_packet){ p->addrs[base], *to, bytes, n });
}

static void on_channel(struct sim_peer *p, const struct adit_sctp_event *ev)
{
    switch (ev->type) {
    case ADIT_SCTP_EV_ACCEPT:
    case ADIT_SCTP_EV_OPEN:
        if (!p->channel)
            p->channel = ev->channel;
        if (!p->open_at)
            p->open_at = p->net->now;
        p->channels++;
        break;
    case ADIT_SCTP_EV_MESSAGE:
        p->messages++;
        p->bytes += ev->n;
        if (p->echo && adit_channel_send(ev->channel, ev->bytes, ev->n, ev->text, p->net->now) < 0)
            abort();
        break;
    case ADIT_SCTP_EV_CLOSED:
        if (p->channel == ev->channel)
            p->channel = NULL;
        p->channels--;
        break;
    case ADIT_SCTP_EV_UP:
    case ADIT_SCTP_EV_DOWN:
    case ADIT_SCTP_EV_WRITABLE:
    case ADIT_SCTP_EV_LOW:
        break;
    }
}

static void describe_later(void *arg)
{
    struct sim_peer *p = arg;

    if (p->engine)
        describe_if_ready(p);
}

static void on_event(void *arg, const struct adit_engine_event *ev)
{
    struct sim_peer *p = arg;

    switch (ev->type) {
    case ADIT_ENGINE_EV_STATE:
        p->state = ev->state;
        if (!p->state_at[ev->state])
            p->state_at[ev->state] = p->net->now;
        if (ev->state == ADIT_PEER_FAILED || ev->state == ADIT_PEER_CLOSED)
            p->cause = ev->cause;
        break;
    case ADIT_ENGINE_EV_GATHERED:
        p->gathered++;
        break;
    case ADIT_ENGINE_EV_MAPPED:
        p->mapped++;
        trickle(p, ev->cand);
        break;
    case ADIT_ENGINE_EV_CHANNEL:
        on_channel(p, ev->sctp);
        break;
    case ADIT_ENGINE_EV_MTU:
    case ADIT_ENGINE_EV_LOST:
        break;
    case ADIT_ENGINE_EV_ASSOCIATED:
        p->associated++;
        break;
    case ADIT_ENGINE_EV_DATAGRAM:
        p->datagrams++;
        if (p->datagram)
            p->datagram(p, ev->bytes, ev->n);
        break;
    case ADIT_ENGINE_EV_RELAY:
        p->relays += ev->up;
        p->relays_lost += !ev->up;
        break;
    case ADIT_ENGINE_EV_RESTART:
        p->restarts++;
        p->described = false;
        break;
    case ADIT_ENGINE_EV_CAND: /* of a restart, after the description: it is told anew */
        trickle(p, ev->cand);
        if (p->restarts && p->described && adit_engine_restarting(p->engine)) {
            p->described = false;
            sim_at(p->net, p->net->now, describe_later, p);
        }
        break;
    case ADIT_ENGINE_EV_SELECTED:
        p->selected++;
        p->selected_at = p->net->now;
        break;
    }
    if (ev->type == ADIT_ENGINE_EV_GATHERED && p->engine)
        describe_if_ready(p);
}

static const struct adit_engine_ops ops = { .send = on_send, .event = on_event };

/* ---- the net's side -----------------------------------------------------------------------------
 */

static void feed(struct sim_peer *p, int base, const struct adit_addr *from, const uint8_t *bytes,
                 size_t n)
{
    adit_time due = adit_engine_deadline(p->engine);
    uint8_t *exact = malloc(n ? n : 1);

    memcpy(exact, bytes, n);
    if (!adit_engine_feed(p->engine, base, from, exact, n, p->net->now)) {
        p->unsettled++;
        sim_check(p->net, adit_engine_deadline(p->engine) >= due);
    }
    free(exact);
}

int sim_peer_datagram(struct sim_peer *p, const uint8_t *bytes, size_t n)
{
    adit_time due = adit_engine_deadline(p->engine);
    int err = adit_engine_datagram(p->engine, bytes, n);

    due = adit_time_min(due, adit_engine_datagram_deadline(p->engine));
    sim_check(p->net, adit_engine_deadline(p->engine) >= due);
    return err;
}

#define WAITING_MAX 64

struct sim_waiting {
    struct sim_waiting *next;
    struct sim_iface *iface;
    struct sim_packet packet;
};

static void keep(struct sim_peer *p, struct sim_iface *iface, const struct sim_packet *packet)
{
    struct sim_waiting *w;
    uint8_t *bytes;

    if (p->waiting_count == WAITING_MAX)
        return;
    w = sim_net_alloc(p->net, sizeof *w, NULL);
    bytes = sim_net_alloc(p->net, packet->n + 1, NULL);
    memcpy(bytes, packet->bytes, packet->n);
    *w = (struct sim_waiting){ p->waiting, iface, *packet };
    w->packet.bytes = bytes;
    p->waiting = w;
    p->waiting_count++;
}

static void on_receive(void *arg, struct sim_iface *iface, const struct sim_packet *packet)
{
    struct sim_peer *p = arg;

    struct adit_addr from;

    if (!p->engine)
        return;
    if (p->stopped) {
        keep(p, iface, packet);
        return;
    }
    if (p->relay && p->relay_local.port == packet->to.port && sim_relay_unwrap(packet, &from)) {
        feed(p, SIM_PEER_RELAY, &from, packet->bytes + SIM_RELAY_HEAD, packet->n - SIM_RELAY_HEAD);
        return;
    }
    for (int i = 0; i < p->iface_count; i++)
        if (p->ifaces[i] == iface && p->addrs[i].port == packet->to.port) {
            feed(p, i, &packet->from, packet->bytes, packet->n);
            return;
        }
}

static adit_time on_deadline(void *arg)
{
    struct sim_peer *p = arg;

    return p->stopped ? ADIT_NEVER : adit_engine_deadline(p->engine);
}

static void on_tick(void *arg, adit_time now)
{
    struct sim_peer *p = arg;

    adit_engine_tick(p->engine, now);
}

void sim_peer_stop(struct sim_peer *p)
{
    p->stopped = true;
}

static void receive_in_order(struct sim_peer *p, struct sim_waiting *w)
{
    if (!w)
        return;
    receive_in_order(p, w->next);
    on_receive(p, w->iface, &w->packet);
}

void sim_peer_go(struct sim_peer *p)
{
    struct sim_waiting *w = p->waiting;

    p->stopped = false;
    p->waiting = NULL;
    p->waiting_count = 0;
    adit_engine_back(p->engine, p->net->now);
    receive_in_order(p, w);
    adit_engine_tick(p->engine, p->net->now);
}

void sim_peer_kill(struct sim_peer *p)
{
    if (!p->engine)
        return;
    sim_actor_remove(p->net, &p->actor);
    for (int i = 0; i < p->iface_count; i++) /* its last words are not heard */
        p->ifaces[i]->up.cut = true;
    p->engine = adit_engine_free(p->engine);
}

static void done(void *arg)
{
    sim_peer_kill(arg);
}

struct sim_peer *sim_peer(struct sim_net *net, const char *name, int cert)
{
    struct sim_peer *p = sim_net_alloc(net, sizeof *p, done);

    p->net = net;
    p->name = name;
    p->conf.cert = certificate(cert);
    p->conf.rng = &p->rng;
    return p;
}

struct sim_iface *sim_peer_attach(struct sim_peer *p, struct sim_segment *segment, const char *ip)
{
    struct sim_iface *iface = sim_attach(segment, ip, on_receive, p);
    int i = p->iface_count++;

    p->ifaces[i] = iface;
    p->addrs[i] = iface->ip;
    p->addrs[i].port = (uint16_t)(40000 + adit_rng_below(&p->net->rng, 10000));
    return iface;
}

static void borrow(struct sim_peer *p)
{
    struct adit_ice_relay lent = { .server = p->relay->addr, .preference = 65000 };

    p->relay_client = sim_relay_lend(p->relay, &lent.addr);
    p->relay_local = p->addrs[0];
    p->relay_local.port++;
    if (adit_engine_add_relay(p->engine, SIM_PEER_RELAY, &lent, p->net->now) < 0)
        abort();
}

void sim_peer_start(struct sim_peer *p)
{
    const struct adit_channel_conf channel = {
        .label = "sim",
        .label_len = 3,
        .max_retransmits = ADIT_CHANNEL_RELIABLE,
        .max_lifetime_ms = ADIT_CHANNEL_RELIABLE,
        .id = ADIT_CHANNEL_ID_AUTO,
    };
    int err = 0;

    adit_rng_init_seed(&p->rng, adit_rng_u64(&p->net->rng));
    sim_openssl_seed(p->net->seed);
    p->engine = adit_engine_new(&p->conf, &ops, p, p->net->now);
    if (!p->engine)
        abort();
    if (p->takes_datagrams)
        adit_engine_take_datagrams(p->engine);
    p->actor = (struct sim_actor){ on_deadline, on_tick, p, NULL };
    sim_actor_add(p->net, &p->actor);
    if (p->offerer && !p->symmetric)
        adit_engine_set_offerer(p->engine);
    if (p->offerer && !adit_engine_open_channel(p->engine, &channel, &err, p->net->now))
        abort();
    for (int i = 0; i < p->iface_count; i++)
        if (adit_engine_add_base(p->engine, i, &p->addrs[i], (uint16_t)(65535 - i), true,
                                 p->net->now) < 0)
            abort();
    if (p->relay)
        borrow(p);
    if (p->turn.family &&
        adit_engine_add_turn(p->engine,
                             &(struct adit_engine_turn){ .addrs = &p->turn,
                                                         .addr_count = 1,
                                                         .user = p->turn_user,
                                                         .password = p->turn_password },
                             p->net->now) < 0)
        abort();
    adit_engine_bases_done(p->engine, p->net->now);
}

void sim_peer_add(struct sim_peer *p, struct sim_segment *segment, const char *ip)
{
    int i = p->iface_count;

    sim_peer_attach(p, segment, ip);
    if (adit_engine_add_base(p->engine, i, &p->addrs[i], (uint16_t)(65535 - i), true, p->net->now) <
        0)
        abort();
}

void sim_peer_move(struct sim_peer *p, int i, const char *ip)
{
    if (p->addrs[i].family)
        adit_engine_remove_base(p->engine, i, p->net->now);
    p->addrs[i].family = ADIT_FAMILY_NONE;
    if (ip) {
        p->ifaces[i]->ip = p->addrs[i] = sim_addr(ip);
        p->addrs[i].port = (uint16_t)(40000 + adit_rng_below(&p->net->rng, 10000));
        if (adit_engine_add_base(p->engine, i, &p->addrs[i], (uint16_t)(65535 - i), true,
                                 p->net->now) < 0)
            abort();
    }
    adit_engine_restart(p->engine, p->net->now);
}

void sim_peer_signaling(struct sim_peer *p, bool works)
{
    p->no_signaling = !works;
    if (works && adit_engine_restarting(p->engine))
        p->described = false;
    describe_if_ready(p);
}

void sim_pair(struct sim_peer *a, struct sim_peer *b)
{
    a->other = b;
    b->other = a;
    a->offerer = true;
}

void sim_peer_send(struct sim_peer *p, const void *bytes, size_t n)
{
    if (!p->channel || adit_channel_send(p->channel, bytes, n, false, p->net->now) < 0)
        abort();
}

bool sim_peer_open(const struct sim_peer *p)
{
    return p->state == ADIT_PEER_CONNECTED && p->channel &&
           adit_channel_state(p->channel) == ADIT_CHANNEL_OPEN;
}

bool sim_pair_open(void *arg)
{
    const struct sim_peer *a = arg;

    return sim_peer_open(a) && sim_peer_open(a->other);
}

static bool over(const struct sim_peer *p)
{
    return !p->engine || p->state == ADIT_PEER_FAILED || p->state == ADIT_PEER_CLOSED;
}

bool sim_pair_over(void *arg)
{
    const struct sim_peer *a = arg;

    return over(a) && over(a->other);
}
