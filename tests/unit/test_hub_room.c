/* test_hub_room.c - two peers in a room, byte for byte, with the words of the original for every
 * mistake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "unit/hub_world.h"

#define JOIN(room)  "{\"type\":\"join\",\"room\":\"" room "\"}"
#define ERROR(text) "{\"type\":\"error\",\"message\":\"" text "\"}"

static void an_exchange(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(&w, "a> OPEN /", "a< 101", "a> " JOIN("my-lab"),
            "a< {\"type\":\"joined\",\"peerId\":\"$A\",\"peers\":[]}", "b> OPEN /any/path",
            "b< 101", "b> BINARY " JOIN("my-lab"),
            "b< {\"type\":\"joined\",\"peerId\":\"$B\",\"peers\":[\"$A\"]}",
            "a< {\"type\":\"peer-joined\",\"peerId\":\"$B\"}",
            "a> {\"type\":\"offer\",\"sdp\":\"v=0\",\"extra\":1}",
            "b< {\"type\":\"offer\",\"peerId\":\"$A\",\"sdp\":\"v=0\"}",
            "b> {\"type\":\"answer\",\"sdp\":\"v=0\"}",
            "a< {\"type\":\"answer\",\"peerId\":\"$B\",\"sdp\":\"v=0\"}",
            "a> {\"type\":\"candidate\",\"candidate\":\"{\\\"candidate\\\":\\\"c\\\"}\"}",
            "b< {\"type\":\"candidate\",\"peerId\":\"$A\",\"candidate\":\"{\\\"candidate\\\":"
            "\\\"c\\\"}\"}",
            "a> {\"type\":\"offer\"}", "b< {\"type\":\"offer\",\"peerId\":\"$A\"}",
            "a> {\"type\":\"bye\"}", "b< {\"type\":\"peer-left\",\"peerId\":\"$A\"}",
            "a> {\"type\":\"bye\"}", "b> {\"type\":\"offer\",\"sdp\":\"into the void\"}",
            /* the socket stays and may join again, now as the second */
            "a> " JOIN("my-lab"), "a< {\"type\":\"joined\",\"peerId\":\"$C\",\"peers\":[\"$B\"]}",
            "b< {\"type\":\"peer-joined\",\"peerId\":\"$C\"}", "b> GONE",
            "a< {\"type\":\"peer-left\",\"peerId\":\"$B\"}");
    assert_int_equal(strlen(hub_value(&w, 'A')), 36);
    assert_int_equal(hub_value(&w, 'A')[14], '4');
    assert_string_not_equal(hub_value(&w, 'A'), hub_value(&w, 'C'));
    assert_null(strstr(w.events, "my-lab")); /* the name is the only secret */
    hub_world_done(&w);
}

static void mistakes(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(&w, "a> OPEN /", "a< 101", "a> {", "a< " ERROR("invalid JSON"), "a> ",
            "a< " ERROR("invalid JSON"), "a> \xff", "a< " ERROR("invalid JSON"),
            "a> {\"type\":\"offer\",\"sdp\":\"\"}", "a< " ERROR("must join a room first"),
            "a> {\"type\":\"answer\"}", "a< " ERROR("must join a room first"),
            "a> {\"type\":\"candidate\"}", "a< " ERROR("must join a room first"),
            "a> {\"type\":\"bye\"}", "a> {\"type\":\"dance\"}", "a< " ERROR("unknown message type"),
            "a> {}", "a< " ERROR("unknown message type"), "a> null",
            "a< " ERROR("unknown message type"), "a> [1]", "a< " ERROR("unknown message type"),
            "a> {\"type\":\"join\"}", "a< " ERROR("room name required"), "a> " JOIN(""),
            "a< " ERROR("room name required"), "a> {\"type\":\"join\",\"room\":{}}",
            "a< " ERROR("room name required"), "a> {\"type\":\"join\",\"room\":\"a\\u0000b\"}",
            "a< " ERROR("room name required"), "a> " JOIN("r"),
            "a< {\"type\":\"joined\",\"peerId\":\"$A\",\"peers\":[]}", "a> " JOIN("s"),
            "a< " ERROR("already joined a room"), "b> OPEN /", "b< 101", "b> " JOIN("r"),
            "b< {\"type\":\"joined\",\"peerId\":\"$B\",\"peers\":[\"$A\"]}",
            "a< {\"type\":\"peer-joined\",\"peerId\":\"$B\"}", "c> OPEN /", "c< 101",
            "c> " JOIN("r"), "c< " ERROR("room 'r' is full (max 2)"), "c> " JOIN("other"),
            "c< {\"type\":\"joined\",\"peerId\":\"$C\",\"peers\":[]}");
    hub_world_done(&w);
}

#define X32 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void limits(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(&w, "a> OPEN /", "a< 101", "a> " JOIN(X32 X32 X32 X32 "x"),
            "a< " ERROR("room name too long"), "a> " JOIN(X32 X32 X32 X32),
            "a< {\"type\":\"joined\",\"peerId\":\"$A\",\"peers\":[]}", "a> LONG 65536",
            "a< " ERROR("unknown message type"), "a> LONG 65537",
            "a< CLOSE 1009 a message may have 64 KiB");
    hub_world_done(&w);
}

static void who_says_nothing_goes(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(&w, "a> OPEN /", "a< 101", "b> OPEN /", "b< 101", "b> " JOIN("r"),
            "b< {\"type\":\"joined\",\"peerId\":\"$B\",\"peers\":[]}", "+ 9999",
            "a> {\"type\":\"dance\"}", "a< " ERROR("unknown message type"), "+ 1",
            "a< CLOSE 1008 nothing was said in time", "a> " JOIN("r"), "a> GONE", "+ 100000",
            "b> {\"type\":\"bye\"}");
    hub_world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exchange),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(limits),
        cmocka_unit_test(who_says_nothing_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
