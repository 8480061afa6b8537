/* test_hub_agent.c - the agents' server, byte for byte, and whoever would disturb it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "unit/hub_world.h"

static void an_exchange(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(
        &w, "a> OPEN /ws/alice", "a< 101", "b> OPEN /ws/bob | Authorization: Bearer whatever",
        "b< 101", "a> {\"type\":\"register\",\"id\":\"alice\",\"token\":null}",
        "a< {\"type\":\"registered\",\"id\":\"alice\",\"status\":\"success\"}",
        "b> {\"type\": \"register\", \"id\": \"bob\", \"token\": \"unchecked\"}",
        "b< {\"type\":\"registered\",\"id\":\"bob\",\"status\":\"success\"}",
        "b> {\"type\":\"offer\",\"from\":\"bob\",\"to\":\"alice\",\"sdp\":\"v=0\\r\\n\"}",
        "a< {\"type\":\"offer\",\"from\":\"bob\",\"to\":\"alice\",\"sdp\":\"v=0\\r\\n\"}",
        "a> {\"type\":\"answer\",\"from\":\"alice\",\"to\":\"bob\",\"sdp\":\"v=0\\r\\nx\"}",
        "b< {\"type\":\"answer\",\"from\":\"alice\",\"to\":\"bob\",\"sdp\":\"v=0\\r\\nx\"}",
        "a> {\"type\":\"candidate\",\"to\":\"bob\",\"candidate\":{\"candidate\":\"candidate:4 1 "
        "udp 1 192.0.2.1 9 typ host\",\"sdpMid\":\"0\",\"sdpMLineIndex\":0}}",
        "b< {\"type\":\"candidate\",\"from\":\"alice\",\"to\":\"bob\",\"candidate\":{"
        "\"candidate\":\"candidate:4 1 udp 1 192.0.2.1 9 typ host\",\"sdpMid\":\"0\","
        "\"sdpMLineIndex\":0}}",
        "a> {\"type\":\"candidate\",\"to\":\"bob\",\"candidate\":null}",
        "b< {\"type\":\"candidate\",\"from\":\"alice\",\"to\":\"bob\",\"candidate\":null}",
        "a> {\"type\":\"bye\",\"from\":\"alice\",\"to\":\"bob\"}",
        "b< {\"type\":\"bye\",\"from\":\"alice\",\"to\":\"bob\"}");
    assert_string_equal(w.events, "agent joined alice \nagent joined bob \nagent met bob alice\n");
    hub_world_done(&w);
}

/* What the original rebuilds: known fields only, and the sender's true name. */
static void messages_are_made_anew(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(&w, "a> OPEN /ws/alice", "a< 101", "m> OPEN /ws/mallory", "m< 101",
            "m> {\"type\":\"offer\",\"from\":\"bob\",\"to\":\"alice\",\"sdp\":1,\"extra\":[]}",
            "a< {\"type\":\"offer\",\"from\":\"mallory\",\"to\":\"alice\",\"sdp\":1}",
            "m> {\"type\":\"offer\",\"to\":\"alice\"}",
            "a< {\"type\":\"offer\",\"from\":\"mallory\",\"to\":\"alice\",\"sdp\":null}",
            "m> {\"type\":\"bye\",\"to\":\"alice\",\"sdp\":\"no\"}",
            "a< {\"type\":\"bye\",\"from\":\"mallory\",\"to\":\"alice\"}",
            /* the path's id counts */
            "m> {\"type\":\"register\",\"id\":\"alice\"}",
            "m< {\"type\":\"registered\",\"id\":\"mallory\",\"status\":\"success\"}");
    hub_world_done(&w);
}

static void unknown_targets_are_told(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(&w, "a> OPEN /ws/alice", "a< 101",
            "a> {\"type\":\"offer\",\"to\":\"bob\",\"sdp\":\"\"}",
            "a< {\"type\":\"error\",\"message\":\"Target client bob not found\"}",
            "a> {\"type\":\"answer\",\"to\":\"bob\",\"sdp\":\"\"}",
            "a< {\"type\":\"error\",\"message\":\"Target client bob not found\"}",
            "a> {\"type\":\"candidate\",\"to\":\"bob\",\"candidate\":null}",
            "a< {\"type\":\"error\",\"message\":\"Target client bob not found\"}",
            "a> {\"type\":\"bye\",\"to\":\"bob\"}",
            /* and what the original passes over in silence */
            "a> {\"type\":\"offer\",\"sdp\":\"\"}", "a> {\"type\":\"offer\",\"to\":\"\"}",
            "a> {\"type\":\"offer\",\"to\":7}", "a> {\"type\":\"ping\"}", "a> {\"type\":5}",
            "a> {}", "a> []", "a> null", "a> 1");
    hub_world_done(&w);
}

