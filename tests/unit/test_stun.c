/* test_stun.c - the vectors of RFC 5769, and messages that must not pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "ice/retry.h"
#include "ice/stun.h"

#define SPAN(text)                                \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }

/* ---- RFC 5769 -------------------------------------------------------------------------------- */

#define RFC_PASSWORD "VOkJxbRl1RmTxUk/WvJxBt"
#define RFC_ID       "\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"

static const char request[] = /* section 2.1 */
    "\x00\x01\x00\x58\x21\x12\xa4\x42" RFC_ID "\x80\x22\x00\x10STUN test client"
    "\x00\x24\x00\x04\x6e\x00\x01\xff\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36"
    "\x00\x06\x00\x09"
    "evtj:h6vY   "
    "\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71"
    "\xa2\x80\x28\x00\x04\xe5\x7a\x3b\xcf";

static const char response4[] = /* section 2.2 */
    "\x01\x01\x00\x3c\x21\x12\xa4\x42" RFC_ID "\x80\x22\x00\x0btest vector "
    "\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43"
    "\x00\x08\x00\x14\x2b\x91\xf5\x99\xfd\x9e\x90\xc3\x8c\x74\x89\xf9\x2a\xf9\xba\x53\xf0\x6b\xe7"
    "\xd7\x80\x28\x00\x04\xc0\x7d\x4c\x96";

static const char response6[] = /* section 2.3 */
    "\x01\x01\x00\x48\x21\x12\xa4\x42" RFC_ID "\x80\x22\x00\x0btest vector "
    "\x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9"
    "\xd9\x00\x08\x00\x14\xa3\x82\x95\x4e\x4b\xe6\x7b\xf1\x17\x84\xc9\x7c\x82\x92\xc2\x75\xbf\xe3"
    "\xed\x41\x80\x28\x00\x04\xc8\xfb\x0b\x4c";

#define MATRIX "\xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3\x83\x83\xe3\x82\xaf\xe3\x82\xb9"

static const char long_term[] = /* section 2.4 */
    "\x00\x01\x00\x60\x21\x12\xa4\x42\x78\xad\x34\x33\xc6\xad\x72\xc0\x29\xda\x41\x2e"
    "\x00\x06\x00\x12" MATRIX "\x00\x00\x00\x15\x00\x1c"
    "f//499k954d6OL34oL9FSTvy64sA\x00\x14\x00\x0b"
    "example.org\x00\x00\x08\x00\x14\xf6\x70\x24\x65\x6d\xd6\x4a\x3e\x02\xb8\xe0\x71\x2e\x85\xc9"
    "\xa2\x8c\xa8\x96\x66";

static uint8_t long_term_key[16]; /* MD5 of name, realm and password */

static const struct {
    const char *name;
    struct adit_span msg;
    struct adit_stun_auth auth;
} vectors[] = {
    { "2.1 request", SPAN(request), { SPAN(RFC_PASSWORD), SPAN("evtj:h6vY"), false, true } },
    { "2.2 IPv4 response", SPAN(response4), { SPAN(RFC_PASSWORD), { 0 }, false, true } },
    { "2.3 IPv6 response", SPAN(response6), { SPAN(RFC_PASSWORD), { 0 }, false, true } },
    { "2.4 long-term", SPAN(long_term), { { long_term_key, 16 }, SPAN(MATRIX), false, false } },
};

static enum adit_stun_verdict decode(struct adit_stun *msg, const void *bytes, size_t n,
                                     const struct adit_stun_auth *auth)
{
    uint8_t *copy = malloc(n ? n : 1); /* its end is the end of a heap block */
    enum adit_stun_verdict verdict;

    if (n)
        memcpy(copy, bytes, n);
    verdict = adit_stun_decode(msg, copy, n, auth);
    msg->username.data = NULL;
    free(copy);
    return verdict;
}

