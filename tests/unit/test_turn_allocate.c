/* test_turn_allocate.c - allocations: begun, asked for again, refreshed, ended, counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "unit/turn_world.h"

#define TRANSPORT(w) \
    adit_stun_add32(&(w)->request, ADIT_STUN_REQUESTED_TRANSPORT, (uint32_t)TURN_UDP << 24)

static uint32_t answer32(const struct turn_world *w, enum adit_stun_attribute type)
{
    struct adit_span v = turn_answer(w, type);

    assert_int_equal(v.len, 4);
    return adit_get32(v.data);
}

static void one_is_made_and_ends(void **state)
{
    struct turn_world w;
    struct adit_addr relayed, mapped;

    (void)state;
    turn_world_init(&w);
    turn_world_start(&w);
    assert_int_equal(turn_allocate(&w), 0);
    relayed = turn_answer_addr(&w, ADIT_STUN_XOR_RELAYED_ADDRESS);
    mapped = turn_answer_addr(&w, ADIT_STUN_XOR_MAPPED_ADDRESS);
    assert_true(adit_addr_equal(&relayed, &w.ports[0].addr));
    assert_true(adit_addr_equal(&mapped, &w.flow.client));
    assert_int_equal(answer32(&w, ADIT_STUN_LIFETIME), 600);
    assert_int_equal(turn_open_ports(&w), 1);
    assert_true(w.begun == 1 && w.ended == 0);
    assert_string_equal(w.last_user, "alice");

    turn_wait(&w, 599 * ADIT_SEC);
    assert_int_equal(adit_turnd_count(w.relay), 1);
    turn_wait(&w, ADIT_SEC);
    assert_int_equal(adit_turnd_count(w.relay), 0);
    assert_int_equal(turn_open_ports(&w), 0);
    assert_int_equal(w.ended, 1);
    assert_true(adit_turnd_deadline(w.relay) == ADIT_NEVER);
    turn_world_done(&w);
}

static void asked_twice_answered_the_same(void **state)
{
    uint8_t first[2100];
    struct turn_world w;
    size_t n;

    (void)state;
    turn_world_init(&w);
    turn_world_start(&w);
    assert_int_equal(turn_allocate(&w), 0);
    memcpy(first, w.sent, n = w.sent_n);
    assert_int_equal(turn_repeat(&w), 0);
    assert_int_equal(w.sent_n, n);
    assert_memory_equal(w.sent, first, n);
    assert_int_equal(turn_open_ports(&w), 1);
    assert_int_equal(turn_allocate(&w), 437); /* another transaction */
    assert_int_equal(adit_turnd_count(w.relay), 1);
    turn_world_done(&w);
}

static void lifetimes(void **state)
{
    static const struct {
        uint32_t asked, given;
    } rows[] = { { 1, 600 },     { 599, 600 },   { 600, 600 },        { 601, 601 },
                 { 3600, 3600 }, { 3601, 3600 }, { UINT32_MAX, 3600 } };
    struct turn_world w;

    (void)state;
    turn_world_init(&w);
    turn_world_start(&w);
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        turn_begin(&w, ADIT_STUN_ALLOCATE);
        TRANSPORT(&w);
        adit_stun_add32(&w.request, ADIT_STUN_LIFETIME, rows[i].asked);
        assert_int_equal(turn_ask(&w), 0);
        assert_int_equal(answer32(&w, ADIT_STUN_LIFETIME), rows[i].given);
        assert_int_equal(turn_refresh(&w, rows[i].asked), 0);
        assert_int_equal(answer32(&w, ADIT_STUN_LIFETIME), rows[i].given);
        turn_wait(&w, (rows[i].given - 1) * ADIT_SEC);
        assert_int_equal(adit_turnd_count(w.relay), 1);
        turn_wait(&w, ADIT_SEC);
        assert_int_equal(adit_turnd_count(w.relay), 0);
    }
    assert_int_equal(turn_allocate(&w), 0);
    assert_int_equal(turn_refresh(&w, 0), 0);
    assert_int_equal(answer32(&w, ADIT_STUN_LIFETIME), 0);
    assert_int_equal(turn_open_ports(&w), 0);
    assert_int_equal(turn_refresh(&w, 0), 437);
    turn_world_done(&w);
}

