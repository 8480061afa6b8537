/* test_ticket.c - tickets: bytes, lengths, damage of every kind, dates, other text around them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "peer/ticket.h"

#define NOON_2026 1767268800 /* 2026-01-01 12:00 */

static struct adit_ticket sample(enum adit_ticket_kind kind, const char *const *cands)
{
    static const uint8_t nonce[ADIT_TICKET_NONCE] = { 0xa0, 1, 2, 3, 4, 5, 6, 7, 8, 9 };
    struct adit_ticket t, offer = { .kind = ADIT_TICKET_OFFER, .nonce = { 7 } };
    static struct adit_desc d;

    adit_desc_init(&d, ADIT_DESC_OFFER);
    d.fingerprints[0] = (struct adit_fingerprint){ .hash = ADIT_HASH_SHA512, .len = 64 };
    d.fingerprints[1] = (struct adit_fingerprint){ .hash = ADIT_HASH_SHA256, .len = 32 };
    memset(d.fingerprints[1].value, 0x5a, 32);
    d.fingerprint_count = 2;
    for (; cands && *cands; cands++)
        assert_int_equal(adit_cand_parse(&d.cands[d.cand_count++], *cands, strlen(*cands)), 0);
    assert_int_equal(adit_ticket_make(&t, kind, nonce, &d, &offer, NOON_2026), 0);
    return t;
}

static const char *const usual[] = {
    "1 1 udp 2130706431 192.168.1.20 41234 typ host",
    "2 1 udp 2130706175 2001:db8:0:1:21f:5bff:fe8c:1 41234 typ host",
    "3 1 udp 1694498815 203.0.113.7 62001 typ srflx raddr 192.168.1.20 rport 41234",
    NULL,
};

static char *print(const struct adit_ticket *t)
{
    struct adit_buf b;

    adit_buf_init(&b, 1024);
    adit_ticket_print(&b, t);
    assert_int_equal(b.err, 0);
    char *s = strdup(adit_buf_str(&b));
    adit_buf_done(&b);
    return s;
}

static int find(struct adit_ticket *t, const char *text)
{
    struct adit_cause cause = { .text = "" };
    size_t end = 0;
    int err = adit_ticket_find(t, &end, text, strlen(text), &cause);

    if (err < 0)
        assert_true(cause.text[0] != '\0' && cause.err != 0);
    return err;
}

/* ---- form ----------------------------------------------------------------------------------- */

/* One ticket written down, so that the format cannot change unnoticed. */
static void test_vector(void **state)
{
    struct adit_ticket t = sample(ADIT_TICKET_OFFER, usual);
    char *s = print(&t);

    (void)state;
    assert_string_equal(s, "adit:JFpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaoAECAwQFBgcICQAAAAAAAB"
                           "JQMCWhEsCoARQgAQ24AAAAAQIfW__-jAABywBxB_Ixyq4z");
    free(s);
}

static void test_lengths(void **state)
{
    static const char *const worst[] = { "1 1 udp 9 10.0.0.1 1 typ host",
                                         "1 1 udp 8 2001:db8::1 2 typ host",
                                         "1 1 udp 7 203.0.113.7 3 typ srflx", NULL };
    static const struct {
        enum adit_ticket_kind kind;
        const char *const *cands;
        size_t max;
    } rows[] = {
        { ADIT_TICKET_OFFER, NULL, 80 },    { ADIT_TICKET_OFFER, usual, 117 },
        { ADIT_TICKET_ANSWER, usual, 117 }, { ADIT_TICKET_PAIR, usual, 117 },
        { ADIT_TICKET_OFFER, worst, 120 },  { ADIT_TICKET_ANSWER, worst, 120 },
        { ADIT_TICKET_PAIR, worst, 120 },   { ADIT_TICKET_PUBLIC, worst, 117 },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_ticket t = sample(rows[i].kind, rows[i].cands), back;
        char *s = print(&t);
        if (strlen(s) > rows[i].max)
            fail_msg("row %zu: %zu characters: %s", i, strlen(s), s);
        assert_int_equal(find(&back, s), 0);
        assert_memory_equal(&t, &back, sizeof t);
        free(s);
    }
}

