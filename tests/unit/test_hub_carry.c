/* test_hub_carry.c - packets that go through the server: to whom, how many, and of whom not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "signal/haul.h"
#include "unit/hub_world.h"

#define ENDS " 11111111 22222222 "

static void start(struct hub_world *w)
{
    hub_world_init(w);
    w->conf.carry = true;
    w->conf.limits.carry_rate = 10000;
}

/* NAME comes at PATH and takes packets. */
static void come(struct hub_world *w, char c, const char *path, const char *id)
{
    char line[300];

    snprintf(line, sizeof line, "%c> OPEN %s", c, path);
    hub_step(w, line);
    snprintf(line, sizeof line, "%c< 101", c);
    hub_step(w, line);
    snprintf(line, sizeof line, "%c> {\"type\":\"register\",\"id\":\"%s\",\"relay\":true}", c, id);
    hub_step(w, line);
    snprintf(
        line, sizeof line,
        "%c< {\"type\":\"registered\",\"id\":\"%s\",\"status\":\"success\",\"relay\":{\"rate\":"
        "%u}}",
        c, id, w->conf.limits.carry_rate);
    hub_step(w, line);
}

static struct adit_hub_carried done(const struct hub_world *w)
{
    struct adit_hub_carried d;

    adit_hub_carried(w->hub, &d);
    return d;
}

static void from_one_to_the_other(void **state)
{
    struct hub_world w;

    (void)state;
    start(&w);
    hub_world_start(&w);
    come(&w, 'a', "/ws/alice", "alice");
    come(&w, 'b', "/", "bob");
    HUB_RUN(
        &w, "a> {\"type\":\"offer\",\"to\":\"bob\",\"sdp\":\"x\"}",
        "b< {\"type\":\"offer\",\"from\":\"alice\",\"to\":\"bob\",\"sdp\":\"x\",\"relay\":true}",
        "b> {\"type\":\"answer\",\"to\":\"alice\",\"sdp\":\"y\"}",
        "a< {\"type\":\"answer\",\"from\":\"bob\",\"to\":\"alice\",\"sdp\":\"y\",\"relay\":true}",
        "b> {\"type\":\"candidate\",\"to\":\"alice\",\"candidate\":null}",
        "a< {\"type\":\"candidate\",\"from\":\"bob\",\"to\":\"alice\",\"candidate\":null}",
        "a> CARRY bob" ENDS "ping", "b< CARRY alice" ENDS "ping",
        "b> CARRY alice 22222222 11111111 pong", "a< CARRY bob 22222222 11111111 pong");
    assert_int_equal(done(&w).packets, 2);
    assert_int_equal(done(&w).bytes, 8);
    assert_non_null(strstr(w.events, "agent met alice bob\nagent carried alice bob\n"));
    assert_null(strstr(w.events, "carried bob")); /* they are one pair */
    hub_world_done(&w);
}

/* Who does not take packets sees nothing of it, nor does who talks to such a one. */
static void others_see_nothing(void **state)
{
    struct hub_world w;

    (void)state;
    start(&w);
    hub_world_start(&w);
    come(&w, 'a', "/ws/alice", "alice");
    HUB_RUN(&w, "o> OPEN /ws/old", "o< 101",
            "o> {\"type\":\"register\",\"id\":\"old\",\"relay\":1}",
            "o< {\"type\":\"registered\",\"id\":\"old\",\"status\":\"success\"}",
            "a> {\"type\":\"offer\",\"to\":\"old\",\"sdp\":\"x\"}",
            "o< {\"type\":\"offer\",\"from\":\"alice\",\"to\":\"old\",\"sdp\":\"x\"}",
            "o> {\"type\":\"answer\",\"to\":\"alice\",\"sdp\":\"y\",\"relay\":true}",
            "a< {\"type\":\"answer\",\"from\":\"old\",\"to\":\"alice\",\"sdp\":\"y\"}",
            "a> CARRY old" ENDS "ping", "a> CARRY nobody" ENDS "ping", "a> CARRY alice" ENDS "ping",
            "o> BINARY {}", "o< CLOSE 1003 text is spoken here");
    assert_int_equal(done(&w).packets, 0);
    assert_int_equal(done(&w).nobody, 3);
    hub_world_done(&w);
}

