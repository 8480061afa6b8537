/* test_turn_auth.c - who may ask for what, and how much strangers get to hear. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "relay/credentials.h"
#include "unit/turn_world.h"

static void begin_allocate(struct turn_world *w)
{
    turn_begin(w, ADIT_STUN_ALLOCATE);
    adit_stun_add32(&w->request, ADIT_STUN_REQUESTED_TRANSPORT, (uint32_t)TURN_UDP << 24);
}

static void a_challenge(void **state)
{
    struct turn_world w;

    (void)state;
    turn_world_init(&w);
    turn_world_start(&w);
    begin_allocate(&w);
    assert_int_equal(turn_ask_bare(&w), 401);
    assert_memory_equal(turn_answer(&w, ADIT_STUN_REALM).data, "adit", 4);
    assert_int_equal(turn_answer(&w, ADIT_STUN_NONCE).len, 32);
    assert_null(turn_answer(&w, ADIT_STUN_SOFTWARE).data);
    assert_int_equal(w.refused, 0); /* nothing to tell: all conversations begin so */
    turn_begin(&w, ADIT_STUN_REFRESH);
    assert_int_equal(turn_ask_bare(&w), 401);
    turn_begin(&w, ADIT_STUN_CREATE_PERMISSION);
    assert_int_equal(turn_ask_bare(&w), 401);
    turn_begin(&w, ADIT_STUN_CHANNEL_BIND);
    assert_int_equal(turn_ask_bare(&w), 401);
    turn_begin(&w, 0x00b); /* Connect of RFC 6062, which we have not */
    assert_int_equal(turn_ask_bare(&w), -1);
    turn_world_done(&w);
}

/* MESSAGE-INTEGRITY, and one of its three companions is missing. */
static void half_of_it(void **state)
{
    static const uint8_t key[16] = { 1 };
    static const uint16_t types[] = { ADIT_STUN_USERNAME, ADIT_STUN_REALM, ADIT_STUN_NONCE };
    struct turn_world w;

    (void)state;
    turn_world_init(&w);
    turn_world_start(&w);
    for (size_t missing = 0; missing < ADIT_LEN(types); missing++) {
        begin_allocate(&w);
        for (size_t i = 0; i < ADIT_LEN(types); i++)
            if (i != missing)
                adit_stun_add(&w.request, types[i], "1000600:x", 9);
        adit_stun_finish(&w.request, (struct adit_span){ key, sizeof key });
        assert_int_equal(turn_repeat(&w), 400);
    }
    turn_world_done(&w);
}

static void wrong_names_and_passwords(void **state)
{
    static const char *const users[] = { "999999:alice", /* a second too late */
                                         "0:alice",
                                         ":alice",
                                         "alice",
                                         "-1:alice",
                                         "1000600",
                                         "1e9:alice",
                                         "99999999999999999999:alice",
                                         "1000600 :alice",
                                         "" };
    struct turn_world w;

    (void)state;
    turn_world_init(&w);
    turn_world_start(&w);
    w.wall = TURN_WALL;
    for (size_t i = 0; i < ADIT_LEN(users); i++) {
        snprintf(w.user, sizeof w.user, "%s", users[i]);
        assert_int_equal(turn_allocate(&w), 401);
        w.now += ADIT_SEC;
    }
    snprintf(w.user, sizeof w.user, "%s", TURN_USER);
    snprintf(w.secret, sizeof w.secret, "wrong");
    assert_int_equal(turn_allocate(&w), 401);
    assert_string_equal(w.last_user, "alice");
    assert_int_equal(w.last.error, 401);
    snprintf(w.secret, sizeof w.secret, "%s", TURN_SECRET);
    snprintf(w.user, sizeof w.user, "1000000:"); /* to the last second, and nobody's name */
    assert_int_equal(turn_allocate(&w), 0);
    turn_world_done(&w);
}

static void long_names(void **state)
{
    struct turn_world w;

    (void)state;
    turn_world_init(&w);
    turn_world_start(&w);
    snprintf(w.user, sizeof w.user, "1000600:%0*d", ADIT_TURND_USER_MAX - 8, 0);
    assert_int_equal(strlen(w.user), ADIT_TURND_USER_MAX);
    assert_int_equal(turn_allocate(&w), 0);
    assert_int_equal(turn_refresh(&w, 0), 0);
    snprintf(w.user, sizeof w.user, "1000600:%0*d", ADIT_TURND_USER_MAX - 7, 0);
    assert_int_equal(turn_allocate(&w), 401);
    turn_world_done(&w);
}