static void test_random_tickets_come_back(void **state)
{
    uint64_t seed = 1;

    (void)state;
    for (unsigned round = 0; round < 2000; round++) {
        struct adit_ticket t = { .kind = round % 4 }, back;
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        memset(t.fingerprint, (int)(seed >> 40), sizeof t.fingerprint);
        memset(t.nonce, (int)(seed >> 48), sizeof t.nonce);
        t.dated = t.kind != ADIT_TICKET_ANSWER && (seed >> 33 & 1);
        t.date = t.dated ? (uint16_t)(seed >> 20) : 0;
        t.of_tag = t.kind == ADIT_TICKET_ANSWER ? (uint16_t)(seed >> 21) : 0;
        t.cand_count = round % (ADIT_TICKET_CANDS_MAX + 1);
        for (unsigned i = 0; i < t.cand_count; i++) {
            static const enum adit_cand_type types[] = { ADIT_CAND_HOST, ADIT_CAND_SRFLX,
                                                         ADIT_CAND_RELAY };
            struct adit_addr *a = &t.cands[i].addr;
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            t.cands[i].type = types[(seed >> 30) % 3];
            a->family = seed >> 35 & 1 ? ADIT_FAMILY_V6 : ADIT_FAMILY_V4;
            memset(a->ip, (int)(seed >> 50 | 1), a->family == ADIT_FAMILY_V6 ? 16 : 4);
            a->port = (uint16_t)(seed >> 37 & (round & 1 ? 0xffff : 1));
        }
        char *s = print(&t);
        assert_true(strlen(s) < ADIT_TICKET_CHARS_MAX);
        assert_int_equal(find(&back, s), 0);
        assert_memory_equal(&t, &back, sizeof t);
        free(s);
    }
}

/* ---- damage --------------------------------------------------------------------------------- */

/* Three bytes of checksum let one change in sixteen million through; none of these is it. */
static void test_every_single_letter_counts(void **state)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct adit_ticket t = sample(ADIT_TICKET_OFFER, usual), back;
    char *s = print(&t);

    (void)state;
    for (size_t i = 5; s[i]; i++) {
        char was = s[i];
        for (const char *c = letters; *c; c++) {
            s[i] = *c;
            if (*c != was && find(&back, s) == 0)
                fail_msg("accepted: %s", s);
        }
        s[i] = was;
    }
    for (size_t i = 6; s[i + 1]; i++) { /* neighbours changed places */
        char a = s[i];
        s[i] = s[i + 1];
        s[i + 1] = a;
        if (s[i] != a && find(&back, s) == 0)
            fail_msg("accepted: %s", s);
        s[i + 1] = s[i];
        s[i] = a;
    }
    free(s);
}

static void test_every_truncation(void **state)
{
    struct adit_ticket t = sample(ADIT_TICKET_ANSWER, usual), back;
    char *s = print(&t), text[256];

    (void)state;
    for (size_t n = 0; n < strlen(s); n++) {
        snprintf(text, sizeof text, "%.*s", (int)n, s);
        assert_int_equal(find(&back, text), n < 5 + 16 ? -ENOENT : -EAGAIN);
        snprintf(text, sizeof text, "%.*s\n\nand so on", (int)n, s);
        assert_int_equal(find(&back, text), n < 5 + 16 ? -ENOENT : -ENODATA);
    }
    memmove(s + 30, s + 31, strlen(s + 30)); /* one letter left out inside */
    int err = find(&back, s);
    assert_true(err == -EAGAIN || err == -EBADMSG);
    free(s);
}

/* ---- among other text ----------------------------------------------------------------------- */

