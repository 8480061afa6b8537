/* test_map.c - the hash table: what is in it is found, in every order of coming and going. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/map.h"

#define COUNT 3000

struct item {
    struct adit_map_node node;
    char key[16];
};

static void items_come_and_go(void **state)
{
    static struct item items[COUNT];
    struct adit_rng rng;
    struct adit_map map;
    size_t in = 0, seen = 0;

    (void)state;
    adit_rng_init_seed(&rng, 1);
    adit_map_init(&map, &rng);
    assert_null(adit_map_find(&map, "", 0));
    assert_null(adit_map_next(&map, NULL));
    for (size_t i = 0; i < COUNT; i++)
        snprintf(items[i].key, sizeof items[i].key, "%zu", i);
    for (size_t step = 0; step < 10 * COUNT; step++) {
        struct item *it = &items[adit_rng_below(&rng, COUNT)];
        size_t len = strlen(it->key);

        assert_true(adit_map_find(&map, it->key, len) ==
                    (adit_map_has(&it->node) ? &it->node : NULL));
        if (adit_map_has(&it->node)) {
            adit_map_remove(&map, &it->node);
            in--;
        } else {
            assert_int_equal(adit_map_add(&map, &it->node, it->key, len), 0);
            in++;
        }
        assert_int_equal(map.count, in);
    }
    for (struct adit_map_node *n = adit_map_next(&map, NULL); n; n = adit_map_next(&map, n))
        seen++;
    assert_int_equal(seen, in);
    for (struct adit_map_node *n = adit_map_next(&map, NULL), *next; n; n = next) {
        next = adit_map_next(&map, n);
        adit_map_remove(&map, n);
        adit_map_remove(&map, n);
    }
    assert_int_equal(map.count, 0);
    adit_map_done(&map);
}

static void a_prefix_is_another_key(void **state)
{
    struct item a = { .key = "a" }, ab = { .key = "ab" };
    struct adit_rng rng;
    struct adit_map map;

    (void)state;
    adit_rng_init_seed(&rng, 2);
    adit_map_init(&map, &rng);
    assert_int_equal(adit_map_add(&map, &a.node, a.key, 1), 0);
    assert_null(adit_map_find(&map, "ab", 2));
    assert_null(adit_map_find(&map, "a", 2));
    assert_int_equal(adit_map_add(&map, &ab.node, ab.key, 2), 0);
    assert_true(adit_map_find(&map, "ab", 2) == &ab.node);
    adit_map_done(&map);
}

static void without_memory_only_the_first_fails(void **state)
{
    static struct item items[64];
    struct adit_rng rng;
    struct adit_map map;

    (void)state;
    adit_rng_init_seed(&rng, 3);
    adit_map_init(&map, &rng);
    adit_alloc_fail_at(0);
    assert_int_equal(adit_map_add(&map, &items[0].node, "x", 1), -ENOMEM);
    assert_false(adit_map_has(&items[0].node));
    adit_alloc_fail_at(1);
    for (size_t i = 0; i < ADIT_LEN(items); i++) {
        snprintf(items[i].key, sizeof items[i].key, "%zu", i);
        assert_int_equal(adit_map_add(&map, &items[i].node, items[i].key, strlen(items[i].key)), 0);
    }
    adit_alloc_fail_at(UINT64_MAX);
    for (size_t i = 0; i < ADIT_LEN(items); i++)
        assert_true(adit_map_find(&map, items[i].key, strlen(items[i].key)) == &items[i].node);
    adit_map_done(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_come_and_go),
        cmocka_unit_test(a_prefix_is_another_key),
        cmocka_unit_test(without_memory_only_the_first_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
