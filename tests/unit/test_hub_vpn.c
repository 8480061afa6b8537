/* test_hub_vpn.c - offerer and answerer in a room, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "unit/hub_world.h"

#define REG(role, room) "{\"type\":\"register\",\"role\":\"" role "\",\"room\":\"" room "\"}"
#define READY           "{\"type\":\"ready\"}"
#define DOWN            "{\"type\":\"peer_down\"}"
#define OFFER           "{\"type\": \"offer\", \"target\": \"answerer\", \"sdp\": \"v=0\\r\\n\"}"
#define ANSWER          "{\"type\":\"answer\",\"target\":\"offerer\",\"sdp\":\"v=0\\r\\n\"}"
#define CANDIDATE(n)                                                                             \
    "{\"type\":\"candidate\",\"target\":\"x\",\"candidate\":{\"candidate\":\"candidate:" n "\"," \
    "\"sdpMid\":\"\",\"sdpMLineIndex\":0,\"usernameFragment\":null}}"

static void an_exchange(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    /* The Python programs try the way with a connection that they throw away. */
    HUB_RUN(&w, "a> OPEN /", "a< 101", "a> GONE", "a> OPEN /", "a< 101", "a> " REG("offerer", "7"),
            "b> OPEN /ws", "b< 101", "b> " REG("answerer", "7"), "a< " READY, "b< " READY,
            "a> " OFFER, "b< " OFFER, "b> " ANSWER, "a< " ANSWER, "a> " CANDIDATE("1"),
            "b< " CANDIDATE("1"), "b> " CANDIDATE("2"), "a< " CANDIDATE("2"), "b> GONE", "a< " DOWN,
            "b> OPEN /ws", "b< 101", "b> " REG("answerer", "7"), "a< " READY, "b< " READY);
    assert_string_equal(w.events,
                        "vpn joined 7 offerer\nvpn joined 7 answerer\nvpn met 7 answerer\n"
                        "vpn left 7 answerer\nvpn joined 7 answerer\nvpn met 7 answerer\n");
    hub_world_done(&w);
}

static void the_first_servers_register(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(&w, "a> OPEN /x/y", "a< 101", "a> {\"type\":\"register\",\"role\":\"offerer\"}",
            "b> OPEN /", "b< 101",
            "b> {\"type\":\"register\",\"role\":\"answerer\",\"room\":\"default\"}", "a< " READY,
            "b< " READY, "c> OPEN /", "c< 101",
            "c> {\"type\":\"register\",\"role\":\"answerer\",\"room\":12}", "d> OPEN /", "d< 101",
            "d> {\"type\":\"register\",\"role\":\"offerer\",\"room\":\"12\"}", "d< " READY,
            "c< " READY);
    hub_world_done(&w);
}

static void what_comes_too_early_is_kept(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(&w, "a> OPEN /", "a< 101", "a> " REG("offerer", "7"), "a> " CANDIDATE("1"), "a> " OFFER,
            "a> {\"type\":\"offer\",\"sdp\":\"a later one is passed over\"}", "a> " CANDIDATE("2"),
            "b> OPEN /", "b< 101", "b> " REG("answerer", "7"), "a< " READY, "b< " READY,
            "b< " OFFER, "b< " CANDIDATE("1"), "b< " CANDIDATE("2"),
            /* once */
            "b> GONE", "a< " DOWN, "b> OPEN /", "b< 101", "b> " REG("answerer", "7"), "a< " READY,
            "b< " READY, "b> GONE", "a< " DOWN, "a> " OFFER, "a> GONE",
            /* what one who is gone has left behind is forgotten */
            "a> OPEN /", "a< 101", "a> " REG("offerer", "7"), "b> OPEN /", "b< 101",
            "b> " REG("answerer", "7"), "a< " READY, "b< " READY,
            /* or who says that it starts over */
            "b> GONE", "a< " DOWN, "a> " OFFER, "a> " CANDIDATE("1"), "a> " DOWN, "b> OPEN /",
            "b< 101", "b> " REG("answerer", "7"), "a< " READY, "b< " READY);
    hub_world_done(&w);
}