static void test_found_in_text(void **state)
{
    static const struct {
        const char *name, *format; /* %s: the ticket, %1: its first 40 letters, %2: the rest */
        int err;
    } rows[] = {
        { "alone", "%s", 0 },
        { "line end", "%s\r\n", 0 },
        { "chat around it", "hi, here you are: %s (valid today)", 0 },
        { "our own prompt", "adit: give this line to the other side:\n  %s\nadit: waiting", 0 },
        { "in quotes", "\"%s\"", 0 },
        { "glued letters", "%sabc", 0 },
        { "broken", "%1\n%2", 0 },
        { "broken, CRLF and indented", "  %1\r\n    %2\r\n", 0 },
        { "quoted mail", "> %1\n> %2\n> bye", 0 },
        { "twice quoted", ">> %1\n> > %2", 0 },
        { "zero width space", "%1\xe2\x80\x8b%2", 0 },
        { "blank inside", "%1 %2", 0 },
        { "a wrong one before", "adit:AAAAAAAAAAAAAAAAAAAAAAAAAAAA. %s", 0 },
        { "a word before", "adit:ticket %s", 0 },
        { "empty line inside", "%1\n\n%2", -ENODATA },
        { "foreign sign inside", "%1*%2", -ENODATA },
        { "sign of another script", "%1\xc3\xa9%2", -ENODATA },
        { "no prefix", "%2", -ENOENT },
        { "other version", "adit:ZFpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaoAEC", -ENOTSUP },
        { "kind of version 2", "adit:TFpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaoAEC", -ENOTSUP },
        { "free kind", "adit:OFpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaoAEC", -EBADMSG },
        { "foreign", "wormhole:7-guitarist-revenge", -ENOENT },
        { "nothing", "", -ENOENT },
        { "prefix alone", "adit:", -ENOENT },
    };
    struct adit_ticket t = sample(ADIT_TICKET_PAIR, usual), back;
    char *s = print(&t);

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_buf b;
        adit_buf_init(&b, 4096);
        for (const char *f = rows[i].format; *f; f++) {
            if (f[0] != '%')
                adit_buf_add8(&b, (uint8_t)*f);
            else if (*++f == 's')
                adit_buf_printf(&b, "%s", s);
            else
                adit_buf_printf(&b, *f == '1' ? "%.40s" : "%s", *f == '1' ? s : s + 40);
        }
        int err = find(&back, adit_buf_str(&b));
        if (err != rows[i].err)
            fail_msg("%s: %d", rows[i].name, err);
        if (err == 0)
            assert_memory_equal(&t, &back, sizeof t);
        adit_buf_done(&b);
    }
    s[0] = 'A'; /* a telephone's capital */
    assert_int_equal(find(&back, s), 0);
    free(s);
}

static void test_end_is_told(void **state)
{
    struct adit_ticket t = sample(ADIT_TICKET_OFFER, NULL), back;
    struct adit_cause cause;
    char *s = print(&t), text[512];
    size_t end;

    (void)state;
    snprintf(text, sizeof text, "see %s\nand %s", s, s);
    assert_int_equal(adit_ticket_find(&back, &end, text, strlen(text), &cause), 0);
    assert_int_equal(end, 4 + strlen(s));
    assert_string_equal(text + end + 5, text + 4 + strlen(s) + 5);
    assert_int_equal(adit_ticket_find(&back, &end, text + end, strlen(text + end), &cause), 0);
    free(s);
}

/* ---- meaning -------------------------------------------------------------------------------- */

