/* Many callers at one UDP port of a public listener: at once, through all kinds of NAT, with loss,
 * while others forge, repeat and make noise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ice/stun.h"
#include "peer/door.h"
#include "peer/share.h"
#include "sim/openssl_seed.h"
#include "sim/town.h"

#define CALLERS 50
#define PORT    4000
#define HOLD    (120 * ADIT_SEC)

/* One of the listener's peers. */
struct guest {
    struct house *house;
    struct adit_share_peer share;
    struct adit_engine *engine;
    struct adit_rng rng;
    struct sim_actor actor;
    struct adit_caller caller;
    struct adit_channel *channel;
    unsigned heard, wrong; /* messages; of somebody else */
};

/* The listener: a host with one socket. */
struct house {
    struct sim_net *net;
    struct sim_iface *iface;
    struct adit_addr addr;
    struct adit_rng rng;
    struct adit_share share;
    struct adit_door door;
    struct adit_ticket ticket;
    const struct adit_cert *cert;
    struct guest guests[CALLERS + 10];
    unsigned guest_count;
    uint64_t sent, to_nobody; /* datagrams; to the one who makes noise */
    struct adit_addr noise;
};

struct scene {
    struct sim_net *net;
    struct sim_segment *internet;
    struct house *house;
    struct sim_peer *callers[CALLERS];
    unsigned caller_count;
    /* the others */
    struct sim_iface *noise;
    uint8_t recorded[8][600]; /* the first checks of callers */
    size_t recorded_len[8];
    unsigned recorded_count;
    adit_time noise_until;
};

/* ---- the listener ------------------------------------------------------------------------------
 */

static void on_send(void *arg, int base, const struct adit_addr *to, const void *bytes, size_t n)
{
    struct guest *g = arg;
    struct house *h = g->house;

    (void)base;
    adit_share_sent(&g->share, 0, to, bytes, n);
    h->sent++;
    h->to_nobody += adit_addr_equal_ip(to, &h->noise);
    sim_send(h->iface, &(struct sim_packet){ h->addr, *to, bytes, n });
}

static void on_event(void *arg, const struct adit_engine_event *ev)
{
    struct guest *g = arg;

    if (ev->type != ADIT_ENGINE_EV_CHANNEL)
        return;
    if (ev->sctp->type == ADIT_SCTP_EV_ACCEPT)
        g->channel = ev->sctp->channel;
    if (ev->sctp->type == ADIT_SCTP_EV_CLOSED)
        g->channel = NULL;
    if (ev->sctp->type == ADIT_SCTP_EV_MESSAGE) {
        g->heard++;
        g->wrong += ev->sctp->n != ADIT_TICKET_CALLER ||
                    memcmp(ev->sctp->bytes, g->caller.ufrag, ADIT_TICKET_CALLER) != 0;
        if (adit_channel_send(ev->sctp->channel, ev->sctp->bytes, ev->sctp->n, false,
                              g->house->net->now) < 0)
            abort();
    }
}

static const struct adit_engine_ops ops = { .send = on_send, .event = on_event };

static adit_time on_deadline(void *arg)
{
    return adit_engine_deadline(((struct guest *)arg)->engine);
}

static void on_tick(void *arg, adit_time now)
{
    adit_engine_tick(((struct guest *)arg)->engine, now);
}

static struct guest *let_in(struct house *h, const struct adit_caller *caller)
{
    struct guest *g = &h->guests[h->guest_count++];
    struct adit_cause cause;
    struct adit_desc desc;
    char name[sizeof h->door.own.ufrag + 1 + sizeof caller->ufrag];

