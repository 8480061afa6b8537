/* test_ice_predict.c - what a NAT counts by, from what was seen of it, and which ports are called
 * for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ice/internal.h"
#include "unit/ice_alone.h"

/* Server-reflexive unless the text says what else. */
static struct adit_cand cand(const char *text)
{
    struct adit_cand c;

    assert_int_equal(adit_cand_parse(&c, text, strlen(text)), 0);
    return c;
}

static void test_step(void **state)
{
#define V4 " 1 udp 1677729535 192.0.2.1 "
#define V6 " 1 udp 1677729535 2001:db8::1 "
#define R  " raddr 10.0.0.2 rport 2000"
    static const struct {
        const char *from, *to;
        unsigned step;
    } rows[] = {
        { "1" V4 "5000 typ srflx" R, "2" V4 "5001 typ srflx" R, 1 },
        { "1" V4 "5000 typ srflx" R, "2" V4 "5002 typ srflx" R, 2 },
        { "1" V4 "5000 typ srflx" R, "2" V4 "5016 typ srflx" R, 16 },
        { "1" V4 "5000 typ srflx" R, "2" V4 "5017 typ srflx" R, 0 },
        { "1" V4 "5000 typ srflx" R, "2" V4 "5000 typ srflx" R, 0 },
        { "1" V4 "5001 typ srflx" R, "2" V4 "5000 typ srflx" R, 0 }, /* to the higher one only */
        { "1" V4 "65534 typ srflx" R, "2" V4 "65535 typ srflx" R, 1 },
        { "1" V4 "65535 typ srflx" R, "2" V4 "1 typ srflx" R, 0 }, /* nothing begins again at 0 */
        { "1" V6 "5000 typ srflx raddr fd00::2 rport 2000",
          "2" V6 "5001 typ srflx raddr fd00::2 rport 2000", 1 },
        /* hidden, in each of the ways that there are */
        { "1" V4 "5000 typ srflx raddr 0.0.0.0 rport 9",
          "2" V4 "5003 typ srflx raddr 0.0.0.0 rport 9", 3 },
        { "1" V6 "5000 typ srflx raddr :: rport 9", "2" V6 "5003 typ srflx raddr :: rport 9", 3 },
        { "1" V4 "5000 typ srflx raddr 0.0.0.0 rport 0", "2" V4 "5003 typ srflx", 3 },
        /* another base */
        { "1" V4 "5000 typ srflx" R, "2" V4 "5001 typ srflx raddr 10.0.0.2 rport 2001", 0 },
        { "1" V4 "5000 typ srflx" R, "2" V4 "5001 typ srflx raddr 10.0.0.3 rport 2000", 0 },
        { "1" V4 "5000 typ srflx" R, "2" V4 "5001 typ srflx", 0 },
        /* another NAT */
        { "1" V4 "5000 typ srflx" R, "2 1 udp 1677729535 192.0.2.2 5001 typ srflx" R, 0 },
        { "1" V4 "5000 typ srflx" R, "2" V6 "5001 typ srflx" R, 0 },
        /* nobody's mapping, or no UDP */
        { "1" V4 "5000 typ host", "2" V4 "5001 typ host", 0 },
        { "1" V4 "5000 typ srflx" R, "2" V4 "5001 typ host" R, 0 },
        { "1" V4 "5000 typ relay" R, "2" V4 "5001 typ relay" R, 0 },
        { "1" V4 "5000 typ prflx" R, "2" V4 "5001 typ srflx" R, 0 },
        { "1 1 tcp 1677729535 192.0.2.1 5000 typ srflx" R " tcptype passive",
          "2 1 tcp 1677729535 192.0.2.1 5001 typ srflx" R " tcptype passive", 0 },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_cand from = cand(rows[i].from), to = cand(rows[i].to);

        if (adit_ice_step(&from, &to) != rows[i].step)
            print_message("%s, %s\n", rows[i].from, rows[i].to);
        assert_int_equal(adit_ice_step(&from, &to), rows[i].step);
    }
}

/* ---- which ports ----------------------------------------------------------------------------- */

static void seen_at(const char *base, unsigned port)
{
    char text[200];
    struct adit_cand c;

    snprintf(text, sizeof text, "1 1 udp 1677729535 192.0.2.1 %u typ srflx raddr %s rport 2000",
             port, base);
    c = cand(text);
    assert_int_equal(adit_ice_add_remote(a->ice, &c, net.now), 0);
}

static bool was_called(unsigned port)
{
    char text[40];

    snprintf(text, sizeof text, "192.0.2.1:%u", port);
    return net_sent_to(a, text, ADIT_STUN_REQUEST) > 0;
}

