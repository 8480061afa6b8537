/* Whose is a packet of a port that many peers share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "ice/stun.h"
#include "peer/share.h"

#define PEERS 3

struct scene {
    struct adit_rng rng;
    struct adit_share share;
    struct adit_share_peer peers[PEERS];
};

static void name(struct adit_share_peer *p, const char *text, int expected)
{
    assert_int_equal(adit_share_name(p, text, strlen(text)), expected);
}

static struct scene *scene(void)
{
    static const char *const names[PEERS] = { "alpha123", "beta1234", "gamma123" };
    struct scene *s = adit_zalloc(sizeof *s);

    adit_rng_init_seed(&s->rng, 1);
    adit_share_init(&s->share, &s->rng);
    for (int i = 0; i < PEERS; i++) {
        assert_int_equal(adit_share_join(&s->share, &s->peers[i]), 0);
        name(&s->peers[i], names[i], 0);
    }
    return s;
}

static void done(struct scene *s)
{
    for (int i = 0; i < PEERS; i++)
        adit_share_leave(&s->peers[i]);
    adit_share_done(&s->share);
    adit_free(s);
}

static struct adit_addr at(const char *text)
{
    struct adit_addr a;

    assert_int_equal(adit_addr_parse_port(&a, text, strlen(text), 0), 0);
    return a;
}

static struct adit_stun_out stun(enum adit_stun_class class, unsigned id, const char *username)
{
    uint8_t bytes[ADIT_STUN_ID_SIZE] = { (uint8_t)(id >> 8), (uint8_t)id };
    struct adit_stun_out out;

    adit_stun_begin(&out, class, ADIT_STUN_BINDING, bytes);
    if (username)
        adit_stun_add(&out, ADIT_STUN_USERNAME, username, strlen(username));
    adit_stun_finish(&out, (struct adit_span){ (const uint8_t *)"key", 3 });
    return out;
}

/* Which peer gets it; -1 = none. */
static int route(struct scene *s, unsigned socket, const char *from, const void *bytes, size_t n)
{
    struct adit_addr a = at(from);
    uint8_t *exact = malloc(n ? n : 1); /* so that a byte read behind it is seen */
    struct adit_share_peer *p;

    memcpy(exact, bytes, n);
    p = adit_share_route(&s->share, socket, &a, exact, n);
    free(exact);
    return p ? (int)(p - s->peers) : -1;
}

static int stun_in(struct scene *s, const char *from, enum adit_stun_class class, unsigned id,
                   const char *username)
{
    struct adit_stun_out out = stun(class, id, username);

    return route(s, 0, from, out.bytes, out.len);
}

static int dtls_in(struct scene *s, unsigned socket, const char *from)
{
    return route(s, socket, from, "\x17\xfe\xfd hello", 9);
}

static void stun_out(struct scene *s, int peer, const char *to, enum adit_stun_class class,
                     unsigned id, const char *username)
{
    struct adit_stun_out out = stun(class, id, username);
    struct adit_addr a = at(to);

    adit_share_sent(&s->peers[peer], 0, &a, out.bytes, out.len);
}

/* A check of ours is answered: what makes an address the peer's. */
static void prove(struct scene *s, int peer, const char *where, unsigned id)
{
    static const char *const names[PEERS] = { "x:alpha123", "x:beta1234", "x:gamma123" };

    stun_out(s, peer, where, ADIT_STUN_REQUEST, id, names[peer]);
    assert_int_equal(stun_in(s, where, ADIT_STUN_SUCCESS, id, NULL), peer);
}

static void test_requests_go_by_name(void **state)
{
    static const struct {
        const char *username;
        int whose;
    } rows[] = {
        { "alpha123:x", 0 },   { "beta1234:x", 1 }, { "gamma123:", 2 },  { "alpha12:x", -1 },
        { "alpha1234:x", -1 }, { "alpha123", -1 },  { ":alpha123", -1 }, { "", -1 },
        { NULL, -1 },
    };
    struct scene *s = scene();

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        assert_int_equal(stun_in(s, "192.0.2.1:5000", ADIT_STUN_REQUEST, 1, rows[i].username),
                         rows[i].whose);
    done(s);
}

/* Two that go by the same first half: callers of a public listener. */
static void test_the_whole_name_counts_more(void **state)
{
    struct scene *s = scene();

    (void)state;
    name(&s->peers[1], "door:one", 0);
    name(&s->peers[2], "door:two", 0);
    name(&s->peers[0], "door:two", -EEXIST);
    name(&s->peers[2], "door:two", 0);
    name(&s->peers[0], "", -EINVAL);
    assert_int_equal(stun_in(s, "192.0.2.1:5000", ADIT_STUN_REQUEST, 1, "door:one"), 1);
    assert_int_equal(stun_in(s, "192.0.2.1:5000", ADIT_STUN_REQUEST, 1, "door:two"), 2);
    assert_int_equal(stun_in(s, "192.0.2.1:5000", ADIT_STUN_REQUEST, 1, "door:three"), -1);
    done(s);
}