    assert_true(h->guest_count <= ADIT_LEN(h->guests));
    g->house = h;
    g->caller = *caller;
    adit_rng_init_seed(&g->rng, adit_rng_u64(&h->rng));
    g->engine = adit_engine_new(&(struct adit_engine_conf){ .cert = h->cert,
                                                            .rng = &g->rng,
                                                            .ufrag = h->door.own.ufrag,
                                                            .pwd = h->door.own.pwd,
                                                            .hold = HOLD },
                                &ops, g, h->net->now);
    assert_non_null(g->engine);
    snprintf(name, sizeof name, "%s:%s", h->door.own.ufrag, caller->ufrag);
    if (adit_share_join(&h->share, &g->share) < 0 ||
        adit_share_name(&g->share, name, strlen(name)) < 0 ||
        adit_engine_add_base(g->engine, 0, &h->addr, 65535, true, h->net->now) < 0)
        abort();
    adit_engine_bases_done(g->engine, h->net->now);
    adit_caller_desc(caller, &desc);
    if (adit_engine_set_remote(g->engine, &desc, &cause, h->net->now) < 0)
        abort();
    g->actor = (struct sim_actor){ on_deadline, on_tick, g, NULL };
    sim_actor_add(h->net, &g->actor);
    return g;
}

static void on_receive(void *arg, struct sim_iface *iface, const struct sim_packet *p)
{
    struct house *h = arg;
    struct adit_share_peer *whose;
    struct adit_caller caller;
    uint8_t *exact;

    (void)iface;
    if (p->to.port != PORT)
        return;
    exact = malloc(p->n ? p->n : 1);
    memcpy(exact, p->bytes, p->n);
    whose = adit_share_route(&h->share, 0, &p->from, exact, p->n);
    if (!whose &&
        adit_door_knock(&h->door, &caller, exact, p->n, h->net->now) == ADIT_DOOR_CALLER) {
        whose = &let_in(h, &caller)->share;
        adit_door_done(&h->door, &caller);
    }
    if (whose)
        adit_engine_feed(adit_container_of(whose, struct guest, share)->engine, 0, &p->from, exact,
                         p->n, h->net->now);
    free(exact);
}

static void close_house(void *arg)
{
    struct house *h = arg;

    for (unsigned i = 0; i < h->guest_count; i++) {
        struct guest *g = &h->guests[i];

        sim_actor_remove(h->net, &g->actor);
        g->engine = adit_engine_free(g->engine);
        adit_share_leave(&g->share);
    }
    adit_share_done(&h->share);
}

static struct house *build_house(struct scene *s)
{
    struct house *h = sim_net_alloc(s->net, sizeof *h, close_house);
    struct sim_peer *owner = sim_peer(s->net, "listener", 3); /* for its certificate */
    struct adit_fingerprint fp;
    struct adit_desc desc;

    h->net = s->net;
    adit_rng_init_seed(&h->rng, adit_rng_u64(&s->net->rng));
    adit_share_init(&h->share, &h->rng);
    h->iface = sim_attach(s->internet, "203.0.113.1", on_receive, h);
    h->addr = h->iface->ip;
    h->addr.port = PORT;
    h->cert = owner->conf.cert;
    adit_cert_fingerprint(h->cert, ADIT_HASH_SHA256, &fp);
    adit_desc_init(&desc, ADIT_DESC_OFFER);
    desc.fingerprints[desc.fingerprint_count++] = fp;
    desc.cands[desc.cand_count++] = (struct adit_cand){ .type = ADIT_CAND_HOST, .addr = h->addr };
    if (adit_ticket_make(&h->ticket, ADIT_TICKET_PUBLIC, (const uint8_t *)"the ticket's key", &desc,
                         NULL, 0) < 0)
        abort();
    adit_door_init(&h->door, h->ticket.nonce, h->ticket.fingerprint);
    return h;
}

/* ---- callers -----------------------------------------------------------------------------------
 */

static struct sim_peer *add_caller(struct scene *s, enum sim_nat_kind kind, unsigned loss)
{
    unsigned i = s->caller_count++;
    struct sim_segment *home = sim_segment(s->net);
    struct sim_peer *p = sim_peer(s->net, "caller", (int)(i % 3));
    struct adit_caller *c = sim_net_alloc(s->net, sizeof *c, NULL);
    struct sim_link link = { .delay = (5 + i % 20) * ADIT_MS, .loss = loss };
    struct adit_fingerprint fp;
    char ip[32];