/* All that were called, and nothing else; 0 ends the list. */
static void assert_called(const uint16_t *ports)
{
    bool expected[65536] = { false };

    for (; *ports; ports++)
        expected[*ports] = true;
    for (size_t i = 0; i < a->sent_count; i++) {
        if (!expected[a->sent[i].to.port])
            print_message("port %u\n", a->sent[i].to.port);
        assert_true(expected[a->sent[i].to.port]);
    }
    for (unsigned port = 0; port < 65536; port++) {
        if (expected[port] && !was_called(port))
            print_message("not port %u\n", port);
        assert_int_equal(was_called(port), expected[port]);
    }
}

static void test_ports(void **state)
{
    static const struct {
        uint16_t seen[4], called[12]; /* those that were seen, too */
    } rows[] = {
        /* a step or two before, more of them behind */
        { { 5000, 5001 }, { 4998, 4999, 5000, 5001, 5002, 5003, 5004, 5005, 5006, 5007 } },
        { { 5001, 5000 }, { 4998, 4999, 5000, 5001, 5002, 5003, 5004, 5005, 5006, 5007 } },
        { { 5000, 5002 }, { 4998, 4999, 5000, 5001, 5002, 5003, 5004, 5006, 5008, 5010 } },
        { { 5000, 5006 }, { 4994, 5000, 5004, 5005, 5006, 5007, 5008, 5012, 5018, 5024 } },
        /* somebody else's are between */
        { { 5000, 5001, 5008 },
          { 5000, 5001, 5005, 5006, 5007, 5008, 5009, 5010, 5011, 5012, 5013 } },
        /* the first one was kept, and says nothing */
        { { 40000, 5000, 5001 },
          { 4998, 4999, 5000, 5001, 5002, 5003, 5004, 5005, 5006, 5007, 40000 } },
        { { 5000, 5017 }, { 5000, 5017 } },
        { { 5000 }, { 5000 } },
        /* there is no port behind the last, and none before the first */
        { { 65534, 65535 }, { 65532, 65533, 65534, 65535 } },
        { { 65520, 65535 }, { 65490, 65505, 65519, 65520, 65533, 65534, 65535 } },
        { { 1, 2 }, { 1, 2, 3, 4, 5, 6, 7, 8 } },
    };

    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        agent(NULL);
        introduce();
        for (size_t k = 0; k < 4 && rows[i].seen[k]; k++)
            seen_at("10.0.0.2", rows[i].seen[k]);
        net_run(&net, net.now + 10 * ADIT_SEC);
        assert_called(rows[i].called);
        teardown(state);
        setup(state);
    }
}

/* ---- how many, and when ---------------------------------------------------------------------- */

static const uint16_t both[] = { 5000, 5001, 0 };

/* Calls, base by base, to ports that were not named: those tests name no others than these. */
static size_t guesses(void)
{
    size_t n = 0;

    for (unsigned port = 1; port < 60000; port++)
        for (int base = 0; base < 3; base++) {
            bool called = false;

            for (size_t i = 0; i < a->sent_count; i++)
                called |= a->sent[i].to.port == port && a->sent[i].base == base;
            n += called && port % 5000 > 1;
        }
    return n;
}

static void begin(struct adit_ice_conf *conf)
{
    agent(conf);
    introduce();
    seen_at("10.0.0.2", 5000);
    seen_at("10.0.0.2", 5001);
}

static void test_budget(void **state)
{
    static const struct {
        unsigned ours, theirs, calls;
    } rows[] = {
        { 1, 1, 8 }, { 1, 2, 16 }, { 1, 5, 16 }, { 2, 1, 16 }, { 3, 1, 16 }, { 3, 5, 16 }
    };

    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        agent(NULL);
        for (unsigned k = 1; k < rows[i].ours; k++)
            net_base(a, (int)k, k == 1 ? "10.0.0.3:1000" : "10.0.0.4:1000", 60000);
        introduce();
        for (unsigned k = 0; k < rows[i].theirs; k++)
            for (unsigned port = 10000 * (k + 1); port <= 10000 * (k + 1) + 1; port++) {
                char base[20];

                snprintf(base, sizeof base, "10.0.1.%u", k);
                seen_at(base, port);
            }
        net_run(&net, net.now + 35 * ADIT_SEC);
        assert_int_equal(guesses(), rows[i].calls);
        teardown(state);
        setup(state);
    }
}

/* Not before it is clear that nothing else works, nor without the other side's credentials. */
static void test_late(void **state)
{
    (void)state;
    agent(NULL);
    seen_at("10.0.0.2", 5000);
    seen_at("10.0.0.2", 5001);
    net_run(&net, net.now + 20 * ADIT_SEC);
    assert_int_equal(a->sent_count, 0);
    introduce();
    net_run(&net, net.now + 1900 * ADIT_MS);
    assert_called(both);
    net_run(&net, net.now + 300 * ADIT_MS);
    assert_int_equal(guesses(), 8);
}

