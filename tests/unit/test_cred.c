/* test_cred.c - user names and passwords of an ICE session, and what they let in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ice/cred.h"

static const uint8_t id[ADIT_STUN_ID_SIZE] = { 1, 2, 3 };

static void test_made_up(void **state)
{
    struct adit_cred a, b;
    struct adit_rng rng;

    (void)state;
    adit_rng_init_seed(&rng, 1);
    adit_cred_init(&a, NULL, NULL, &rng);
    adit_cred_init(&b, NULL, NULL, &rng);
    /* RFC 8445 section 5.3: at least 24 and 128 bits of randomness, 6 in a character */
    assert_int_equal(strlen(a.ufrag), 8);
    assert_int_equal(strlen(a.pwd), 24);
    assert_string_not_equal(a.ufrag, b.ufrag);
    assert_string_not_equal(a.pwd, b.pwd);
}

static void test_lengths(void **state)
{
    static const struct {
        size_t ufrag, pwd;
        int err;
    } rows[] = {
        { 4, 22, 0 },       { 256, 256, 0 },      { 3, 22, -EINVAL },  { 4, 21, -EINVAL },
        { 0, 22, -EINVAL }, { 257, 22, -EINVAL }, { 4, 257, -EINVAL },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        char ufrag[300] = "", pwd[300] = "";
        struct adit_cred c;

        memset(ufrag, 'u', rows[i].ufrag);
        memset(pwd, 'p', rows[i].pwd);
        adit_cred_init(&c, "ours", "oursoursoursoursoursou", NULL);
        assert_int_equal(adit_cred_set_remote(&c, ufrag, pwd), rows[i].err);
        assert_int_equal(c.complete, rows[i].err == 0);
        assert_int_equal(strlen(c.name_in), 5 + (rows[i].err ? 0 : rows[i].ufrag));
    }
}

static void introduce(struct adit_cred *a, struct adit_cred *b)
{
    adit_cred_init(a, "alice", "alicealicealicealiceal", NULL);
    adit_cred_init(b, "bobby", "bobbybobbybobbybobbybo", NULL);
    assert_int_equal(adit_cred_set_remote(a, b->ufrag, b->pwd), 0);
}

static enum adit_stun_verdict judge(const struct adit_stun_auth *auth,
                                    const struct adit_stun_out *out, struct adit_stun *ret)
{
    return adit_stun_decode(ret, out->bytes, out->len, auth);
}

static void test_a_check_and_its_answer(void **state)
{
    struct adit_cred alice, bob, other;
    struct adit_stun_out check, answer;
    struct adit_stun_auth auth;
    struct adit_stun msg;
    char caller[ADIT_UFRAG_MAX + 1];

    (void)state;
    introduce(&alice, &bob);
    adit_cred_begin_check(&alice, &check, id);
    assert_true(adit_cred_finish_check(&alice, &check) > 0);
    for (int known = 0; known < 2; known++) {
        if (known)
            assert_int_equal(adit_cred_set_remote(&bob, alice.ufrag, alice.pwd), 0);
        auth = adit_cred_of_request(&bob);
        assert_int_equal(judge(&auth, &check, &msg), ADIT_STUN_OK);
        assert_true(adit_cred_caller(&bob, &msg, caller));
        assert_string_equal(caller, "alice");
    }
    adit_stun_begin(&answer, ADIT_STUN_SUCCESS, ADIT_STUN_BINDING, id);
    assert_true(adit_cred_finish_answer(&bob, &answer) > 0);
    auth = adit_cred_of_answer(&alice);
    assert_int_equal(judge(&auth, &answer, &msg), ADIT_STUN_OK);
    assert_true(msg.authenticated);

    /* of another session, as after a restart: neither the check nor the answer */
    adit_cred_init(&other, "bobby", "otherotherotherotherot", NULL);
    auth = adit_cred_of_request(&other);
    assert_int_equal(judge(&auth, &check, &msg), ADIT_STUN_UNAUTHORIZED);
    adit_cred_init(&other, "bobb2", "bobbybobbybobbybobbybo", NULL);
    auth = adit_cred_of_request(&other);
    assert_int_equal(judge(&auth, &check, &msg), ADIT_STUN_UNAUTHORIZED);
    adit_cred_init(&other, "alice", "alicealicealicealiceal", NULL);
    assert_int_equal(adit_cred_set_remote(&other, "bobby", "otherotherotherotherot"), 0);
    auth = adit_cred_of_answer(&other);
    assert_true(judge(&auth, &answer, &msg) != ADIT_STUN_OK || !msg.authenticated);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_up),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_a_check_and_its_answer),
    };

    return cmocka_run_group_tests_name("cred", tests, NULL, NULL);
}