/* The time in the name ends nothing that has begun, but nothing begins after it. */
static void a_name_ends(void **state)
{
    struct turn_world w;

    (void)state;
    turn_world_init(&w);
    turn_world_start(&w);
    w.wall = 1000600;
    assert_int_equal(turn_allocate(&w), 0);
    w.wall = 1000601;
    assert_int_equal(turn_refresh(&w, 600), 0);
    assert_int_equal(turn_permit(&w, TURN_PEER), 0);
    assert_int_equal(turn_refresh(&w, 0), 0);
    assert_int_equal(turn_allocate(&w), 401);
    turn_world_done(&w);
}

static void rules(void **state)
{
    struct turn_world w;

    (void)state;
    turn_world_init(&w);
    turn_world_start(&w);
    turn_begin(&w, ADIT_STUN_ALLOCATE);
    assert_int_equal(turn_ask(&w), 400);
    turn_begin(&w, ADIT_STUN_ALLOCATE);
    adit_stun_add32(&w.request, ADIT_STUN_REQUESTED_TRANSPORT, 6 << 24);
    assert_int_equal(turn_ask(&w), 442);
    turn_begin(&w, ADIT_STUN_ALLOCATE);
    TRANSPORT(&w);
    turn_add_family(&w, ADIT_STUN_REQUESTED_ADDRESS_FAMILY, 3);
    assert_int_equal(turn_ask(&w), 440);
    turn_begin(&w, ADIT_STUN_ALLOCATE);
    TRANSPORT(&w);
    turn_add_family(&w, ADIT_STUN_REQUESTED_ADDRESS_FAMILY, 1);
    turn_add_family(&w, ADIT_STUN_ADDITIONAL_ADDRESS_FAMILY, 2);
    assert_int_equal(turn_ask(&w), 400);
    turn_begin(&w, ADIT_STUN_ALLOCATE);
    TRANSPORT(&w);
    turn_add_family(&w, ADIT_STUN_ADDITIONAL_ADDRESS_FAMILY, 1);
    assert_int_equal(turn_ask(&w), 400);
    turn_begin(&w, ADIT_STUN_ALLOCATE);
    TRANSPORT(&w);
    adit_stun_add(&w.request, ADIT_STUN_EVEN_PORT, "\x00", 1);
    adit_stun_add(&w.request, ADIT_STUN_RESERVATION_TOKEN, "12345678", 8);
    assert_int_equal(turn_ask(&w), 400);
    turn_begin(&w, ADIT_STUN_ALLOCATE);
    TRANSPORT(&w);
    adit_stun_add(&w.request, ADIT_STUN_RESERVATION_TOKEN, "12345678", 8);
    assert_int_equal(turn_ask(&w), 508);
    turn_begin(&w, ADIT_STUN_ALLOCATE);
    TRANSPORT(&w);
    adit_stun_add(&w.request, 0x7fff, "????", 4);
    assert_int_equal(turn_ask(&w), 420);
    assert_int_equal(adit_get16(turn_answer(&w, ADIT_STUN_UNKNOWN_ATTRIBUTES).data), 0x7fff);
    turn_begin(&w, ADIT_STUN_ALLOCATE);
    TRANSPORT(&w);
    adit_stun_add(&w.request, ADIT_STUN_DONT_FRAGMENT, "", 0);
    adit_stun_add(&w.request, 0xffff, "????", 4);
    assert_int_equal(turn_ask(&w), 0);
    turn_world_done(&w);
}