static void test_vectors_pass(void **state)
{
    struct adit_stun msg;
    struct adit_addr a4, a6;

    (void)state;
    assert_int_equal(adit_addr_parse_port(&a4, "192.0.2.1:32853", 15, 0), 0);
    assert_int_equal(
        adit_addr_parse_port(&a6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853", 44, 0), 0);
    for (size_t i = 0; i < ADIT_LEN(vectors); i++) {
        if (decode(&msg, vectors[i].msg.data, vectors[i].msg.len, &vectors[i].auth) != ADIT_STUN_OK)
            fail_msg("%s refused", vectors[i].name);
        assert_true(msg.authenticated);
        assert_int_equal(msg.head.method, ADIT_STUN_BINDING);
    }
    adit_stun_decode(&msg, request, sizeof request - 1, &vectors[0].auth);
    assert_int_equal(msg.head.class, ADIT_STUN_REQUEST);
    assert_memory_equal(msg.head.id, RFC_ID, ADIT_STUN_ID_SIZE);
    assert_true(msg.has_priority && msg.priority == 0x6e0001ff && !msg.use_candidate);
    assert_true(msg.role == ADIT_STUN_ROLE_CONTROLLED && msg.tie_breaker == 0x932ff9b151263b36);
    assert_true(msg.username.len == 9 && memcmp(msg.username.data, "evtj:h6vY", 9) == 0);
    adit_stun_decode(&msg, response4, sizeof response4 - 1, &vectors[1].auth);
    assert_true(adit_addr_equal(&msg.mapped, &a4));
    adit_stun_decode(&msg, response6, sizeof response6 - 1, &vectors[2].auth);
    assert_true(adit_addr_equal(&msg.mapped, &a6));
}

/* Every beginning of a vector, and every vector with any one byte changed to anything. */
static void test_vectors_damaged(void **state)
{
    struct adit_stun msg;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(vectors); i++) {
        uint8_t bytes[256];
        size_t n = vectors[i].msg.len;

        memcpy(bytes, vectors[i].msg.data, n);
        bytes[n] = 0;
        for (size_t len = 0; len < n; len++)
            assert_int_equal(decode(&msg, bytes, len, &vectors[i].auth), ADIT_STUN_MALFORMED);
        assert_int_equal(decode(&msg, bytes, n + 1, &vectors[i].auth), ADIT_STUN_MALFORMED);
        for (size_t at = 0; at < n; at++) {
            for (unsigned x = 1; x < 256; x++) {
                bytes[at] ^= (uint8_t)x;
                if (adit_stun_decode(&msg, bytes, n, &vectors[i].auth) == ADIT_STUN_OK)
                    fail_msg("%s: byte %zu may be changed by %02x", vectors[i].name, at, x);
                assert_false(msg.authenticated);
                bytes[at] ^= (uint8_t)x;
            }
        }
    }
}

/* RFC 5769 pads with blanks. What stands there is nobody's business, but it is hashed, and not all
 * versions of libnice write the same. */
static void add_text(struct adit_stun_out *out, uint16_t type, const char *text)
{
    size_t n = strlen(text), padding = -n & 3;

    adit_stun_add(out, type, text, n);
    size_t end = 20u + adit_get16(out->bytes + 2);
    memset(out->bytes + end - padding, ' ', padding);
}

static void test_vectors_written(void **state)
{
    struct adit_stun_out out;
    struct adit_span key = SPAN(RFC_PASSWORD);
    struct adit_addr addr;

    (void)state;
    adit_stun_begin(&out, ADIT_STUN_REQUEST, ADIT_STUN_BINDING, (const uint8_t *)RFC_ID);
    add_text(&out, ADIT_STUN_SOFTWARE, "STUN test client");
    adit_stun_add32(&out, ADIT_STUN_PRIORITY, 0x6e0001ff);
    adit_stun_add64(&out, ADIT_STUN_ICE_CONTROLLED, 0x932ff9b151263b36);
    add_text(&out, ADIT_STUN_USERNAME, "evtj:h6vY");
    assert_int_equal(adit_stun_finish(&out, key), sizeof request - 1);
    assert_memory_equal(out.bytes, request, sizeof request - 1);

    static const struct {
        const char *addr;
        struct adit_span bytes;
    } rows[] = {
        { "192.0.2.1:32853", SPAN(response4) },
        { "[2001:db8:1234:5678:11:2233:4455:6677]:32853", SPAN(response6) },
    };
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        assert_int_equal(adit_addr_parse_port(&addr, rows[i].addr, strlen(rows[i].addr), 0), 0);
        adit_stun_begin(&out, ADIT_STUN_SUCCESS, ADIT_STUN_BINDING, (const uint8_t *)RFC_ID);
        add_text(&out, ADIT_STUN_SOFTWARE, "test vector");
        adit_stun_add_mapped(&out, &addr);
        assert_int_equal(adit_stun_finish(&out, key), rows[i].bytes.len);
        assert_memory_equal(out.bytes, rows[i].bytes.data, rows[i].bytes.len);
    }
}