    snprintf(ip, sizeof ip, "198.51.100.%u", 1 + i);
    if (kind == SIM_OPEN) {
        sim_set_links(sim_peer_attach(p, s->internet, ip), &link);
    } else {
        sim_nat(&sim_nat_kinds[kind], home, "192.168.1.1", s->internet, ip);
        sim_set_links(sim_peer_attach(p, home, "192.168.1.2"), &link);
    }
    adit_cert_fingerprint(p->conf.cert, ADIT_HASH_SHA256, &fp);
    adit_caller_make(c, s->house->ticket.nonce, fp.value, false, &s->net->rng);
    p->conf.ufrag = c->ufrag;
    p->conf.pwd = c->pwd;
    p->offerer = true;
    s->callers[i] = p;
    return p;
}

static void call(struct scene *s, struct sim_peer *p)
{
    struct adit_cause cause;
    struct adit_desc desc;

    sim_peer_start(p);
    adit_ticket_desc(&s->house->ticket, &desc);
    sim_check(s->net, adit_engine_set_remote(p->engine, &desc, &cause, s->net->now) == 0);
}

static bool all_open(void *arg)
{
    struct scene *s = arg;

    for (unsigned i = 0; i < s->caller_count; i++)
        if (!sim_peer_open(s->callers[i]))
            return false;
    return true;
}

static bool all_answered(void *arg)
{
    struct scene *s = arg;

    for (unsigned i = 0; i < s->caller_count; i++)
        if (s->callers[i]->messages == 0)
            return false;
    return true;
}

static struct scene *scene(uint64_t seed)
{
    struct sim_net *net = sim_net_new(seed);
    struct scene *s = sim_net_alloc(net, sizeof *s, NULL);

    s->net = net;
    s->internet = sim_segment(net);
    s->house = build_house(s);
    return s;
}

/* Each says its name, and only its own peer hears it. */
static void talk(struct scene *s)
{
    for (unsigned i = 0; i < s->caller_count; i++)
        sim_peer_send(s->callers[i], s->callers[i]->conf.ufrag, ADIT_TICKET_CALLER);
    sim_check(s->net, sim_run(s->net, 60 * ADIT_SEC, all_answered, s));
    for (unsigned i = 0; i < s->house->guest_count; i++)
        sim_check(s->net, s->house->guests[i].wrong == 0);
}

/* ---- the others --------------------------------------------------------------------------------
 */

static void on_echo(void *arg, struct sim_iface *iface, const struct sim_packet *p)
{
    (void)arg, (void)iface, (void)p;
}

/* A check with the right name and any password: for a caller that may or may not exist. */
static size_t forge(struct scene *s, uint8_t *out, const char *caller)
{
    struct adit_stun_out stun;
    uint8_t id[ADIT_STUN_ID_SIZE];
    char name[ADIT_TICKET_UFRAG + 2 + ADIT_TICKET_CALLER];
    int n = snprintf(name, sizeof name, "%s:%s", s->house->door.own.ufrag, caller);

    adit_rng_bytes(&s->net->rng, id, sizeof id);
    adit_stun_begin(&stun, ADIT_STUN_REQUEST, ADIT_STUN_BINDING, id);
    adit_stun_add(&stun, ADIT_STUN_USERNAME, name, (size_t)n);
    adit_stun_add32(&stun, ADIT_STUN_PRIORITY, 1);
    adit_stun_add64(&stun, ADIT_STUN_ICE_CONTROLLING, 1);
    adit_stun_finish(&stun, (struct adit_span){ (const uint8_t *)"a wrong password 1234567", 24 });
    memcpy(out, stun.bytes, stun.len);
    return stun.len;
}