static void test_dates(void **state)
{
    static const int64_t hour = 3600, day = 24 * hour, made = NOON_2026;
    static const struct {
        const char *name;
        int64_t made, read;
        bool expired;
    } rows[] = {
        { "at once", made, made, false },
        { "an hour later", made, made + hour, false },
        { "the last hour", made, made + day - hour, false },
        { "a day and an hour later", made, made + day + hour, true },
        { "a month later", made, made + 30 * day, true },
        { "340 days later", made, made + 340 * day, true },
        { "reader in 1970", made, 1000, false },
        { "writer in 1970", 1000, made, false },
        { "reader before the epoch", made, -5, false },
        { "writer's clock a day ahead", made + day, made, false },
        { "writer's clock a month ahead", made + 30 * day, made, false },
        { "reader in the far future", made, INT64_MAX, false },
        { "writer in the far future", INT64_MAX, made, false },
    };
    static struct adit_desc d;
    static const uint8_t nonce[ADIT_TICKET_NONCE];

    (void)state;
    adit_desc_init(&d, ADIT_DESC_OFFER);
    d.fingerprints[0] = (struct adit_fingerprint){ .hash = ADIT_HASH_SHA256, .len = 32 };
    d.fingerprint_count = 1;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_ticket t;
        struct adit_cause cause = { .text = "" };
        assert_int_equal(adit_ticket_make(&t, ADIT_TICKET_OFFER, nonce, &d, NULL, rows[i].made), 0);
        int err = adit_ticket_check_age(&t, rows[i].read, &cause);
        if (err != (rows[i].expired ? -ESTALE : 0) || (err && !strstr(cause.text, "expired")))
            fail_msg("%s: %d %s", rows[i].name, err, cause.text);
    }
}

/* ---- public tickets ------------------------------------------------------------------------- */

static void test_public_vector(void **state)
{
    struct adit_ticket t = sample(ADIT_TICKET_PUBLIC, usual), back;
    char *s;

    (void)state;
    assert_false(t.dated);
    adit_ticket_set_end(&t, adit_ticket_end(NOON_2026, 3600));
    t.datagram = true;
    s = print(&t);
    assert_string_equal(s, "adit:RlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaoAECAwQFBgcICQAAAAAAAE"
                           "SVMCWhEsCoARQgAQ24AAAAAQIfW__-jAABywBxB_IxdcFQ");
    assert_int_equal(find(&back, s), 0);
    assert_memory_equal(&t, &back, sizeof t);
    for (size_t n = 21; n < strlen(s); n++) {
        char *cut = strndup(s, n);
        assert_int_equal(find(&back, cut), -EAGAIN);
        free(cut);
    }
    for (size_t i = 5; s[i]; i++) { /* another letter: damaged, or another version */
        char was = s[i];
        s[i] = was == 'A' ? 'Q' : 'A';
        assert_true(find(&back, s) < 0);
        s[i] = was;
    }
    free(s);
}

static void test_public_end(void **state)
{
    static const int64_t hour = 3600, made = NOON_2026;
    static const struct {
        const char *name;
        int64_t seconds, read; /* after it was made */
        bool expired;
    } rows[] = {
        { "never ends", 0, 1000 * 24 * hour, false },
        { "at once", hour, 0, false },
        { "its last second", hour, hour - 1, false },
        { "its end", hour, hour, true },
        { "a part of an hour is a whole one", 1, hour - 1, false },
        { "and then it ends", 1, hour, true },
        { "a year later", 30 * 24 * hour, 365 * 24 * hour, true },
        { "three years", 3 * 365 * 24 * hour, 3 * 365 * 24 * hour - 1, false },
        { "longer than can be said: never", 4 * 365 * 24 * hour, 5 * 365 * 24 * hour, false },
        { "reader in 1970", hour, 1000 - made, false },
        { "reader's clock a year behind", hour, -365 * 24 * hour, false },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_ticket t = sample(ADIT_TICKET_PUBLIC, NULL);
        struct adit_cause cause = { .text = "" };

        adit_ticket_set_end(&t, adit_ticket_end(made, rows[i].seconds));
        int err = adit_ticket_check_age(&t, made + rows[i].read, &cause);
        if (err != (rows[i].expired ? -ESTALE : 0) || (err && !strstr(cause.text, "expired")))
            fail_msg("%s: %d %s", rows[i].name, err, cause.text);
    }
    assert_int_equal(adit_ticket_end(1000, hour), 0); /* a clock that was not set */
}

