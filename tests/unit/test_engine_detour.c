/* test_engine_detour.c - two engines that reach each other over one relayed base each, with an
 * address that no network has: DTLS and channels as over any other, no other base is used for it,
 * and it is left when there is a better way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "signal/haul.h"
#include "unit/engine_pair.h"

#define DETOUR 10000

/* Only STUN of the detour and what follows it pass; sockets lead nowhere. */
static unsigned socket_packets;

static bool no_udp(struct engine_pair *p, int from, const uint8_t *bytes, size_t n)
{
    (void)p, (void)from, (void)bytes, (void)n;
    socket_packets++;
    return false;
}

struct letter {
    int to;
    size_t n;
    uint8_t bytes[ADIT_HAUL_MAX];
};

static struct letter letters[256];
static unsigned first, count, carried;

/* What the agent does: a packet in a binary message. */
static void carry(struct engine_side *s, const struct adit_addr *to, const void *bytes, size_t n)
{
    static const uint8_t ends[2][8] = { "side one", "side two" };
    struct letter *l = &letters[(first + count) % 256];
    struct adit_haul h = { .name = "peer", .packet = { bytes, n } };

    assert_int_equal(adit_haul_end(h.to, to), 0);
    assert_memory_equal(h.to, ends[!s->index], 8);
    memcpy(h.from, ends[s->index], 8);
    l->to = !s->index;
    l->n = adit_haul_write(l->bytes, &h);
    if (l->n && count < 256) { /* larger ones are probes of the path, and lost */
        count++;
        carried++;
    }
}

static void deliver(struct engine_pair *p)
{
    while (count) {
        struct letter l = letters[first];
        struct adit_haul h;

        first = (first + 1) % 256;
        count--;
        assert_int_equal(adit_haul_read(&h, l.bytes, l.n), 0);
        struct adit_addr from = adit_haul_addr(h.from);
        adit_engine_feed(p->side[l.to].e, DETOUR, &from, h.packet.data, h.packet.len, p->now);
    }
}

static bool done_or_deliver(struct engine_pair *p)
{
    deliver(p);
    return engine_connected(p);
}

static void open_detour(struct engine_side *s)
{
    struct adit_ice_relay relay = { .addr = adit_haul_addr(
                                        (const uint8_t *)(s->index ? "side two" : "side one")) };

    assert_int_equal(adit_engine_add_relay(s->e, DETOUR, &relay, s->pair->now), 0);
}

static bool talked(struct engine_pair *p)
{
    deliver(p);
    return p->side[0].messages && p->side[1].messages;
}

static bool direct(struct engine_pair *p)
{
    struct adit_ice_pair_info info;

    deliver(p);
    for (int i = 0; i < 2; i++)
        if (!adit_engine_selected(p->side[i].e, &info) || info.base != 0)
            return false;
    return true;
}

static bool only_deliver(struct engine_pair *p)
{
    deliver(p);
    return false;
}

static void over_it_alone(void **state)
{
    struct adit_ice_pair_info info;
    struct engine_pair p;

    (void)state;
    first = count = carried = socket_packets = 0;
    engine_pair_init(&p);
    p.pass = no_udp;
    p.detour = carry;
    assert_true(engine_start(&p.side[0]));
    assert_non_null(engine_open(&p.side[0], "x"));
    assert_true(engine_start(&p.side[1]));
    assert_int_equal(engine_hand_over(&p.side[0], NULL, NULL), 0);
    open_detour(&p.side[1]); /* the answerer's is in its answer, */
    assert_int_equal(engine_hand_over(&p.side[1], NULL, NULL), 0);
    assert_false(engine_run(&p, 2 * ADIT_SEC, done_or_deliver));
    assert_true(socket_packets > 0);
    assert_int_equal(carried, 0); /* which alone causes nothing: */
    open_detour(&p.side[0]);      /* the offerer says when */
    assert_true(engine_run(&p, 5 * ADIT_SEC, done_or_deliver));
    for (int i = 0; i < 2; i++) {
        assert_true(adit_engine_selected(p.side[i].e, &info));
        assert_int_equal(info.base, DETOUR);
        assert_int_equal(info.local->type, ADIT_CAND_RELAY);
        assert_int_equal(info.local->priority, 255); /* the lowest there is */
        assert_true(adit_addr_is_discard(&info.remote->addr));
        assert_int_equal(adit_channel_send(p.side[i].channel, "word", 4, true, p.now), 0);
    }
    assert_true(engine_run(&p, 5 * ADIT_SEC, talked));
    engine_run(&p, 3 * ADIT_SEC, only_deliver);
    p.pass = NULL; /* and when UDP gets through, it is left */
    assert_true(engine_run(&p, 15 * ADIT_SEC, direct));
    p.side[0].messages = p.side[1].messages = 0;
    for (int i = 0; i < 2; i++)
        assert_int_equal(adit_channel_send(p.side[i].channel, "word", 4, true, p.now), 0);
    carried = 0;
    assert_true(engine_run(&p, 5 * ADIT_SEC, talked));
    assert_true(carried < 4); /* checks, for it may become a backup */
    engine_pair_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(over_it_alone) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