/* After a restart a peer has another fragment; its checks say so before theirs come. */
static void test_names_are_learned_from_checks(void **state)
{
    struct scene *s = scene();

    (void)state;
    assert_int_equal(stun_in(s, "192.0.2.1:5000", ADIT_STUN_REQUEST, 1, "new:theirs"), -1);
    stun_out(s, 1, "192.0.2.1:5000", ADIT_STUN_REQUEST, 2, "theirs:new");
    assert_int_equal(stun_in(s, "192.0.2.1:5000", ADIT_STUN_REQUEST, 1, "new:theirs"), 1);
    stun_out(s, 2, "192.0.2.1:5000", ADIT_STUN_REQUEST, 3, "theirs:new"); /* is taken */
    assert_int_equal(stun_in(s, "192.0.2.1:5000", ADIT_STUN_REQUEST, 1, "new:theirs"), 1);
    done(s);
}

static void test_answers_go_to_who_asked(void **state)
{
    struct scene *s = scene();

    (void)state;
    for (int i = 0; i < PEERS; i++) /* the same server */
        stun_out(s, i, "198.51.100.1:3478", ADIT_STUN_REQUEST, 100 + (unsigned)i, NULL);
    for (int i = 0; i < PEERS; i++) {
        assert_int_equal(
            stun_in(s, "198.51.100.1:3478", ADIT_STUN_SUCCESS, 100 + (unsigned)i, NULL), i);
        assert_int_equal(stun_in(s, "198.51.100.1:3478", ADIT_STUN_ERROR, 100 + (unsigned)i, NULL),
                         i);
    }
    assert_int_equal(stun_in(s, "198.51.100.1:3478", ADIT_STUN_SUCCESS, 99, NULL), -1);
    assert_int_equal(dtls_in(s, 0, "198.51.100.1:3478"), -1); /* and it is nobody's */
    done(s);
}

static void test_the_rest_goes_by_5_tuple(void **state)
{
    struct scene *s = scene();

    (void)state;
    assert_int_equal(dtls_in(s, 0, "192.0.2.1:5000"), -1);
    prove(s, 0, "192.0.2.1:5000", 1);
    prove(s, 1, "192.0.2.1:5001", 2);
    prove(s, 2, "[2001:db8::1]:5000", 3);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(dtls_in(s, 0, "192.0.2.1:5000"), 0);
        assert_int_equal(dtls_in(s, 0, "192.0.2.1:5001"), 1);
        assert_int_equal(dtls_in(s, 0, "[2001:db8::1]:5000"), 2);
    }
    assert_int_equal(dtls_in(s, 1, "192.0.2.1:5000"), -1); /* another address of ours */
    assert_int_equal(dtls_in(s, 0, "192.0.2.2:5000"), -1);
    done(s);
}

/* Somebody writes another's address on his packets. */
static void test_a_forged_source_takes_nothing(void **state)
{
    struct scene *s = scene();
    const char *const owned = "192.0.2.1:5000";

    (void)state;
    prove(s, 0, owned, 1);
    /* a request in the name of another peer, and even our answer to it */
    assert_int_equal(stun_in(s, owned, ADIT_STUN_REQUEST, 7, "beta1234:x"), 1);
    stun_out(s, 1, owned, ADIT_STUN_SUCCESS, 7, NULL);
    stun_out(s, 1, owned, ADIT_STUN_ERROR, 7, NULL);
    /* a check that we send there for another peer, who named it as a candidate of his */
    stun_out(s, 1, owned, ADIT_STUN_REQUEST, 8, "x:beta1234");
    assert_int_equal(stun_in(s, owned, ADIT_STUN_ERROR, 8, NULL), 1); /* its owner says: not me */
    assert_int_equal(stun_in(s, "192.0.2.9:9", ADIT_STUN_SUCCESS, 8, NULL), 1); /* from elsewhere */
    assert_int_equal(dtls_in(s, 0, owned), 0);
    done(s);
}

/* Whoever was there has gone, and who has its address now calls again. */
static void test_an_address_that_answers_changes_hands(void **state)
{
    struct scene *s = scene();

    (void)state;
    prove(s, 0, "192.0.2.1:5000", 1);
    prove(s, 1, "192.0.2.1:5000", 2);
    assert_int_equal(dtls_in(s, 0, "192.0.2.1:5000"), 1);
    adit_share_leave(&s->peers[0]); /* what it lost is not its to take along */
    assert_int_equal(dtls_in(s, 0, "192.0.2.1:5000"), 1);
    done(s);
}