/* Is the next request, with this nonce, refused as stale? */
static bool stale(struct turn_world *w)
{
    char nonce[64];
    int refused;

    memcpy(nonce, w->nonce, sizeof nonce);
    refused = turn_refresh(w, 600);
    assert_int_equal(refused, 0);
    return memcmp(nonce, w->nonce, sizeof nonce) != 0;
}

static void nonces(void **state)
{
    struct turn_world w;
    struct adit_turnd_flow flow;
    char nonce[64];

    (void)state;
    turn_world_init(&w);
    turn_world_start(&w);
    assert_int_equal(turn_allocate(&w), 0);
    assert_int_equal(turn_refresh(&w, 3600), 0);
    turn_wait(&w, ADIT_TURND_NONCE - ADIT_SEC);
    assert_false(stale(&w));
    turn_wait(&w, 2 * ADIT_SEC);
    assert_true(stale(&w));
    for (size_t i = 0; i < 32; i += 7) { /* changed anywhere: the time or the code */
        w.nonce[i] = w.nonce[i] == '0' ? '1' : '0';
        assert_true(stale(&w));
    }
    w.nonce[0] = 'G';
    assert_true(stale(&w));
    w.nonce[31] = 0;
    assert_true(stale(&w));

    /* from another port, from another address, over a stream */
    memcpy(nonce, w.nonce, sizeof nonce);
    flow = w.flow;
    for (int i = 0; i < 3; i++) {
        w.flow = flow;
        if (i == 0)
            w.flow.client.port++;
        else if (i == 1)
            w.flow.client.ip[3]++;
        else
            w.flow.stream = true, w.flow.path = &w.other_path;
        memcpy(w.nonce, nonce, sizeof nonce);
        assert_int_equal(turn_allocate(&w), 0);
        assert_memory_not_equal(w.nonce, nonce, 32);
    }
    turn_world_done(&w);
}

/* Whatever is changed in an authentic request, it is not one any more. */
static void damaged(void **state)
{
    struct turn_world w;
    uint8_t *bytes = w.request.bytes;
    size_t n;

    (void)state;
    turn_world_init(&w);
    turn_world_start(&w);
    assert_int_equal(turn_allocate(&w), 0);
    assert_int_equal(turn_refresh(&w, 0), 0);
    begin_allocate(&w);
    assert_int_equal(turn_ask(&w), 0);
    n = w.request.len - 8; /* FINGERPRINT comes after all that counts */
    assert_int_equal(turn_refresh(&w, 0), 0);
    begin_allocate(&w);
    assert_int_equal(turn_ask(&w), 0);
    struct adit_stun_out good = w.request;
    assert_int_equal(turn_refresh(&w, 0), 0);
    for (size_t i = 0; i < n; i++) {
        w.request = good;
        bytes[i] ^= 1;
        w.now += ADIT_SEC;
        adit_turnd_feed(w.relay, &w.flow, bytes, w.request.len, w.now);
        assert_int_equal(adit_turnd_count(w.relay), 0);
    }
    for (size_t i = 0; i < good.len; i++)
        adit_turnd_feed(w.relay, &w.flow, good.bytes, i, w.now);
    assert_int_equal(adit_turnd_count(w.relay), 0);
    turn_world_done(&w);
}

static unsigned flood(struct turn_world *w, unsigned n)
{
    unsigned before = w->sends;

    for (unsigned i = 0; i < n; i++) {
        turn_begin(w, ADIT_STUN_ALLOCATE);
        adit_stun_finish_bare(&w->request);
        w->flow.client.port++; /* a port costs nothing */
        adit_turnd_feed(w->relay, &w->flow, w->request.bytes, w->request.len, w->now);
    }
    return w->sends - before;
}