static void families(void **state)
{
    struct turn_world w;
    struct adit_addr a;

    (void)state;
    turn_world_init(&w);
    turn_world_start(&w);
    turn_begin(&w, ADIT_STUN_ALLOCATE);
    TRANSPORT(&w);
    turn_add_family(&w, ADIT_STUN_REQUESTED_ADDRESS_FAMILY, 2);
    assert_int_equal(turn_ask(&w), 0);
    a = turn_answer_addr(&w, ADIT_STUN_XOR_RELAYED_ADDRESS);
    assert_int_equal(a.family, ADIT_FAMILY_V6);
    assert_int_equal(turn_permit(&w, "[2001:db8:9::9]:1"), 0);
    assert_int_equal(turn_permit(&w, TURN_PEER), 443);
    turn_begin(&w, ADIT_STUN_REFRESH);
    turn_add_family(&w, ADIT_STUN_REQUESTED_ADDRESS_FAMILY, 1);
    assert_int_equal(turn_ask(&w), 443);
    assert_int_equal(turn_refresh(&w, 0), 0);

    /* both, and one of them given back */
    turn_begin(&w, ADIT_STUN_ALLOCATE);
    TRANSPORT(&w);
    turn_add_family(&w, ADIT_STUN_ADDITIONAL_ADDRESS_FAMILY, 2);
    assert_int_equal(turn_ask(&w), 0);
    assert_int_equal(turn_open_ports(&w), 2);
    assert_null(turn_answer(&w, ADIT_STUN_ADDRESS_ERROR_CODE).data);
    assert_int_equal(turn_permit(&w, "[2001:db8:9::9]:1"), 0);
    assert_int_equal(turn_permit(&w, TURN_PEER), 0);
    turn_begin(&w, ADIT_STUN_REFRESH);
    turn_add_family(&w, ADIT_STUN_REQUESTED_ADDRESS_FAMILY, 1);
    adit_stun_add32(&w.request, ADIT_STUN_LIFETIME, 0);
    assert_int_equal(turn_ask(&w), 0);
    assert_int_equal(turn_open_ports(&w), 1);
    assert_int_equal(turn_permit(&w, TURN_PEER), 443);
    assert_int_equal(turn_permit(&w, "[2001:db8:9::9]:1"), 0);
    turn_begin(&w, ADIT_STUN_REFRESH);
    turn_add_family(&w, ADIT_STUN_REQUESTED_ADDRESS_FAMILY, 2);
    adit_stun_add32(&w.request, ADIT_STUN_LIFETIME, 0);
    assert_int_equal(turn_ask(&w), 0);
    assert_int_equal(adit_turnd_count(w.relay), 0);

    w.no_v6 = true;
    turn_begin(&w, ADIT_STUN_ALLOCATE);
    TRANSPORT(&w);
    turn_add_family(&w, ADIT_STUN_REQUESTED_ADDRESS_FAMILY, 2);
    assert_int_equal(turn_ask(&w), 440);
    turn_begin(&w, ADIT_STUN_ALLOCATE);
    TRANSPORT(&w);
    turn_add_family(&w, ADIT_STUN_ADDITIONAL_ADDRESS_FAMILY, 2);
    assert_int_equal(turn_ask(&w), 0);
    assert_memory_equal(turn_answer(&w, ADIT_STUN_ADDRESS_ERROR_CODE).data, "\x02\x00\x04\x28", 4);
    turn_world_done(&w);
}