/* DTLS may come before the answer to our check. */
static void test_a_free_address_is_whose_check_was_answered(void **state)
{
    struct scene *s = scene();

    (void)state;
    stun_out(s, 2, "192.0.2.1:5000", ADIT_STUN_SUCCESS, 1, NULL);
    assert_int_equal(dtls_in(s, 0, "192.0.2.1:5000"), 2);
    stun_out(s, 1, "192.0.2.2:5000", ADIT_STUN_ERROR, 1, NULL); /* 401: nothing is proved */
    assert_int_equal(dtls_in(s, 0, "192.0.2.2:5000"), -1);
    done(s);
}

static void test_a_peer_that_leaves_is_forgotten(void **state)
{
    struct scene *s = scene();

    (void)state;
    prove(s, 0, "192.0.2.1:5000", 1);
    prove(s, 1, "192.0.2.1:5001", 2);
    assert_int_equal(dtls_in(s, 0, "192.0.2.1:5000"), 0);
    adit_share_leave(&s->peers[0]);
    adit_share_leave(&s->peers[0]);
    assert_int_equal(dtls_in(s, 0, "192.0.2.1:5000"), -1);
    assert_int_equal(stun_in(s, "192.0.2.1:5000", ADIT_STUN_REQUEST, 1, "alpha123:x"), -1);
    assert_int_equal(stun_in(s, "192.0.2.1:5000", ADIT_STUN_SUCCESS, 1, NULL), -1);
    assert_int_equal(dtls_in(s, 0, "192.0.2.1:5001"), 1);
    assert_int_equal(s->share.paths.count, 1);
    done(s);
}

/* One peer cannot fill the tables of the others, and keeps what it uses. */
static void test_tables_are_bounded(void **state)
{
    struct scene *s = scene();
    char where[32], text[32];

    (void)state;
    prove(s, 1, "192.0.2.1:1", 1);
    prove(s, 0, "192.0.2.2:1", 2);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(where, sizeof where, "203.0.113.1:%u", 1000 + i);
        snprintf(text, sizeof text, "theirs%u:alpha123", i);
        stun_out(s, 0, where, ADIT_STUN_REQUEST, 1000 + i, text);
        assert_int_equal(stun_in(s, where, ADIT_STUN_SUCCESS, 1000 + i, NULL), 0);
        assert_int_equal(dtls_in(s, 0, "192.0.2.2:1"), 0);
    }
    assert_int_equal(s->share.paths.count, ADIT_SHARE_PATHS_MAX + 1);
    assert_int_equal(s->share.asked.count, ADIT_SHARE_ASKED_MAX + 1);
    assert_int_equal(s->share.names.count, ADIT_SHARE_NAMES_MAX + PEERS);
    assert_int_equal(dtls_in(s, 0, "192.0.2.1:1"), 1);
    assert_int_equal(dtls_in(s, 0, "203.0.113.1:1999"), 0);
    assert_int_equal(dtls_in(s, 0, "203.0.113.1:1000"), -1);
    done(s);
}

static void test_what_is_no_packet(void **state)
{
    struct scene *s = scene();
    struct adit_stun_out out = stun(ADIT_STUN_REQUEST, 1, "alpha123:x");

    (void)state;
    prove(s, 0, "192.0.2.1:5000", 1);
    for (size_t n = 0; n < out.len; n++)
        assert_int_equal(route(s, 0, "192.0.2.1:5000", out.bytes, n), n ? -1 : 0);
    for (size_t at_byte = 20; at_byte < out.len; at_byte++) { /* lengths that lie */
        uint8_t was = out.bytes[at_byte];
        out.bytes[at_byte] = 0xff;
        (void)route(s, 0, "192.0.2.1:5000", out.bytes, out.len);
        out.bytes[at_byte] = was;
    }
    done(s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_go_by_name),
        cmocka_unit_test(test_the_whole_name_counts_more),
        cmocka_unit_test(test_names_are_learned_from_checks),
        cmocka_unit_test(test_answers_go_to_who_asked),
        cmocka_unit_test(test_the_rest_goes_by_5_tuple),
        cmocka_unit_test(test_a_forged_source_takes_nothing),
        cmocka_unit_test(test_an_address_that_answers_changes_hands),
        cmocka_unit_test(test_a_free_address_is_whose_check_was_answered),
        cmocka_unit_test(test_a_peer_that_leaves_is_forgotten),
        cmocka_unit_test(test_tables_are_bounded),
        cmocka_unit_test(test_what_is_no_packet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