/* ---- by hand --------------------------------------------------------------------------------- */

static const uint8_t id[ADIT_STUN_ID_SIZE] = "abcdefghijk";
static const struct adit_span pwd = SPAN("0123456789abcdefABCDEF");

static const struct {
    const char *username;
    bool prefix, ok;
} names[] = {
    { "own:peer", false, true },   { "own:", true, true },        { "own:pee", true, true },
    { "own:peer", true, false }, /* nothing follows */
    { "own:peerx", false, false }, { "own:pee", false, false },   { "own:peex", false, false },
    { "", false, false },          { "own:peerxx", true, false }, { "owm:", true, false },
};

static void test_usernames(void **state)
{
    struct adit_stun_out out;
    struct adit_stun msg;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(names); i++) {
        struct adit_stun_auth auth = { .key = pwd,
                                       .username = { (const uint8_t *)names[i].username,
                                                     strlen(names[i].username) },
                                       .prefix = names[i].prefix,
                                       .fingerprint = true };
        adit_stun_begin(&out, ADIT_STUN_REQUEST, ADIT_STUN_BINDING, id);
        adit_stun_add(&out, ADIT_STUN_USERNAME, "own:peer", 8);
        adit_stun_finish(&out, pwd);
        if (decode(&msg, out.bytes, out.len, &auth) !=
            (names[i].ok ? ADIT_STUN_OK : ADIT_STUN_UNAUTHORIZED))
            fail_msg("row %zu", i);
    }
}

enum part { NAME = 1, INTEGRITY = 2, UNKNOWN = 4, OPTIONAL = 8, FOREIGN_KEY = 16 };

static const struct {
    enum adit_stun_class class;
    int parts;
    enum adit_stun_verdict verdict;
} messages[] = {
    { ADIT_STUN_REQUEST, NAME | INTEGRITY, ADIT_STUN_OK },
    { ADIT_STUN_REQUEST, NAME | INTEGRITY | OPTIONAL, ADIT_STUN_OK },
    { ADIT_STUN_REQUEST, 0, ADIT_STUN_NO_CREDENTIALS },
    { ADIT_STUN_REQUEST, NAME, ADIT_STUN_NO_CREDENTIALS },
    { ADIT_STUN_REQUEST, INTEGRITY, ADIT_STUN_NO_CREDENTIALS },
    { ADIT_STUN_REQUEST, NAME | INTEGRITY | UNKNOWN, ADIT_STUN_UNKNOWN },
    { ADIT_STUN_REQUEST, NAME | UNKNOWN, ADIT_STUN_NO_CREDENTIALS },
    { ADIT_STUN_REQUEST, NAME | INTEGRITY | FOREIGN_KEY, ADIT_STUN_UNAUTHORIZED },
    { ADIT_STUN_REQUEST, NAME | INTEGRITY | FOREIGN_KEY | UNKNOWN, ADIT_STUN_UNAUTHORIZED },
    { ADIT_STUN_SUCCESS, INTEGRITY, ADIT_STUN_OK },
    { ADIT_STUN_SUCCESS, 0, ADIT_STUN_UNAUTHORIZED },
    { ADIT_STUN_SUCCESS, INTEGRITY | FOREIGN_KEY, ADIT_STUN_UNAUTHORIZED },
    { ADIT_STUN_SUCCESS, INTEGRITY | UNKNOWN, ADIT_STUN_UNKNOWN },
};

