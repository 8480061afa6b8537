/* Which URIs name a TURN server (RFC 7065), and what is said of those that do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "agent/inner.h"
#include "core/reactor.h"

static void test_uris(void **state)
{
    static const struct {
        const char *uri;
        bool good;
    } rows[] = {
        { "turn:relay.example", true },
        { "turn:relay.example:3479", true },
        { "turn:192.0.2.1", true },
        { "turn:[2001:db8::1]:3478?transport=tcp", true },
        { "turn:relay.example?transport=udp", true },
        { "turns:relay.example", true },
        { "turns:relay.example:443?transport=tcp", true },
        { "turns:relay.example?transport=udp", false },
        { "turn:relay.example?transport=sctp", false },
        { "turn:relay.example?", false },
        { "turn:", false },
        { "turn:?transport=tcp", false },
        { "turn:relay.example:0", false },
        { "turn:relay.example:65536", false },
        { "turn://relay.example", false },
        { "turn:alice:sesame@relay.example", false },
        { "stun:relay.example", false },
        { "relay.example", false },
        { "", false },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        if (adit_turns_know(rows[i].uri) != rows[i].good)
            print_message("%s\n", rows[i].uri);
        assert_int_equal(adit_turns_know(rows[i].uri), rows[i].good);
    }
}

static void test_said(void **state)
{
    struct adit_turn_server server = { .uri = "turn:alice:sesame@relay.example" };
    struct adit_peer_conf conf = { .size = sizeof conf, .turn = &server, .turn_count = 1 };
    struct adit_cause cause = { .reason = ADIT_REASON_NONE };
    struct adit_loop *loop = adit_loop_new();

    (void)state;
    assert_null(adit_peer_new(loop, &conf, &cause));
    assert_int_equal(cause.err, EINVAL);
    assert_null(strstr(cause.text, "sesame"));
    server.uri = "relay.example";
    assert_null(adit_peer_new(loop, &conf, &cause));
    assert_non_null(strstr(cause.text, "turn:HOST"));
    adit_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uris),
        cmocka_unit_test(test_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