/* One packet of nonsense, often in somebody else's name. */
static void make_noise(void *arg)
{
    struct scene *s = arg;
    struct adit_rng *rng = &s->net->rng;
    struct sim_packet p = { .from = s->noise->ip, .to = s->house->addr };
    uint8_t bytes[600];
    unsigned i = adit_rng_below(rng, s->caller_count);
    char ip[32];

    snprintf(ip, sizeof ip, "198.51.100.%u:%u", 1 + i, 1024 + adit_rng_below(rng, 60000));
    p.from.port = (uint16_t)(1 + adit_rng_below(rng, 65535));
    if (adit_rng_below(rng, 2))
        p.from = sim_addr(ip);
    p.bytes = bytes;
    switch (adit_rng_below(rng, 4)) {
    case 0: /* anything */
        p.n = adit_rng_below(rng, sizeof bytes);
        adit_rng_bytes(rng, bytes, p.n);
        break;
    case 1:
        p.n = forge(s, bytes, s->callers[i]->conf.ufrag);
        break;
    case 2:
        p.n = forge(s, bytes, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        break;
    default: /* DTLS from where a peer may be */
        p.n = 40;
        adit_rng_bytes(rng, bytes, p.n);
        memcpy(bytes, "\x17\xfe\xfd\0\1", 5);
        break;
    }
    sim_send(s->noise, &p);
    if (s->net->now < s->noise_until)
        sim_at(s->net, s->net->now + ADIT_MS, make_noise, s);
}

static void add_noise(struct scene *s, adit_time span)
{
    s->noise = sim_attach(s->internet, "203.0.113.66", on_echo, s);
    s->house->noise = s->noise->ip;
    s->noise_until = s->net->now + span;
    sim_at(s->net, s->net->now + ADIT_MS, make_noise, s);
}

/* ---- tests -------------------------------------------------------------------------------------
 */

static void test_fifty_at_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct scene *s = scene(seed);

        for (unsigned i = 0; i < CALLERS; i++)
            add_caller(s, (enum sim_nat_kind)(i % SIM_NAT_KINDS), 50);
        add_noise(s, 20 * ADIT_SEC);
        for (unsigned i = 0; i < CALLERS; i++)
            call(s, s->callers[i]);
        sim_check(s->net, sim_run(s->net, 30 * ADIT_SEC, all_open, s));
        sim_check(s->net, s->house->guest_count == CALLERS);
        sim_check(s->net, s->house->door.counts[ADIT_DOOR_FORGED] > 0);
        talk(s);
        sim_check(s->net, s->house->guest_count == CALLERS);
        sim_check(s->net, s->house->share.paths.count <= CALLERS * ADIT_SHARE_PATHS_MAX);
        sim_net_free(s->net);
    }
}

/* Nobody but the noise: not one packet leaves, and nothing is made. */
static void test_strangers_get_no_answer(void **state)
{
    struct scene *s = scene(7);

    (void)state;
    add_caller(s, SIM_OPEN, 0); /* does not call */
    add_noise(s, 60 * ADIT_SEC);
    sim_run(s->net, 61 * ADIT_SEC, NULL, NULL);
    sim_check(s->net, s->house->guest_count == 0 && s->house->sent == 0);
    sim_check(s->net, s->house->door.counts[ADIT_DOOR_FORGED] > 1000);
    sim_net_free(s->net);
}

static bool record(void *arg, const struct sim_packet *p)
{
    struct scene *s = arg;

    if (p->bytes[0] == 0 && s->recorded_count < ADIT_LEN(s->recorded) &&
        p->n <= sizeof s->recorded[0]) {
        memcpy(s->recorded[s->recorded_count], p->bytes, p->n);
        s->recorded_len[s->recorded_count++] = p->n;
    }
    return false;
}

/* What a caller said is said again, from elsewhere, when it has gone. */
static void test_a_replay_makes_no_peer(void **state)
{
    struct scene *s = scene(8);
    struct guest *g;

    (void)state;
    add_caller(s, SIM_OPEN, 0);
    s->callers[0]->ifaces[0]->up.drop = record;
    s->callers[0]->ifaces[0]->up.drop_arg = s;
    call(s, s->callers[0]);
    sim_check(s->net, sim_run(s->net, 5 * ADIT_SEC, all_open, s));
    sim_check(s->net, s->recorded_count > 0);
    g = &s->house->guests[0];
    sim_actor_remove(s->net, &g->actor); /* it has ended */
    g->engine = adit_engine_free(g->engine);
    adit_share_leave(&g->share);
    sim_peer_kill(s->callers[0]);
    s->noise = sim_attach(s->internet, "203.0.113.66", on_echo, s);
    s->house->sent = 0;
    for (unsigned i = 0; i < s->recorded_count; i++)
        sim_send(s->noise, &(struct sim_packet){ s->noise->ip, s->house->addr, s->recorded[i],
                                                 s->recorded_len[i] });
    sim_run(s->net, ADIT_SEC, NULL, NULL);
    sim_check(s->net, s->house->guest_count == 1 && s->house->sent == 0);
    sim_check(s->net, s->house->door.counts[ADIT_DOOR_REPEATED] > 0);
    s->house->guest_count = 0;
    sim_net_free(s->net);
}

