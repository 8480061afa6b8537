/* The priority queue: order, ties, removal from anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/heap.h"
#include "base/rng.h"

struct item {
    struct adit_heap_node node;
    unsigned born;
};

static struct item *item_of(struct adit_heap_node *node)
{
    return adit_container_of(node, struct item, node);
}

static void times_leave_in_order_and_ties_as_they_came(void **state)
{
    static const adit_time in[] = { 5, 3, 9, 3, 0, ADIT_NEVER - 1, 5, 3 };
    static const unsigned out[] = { 4, 1, 3, 7, 0, 6, 2, 5 };
    struct item items[ADIT_LEN(in)] = { 0 };
    struct adit_heap h = { 0 };

    (void)state;
    for (unsigned i = 0; i < ADIT_LEN(in); i++) {
        items[i].born = i;
        adit_heap_add(&h, &items[i].node, in[i]);
    }
    for (unsigned i = 0; i < ADIT_LEN(out); i++) {
        struct adit_heap_node *first = adit_heap_first(&h);
        assert_int_equal(item_of(first)->born, out[i]);
        adit_heap_remove(&h, first);
        assert_false(adit_heap_has(first));
    }
    assert_null(adit_heap_first(&h));
}

static void removing_what_is_not_there_changes_nothing(void **state)
{
    struct item in = { 0 }, never = { 0 };
    struct adit_heap h = { 0 };

    (void)state;
    adit_heap_add(&h, &in.node, 1);
    adit_heap_remove(&h, &never.node);
    assert_int_equal(h.count, 1);
    adit_heap_remove(&h, &in.node);
    adit_heap_remove(&h, &in.node);
    assert_int_equal(h.count, 0);
}

/* Compares with the plainest queue there is: look at everything. */
static struct item *earliest(struct item *items, unsigned n)
{
    struct item *best = NULL;

    for (unsigned i = 0; i < n; i++)
        if (adit_heap_has(&items[i].node) &&
            (!best || items[i].node.at < best->node.at ||
             (items[i].node.at == best->node.at && items[i].node.seq < best->node.seq)))
            best = &items[i];
    return best;
}

static void random_work_agrees_with_a_plain_search(void **state)
{
    struct item items[200] = { 0 };
    struct adit_heap h = { 0 };
    struct adit_rng rng;

    (void)state;
    adit_rng_init_seed(&rng, 1);
    for (unsigned step = 0; step < 20000; step++) {
        struct item *it = &items[adit_rng_below(&rng, ADIT_LEN(items))];
        struct item *best = earliest(items, ADIT_LEN(items));

        assert_ptr_equal(adit_heap_first(&h), best ? &best->node : NULL);
        if (best && adit_rng_below(&rng, 3) == 0)
            it = best;
        if (adit_heap_has(&it->node))
            adit_heap_remove(&h, &it->node);
        else
            adit_heap_add(&h, &it->node, adit_rng_below(&rng, 50));
    }
    while (adit_heap_first(&h))
        adit_heap_remove(&h, adit_heap_first(&h));
    assert_int_equal(h.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_leave_in_order_and_ties_as_they_came),
        cmocka_unit_test(removing_what_is_not_there_changes_nothing),
        cmocka_unit_test(random_work_agrees_with_a_plain_search),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