static void test_what_comes_later(void **state)
{
    (void)state;
    agent(NULL);
    introduce();
    seen_at("10.0.0.2", 10000);
    net_run(&net, net.now + 20 * ADIT_SEC);
    assert_int_equal(guesses(), 0);
    seen_at("10.0.0.2", 10001);
    net_run(&net, net.now + 3 * ADIT_SEC);
    assert_int_equal(guesses(), 8);
    seen_at("10.0.0.2", 10011); /* the same base has had its share */
    net_run(&net, net.now + 3 * ADIT_SEC);
    assert_true(was_called(10011) && !was_called(10010) && !was_called(10012));
    seen_at("10.0.0.3", 20000);
    seen_at("10.0.0.3", 20001);
    net_run(&net, net.now + 3 * ADIT_SEC);
    assert_int_equal(guesses(), 16 + 1); /* 10011 was named */
}

static void test_relays_only(void **state)
{
    struct adit_ice_conf conf = { .path = ADIT_PATH_RELAY };
    struct adit_ice_relay relay = { .addr = net_addr("203.0.113.9:5000"),
                                    .server = net_addr("203.0.113.9:3478") };

    (void)state;
    agent(&conf);
    a->base_id[a->base_count] = 1;
    a->base_addr[a->base_count++] = relay.addr;
    assert_int_equal(adit_ice_add_relay(a->ice, 1, &relay, net.now), 0);
    introduce();
    seen_at("10.0.0.2", 5000);
    seen_at("10.0.0.2", 5001);
    net_run(&net, net.now + 30 * ADIT_SEC);
    assert_called(both);
}

/* A guess has what room is left, and gives it up for a pair that was named. */
static void test_no_room(void **state)
{
    struct adit_ice_conf remotes = { .limits.remotes_max = 8 }, pairs = { .limits.pairs_max = 4 };

    begin(&remotes);
    net_run(&net, net.now + 5 * ADIT_SEC);
    assert_int_equal(guesses(), 5); /* one of eight is for those that call */
    teardown(state);
    setup(state);
    begin(&pairs);
    net_run(&net, net.now + 5 * ADIT_SEC);
    assert_int_equal(guesses(), 2);
    net_remote(a, "192.0.2.7:60001", 50); /* less than a guess has, as relays do */
    net_remote(a, "192.0.2.7:60002", 1000 << 16);
    net_run(&net, net.now + 5 * ADIT_SEC);
    assert_true(net_sent_to(a, "192.0.2.7:60001", ADIT_STUN_REQUEST) > 0);
    assert_true(net_sent_to(a, "192.0.2.7:60002", ADIT_STUN_REQUEST) > 0);
}

static struct adit_ice_pair_view pair_to(const struct adit_addr *to)
{
    struct adit_ice_pair_view v;

    for (size_t i = 0; adit_ice_pair_at(a->ice, i, &v); i++)
        if (adit_addr_equal(&v.remote->addr, to))
            return v;
    fail_msg("no such pair");
    return v;
}

/* Whoever calls from a port that was guessed is a candidate like others, with the priority that he
 * says. */
static void test_right(void **state)
{
    struct adit_addr from = net_addr("192.0.2.1:5003");

    (void)state;
    begin(NULL);
    net_run(&net, net.now + 5 * ADIT_SEC);
    struct adit_ice_pair_view v = pair_to(&from);
    struct adit_stun_out out;

    assert_true(v.guessed && !v.relayed);
    assert_int_equal(v.remote->type, ADIT_CAND_PRFLX);
    assert_null(adit_ice_remote(a->ice, 2)); /* those that were named */
    assert_false(lets_in(&from, 22));
    net_make_check(a, &out, NET_FLAW_NONE, false);
    feed(&from, out.bytes, out.len);
    v = pair_to(&from);
    assert_false(v.guessed);
    assert_int_equal(v.remote->priority, 12345); /* net_make_check */
    assert_ptr_equal(adit_ice_remote(a->ice, 2), v.remote);
    assert_true(lets_in(&from, 22));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step),
        cmocka_unit_test_setup_teardown(test_ports, setup, teardown),
        cmocka_unit_test_setup_teardown(test_budget, setup, teardown),
        cmocka_unit_test_setup_teardown(test_late, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_comes_later, setup, teardown),
        cmocka_unit_test_setup_teardown(test_relays_only, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
        cmocka_unit_test_setup_teardown(test_right, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
