/* test_ice_pair.c - priorities and the checklist (RFC 8445 sections 5.1 and 6.1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ice/pair.h"

static struct adit_addr addr(const char *text)
{
    struct adit_addr a;

    assert_int_equal(adit_addr_parse_port(&a, text, strlen(text), 0), 0);
    return a;
}

static void test_candidate_priorities(void **state)
{
    static const struct {
        enum adit_cand_type type;
        uint16_t preference;
        uint32_t priority;
    } rows[] = {
        { ADIT_CAND_HOST, 65535, 2130706431 }, /* what every implementation prints */
        { ADIT_CAND_SRFLX, 65535, 1694498815 },
        { ADIT_CAND_PRFLX, 65535, 1862270975 },
        { ADIT_CAND_RELAY, 65535, 16777215 },
        { ADIT_CAND_HOST, 0, 126u << 24 | 255 },
        { ADIT_CAND_RELAY, 0, 255 },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        assert_int_equal(adit_cand_priority(rows[i].type, rows[i].preference), rows[i].priority);
}

static void test_pair_priorities(void **state)
{
    (void)state;
    /* 2^32 * MIN(G,D) + 2 * MAX(G,D) + (G > D ? 1 : 0) */
    assert_true(adit_pair_priority(true, 3, 2) == ((uint64_t)2 << 32 | 7));
    assert_true(adit_pair_priority(true, 2, 3) == ((uint64_t)2 << 32 | 6));
    assert_true(adit_pair_priority(true, 5, 5) == ((uint64_t)5 << 32 | 10));
    assert_true(adit_pair_priority(true, INT32_MAX, 1) == ((uint64_t)1 << 32 | 0xffffffff));
    for (uint32_t l = 1; l < 100000; l += 777) /* both sides see the same number */
        for (uint32_t r = 1; r < 100000; r += 999)
            assert_true(adit_pair_priority(true, l, r) == adit_pair_priority(false, r, l));
}

static void test_who_may_pair(void **state)
{
    static const struct {
        const char *local, *remote;
        bool ok;
    } rows[] = {
        { "10.0.0.1:1", "203.0.113.1:1", true },
        { "10.0.0.1:1", "[2001:db8::1]:1", false },
        { "[fe80::1]:1", "[fe80::2]:1", true },
        { "[fe80::1]:1", "[2001:db8::1]:1", false },
        { "[2001:db8::1]:1", "[fe80::1]:1", false },
        { "[fd00::1]:1", "[2001:db8::1]:1", true },
        { "169.254.1.1:1", "169.254.1.2:1", true },
        { "169.254.1.1:1", "10.0.0.1:1", false },
        { "127.0.0.1:1", "127.0.0.1:2", true },
        { "127.0.0.1:1", "10.0.0.1:1", false },
        { "[::1]:1", "[::1]:2", true },
        { "[2001:db8::1]:1", "[::1]:2", false },
        { "[100::1]:9", "[100::2]:9", true }, /* peers at the signaling server, to each other */
        { "[100::1]:9", "[2001:db8::1]:1", false },
        { "[2001:db8::1]:1", "[100::2]:9", false },
        { "[fd00::1]:1", "[100::2]:9", false },
        { "[100:0:0:1::1]:9", "[2001:db8::1]:1", true },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_addr l = addr(rows[i].local), r = addr(rows[i].remote);
        if (adit_pair_allowed(&l, &r) != rows[i].ok)
            fail_msg("%s with %s", rows[i].local, rows[i].remote);
    }
}

/* ---- a checklist of one base and made-up remotes --------------------------------------------- */

static struct adit_ice_local host = { .cand.priority = 1000 };
static struct adit_ice_base base = { .own = &host, .group = 1 };
static struct adit_ice_remote remotes[16];

static struct adit_pair *add(struct adit_checklist *l, unsigned i, uint32_t priority,
                             uint16_t group)
{
    remotes[i].cand.priority = priority;
    remotes[i].cand.addr =
        (struct adit_addr){ .family = ADIT_FAMILY_V4, .port = (uint16_t)(i + 1) };
    remotes[i].group = group;
    return adit_checklist_add(l, &base, &remotes[i], true, false);
}