static void test_verdicts(void **state)
{
    const struct adit_stun_auth auth = { .key = pwd,
                                         .username = SPAN("own:peer"),
                                         .fingerprint = true };
    const struct adit_span foreign = SPAN("0123456789abcdefABCDEG");
    struct adit_stun_out out;
    struct adit_stun msg;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(messages); i++) {
        int parts = messages[i].parts;
        struct adit_span key = { 0 };

        if (parts & INTEGRITY)
            key = parts & FOREIGN_KEY ? foreign : pwd;
        adit_stun_begin(&out, messages[i].class, ADIT_STUN_BINDING, id);
        if (parts & NAME)
            adit_stun_add(&out, ADIT_STUN_USERNAME, "own:peer", 8);
        if (parts & UNKNOWN)
            adit_stun_add(&out, 0x7777, "x", 1);
        if (parts & OPTIONAL)
            adit_stun_add(&out, 0xc057, "x", 1);
        adit_stun_finish(&out, key);
        if (decode(&msg, out.bytes, out.len, &auth) != messages[i].verdict)
            fail_msg("row %zu", i);
        out.bytes[out.len - 1] ^= 1; /* FINGERPRINT */
        assert_int_equal(decode(&msg, out.bytes, out.len, &auth), ADIT_STUN_MALFORMED);
    }
}

/* An error 400 or 401 need not be signed; it says so. Others must be. */
static void test_errors(void **state)
{
    const struct adit_stun_auth auth = { .key = pwd, .fingerprint = true };
    static const struct {
        unsigned code;
        bool sign, ok;
    } rows[] = { { 400, false, true }, { 401, false, true },  { 487, false, false },
                 { 487, true, true },  { 420, false, false }, { 500, true, true } };
    struct adit_stun_out out;
    struct adit_stun msg;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        adit_stun_begin(&out, ADIT_STUN_ERROR, ADIT_STUN_BINDING, id);
        adit_stun_add_error(&out, rows[i].code);
        adit_stun_finish(&out, rows[i].sign ? pwd : (struct adit_span){ 0 });
        assert_int_equal(decode(&msg, out.bytes, out.len, &auth) == ADIT_STUN_OK, rows[i].ok);
        assert_int_equal(msg.error, rows[i].ok ? rows[i].code : 0);
        assert_int_equal(msg.authenticated, rows[i].sign);
    }
}

/* libnice compares 20 bytes even where MESSAGE-INTEGRITY claims fewer: they would be read past the
 * end of the packet. */
static void test_short_integrity(void **state)
{
    static const char text[] = "\x00\x01\x00\x10\x21\x12\xa4\x42"
                               "abcdefghijkl"
                               "\x00\x06\x00\x08own:peer"
                               "\x00\x08\x00\x00";
    struct adit_stun_auth auth = { .key = pwd, .username = SPAN("own:peer") };
    struct adit_stun msg;

    (void)state;
    assert_int_equal(decode(&msg, text, sizeof text - 1, &auth), ADIT_STUN_MALFORMED);
}

static void test_unknown_attributes_answer(void **state)
{
    const struct adit_stun_auth auth = { .key = pwd,
                                         .username = SPAN("own:peer"),
                                         .fingerprint = true };
    struct adit_stun_out out, answer;
    struct adit_stun msg;

    (void)state;
    adit_stun_begin(&out, ADIT_STUN_REQUEST, ADIT_STUN_BINDING, id);
    adit_stun_add(&out, ADIT_STUN_USERNAME, "own:peer", 8);
    for (uint16_t type = 0x1001; type <= 0x1064; type++)
        adit_stun_add(&out, type, NULL, 0);
    assert_true(adit_stun_finish(&out, pwd) > 0);
    assert_int_equal(decode(&msg, out.bytes, out.len, &auth), ADIT_STUN_UNKNOWN);
    assert_true(adit_stun_answer_unknown(&answer, out.bytes, out.len, pwd) > 0);
    assert_true(answer.len <= out.len);
    assert_int_equal(decode(&msg, answer.bytes, answer.len, &auth), ADIT_STUN_OK);
    assert_true(msg.authenticated && msg.error == 420);
    assert_memory_equal(msg.head.id, id, sizeof id);
}

static void test_too_long_to_write(void **state)
{
    struct adit_stun_out out;
    char name[ADIT_STUN_OUT_MAX] = { 0 };

    (void)state;
    for (size_t n = ADIT_STUN_OUT_MAX - 120; n < sizeof name; n++) {
        adit_stun_begin(&out, ADIT_STUN_REQUEST, ADIT_STUN_BINDING, id);
        adit_stun_add(&out, ADIT_STUN_USERNAME, name, n);
        adit_stun_add64(&out, ADIT_STUN_ICE_CONTROLLED, 1);
        adit_stun_add32(&out, ADIT_STUN_PRIORITY, 1);
        size_t padded = (n + 3) / 4 * 4 + 20 + 4 + 12 + 8 + 24 + 8;
        assert_int_equal(adit_stun_finish(&out, pwd), padded <= sizeof out.bytes ? padded : 0);
    }
}