/* The original forgets the newer registration when the older socket closes. */
static void a_second_login(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(&w, "a> OPEN /ws/alice", "a< 101", "b> OPEN /ws/alice", "b< 101",
            "a< CLOSE 1008 a newer connection has this id", "a> GONE", "c> OPEN /ws/carol",
            "c< 101", "c> {\"type\":\"offer\",\"to\":\"alice\",\"sdp\":\"x\"}",
            "b< {\"type\":\"offer\",\"from\":\"carol\",\"to\":\"alice\",\"sdp\":\"x\"}");
    hub_world_done(&w);

    hub_world_init(&w);
    w.conf.duplicate = ADIT_HUB_REFUSE;
    hub_world_start(&w);
    HUB_RUN(&w, "a> OPEN /ws/alice", "a< 101", "b> OPEN /ws/alice", "b< 101",
            "b< {\"type\":\"error\",\"message\":\"this id is taken\"}",
            "b< CLOSE 1008 this id is taken", "b> {\"type\":\"register\"}", "b> GONE",
            "c> OPEN /ws/carol", "c< 101", "c> {\"type\":\"offer\",\"to\":\"alice\",\"sdp\":\"x\"}",
            "a< {\"type\":\"offer\",\"from\":\"carol\",\"to\":\"alice\",\"sdp\":\"x\"}");
    hub_world_done(&w);
}

static void any_path_with_an_id(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(&w, "a> OPEN /", "a< 101", "a> {\"type\":\"register\",\"id\":\"alice\"}",
            "a< {\"type\":\"registered\",\"id\":\"alice\",\"status\":\"success\"}",
            "b> OPEN /ws/%C3%A4%20b", "b< 101", "b> {\"type\":\"register\"}",
            "b< {\"type\":\"registered\",\"id\":\"\xc3\xa4 b\",\"status\":\"success\"}",
            "b> {\"type\":\"offer\",\"to\":\"alice\",\"sdp\":\"x\"}",
            "a< {\"type\":\"offer\",\"from\":\"\xc3\xa4 b\",\"to\":\"alice\",\"sdp\":\"x\"}",
            "c> OPEN /", "c< 101", "c> {\"type\":\"register\",\"id\":\"\"}",
            "c< {\"type\":\"error\",\"message\":\"that is no id\"}", "c< CLOSE 1008 that is no id",
            "d> OPEN /ws/%", "d< 400 that is no id\n", "d> OPEN /ws/%0a", "d< 400 that is no id\n",
            "d> OPEN /ws/a%00b", "d< 400 that is no id\n", "d> OPEN /ws/%ff",
            "d< 400 that is no id\n");
    hub_world_done(&w);
}

#define X32 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void the_longest_id(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(&w, "a> OPEN /ws/" X32 X32 X32 X32, "a< 101", "b> OPEN /ws/" X32 X32 X32 X32 "x",
            "b< 400 that is no id\n", "b> OPEN /ws/bob", "b< 101",
            "b> {\"type\":\"offer\",\"to\":\"" X32 X32 X32 X32 "\",\"sdp\":\"x\"}",
            "a< {\"type\":\"offer\",\"from\":\"bob\",\"to\":\"" X32 X32 X32 X32 "\",\"sdp\":\"x\"}",
            "b> {\"type\":\"offer\",\"to\":\"" X32 X32 X32 X32 "x\",\"sdp\":\"x\"}",
            "b< {\"type\":\"error\",\"message\":\"Target client " X32 X32 X32 X32 " not found\"}");
    hub_world_done(&w);
}

static void what_is_no_message(void **state)
{
    static const char *const bad[] = { "",
                                       "{",
                                       "hello",
                                       "{\"type\":\"offer\"}{}",
                                       "\xff",
                                       "{\"type\":\"\xc0\x80\"}",
                                       "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[" };
    struct hub_world w;
    char line[128];

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    for (size_t i = 0; i < ADIT_LEN(bad); i++) {
        HUB_RUN(&w, "a> OPEN /ws/alice", "a< 101");
        snprintf(line, sizeof line, "a> %s", bad[i]);
        HUB_RUN(&w, line, "a< CLOSE 1008 that was no JSON", "a> {\"type\":\"register\"}",
                "a> GONE");
    }
    HUB_RUN(&w, "a> OPEN /ws/alice", "a< 101", "a> LONG 65536", "a> LONG 65537",
            "a< CLOSE 1009 a message may have 64 KiB", "a> GONE", "a> OPEN /ws/alice", "a< 101",
            "a> BINARY {}", "a< CLOSE 1003 text is spoken here");
    hub_world_done(&w);
}

static void another_word_for_the_path(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(&w, "a> OPEN /ws/room", "a< 101", "b> OPEN /ws/vpn", "b< 101",
            "a> {\"type\":\"join\",\"room\":\"r\"}",
            "a< {\"type\":\"joined\",\"peerId\":\"$A\",\"peers\":[]}",
            "b> {\"type\":\"register\",\"role\":\"answerer\"}", "c> OPEN /ws", "c< 101",
            "c> {\"type\":\"register\",\"role\":\"offerer\"}", "c< {\"type\":\"ready\"}",
            "b< {\"type\":\"ready\"}", "d> OPEN /ws/dora", "d< 101",
            "d> {\"type\":\"offer\",\"to\":\"room\",\"sdp\":\"x\"}",
            "d< {\"type\":\"error\",\"message\":\"Target client room not found\"}");
    hub_world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exchange),
        cmocka_unit_test(messages_are_made_anew),
        cmocka_unit_test(unknown_targets_are_told),
        cmocka_unit_test(a_second_login),
        cmocka_unit_test(any_path_with_an_id),
        cmocka_unit_test(the_longest_id),
        cmocka_unit_test(what_is_no_message),
        cmocka_unit_test(another_word_for_the_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