/* What it says is an answer; its credentials are no ordinary ticket's. */
static void test_public_desc(void **state)
{
    struct adit_ticket t = sample(ADIT_TICKET_PUBLIC, usual);
    char ufrag[ADIT_TICKET_UFRAG + 1], pwd[ADIT_TICKET_PWD + 1];
    static struct adit_desc d;

    (void)state;
    adit_ticket_desc(&t, &d);
    assert_int_equal(d.type, ADIT_DESC_ANSWER);
    assert_int_equal(d.cand_count, 3);
    assert_true(d.end_of_candidates);
    adit_ticket_door_credentials(t.nonce, t.fingerprint, ufrag, pwd);
    assert_string_equal(d.ufrag, ufrag);
    assert_string_equal(d.pwd, pwd);
    adit_ticket_credentials(t.nonce, t.fingerprint, ufrag, pwd);
    assert_string_not_equal(d.ufrag, ufrag);
    assert_string_not_equal(d.pwd, pwd);
}

static void test_answer_names_its_offer(void **state)
{
    struct adit_ticket a = sample(ADIT_TICKET_OFFER, usual), b = sample(ADIT_TICKET_OFFER, NULL),
                       c = a;

    (void)state;
    assert_int_equal(adit_ticket_tag(&a), adit_ticket_tag(&b)); /* other candidates, same offer */
    assert_true(adit_ticket_same(&a, &b));
    c.nonce[3] ^= 1;
    assert_int_not_equal(adit_ticket_tag(&a), adit_ticket_tag(&c));
    assert_false(adit_ticket_same(&a, &c));
    c = a;
    c.fingerprint[31] ^= 1;
    assert_int_not_equal(adit_ticket_tag(&a), adit_ticket_tag(&c));
    assert_false(adit_ticket_same(&a, &c));
}

static void test_credentials(void **state)
{
    struct adit_ticket t = sample(ADIT_TICKET_OFFER, NULL);
    char ufrag[ADIT_TICKET_UFRAG + 1], pwd[ADIT_TICKET_PWD + 1], ufrag2[ADIT_TICKET_UFRAG + 1],
        pwd2[ADIT_TICKET_PWD + 1];

    (void)state;
    adit_ticket_credentials(t.nonce, t.fingerprint, ufrag, pwd);
    assert_int_equal(strlen(ufrag), ADIT_TICKET_UFRAG);
    assert_int_equal(strlen(pwd), ADIT_TICKET_PWD);
    assert_true(adit_ice_chars_valid(ufrag, strlen(ufrag)) &&
                adit_ice_chars_valid(pwd, strlen(pwd)));
    t.nonce[15] ^= 0x80;
    adit_ticket_credentials(t.nonce, t.fingerprint, ufrag2, pwd2);
    assert_string_not_equal(ufrag, ufrag2);
    assert_string_not_equal(pwd, pwd2);
}