static void switched_off(void **state)
{
    struct hub_world w;

    (void)state;
    start(&w);
    hub_world_start(&w);
    come(&w, 'a', "/ws/alice", "alice");
    come(&w, 'b', "/ws/bob", "bob");
    w.conf.carry = false;
    adit_hub_configure(w.hub, &w.conf);
    HUB_RUN(&w, "a> CARRY bob" ENDS "ping", "c> OPEN /ws/carol", "c< 101",
            "c> {\"type\":\"register\",\"relay\":true}",
            "c< {\"type\":\"registered\",\"id\":\"carol\",\"status\":\"success\"}",
            "c> BINARY \x01", "c< CLOSE 1003 text is spoken here", "d> OPEN /relay/s?token=x",
            "d< 404 nothing is relayed here\n");
    hub_world_done(&w);
}

static void accounts_are_apart(void **state)
{
    static const struct adit_hub_token tokens[] = { { "t1", "one", NULL }, { "t2", "two", NULL } };
    struct hub_world w;

    (void)state;
    start(&w);
    w.conf.tokens = tokens;
    w.conf.token_count = 2;
    hub_world_start(&w);
    come(&w, 'a', "/ws/alice?token=t1", "alice");
    come(&w, 'b', "/ws/bob?token=t2", "bob");
    come(&w, 'c', "/ws/bob?token=t1", "bob");
    HUB_RUN(&w, "a> CARRY bob" ENDS "ping", "c< CARRY alice" ENDS "ping",
            "b> CARRY alice" ENDS "x");
    assert_int_equal(done(&w).nobody, 1);
    hub_world_done(&w);
}

/* 10000 bytes in a second, at once and over time; a packet counts 128 at least. */
static void bytes_in_a_second(void **state)
{
    struct hub_world w;

    (void)state;
    start(&w);
    hub_world_start(&w);
    come(&w, 'a', "/ws/alice", "alice");
    come(&w, 'b', "/ws/bob", "bob");
    for (int i = 0; i < 10000 / 128; i++)
        HUB_RUN(&w, "a> CARRY bob" ENDS "x", "b< CARRY alice" ENDS "x");
    HUB_RUN(&w, "a> CARRY bob" ENDS "x", "b> CARRY alice" ENDS "x"); /* one address, one purse */
    assert_int_equal(done(&w).too_fast, 2);
    assert_non_null(strstr(w.events, "agent refused alice more bytes a second"));
    assert_null(strstr(w.events, "refused bob")); /* once a minute is often enough */
    HUB_RUN(&w, "+ 20", "b> CARRY alice" ENDS "x", "a< CARRY bob" ENDS "x",
            "a> CARRY bob" ENDS "x");
    assert_int_equal(done(&w).too_fast, 3);
    hub_world_done(&w);
}

static void bytes_in_a_day(void **state)
{
    struct adit_haul h = { .name = "bob", .to = "11111111" };
    uint8_t packet[1460] = "x", out[ADIT_HAUL_MAX];
    struct hub_world w;
    unsigned sent = 0;

    (void)state;
    start(&w);
    w.conf.limits.carry_rate = 100000000;
    w.conf.limits.carry_mib = 1;
    hub_world_start(&w);
    come(&w, 'a', "/ws/alice", "alice");
    come(&w, 'b', "/ws/bob", "bob");
    h.packet = (struct adit_span){ packet, sizeof packet };
    size_t n = adit_haul_write(out, &h);
    while (done(&w).too_many == 0) {
        hub_raw(&w, 'a', out, n);
        sent++;
        hub_forget(&w);
    }
    assert_int_equal(sent - 1, 1024 * 1024 / n);
    HUB_RUN(&w, "+ 82800000", "a> CARRY bob" ENDS "x", "a> GONE", "+ 100000");
    come(&w, 'a', "/ws/alice", "alice");
    hub_raw(&w, 'a', out, n); /* it is remembered */
    assert_int_equal(done(&w).too_many, 3);
    HUB_RUN(&w, "+ 3600000", "a> CARRY bob" ENDS "x", "b< CARRY alice" ENDS "x");
    hub_world_done(&w);
}

