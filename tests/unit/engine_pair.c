#include "unit/engine_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/dtls_world.h"

struct engine_packet {
    struct engine_packet *next;
    adit_time at;
    int to;
    size_t n;
    uint8_t bytes[];
};

static adit_time time_of_all = 1000 * ADIT_SEC;

/* ---- the engine's side ----------------------------------------------------------------------- */

static void on_send(void *arg, int base, const struct adit_addr *to, const void *bytes, size_t n)
{
    struct engine_side *s = arg;
    struct engine_pair *p = s->pair;
    struct engine_packet **at = &p->packets, *packet;

    if (base != 0 && p->detour) {
        p->detour(s, to, bytes, n);
        return;
    }
    assert_int_equal(base, 0);
    if (n && *(const uint8_t *)bytes >= 20) { /* RFC 7983: not STUN */
        s->dtls_first = s->dtls_sent++ ? s->dtls_first : p->now;
    }
    if (p->pass && !p->pass(p, s->index, bytes, n))
        return;
    packet = malloc(sizeof *packet + n);
    *packet = (struct engine_packet){ .at = p->now + p->delay, .to = !s->index, .n = n };
    memcpy(packet->bytes, bytes, n);
    while (*at)
        at = &(*at)->next;
    *at = packet;
}

static void on_channel(struct engine_side *s, const struct adit_sctp_event *ev)
{
    switch (ev->type) {
    case ADIT_SCTP_EV_ACCEPT:
        s->accepted++;
        s->channel = ev->channel;
        break;
    case ADIT_SCTP_EV_OPEN:
        s->opened++;
        break;
    case ADIT_SCTP_EV_MESSAGE:
        s->messages++;
        s->last_n = ev->n;
        memcpy(s->last, ev->bytes, ev->n < sizeof s->last ? ev->n : sizeof s->last);
        break;
    case ADIT_SCTP_EV_CLOSED:
        s->closed++;
        if (s->channel == ev->channel)
            s->channel = NULL;
        break;
    case ADIT_SCTP_EV_WRITABLE:
    case ADIT_SCTP_EV_LOW:
    case ADIT_SCTP_EV_UP:
    case ADIT_SCTP_EV_DOWN:
        break;
    }
}

static void on_event(void *arg, const struct adit_engine_event *ev)
{
    struct engine_side *s = arg;

    switch (ev->type) {
    case ADIT_ENGINE_EV_STATE:
        assert_true(s->state_count < ENGINE_STATES_MAX);
        s->states[s->state_count++] = ev->state;
        s->cause = ev->cause;
        break;
    case ADIT_ENGINE_EV_GATHERED:
        s->gathered++;
        break;
    case ADIT_ENGINE_EV_RELAY:
    case ADIT_ENGINE_EV_SELECTED:
        s->selected++;
        break;
    case ADIT_ENGINE_EV_DATAGRAM:
    case ADIT_ENGINE_EV_MTU:
    case ADIT_ENGINE_EV_LOST:
        break;
    case ADIT_ENGINE_EV_ASSOCIATED:
        s->associated++;
        break;
    case ADIT_ENGINE_EV_CHANNEL:
        on_channel(s, ev->sctp);
        break;
    case ADIT_ENGINE_EV_RESTART:
        s->restarts++;
        break;
    case ADIT_ENGINE_EV_CAND:
    case ADIT_ENGINE_EV_MAPPED:
        break;
    }
    if (s->hook)
        s->hook(s, ev);
}

static const struct adit_engine_ops ops = { .send = on_send, .event = on_event };

/* ---- life ------------------------------------------------------------------------------------ */

void engine_pair_init(struct engine_pair *p)
{
    memset(p, 0, sizeof *p);
    p->now = time_of_all;
    p->delay = 10 * ADIT_MS;
    for (int i = 0; i < 2; i++) {
        struct engine_side *s = &p->side[i];

        s->pair = p;
        s->other = &p->side[!i];
        s->index = i;
        s->conf.cert = world_cert(i);
        s->conf.rng = &s->rng;
        adit_rng_init_seed(&s->rng, 17 + (uint64_t)i);
        assert_int_equal(adit_addr_parse(&s->addr, i ? "192.0.2.2" : "192.0.2.1", 9), 0);
        s->addr.port = (uint16_t)(4000 + i);
    }
}

void engine_pair_done(struct engine_pair *p)
{
    for (int i = 0; i < 2; i++)
        p->side[i].e = adit_engine_free(p->side[i].e);
    while (p->packets) {
        struct engine_packet *packet = p->packets;

        p->packets = packet->next;
        free(packet);
    }
    time_of_all = p->now + ADIT_SEC;
}