static void test_description(void **state)
{
    static const char *const cands[] = {
        "1 1 udp 9 10.0.0.1 1000 typ host",  "1 1 udp 9 2001:db8::1 1000 typ host",
        "1 1 udp 7 203.0.113.7 3 typ srflx", "1 1 udp 5 224.0.0.1 7 typ host",
        "1 1 udp 7 203.0.113.8 4 typ relay", NULL
    };
    static struct adit_desc d;
    struct adit_ticket t = sample(ADIT_TICKET_ANSWER, cands);

    (void)state;
    adit_ticket_desc(&t, &d);
    assert_int_equal(d.type, ADIT_DESC_ANSWER);
    assert_int_equal(d.setup, ADIT_SETUP_ACTIVE);
    assert_int_equal(d.max_message_size, 262144);
    assert_int_equal(d.sctp_port, 5000);
    assert_int_equal(d.fingerprint_count, 1);
    assert_memory_equal(d.fingerprints[0].value, t.fingerprint, 32);
    assert_true(d.adit && d.end_of_candidates);
    assert_int_equal(d.cand_count, 4); /* no multicast */
    assert_int_equal(d.cands[3].type, ADIT_CAND_RELAY);
    for (unsigned i = 1; i < d.cand_count; i++)
        assert_true(d.cands[i - 1].priority > d.cands[i].priority);
    t = sample(ADIT_TICKET_PAIR, NULL);
    adit_ticket_desc(&t, &d);
    assert_int_equal(d.type, ADIT_DESC_UNKNOWN);
    assert_int_equal(d.setup, ADIT_SETUP_ACTPASS);
    assert_false(d.end_of_candidates);
}

/* One bit, which older readers pass over: the length stays what it was. */
static void test_datagrams(void **state)
{
    static const uint8_t nonce[ADIT_TICKET_NONCE] = { 1 };
    static struct adit_desc d, back;

    (void)state;
    for (int kind = ADIT_TICKET_OFFER; kind <= ADIT_TICKET_PAIR; kind++) {
        size_t len[2];
        for (int takes = 0; takes < 2; takes++) {
            struct adit_ticket t, read, offer = sample(ADIT_TICKET_OFFER, usual);
            adit_ticket_desc(&offer, &d);
            d.datagram = takes;
            assert_int_equal(
                adit_ticket_make(&t, (enum adit_ticket_kind)kind, nonce, &d, &offer, NOON_2026), 0);
            char *s = print(&t);
            len[takes] = strlen(s);
            assert_int_equal(find(&read, s), 0);
            adit_ticket_desc(&read, &back);
            assert_int_equal(back.datagram, takes);
            free(s);
        }
        assert_int_equal(len[0], len[1]);
    }
}

static void test_too_many_candidates(void **state)
{
    static const uint8_t nonce[ADIT_TICKET_NONCE];
    static struct adit_desc d;
    struct adit_ticket t;
    char text[80];

    (void)state;
    adit_desc_init(&d, ADIT_DESC_OFFER);
    assert_int_equal(adit_ticket_make(&t, ADIT_TICKET_OFFER, nonce, &d, NULL, 0), -EINVAL);
    d.fingerprints[0] = (struct adit_fingerprint){ .hash = ADIT_HASH_SHA256, .len = 32 };
    d.fingerprint_count = 1;
    for (unsigned i = 0; i < 40; i++) {
        snprintf(text, sizeof text, "1 1 udp 9 10.0.0.%u 1000 typ %s", i + 1,
                 i < 36 ? "host" : "srflx");
        assert_int_equal(adit_cand_parse(&d.cands[d.cand_count++], text, strlen(text)), 0);
    }
    assert_int_equal(adit_ticket_make(&t, ADIT_TICKET_OFFER, nonce, &d, NULL, 0), 0);
    assert_int_equal(t.cand_count, ADIT_TICKET_CANDS_MAX);
    assert_int_equal(t.cands[10].type, ADIT_CAND_HOST);
    for (unsigned i = 11; i < 15; i++)
        assert_int_equal(t.cands[i].type, ADIT_CAND_SRFLX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vector),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_random_tickets_come_back),
        cmocka_unit_test(test_every_single_letter_counts),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_found_in_text),
        cmocka_unit_test(test_end_is_told),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_public_vector),
        cmocka_unit_test(test_public_end),
        cmocka_unit_test(test_public_desc),
        cmocka_unit_test(test_answer_names_its_offer),
        cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_description),
        cmocka_unit_test(test_datagrams),
        cmocka_unit_test(test_too_many_candidates),
    };

    return cmocka_run_group_tests_name("ticket", tests, NULL, NULL);
}