static void what_is_kept_is_bounded(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    w.conf.limits.message_burst = 1000;
    hub_world_start(&w);
    HUB_RUN(&w, "a> OPEN /", "a< 101", "a> " REG("offerer", "7"));
    for (int i = 0; i < 100; i++)
        hub_step(&w, "a> " CANDIDATE("1"));
    for (const char *const *s =
             (const char *const[]){ "b> OPEN /", "b< 101", "b> " REG("answerer", "7"), "a< " READY,
                                    "b< " READY, NULL };
         *s; s++)
        hub_step(&w, *s);
    assert_int_equal(w.logged - w.looked, 64);
    hub_forget(&w);
    /* An answer for nobody is for nobody. */
    HUB_RUN(&w, "b> GONE", "a< " DOWN, "a> GONE", "b> OPEN /", "b< 101", "b> " REG("answerer", "7"),
            "b> " ANSWER, "a> OPEN /", "a< 101", "a> " REG("offerer", "7"), "a< " READY,
            "b< " READY);
    hub_world_done(&w);
}

static void a_role_has_one(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(&w, "a> OPEN /", "a< 101", "a> " REG("offerer", "7"), "b> OPEN /", "b< 101",
            "b> " REG("offerer", "7"), "b< CLOSE 1008 somebody has this role in this room",
            "b> GONE", "c> OPEN /", "c< 101", "c> " REG("answerer", "7"), "a< " READY, "c< " READY,
            "d> OPEN /", "d< 101", "d> " REG("answerer", "7"),
            "d< CLOSE 1008 somebody has this role in this room", "a> " REG("offerer", "8"),
            "c< " DOWN, "a< CLOSE 1008 registered already");
    hub_world_done(&w);
}

/* The original forgets the room; whoever is left may come back over another socket. */
static void a_goodbye(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(&w, "a> OPEN /", "a< 101", "a> " REG("offerer", "7"), "b> OPEN /", "b< 101",
            "b> " REG("answerer", "7"), "a< " READY, "b< " READY, "b> {\"type\":\"disconnect\"}",
            "a< " DOWN, "b< CLOSE 1000 ", "c> OPEN /", "c< 101", "c> " REG("offerer", "7"),
            "a< CLOSE 1008 a newer connection has this role", "b> GONE", "a> GONE", "b> OPEN /",
            "b< 101", "b> " REG("answerer", "7"), "c< " READY, "b< " READY,
            /* who has said something since is no leftover */
            "b> {\"type\":\"disconnect\"}", "c< " DOWN, "b< CLOSE 1000 ", "b> GONE", "c> " OFFER,
            "d> OPEN /", "d< 101", "d> " REG("offerer", "7"),
            "d< CLOSE 1008 somebody has this role in this room");
    hub_world_done(&w);
}

static void a_message_that_is_none_closes(void **state)
{
    static const char *const bad[] = {
        "{\"type\":\"register\"}",
        "{\"type\":\"register\",\"role\":\"boss\"}",
        "{\"type\":\"register\",\"role\":7}",
        "{\"type\":\"register\",\"role\":\"offerer\",\"room\":\"\"}",
        "{\"type\":\"register\",\"role\":\"offerer\",\"room\":[]}",
        "{\"type\":\"register\",\"role\":\"offerer\",\"room\":null}",
    };
    struct hub_world w;
    char line[256];

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    for (size_t i = 0; i < ADIT_LEN(bad); i++) {
        snprintf(line, sizeof line, "a> %s", bad[i]);
        HUB_RUN(&w, "a> OPEN /", "a< 101", line,
                "a< CLOSE 1008 register needs a role, offerer or answerer, and a room", "a> GONE");
    }
    HUB_RUN(&w, "a> OPEN /", "a< 101", "a> " REG("offerer", "7"), "a> {\"role\":\"offerer\"}",
            "a< CLOSE 1008 a type is missing", "a> GONE", "a> OPEN /", "a< 101",
            "a> " REG("offerer", "7"), "a> {", "a< CLOSE 1008 that was no JSON", "a> GONE",
            "a> OPEN /", "a< 101", "a> " REG("offerer", "7"), "a> {\"type\":\"dance\"}");
    hub_world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exchange),
        cmocka_unit_test(the_first_servers_register),
        cmocka_unit_test(what_comes_too_early_is_kept),
        cmocka_unit_test(what_is_kept_is_bounded),
        cmocka_unit_test(a_role_has_one),
        cmocka_unit_test(a_goodbye),
        cmocka_unit_test(a_message_that_is_none_closes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