/* The ticket was revoked, or is of another: it ends as any call to nobody does. */
static void test_a_wrong_secret_finds_nobody(void **state)
{
    struct scene *s = scene(9);

    (void)state;
    add_caller(s, SIM_FULL_CONE, 0);
    s->house->ticket.nonce[3] ^= 1;
    call(s, s->callers[0]);
    s->house->ticket.nonce[3] ^= 1;
    sim_run(s->net, 60 * ADIT_SEC, NULL, NULL);
    sim_check(s->net, s->callers[0]->state == ADIT_PEER_FAILED);
    sim_check(s->net, s->callers[0]->cause.reason == ADIT_REASON_NO_PATH);
    sim_check(s->net, s->house->guest_count == 0 && s->house->sent == 0);
    sim_net_free(s->net);
}

/* A program is killed and started again, at the same port behind the same address. */
static void test_who_comes_back_from_the_same_address(void **state)
{
    struct scene *s = scene(10);
    struct sim_peer *first, *again;

    (void)state;
    first = add_caller(s, SIM_OPEN, 0);
    call(s, first);
    sim_check(s->net, sim_run(s->net, 5 * ADIT_SEC, all_open, s));
    sim_peer_kill(first);
    again = add_caller(s, SIM_OPEN, 0);
    s->caller_count = 1;
    s->callers[0] = again;
    again->ifaces[0]->ip = first->ifaces[0]->ip;
    again->addrs[0] = first->addrs[0];
    first->ifaces[0]->ip = sim_addr("198.51.100.99");
    call(s, again);
    sim_check(s->net, sim_run(s->net, 5 * ADIT_SEC, all_open, s));
    sim_check(s->net, s->house->guest_count == 2);
    talk(s);
    sim_net_free(s->net);
}

/* For longer than consent lasts nothing passes; then the callers are elsewhere, and only they can
 * call, in the names of other ICE agents. */
static void test_callers_move(void **state)
{
    struct scene *s = scene(11);

    (void)state;
    for (unsigned i = 0; i < 12; i++)
        add_caller(s, (enum sim_nat_kind)(i % SIM_NAT_KINDS), 0)->conf.hold = HOLD;
    for (unsigned i = 0; i < s->caller_count; i++)
        call(s, s->callers[i]);
    sim_check(s->net, sim_run(s->net, 10 * ADIT_SEC, all_open, s));
    for (unsigned round = 0; round < 10; round++) {
        s->house->iface->up.cut = s->house->iface->down.cut = true;
        sim_run(s->net, 45 * ADIT_SEC, NULL, NULL);
        for (unsigned i = 0; i < s->caller_count; i++) {
            char ip[32];

            s->callers[i]->messages = 0;
            snprintf(ip, sizeof ip, "%s.%u",
                     i % SIM_NAT_KINDS == SIM_OPEN ? "198.51.100" : "192.168.1",
                     100 + round * 12 + i);
            sim_peer_move(s->callers[i], 0, ip);
        }
        s->house->iface->up.cut = s->house->iface->down.cut = false;
        sim_check(s->net, sim_run(s->net, 15 * ADIT_SEC, all_open, s));
        talk(s);
        sim_check(s->net, s->house->guest_count == s->caller_count);
    }
    sim_net_free(s->net);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fifty_at_once),
        cmocka_unit_test(test_strangers_get_no_answer),
        cmocka_unit_test(test_a_replay_makes_no_peer),
        cmocka_unit_test(test_a_wrong_secret_finds_nobody),
        cmocka_unit_test(test_who_comes_back_from_the_same_address),
        cmocka_unit_test(test_callers_move),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