bool engine_start(struct engine_side *s)
{
    struct engine_pair *p = s->pair;

    s->e = adit_engine_new(&s->conf, &ops, s, p->now);
    if (!s->e)
        return false;
    if (s->index == 0)
        adit_engine_set_offerer(s->e);
    s->start_err = adit_engine_add_base(s->e, 0, &s->addr, 65535, true, p->now);
    adit_engine_bases_done(s->e, p->now);
    return s->start_err == 0;
}

struct adit_channel *engine_open(struct engine_side *s, const char *label)
{
    const struct adit_channel_conf conf = {
        .label = label,
        .label_len = strlen(label),
        .max_retransmits = ADIT_CHANNEL_RELIABLE,
        .max_lifetime_ms = ADIT_CHANNEL_RELIABLE,
        .id = ADIT_CHANNEL_ID_AUTO,
    };
    int err = 0;
    struct adit_channel *c = adit_engine_open_channel(s->e, &conf, &err, s->pair->now);

    if (c)
        s->channel = c;
    else
        assert_int_not_equal(err, 0);
    return c;
}

int engine_hand_over(struct engine_side *from, void (*tamper)(struct adit_desc *desc),
                     struct adit_cause *ret_cause)
{
    struct adit_desc *desc = malloc(sizeof *desc);
    struct adit_cause cause = { .reason = ADIT_REASON_NONE };
    int err;

    adit_engine_describe(from->e, desc);
    if (tamper)
        tamper(desc);
    err = adit_engine_set_remote(from->other->e, desc, &cause, from->pair->now);
    assert_int_equal(err != 0, cause.reason != ADIT_REASON_NONE);
    free(desc);
    if (ret_cause)
        *ret_cause = cause;
    return err;
}

/* ---- time ------------------------------------------------------------------------------------ */

static void advance(struct engine_pair *p, adit_time to)
{
    if (to > p->now) {
        world_wall += (int64_t)(to - p->now); /* OpenSSL's clock */
        p->now = to;
    }
}

static void deliver(struct engine_pair *p)
{
    struct engine_packet *packet = p->packets;
    struct engine_side *s = &p->side[packet->to];
    uint8_t *exact = malloc(packet->n ? packet->n : 1);

    p->packets = packet->next;
    memcpy(exact, packet->bytes, packet->n);
    if (s->e) {
        adit_time due = adit_engine_deadline(s->e);
        if (!adit_engine_feed(s->e, 0, &s->other->addr, exact, packet->n, p->now))
            assert_true(adit_engine_deadline(s->e) >= due);
    }
    free(exact);
    free(packet);
}

bool engine_run(struct engine_pair *p, adit_time span, bool (*done)(struct engine_pair *p))
{
    adit_time until = p->now + span;
    unsigned idle = 0;

    while (!done || !done(p)) {
        adit_time next = p->packets && p->packets->at <= until ? p->packets->at : until, at;
        struct engine_side *who = NULL;

        for (int i = 0; i < 2; i++)
            if (p->side[i].e && (at = adit_engine_deadline(p->side[i].e)) < next) {
                next = at;
                who = &p->side[i];
            }
        idle = next > p->now ? 0 : idle + 1;
        assert_true(idle < 10000); /* a deadline that does not move is a busy loop */
        advance(p, next);
        if (who)
            adit_engine_tick(who->e, p->now);
        else if (p->packets && p->packets->at <= p->now)
            deliver(p);
        else
            return false;
    }
    return true;
}

static bool open_at(const struct engine_side *s)
{
    return s->e && adit_engine_state(s->e) == ADIT_PEER_CONNECTED && s->channel &&
           adit_channel_state(s->channel) == ADIT_CHANNEL_OPEN;
}

bool engine_connected(struct engine_pair *p)
{
    return open_at(&p->side[0]) && open_at(&p->side[1]);
}

bool engine_over(struct engine_pair *p)
{
    for (int i = 0; i < 2; i++)
        if (p->side[i].e && adit_engine_state(p->side[i].e) < ADIT_PEER_FAILED)
            return false;
    return true;
}

void engine_pair_up(struct engine_pair *p)
{
    for (int i = 0; i < 2; i++)
        assert_true(engine_start(&p->side[i]));
    assert_non_null(engine_open(&p->side[0], "x"));
    for (int i = 0; i < 2; i++)
        assert_int_equal(engine_hand_over(&p->side[i], NULL, NULL), 0);
    assert_true(engine_run(p, ADIT_SEC, engine_connected));
}

static unsigned heard[2];

static bool both_heard(struct engine_pair *p)
{
    return p->side[0].messages > heard[0] && p->side[1].messages > heard[1];
}

bool engine_talks(struct engine_pair *p)
{
    for (int i = 0; i < 2; i++) {
        heard[i] = p->side[i].messages;
        if (!p->side[i].channel ||
            adit_channel_send(p->side[i].channel, "word", 4, true, p->now) < 0)
            return false;
    }
    return engine_run(p, 10 * ADIT_SEC, both_heard);
}