static void floods(void **state)
{
    struct turn_world w;
    struct adit_addr client;

    (void)state;
    turn_world_init(&w);
    turn_world_start(&w);
    client = w.flow.client;
    assert_int_equal(flood(&w, 10000), 40); /* four seconds' worth */
    assert_int_equal(flood(&w, 10000), 0);
    turn_wait(&w, ADIT_SEC);
    assert_int_equal(flood(&w, 10000), 10);
    turn_wait(&w, 3600 * ADIT_SEC);
    assert_int_equal(flood(&w, 10000), 40);
    w.flow.client.ip[3]++;
    assert_int_equal(flood(&w, 10), 10); /* another address has its own */
    w.flow.client = turn_addr("[2001:db8::1]:1");
    assert_int_equal(flood(&w, 100), 40);
    w.flow.client = turn_addr("[2001:db8::2]:1");
    assert_int_equal(flood(&w, 100), 0); /* but not the next of one network */
    w.flow.client = turn_addr("[2001:db8:0:1::1]:1");
    assert_int_equal(flood(&w, 100), 40);
    /* Who shares an address with a flood and has its credentials ready is served. */
    w.flow.client = client;
    turn_wait(&w, ADIT_SEC);
    assert_int_equal(turn_allocate(&w), 0);
    assert_int_equal(flood(&w, 100), 10);
    w.flow.client = client;
    for (int i = 0; i < 100; i++)
        assert_int_equal(turn_refresh(&w, 600), 0);
    turn_world_done(&w);
}

/* All addresses of the world at once: every one is a stranger's, and the memory is the same. */
static void a_flood_from_everywhere(void **state)
{
    struct turn_world w;

    (void)state;
    turn_world_init(&w);
    turn_world_start(&w);
    for (unsigned i = 0; i < 100000; i++) {
        adit_put32(w.flow.client.ip, 0x0b000000 + 7919 * i);
        flood(&w, 1);
    }
    assert_in_range(w.sends, 1, 100000);
    assert_int_equal(adit_turnd_count(w.relay), 0);
    turn_world_done(&w);
}

static void stun_alone(void **state)
{
    struct turn_world w;

    (void)state;
    turn_world_init(&w);
    w.conf.turn = false;
    w.conf.secret = NULL;
    turn_world_start(&w);
    begin_allocate(&w);
    assert_int_equal(turn_ask_bare(&w), -1);
    turn_begin(&w, ADIT_STUN_BINDING);
    assert_int_equal(turn_ask_bare(&w), 0);
    turn_world_done(&w);
}

static void the_words_of_credentials(void **state)
{
    static const struct {
        const char *user;
        int64_t expiry;
        const char *id; /* NULL: none */
    } rows[] = { { "17:a", 17, "a" },     { "17:", 17, "" },       { "17:a:b", 17, "a:b" },
                 { "17", -EINVAL, NULL }, { ":a", -EINVAL, "a" },  { "1x:a", -EINVAL, "a" },
                 { "", -EINVAL, NULL },   { "+1:a", -EINVAL, "a" } };
    char password[ADIT_TURND_PASSWORD_SIZE];
    uint8_t key[16], long_user[600] = { 0 };
    struct adit_span user = { (const uint8_t *)"user", 4 };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_span u = { (const uint8_t *)rows[i].user, strlen(rows[i].user) };
        struct adit_span id = adit_turnd_identity(u);
        assert_int_equal(adit_turnd_expiry(u), rows[i].expiry);
        assert_true(!!id.data == !!rows[i].id);
        assert_int_equal(id.len, rows[i].id ? strlen(rows[i].id) : 0);
    }
    /* RFC 8489 section 9.2.2: MD5("user:realm:pass") */
    assert_int_equal(adit_turnd_key(key, user, "realm", "pass"), 0);
    assert_memory_equal(key, "\x84\x93\xfb\xc5\x3b\xa5\x82\xfb\x4c\x04\x4c\x45\x6b\xdc\x40\xeb",
                        16);
    /* printf %s 1000600:alice | openssl dgst -sha1 -hmac north -binary | base64 */
    user = (struct adit_span){ (const uint8_t *)"1000600:alice", 13 };
    adit_turnd_password(password, "north", user);
    assert_string_equal(password, "zkhCGTuuM4ldn4C54gUwSljDA6w=");
    user = (struct adit_span){ long_user, sizeof long_user };
    assert_int_equal(adit_turnd_key(key, user, "realm", "pass"), -EMSGSIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_challenge),
        cmocka_unit_test(half_of_it),
        cmocka_unit_test(wrong_names_and_passwords),
        cmocka_unit_test(long_names),
        cmocka_unit_test(nonces),
        cmocka_unit_test(damaged),
        cmocka_unit_test(floods),
        cmocka_unit_test(a_flood_from_everywhere),
        cmocka_unit_test(stun_alone),
        cmocka_unit_test(the_words_of_credentials),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