static void ports_in_pairs(void **state)
{
    struct turn_world w;
    struct adit_addr first, second;
    uint8_t token[8];

    (void)state;
    turn_world_init(&w);
    turn_world_start(&w);
    turn_begin(&w, ADIT_STUN_ALLOCATE);
    TRANSPORT(&w);
    adit_stun_add(&w.request, ADIT_STUN_EVEN_PORT, "\x00", 1);
    assert_int_equal(turn_ask(&w), 0);
    first = turn_answer_addr(&w, ADIT_STUN_XOR_RELAYED_ADDRESS);
    assert_true(first.port % 2 == 0);
    assert_null(turn_answer(&w, ADIT_STUN_RESERVATION_TOKEN).data);
    assert_int_equal(turn_refresh(&w, 0), 0);

    w.taken = (uint16_t)(first.port + 3); /* the neighbour of the next even one */
    turn_begin(&w, ADIT_STUN_ALLOCATE);
    TRANSPORT(&w);
    adit_stun_add(&w.request, ADIT_STUN_EVEN_PORT, "\x80", 1);
    assert_int_equal(turn_ask(&w), 0);
    first = turn_answer_addr(&w, ADIT_STUN_XOR_RELAYED_ADDRESS);
    assert_int_equal(turn_answer(&w, ADIT_STUN_RESERVATION_TOKEN).len, 8);
    memcpy(token, turn_answer(&w, ADIT_STUN_RESERVATION_TOKEN).data, 8);
    assert_int_equal(turn_open_ports(&w), 2);
    assert_int_equal(turn_repeat(&w), 0);
    assert_memory_equal(turn_answer(&w, ADIT_STUN_RESERVATION_TOKEN).data, token, 8);

    w.flow.client.port++; /* somebody else */
    turn_begin(&w, ADIT_STUN_ALLOCATE);
    TRANSPORT(&w);
    adit_stun_add(&w.request, ADIT_STUN_RESERVATION_TOKEN, token, 8);
    assert_int_equal(turn_ask(&w), 0);
    second = turn_answer_addr(&w, ADIT_STUN_XOR_RELAYED_ADDRESS);
    assert_int_equal(second.port, first.port + 1);
    w.flow.client.port++;
    turn_begin(&w, ADIT_STUN_ALLOCATE);
    TRANSPORT(&w);
    adit_stun_add(&w.request, ADIT_STUN_RESERVATION_TOKEN, token, 8);
    assert_int_equal(turn_ask(&w), 508); /* once only */

    /* nobody comes for it */
    turn_begin(&w, ADIT_STUN_ALLOCATE);
    TRANSPORT(&w);
    adit_stun_add(&w.request, ADIT_STUN_EVEN_PORT, "\x80", 1);
    assert_int_equal(turn_ask(&w), 0);
    assert_int_equal(turn_open_ports(&w), 4);
    turn_wait(&w, ADIT_TURND_RESERVATION);
    assert_int_equal(turn_open_ports(&w), 3);
    turn_world_done(&w);
}

static void quotas(void **state)
{
    struct turn_world w;

    (void)state;
    turn_world_init(&w);
    w.conf.limits =
        (struct adit_turnd_limits){ .allocations = 6, .per_identity = 2, .per_address = 4 };
    turn_world_start(&w);
    for (unsigned i = 0; i < 3; i++) { /* of one name */
        w.flow.client.port++;
        assert_int_equal(turn_allocate(&w), i < 2 ? 0 : 486);
    }
    snprintf(w.user, sizeof w.user, "1000601:alice"); /* which is hers as well */
    assert_int_equal(turn_allocate(&w), 486);
    snprintf(w.user, sizeof w.user, "1000600:bob");
    assert_int_equal(turn_allocate(&w), 0);
    w.flow.client.port++;
    assert_int_equal(turn_allocate(&w), 0);
    w.flow.client.port++;
    snprintf(w.user, sizeof w.user, "1000600:carol");
    assert_int_equal(turn_allocate(&w), 486); /* the fifth of one address */
    w.flow.client.ip[3]++;
    assert_int_equal(turn_allocate(&w), 0);
    w.flow.client.port++;
    assert_int_equal(turn_allocate(&w), 0);
    w.flow.client.ip[3]++;
    snprintf(w.user, sizeof w.user, "1000600:dave");
    assert_int_equal(turn_allocate(&w), 486); /* the seventh */
    assert_int_equal(adit_turnd_count(w.relay), 6);
    turn_wait(&w, 600 * ADIT_SEC);
    assert_int_equal(turn_allocate(&w), 0);
    turn_world_done(&w);
}

static void hosts_of_ipv6_are_networks(void **state)
{
    struct turn_world w;

    (void)state;
    turn_world_init(&w);
    w.conf.limits.per_address = 1;
    turn_world_start(&w);
    w.flow.client = turn_addr("[2001:db8:1:2::3]:1");
    assert_int_equal(turn_allocate(&w), 0);
    w.flow.client = turn_addr("[2001:db8:1:2:ffff::4]:1");
    assert_int_equal(turn_allocate(&w), 486);
    w.flow.client = turn_addr("[2001:db8:1:3::3]:1");
    assert_int_equal(turn_allocate(&w), 0);
    turn_world_done(&w);
}