static void test_not_stun(void **state)
{
    static const struct adit_span rows[] = {
        SPAN(""),
        SPAN("\x00\x01\x00\x00\x21\x12\xa4\x42"
             "abcdefghijk"),
        SPAN("\x00\x01\x00\x00\x21\x12\xa4\x43"
             "abcdefghijkl"), /* cookie */
        SPAN("\x40\x01\x00\x00\x21\x12\xa4\x42"
             "abcdefghijkl"), /* first bits */
        SPAN("\x00\x01\x00\x04\x21\x12\xa4\x42"
             "abcdefghijkl"), /* length */
        SPAN("\x00\x01\x00\x01\x21\x12\xa4\x42"
             "abcdefghijklm"), /* not a multiple of four */
        SPAN("\x00\x01\x00\x04\x21\x12\xa4\x42"
             "abcdefghijkl\x00\x06\x00\x04"), /* attribute overruns */
        SPAN("\x00\x01\x00\x08\x21\x12\xa4\x42"
             "abcdefghijkl\x00\x06\xff\xff"
             "abcd"),
    };
    const struct adit_stun_auth none = { 0 };
    struct adit_stun msg;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        assert_int_equal(decode(&msg, rows[i].data, rows[i].len, &none), ADIT_STUN_MALFORMED);
}

/* RFC 8489 section 6.2.1: 0, 500, 1500, 3500, 7500, 15500, 31500 ms, given up at 39500 ms. */
static void test_retry(void **state)
{
    static const unsigned at_ms[] = { 500, 1500, 3500, 7500, 15500, 31500, 39500 };
    struct adit_retry r;

    (void)state;
    adit_retry_start(&r, ADIT_RETRY_RTO, ADIT_NEVER, ADIT_SEC);
    for (size_t i = 0; i < ADIT_LEN(at_ms); i++) {
        adit_time at = ADIT_SEC + at_ms[i] * ADIT_MS;
        assert_int_equal(r.next, at);
        assert_int_equal(adit_retry_tick(&r, at - 1), ADIT_RETRY_WAIT);
        assert_int_equal(adit_retry_tick(&r, at), i < 6 ? ADIT_RETRY_SEND : ADIT_RETRY_GIVE_UP);
    }
}

/* With a limit of the gap; one below RTO means RTO. */
static void test_retry_gap(void **state)
{
    static const unsigned at_ms[] = { 500, 1500, 2500, 3500, 4500, 5500, 6500 };
    struct adit_retry r;

    (void)state;
    adit_retry_start(&r, ADIT_RETRY_RTO, ADIT_SEC, 0);
    for (size_t i = 0; i < ADIT_LEN(at_ms); i++) {
        assert_int_equal(r.next, at_ms[i] * ADIT_MS);
        assert_int_equal(adit_retry_tick(&r, r.next), i < 6 ? ADIT_RETRY_SEND : ADIT_RETRY_GIVE_UP);
    }
    adit_retry_start(&r, 2 * ADIT_SEC, ADIT_SEC, 0);
    assert_int_equal(r.next, 2 * ADIT_SEC);
    assert_int_equal(adit_retry_tick(&r, r.next), ADIT_RETRY_SEND);
    assert_int_equal(r.next, 4 * ADIT_SEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_pass),
        cmocka_unit_test(test_vectors_damaged),
        cmocka_unit_test(test_vectors_written),
        cmocka_unit_test(test_usernames),
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_short_integrity),
        cmocka_unit_test(test_unknown_attributes_answer),
        cmocka_unit_test(test_too_long_to_write),
        cmocka_unit_test(test_not_stun),
        cmocka_unit_test(test_retry),
        cmocka_unit_test(test_retry_gap),
    };
    static const char credentials[] = MATRIX ":example.org:TheMatrIX";

    if (EVP_Digest(credentials, sizeof credentials - 1, long_term_key, NULL, EVP_md5(), NULL) != 1)
        return 1;
    return cmocka_run_group_tests_name("stun", tests, NULL, NULL);
}