/* RFC 8445 section 6.1.2.6: the best of each foundation first, then the others. */
static void test_order(void **state)
{
    struct adit_checklist l;
    struct adit_pair *p[5];
    static const unsigned expected[] = { 1, 3, 0, 2, 4 };

    (void)state;
    base.addr = addr("10.0.0.1:1");
    assert_int_equal(adit_checklist_init(&l, 10), 0);
    p[0] = add(&l, 0, 30, 1);
    p[1] = add(&l, 1, 50, 1);
    p[2] = add(&l, 2, 20, 1);
    p[3] = add(&l, 3, 40, 2);
    p[4] = add(&l, 4, 10, 2);
    for (size_t i = 0; i < ADIT_LEN(expected); i++) {
        struct adit_pair *next = adit_checklist_next(&l);
        assert_ptr_equal(next, p[expected[i]]);
        next->state = ADIT_PAIR_IN_PROGRESS;
    }
    assert_null(adit_checklist_next(&l));
    assert_int_equal(adit_checklist_active(&l), 5);
    /* Success lets the foundation's others go before any that nothing is known of. */
    for (size_t i = 0; i < 5; i++)
        p[i]->state = i == 1 ? ADIT_PAIR_SUCCEEDED : ADIT_PAIR_FROZEN;
    adit_checklist_unfreeze(&l, p[1]->group);
    assert_ptr_equal(adit_checklist_next(&l), p[0]);
    assert_int_equal(p[3]->state, ADIT_PAIR_FROZEN);
    adit_checklist_done(&l);
}

static void test_limit(void **state)
{
    struct adit_checklist l;
    struct adit_pair *p;

    (void)state;
    assert_int_equal(adit_checklist_init(&l, 3), 0);
    add(&l, 0, 10, 1)->valid = true;
    add(&l, 1, 20, 2);
    add(&l, 2, 30, 3);
    assert_null(add(&l, 3, 15, 4)); /* worse than any that is idle */
    p = add(&l, 4, 25, 5);
    assert_non_null(p); /* took the place of the one with 20 */
    assert_int_equal(l.count, 3);
    assert_null(adit_checklist_find(&l, &base, &remotes[1].cand.addr));
    assert_non_null(adit_checklist_find(&l, &base, &remotes[0].cand.addr)); /* in use */
    adit_checklist_trigger(&l, p);
    adit_checklist_find(&l, &base, &remotes[2].cand.addr)->state = ADIT_PAIR_IN_PROGRESS;
    assert_null(add(&l, 5, 99, 6)); /* all are in use */
    /* Somebody calls: what has not answered yet makes room, but nothing else does. */
    assert_non_null(adit_checklist_add(&l, &base, &remotes[6], true, true));
    assert_null(adit_checklist_find(&l, &base, &remotes[2].cand.addr));
    adit_checklist_find(&l, &base, &remotes[6].cand.addr)->heard = true;
    assert_null(adit_checklist_add(&l, &base, &remotes[7], true, true));
    adit_checklist_remove(&l, p); /* also from the queue */
    assert_true(adit_list_empty(&l.triggered));
    adit_checklist_done(&l);
}

static void test_triggered_once(void **state)
{
    struct adit_checklist l;
    struct adit_pair *a, *b;

    (void)state;
    assert_int_equal(adit_checklist_init(&l, 3), 0);
    a = add(&l, 0, 10, 1);
    b = add(&l, 1, 20, 2);
    adit_checklist_trigger(&l, a);
    adit_checklist_trigger(&l, b);
    adit_checklist_trigger(&l, a);
    assert_ptr_equal(l.triggered.next, &a->triggered); /* first come, first served, once */
    assert_ptr_equal(l.triggered.next->next, &b->triggered);
    assert_ptr_equal(l.triggered.next->next->next, &l.triggered);
    assert_int_equal(a->state, ADIT_PAIR_WAITING);
    adit_checklist_done(&l);
}

static void test_roles_change_priorities(void **state)
{
    struct adit_checklist l;
    struct adit_pair *p;

    (void)state;
    assert_int_equal(adit_checklist_init(&l, 3), 0);
    p = add(&l, 0, 10, 1);
    assert_true(p->priority == adit_pair_priority(true, 1000, 10));
    adit_checklist_reprioritise(&l, false);
    assert_true(p->priority == adit_pair_priority(false, 1000, 10));
    adit_checklist_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_candidate_priorities),
        cmocka_unit_test(test_pair_priorities),
        cmocka_unit_test(test_who_may_pair),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_triggered_once),
        cmocka_unit_test(test_roles_change_priorities),
    };

    return cmocka_run_group_tests_name("ice pair", tests, NULL, NULL);
}