static void so_many_pairs(void **state)
{
    struct hub_world w;

    (void)state;
    start(&w);
    w.conf.limits.carry_pairs = 2;
    hub_world_start(&w);
    come(&w, 'a', "/ws/alice", "alice");
    come(&w, 'b', "/ws/bob", "bob");
    come(&w, 'c', "/ws/carol", "carol");
    come(&w, 'd', "/ws/dora", "dora");
    HUB_RUN(&w, "a> CARRY bob" ENDS "x", "b< CARRY alice" ENDS "x", "a> CARRY carol" ENDS "x",
            "c< CARRY alice" ENDS "x", "c> CARRY alice" ENDS "x", "a< CARRY carol" ENDS "x",
            "a> CARRY dora" ENDS "x");
    assert_int_equal(done(&w).too_many, 1);
    /* one that leaves makes room, and so does one that is silent */
    HUB_RUN(&w, "c> GONE", "a> CARRY dora" ENDS "x", "d< CARRY alice" ENDS "x", "+ 59000",
            "d> CARRY alice" ENDS "x", "a< CARRY dora" ENDS "x", "+ 35000");
    come(&w, 'c', "/ws/carol", "carol");
    HUB_RUN(&w, "d> CARRY carol" ENDS "x", "c< CARRY dora" ENDS "x", "b> CARRY carol" ENDS "x");
    assert_int_equal(done(&w).too_many, 2);
    hub_world_done(&w);
}

static void who_reads_slowly(void **state)
{
    struct hub_world w;

    (void)state;
    start(&w);
    hub_world_start(&w);
    come(&w, 'a', "/ws/alice", "alice");
    come(&w, 'b', "/ws/bob", "bob");
    w.conns['b' - 'a'].slow = true;
    HUB_RUN(&w, "a> CARRY bob" ENDS "x", "a> {\"type\":\"bye\",\"to\":\"bob\"}",
            "b< {\"type\":\"bye\",\"from\":\"alice\",\"to\":\"bob\"}");
    assert_int_equal(done(&w).slow, 1);
    hub_world_done(&w);
}

static void hostile(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        bool closed;
    } rows[] = {
        { "", 0, true },
        { "\x01", 1, true },
        { "\x02", 1, false },
        { "\x01\x03"
          "bob",
          5, true },
        { "\x01\xff"
          "bob",
          5, true },
        { "\x01\x03"
          "bob1234567812345678",
          21, true },
        { "\x01\x03"
          "b\0b1234567812345678x",
          22, true },
        { "\x01\x03"
          "bob1234567812345678x",
          22, false },
    };
    struct hub_world w;
    char *long_one = calloc(1, 70000);

    (void)state;
    start(&w);
    hub_world_start(&w);
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        come(&w, 'a', "/ws/alice", "alice");
        hub_raw(&w, 'a', rows[i].bytes, rows[i].n);
        if (rows[i].closed)
            HUB_RUN(&w, "a< CLOSE 1008 that was no packet");
        hub_raw(&w, 'a', "\x01", 1); /* who is closed has no more to say */
        hub_forget(&w);
        HUB_RUN(&w, "a> GONE");
    }
    come(&w, 'a', "/ws/alice", "alice");
    memcpy(long_one,
           "\x01\x03"
           "bob",
           5);
    hub_raw(&w, 'a', long_one, 70000);
    HUB_RUN(&w, "a< CLOSE 1008 that was no packet");
    free(long_one);
    hub_world_done(&w);
}

/* Nobody who moves on to another dialect takes anything along. */
static void in_another_dialect(void **state)
{
    struct hub_world w;

    (void)state;
    start(&w);
    hub_world_start(&w);
    come(&w, 'a', "/ws/alice", "alice");
    come(&w, 'b', "/ws/bob", "bob");
    HUB_RUN(&w, "a> CARRY bob" ENDS "x", "b< CARRY alice" ENDS "x",
            "a> {\"type\":\"join\",\"room\":\"r\"}",
            "a< {\"type\":\"joined\",\"peerId\":\"$A\",\"peers\":[]}", "b> CARRY alice" ENDS "x",
            "+ 100000", "b> GONE", "a> GONE");
    assert_int_equal(done(&w).nobody, 1);
    hub_world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_one_to_the_other),
        cmocka_unit_test(others_see_nothing),
        cmocka_unit_test(switched_off),
        cmocka_unit_test(accounts_are_apart),
        cmocka_unit_test(bytes_in_a_second),
        cmocka_unit_test(bytes_in_a_day),
        cmocka_unit_test(so_many_pairs),
        cmocka_unit_test(who_reads_slowly),
        cmocka_unit_test(hostile),
        cmocka_unit_test(in_another_dialect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
