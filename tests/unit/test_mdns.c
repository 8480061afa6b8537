/* Names under ".local": the bytes, what is asked and when, what is answered and to whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/rng.h"
#include "lan/mdns.h"
#include "lan/mdns_msg.h"

#define OURS   "01234567-89ab-4cde-8f01-23456789abcd.local"
#define THEIRS "fedcba98-7654-4321-8fed-cba987654321.local"

struct world {
    struct adit_mdns *m;
    unsigned sent; /* messages */
    uint32_t index;
    enum adit_family family;
    struct adit_addr to; /* NONE: the group */
    uint8_t bytes[ADIT_MDNS_MSG_MAX];
    size_t n;
    unsigned answers, nobody;
    struct adit_addr addr;
    const char *again; /* is asked for from inside the callback */
};

static struct world w;
static struct adit_addr neighbour, stranger;

static struct adit_addr addr(const char *text)
{
    struct adit_addr a;

    if (adit_addr_parse_port(&a, text, strlen(text), 0) < 0)
        assert_int_equal(adit_addr_parse(&a, text, strlen(text)), 0);
    return a;
}

static void on_send(void *arg, uint32_t index, enum adit_family family, const struct adit_addr *to,
                    const void *bytes, size_t n)
{
    assert_ptr_equal(arg, &w);
    w.sent++;
    w.index = index;
    w.family = family;
    w.to = to ? *to : (struct adit_addr){ 0 };
    assert_true(n <= 1472);
    memcpy(w.bytes, bytes, n);
    w.n = n;
}

static void on_answer(void *arg, const char *name, const struct adit_addr *a, adit_time now)
{
    assert_ptr_equal(arg, &w);
    w.answers++;
    w.nobody += !a;
    if (a)
        w.addr = *a;
    if (w.again)
        assert_int_equal(adit_mdns_ask(w.m, w.again, now), 0);
    w.again = NULL;
    assert_true(strlen(name) > 0);
}

static const struct adit_mdns_ops ops = { .send = on_send, .answer = on_answer };

static int setup(void **state)
{
    const struct adit_mdns_link links[] = {
        { .index = 2, .addr = addr("192.168.1.2"), .prefix_len = 24 },
        { .index = 2, .addr = addr("192.168.1.3"), .prefix_len = 24 },
        { .index = 3, .addr = addr("2001:db8::2"), .prefix_len = 64 },
    };

    (void)state;
    w = (struct world){ .m = adit_mdns_new(&ops, &w) };
    adit_mdns_set_links(w.m, links, ADIT_LEN(links));
    neighbour = addr("192.168.1.77:5353");
    stranger = addr("203.0.113.9:5353");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    w.m = adit_mdns_free(w.m);
    return 0;
}

/* Jumps from deadline to deadline. */
static adit_time run(adit_time now, adit_time until)
{
    while (adit_mdns_deadline(w.m) <= until) {
        now = adit_time_max(now, adit_mdns_deadline(w.m));
        adit_mdns_tick(w.m, now);
    }
    return until;
}

static void says(const struct adit_addr *from, uint32_t index, const char *name, const char *ip,
                 uint32_t ttl, adit_time now)
{
    struct adit_addr a = addr(ip);
    struct adit_buf out;

    adit_buf_init(&out, ADIT_MDNS_MSG_MAX);
    adit_mdns_begin(&out, 0, true);
    adit_mdns_put_record(&out, name, &a, ttl, true);
    adit_mdns_finish(&out, 0, 1);
    adit_mdns_feed(w.m, index, from, out.data, out.len, now);
    adit_buf_done(&out);
}