static void without_ports(void **state)
{
    struct turn_world w;

    (void)state;
    turn_world_init(&w);
    turn_world_start(&w);
    w.no_ports = true;
    assert_int_equal(turn_allocate(&w), 508);
    assert_int_equal(adit_turnd_count(w.relay), 0);
    w.no_ports = false;
    assert_int_equal(turn_allocate(&w), 0);
    turn_world_done(&w);
}

/* An allocation belongs to a 5-tuple, and to a name. */
static void whose_it_is(void **state)
{
    struct turn_world w;

    (void)state;
    turn_world_init(&w);
    turn_world_start(&w);
    assert_int_equal(turn_allocate(&w), 0);
    snprintf(w.user, sizeof w.user, "1000600:bob");
    assert_int_equal(turn_refresh(&w, 600), 441);
    assert_int_equal(turn_permit(&w, TURN_PEER), 441);
    assert_int_equal(turn_bind(&w, 0x4000, TURN_PEER), 441);
    snprintf(w.user, sizeof w.user, "%s", TURN_USER);
    w.flow.path = &w.other_path; /* another socket of the server's */
    assert_int_equal(turn_permit(&w, TURN_PEER), 437);
    assert_int_equal(turn_bind(&w, 0x4000, TURN_PEER), 437);
    assert_int_equal(turn_allocate(&w), 0);
    assert_int_equal(adit_turnd_count(w.relay), 2);
    adit_turnd_gone(w.relay, &w.flow, w.now);
    adit_turnd_gone(w.relay, &w.flow, w.now);
    assert_int_equal(adit_turnd_count(w.relay), 1);
    turn_world_done(&w);
}

static void another_secret(void **state)
{
    struct turn_world w;

    (void)state;
    turn_world_init(&w);
    turn_world_start(&w);
    assert_int_equal(turn_allocate(&w), 0);
    assert_int_equal(adit_turnd_secret(w.relay, "another"), 0);
    assert_int_equal(turn_refresh(&w, 600), 0); /* goes on under its key */
    w.flow.client.port++;
    assert_int_equal(turn_allocate(&w), 401);
    snprintf(w.secret, sizeof w.secret, "another");
    assert_int_equal(turn_allocate(&w), 0);
    turn_world_done(&w);
}

/* Whichever piece of memory is missing: a request is refused, and nothing is left behind. */
static void without_memory(void **state)
{
    bool done = false;

    (void)state;
    for (uint64_t n = 0; !done; n++) {
        struct turn_world w;
        turn_world_init(&w);
        turn_world_start(&w);
        adit_alloc_fail_once(n);
        turn_begin(&w, ADIT_STUN_ALLOCATE);
        TRANSPORT(&w);
        adit_stun_add(&w.request, ADIT_STUN_EVEN_PORT, "\x80", 1);
        done = turn_ask(&w) == 0;
        done = turn_permit(&w, TURN_PEER) == 0 && done;
        done = turn_bind(&w, 0x4000, TURN_PEER) == 0 && done;
        adit_alloc_fail_at(UINT64_MAX);
        assert_in_range(turn_open_ports(&w), 0, 2);
        assert_true(n < 100);
        turn_world_done(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_made_and_ends),
        cmocka_unit_test(asked_twice_answered_the_same),
        cmocka_unit_test(lifetimes),
        cmocka_unit_test(a_name_ends),
        cmocka_unit_test(rules),
        cmocka_unit_test(families),
        cmocka_unit_test(ports_in_pairs),
        cmocka_unit_test(quotas),
        cmocka_unit_test(hosts_of_ipv6_are_networks),
        cmocka_unit_test(without_ports),
        cmocka_unit_test(whose_it_is),
        cmocka_unit_test(another_secret),
        cmocka_unit_test(without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