static void asks(const struct adit_addr *from, uint32_t index, const char *name, uint16_t type,
                 bool unicast, const char *known, adit_time now)
{
    struct adit_addr a = addr(known ? known : "0.0.0.0");
    struct adit_buf out;

    w.sent = 0;
    adit_buf_init(&out, ADIT_MDNS_MSG_MAX);
    adit_mdns_begin(&out, 4711, false);
    adit_mdns_put_question(&out, name, type);
    if (unicast)
        out.data[out.len - 2] |= 0x80;
    if (known)
        adit_mdns_put_record(&out, name, &a, ADIT_MDNS_TTL, false);
    adit_mdns_finish(&out, 1, known != NULL);
    adit_mdns_feed(w.m, index, from, out.data, out.len, now);
    adit_buf_done(&out);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static void names_are_told_apart(void **state)
{
    static const struct {
        const char *name;
        bool good;
    } rows[] = {
        { OURS, true },
        { "Host_1.LOCAL", true },
        { "a.b.local", true },
        { "local", false },
        { ".local", false },
        { "a..local", false },
        { "a.local.", false },
        { "a.example", false },
        { "", false },
        { "a b.local", false },
        { "a.localhost", false },
        { "xlocal", false },
        { "0123456789012345678901234567890123456789012345678901234567890123.local", false },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        if (adit_mdns_name_valid(rows[i].name) != rows[i].good)
            fail_msg("%s", rows[i].name);
}

#define HEAD(q, a) "\0\0\0\0\0" q "\0" a "\0\0\0\0"
#define ROW(text)  text, sizeof(text) - 1

static void names_are_read(void **state)
{
    static const struct {
        const char *what, *bytes;
        size_t n;
        const char *name; /* of the last item; NULL: it is damaged */
    } rows[] = {
        { "plain", ROW(HEAD("\1", "\0") "\1A\5local\0\0\1\0\1"), "a.local" },
        { "pointer", ROW(HEAD("\2", "\0") "\1a\5local\0\0\1\0\1\1b\xc0\x0e\0\1\0\1"), "b.local" },
        { "to itself", ROW(HEAD("\1", "\0") "\xc0\x0c\0\1\0\1"), NULL },
        { "forward", ROW(HEAD("\1", "\0") "\xc0\x0e\0\1\0\1"), NULL },
        { "into the header", ROW(HEAD("\1", "\0") "\xc0\x02\0\1\0\1"), NULL },
        { "in a circle", ROW(HEAD("\1", "\0") "\1a\xc0\x0c\0\1\0\1"), NULL },
        { "label too long",
          ROW(HEAD("\1", "\0") "\x40"
                               "a\0\0\1\0\1"),
          NULL },
        { "cut off", ROW(HEAD("\1", "\0") "\5loc"), NULL },
        { "no type", ROW(HEAD("\1", "\0") "\1a\0\0\1"), NULL },
        { "not of ours", ROW(HEAD("\1", "\0") "\2a \5local\0\0\1\0\1"), "" },
        { "fewer than said", ROW(HEAD("\2", "\0") "\1a\0\0\1\0\1"), NULL },
        { "data cut off", ROW(HEAD("\0", "\1") "\1a\0\0\1\0\1\0\0\0\1\0\4\1\2\3"), NULL },
        { "data", ROW(HEAD("\0", "\1") "\1a\0\0\1\0\1\0\0\0\1\0\4\1\2\3\4"), "a" },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_mdns_reader r;
        struct adit_mdns_item item = { .name = "nothing" };
        unsigned left = 2;

        assert_true(adit_mdns_read(&r, rows[i].bytes, rows[i].n));
        while (left && adit_mdns_next(&r, &item))
            left--;
        if (r.c.bad != !rows[i].name || (rows[i].name && strcmp(item.name, rows[i].name) != 0))
            fail_msg("%s: '%s'", rows[i].what, item.name);
    }
}

static void messages_that_mean_nothing(void **state)
{
    struct adit_mdns_reader r;

    (void)state;
    assert_false(adit_mdns_read(&r, "\0\0\0\0\0\0\0\0\0\0\0", 11));
    assert_false(adit_mdns_read(&r, "\0\0\x28\0\0\0\0\0\0\0\0\0", 12)); /* opcode 5 */
    assert_false(adit_mdns_read(&r, "\0\0\x80\3\0\0\0\0\0\0\0\0", 12)); /* NXDOMAIN */
    assert_true(adit_mdns_read(&r, "\0\0\x84\0\0\0\0\0\0\0\0\0", 12));
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void a_name_is_asked_for_three_times_in_five_seconds(void **state)
{
    (void)state;
    assert_int_equal(adit_mdns_ask(w.m, THEIRS, 0), 0);
    assert_int_equal(adit_mdns_ask(w.m, THEIRS, 0), 0);
    assert_int_equal(adit_mdns_ask(w.m, "example.com", 0), -EINVAL);
    assert_false(adit_mdns_idle(w.m));
    run(0, 0);
    assert_int_equal(w.sent, 2); /* one interface of each family */
    assert_int_equal(w.to.family, ADIT_FAMILY_NONE);
    run(0, 4 * ADIT_SEC);
    assert_int_equal(w.sent, 6);
    assert_int_equal(w.answers, 0);
    run(0, 60 * ADIT_SEC);
    assert_int_equal(w.sent, 6);
    assert_int_equal(w.nobody, 1);
    assert_int_equal(adit_mdns_deadline(w.m), ADIT_NEVER);
    assert_true(adit_mdns_idle(w.m));
}

static void an_answer_is_told_once_and_kept(void **state)
{
    (void)state;
    assert_int_equal(adit_mdns_ask(w.m, THEIRS, 0), 0);
    run(0, 0);
    says(&neighbour, 2, "FEDCBA98-7654-4321-8fed-cba987654321.local", "192.168.1.77", 120, 1);
    assert_int_equal(w.answers, 1);
    assert_int_equal(w.nobody, 0);
    assert_true(adit_addr_equal_ip(&w.addr, &neighbour));
    says(&neighbour, 2, THEIRS, "192.168.1.78", 120, 2);
    assert_int_equal(w.answers, 1);
    w.sent = 0;
    assert_int_equal(adit_mdns_ask(w.m, THEIRS, 3), 0);
    run(3, 10 * ADIT_SEC);
    assert_int_equal(w.answers, 2);
    assert_int_equal(w.sent, 0);
}

static void who_may_answer(void **state)
{
    struct adit_addr other_port = neighbour, six = addr("[fe80::5]:5353");

    (void)state;
    other_port.port = 1234;
    assert_int_equal(adit_mdns_ask(w.m, THEIRS, 0), 0);
    run(0, 0);
    says(&stranger, 2, THEIRS, "192.168.1.77", 120, 1);   /* not on the link */
    says(&neighbour, 3, THEIRS, "192.168.1.77", 120, 1);  /* on another one */
    says(&neighbour, 9, THEIRS, "192.168.1.77", 120, 1);  /* on none of ours */
    says(&other_port, 2, THEIRS, "192.168.1.77", 120, 1); /* no multicast DNS program */
    says(&neighbour, 2, THEIRS, "192.168.1.77", 0, 1);    /* goodbye */
    says(&neighbour, 2, THEIRS, "127.0.0.1", 120, 1);
    says(&neighbour, 2, THEIRS, "224.0.0.1", 120, 1);
    says(&neighbour, 2, OURS, "192.168.1.77", 120, 1);
    assert_int_equal(w.answers, 0);
    says(&six, 3, THEIRS, "fe80::7", 120, 1);
    assert_int_equal(w.answers, 1);
    assert_int_equal(w.addr.scope, 3);
}

static void a_thousand_names_are_no_storm(void **state)
{
    char name[32];
    unsigned taken = 0;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "n%d.local", i);
        taken += adit_mdns_ask(w.m, name, 0) == 0;
    }
    assert_int_equal(taken, ADIT_MDNS_ASK_MAX);
    run(0, 60 * ADIT_SEC);
    assert_int_equal(w.sent, 2 * 3 * 4); /* four times sixteen */
    assert_int_equal(w.nobody, ADIT_MDNS_ASK_MAX);
}

/* Each answer lets another name have its turn: not one packet for each. */
static void answers_that_come_quickly_are_no_storm_either(void **state)
{
    char name[32];

    (void)state;
    for (int i = 0; i < ADIT_MDNS_ASK_MAX; i++) {
        snprintf(name, sizeof name, "n%d.local", i);
        assert_int_equal(adit_mdns_ask(w.m, name, 0), 0);
    }
    for (int i = 0; i < ADIT_MDNS_ASK_MAX; i++) {
        snprintf(name, sizeof name, "n%d.local", i);
        run(0, (adit_time)i * ADIT_MS);
        says(&neighbour, 2, name, "192.168.1.77", 120, (adit_time)i * ADIT_MS);
    }
    assert_true(w.sent <= 2 * 2);
}

static void a_handler_asks_for_more(void **state)
{
    (void)state;
    w.again = "more.local";
    assert_int_equal(adit_mdns_ask(w.m, THEIRS, 0), 0);
    run(0, 0);
    says(&neighbour, 2, THEIRS, "192.168.1.77", 120, 1);
    run(1, 20 * ADIT_SEC);
    assert_int_equal(w.answers, 2);
}

/* ---- answering ------------------------------------------------------------------------------- */

static void own_names_are_answered_where_they_are(void **state)
{
    struct adit_addr here = addr("192.168.1.2"), one_shot = addr("192.168.1.77:40000");
    struct adit_mdns_reader r;
    struct adit_mdns_item item;

    (void)state;
    assert_int_equal(adit_mdns_own(w.m, OURS, 2, &here), 0);
    assert_false(adit_mdns_idle(w.m));
    asks(&neighbour, 2, OURS, ADIT_MDNS_A, false, NULL, ADIT_SEC);
    assert_int_equal(w.sent, 1);
    assert_int_equal(w.index, 2);
    assert_int_equal(w.to.family, ADIT_FAMILY_NONE);
    assert_true(adit_mdns_read(&r, w.bytes, w.n));
    assert_true(r.response && r.id == 0 && r.questions == 0);
    assert_true(adit_mdns_next(&r, &item));
    assert_string_equal(item.name, OURS);
    assert_true(item.top_bit && item.ttl == ADIT_MDNS_TTL && adit_addr_equal_ip(&item.addr, &here));

    asks(&neighbour, 2, OURS, ADIT_MDNS_A, false, NULL, ADIT_SEC + 1); /* once a second */
    assert_int_equal(w.sent, 0);
    asks(&neighbour, 2, OURS, ADIT_MDNS_ANY, false, NULL, 2 * ADIT_SEC);
    assert_int_equal(w.sent, 1);
    asks(&neighbour, 2, OURS, ADIT_MDNS_A, false, "192.168.1.2", 4 * ADIT_SEC); /* it knows */
    assert_int_equal(w.sent, 0);
    asks(&neighbour, 2, OURS, ADIT_MDNS_AAAA, false, NULL, 5 * ADIT_SEC);
    asks(&neighbour, 2, THEIRS, ADIT_MDNS_A, false, NULL, 5 * ADIT_SEC);
    asks(&neighbour, 3, OURS, ADIT_MDNS_A, false, NULL, 5 * ADIT_SEC);
    asks(&stranger, 2, OURS, ADIT_MDNS_A, false, NULL, 5 * ADIT_SEC);
    assert_int_equal(w.sent, 0);

    asks(&neighbour, 2, OURS, ADIT_MDNS_A, true, NULL, 6 * ADIT_SEC);
    assert_true(adit_addr_equal(&w.to, &neighbour));

    asks(&one_shot, 2, OURS, ADIT_MDNS_A, false, NULL, 7 * ADIT_SEC); /* section 6.7 */
    assert_true(adit_addr_equal(&w.to, &one_shot));
    assert_true(adit_mdns_read(&r, w.bytes, w.n));
    assert_true(r.id == 4711 && r.questions == 1);
    assert_true(adit_mdns_next(&r, &item) && item.question && adit_mdns_next(&r, &item));
    assert_true(!item.top_bit && item.ttl == 10);

    adit_mdns_disown(w.m, OURS);
    asks(&neighbour, 2, OURS, ADIT_MDNS_A, false, NULL, 20 * ADIT_SEC);
    assert_int_equal(w.sent, 0);
    assert_true(adit_mdns_idle(w.m));
}

static void unicast_answers_have_a_limit(void **state)
{
    struct adit_addr here = addr("192.168.1.2"), one_shot = addr("192.168.1.77:40000");
    unsigned sent = 0;

    (void)state;
    assert_int_equal(adit_mdns_own(w.m, OURS, 2, &here), 0);
    for (int i = 0; i < 1000; i++) {
        asks(&one_shot, 2, OURS, ADIT_MDNS_A, false, NULL, 5 * ADIT_SEC + (adit_time)i);
        sent += w.sent;
    }
    assert_int_equal(sent, 20);
}

static void random_names_are_uuids(void **state)
{
    struct adit_rng rng;
    char a[ADIT_MDNS_OWN_STR], b[ADIT_MDNS_OWN_STR];
    struct adit_addr here = addr("192.168.1.2");

    (void)state;
    adit_rng_init_seed(&rng, 1);
    adit_mdns_random_name(&rng, a);
    adit_mdns_random_name(&rng, b);
    assert_string_not_equal(a, b);
    assert_int_equal(strlen(a), 42);
    assert_int_equal(a[14], '4');
    assert_true(adit_mdns_name_valid(a));
    for (int i = 0; i < ADIT_MDNS_LINKS_MAX; i++) {
        adit_mdns_random_name(&rng, a);
        assert_int_equal(adit_mdns_own(w.m, a, 2, &here), 0);
    }
    assert_int_equal(adit_mdns_own(w.m, b, 2, &here), -ENOSPC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_are_told_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(names_are_read, setup, teardown),
        cmocka_unit_test_setup_teardown(messages_that_mean_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_is_asked_for_three_times_in_five_seconds, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_answer_is_told_once_and_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(who_may_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(a_thousand_names_are_no_storm, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_that_come_quickly_are_no_storm_either, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_handler_asks_for_more, setup, teardown),
        cmocka_unit_test_setup_teardown(own_names_are_answered_where_they_are, setup, teardown),
        cmocka_unit_test_setup_teardown(unicast_answers_have_a_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(random_names_are_uuids, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
