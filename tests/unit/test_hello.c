/* HELLO and AGREE, by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "app/hello.h"

static void by_row(void **state)
{
    static const struct {
        const char *name, *json;
        uint8_t type;
        int err;
        bool adit;
        unsigned streams;
        size_t window;
    } rows[] = {
        { "the original's hello",
          "{\"proto\":\"httptunnel\",\"min_version\":1,\"max_version\":1,\"features\":[\"sse\"]}",
          1, 0, false, 1024, 8192 },
        { "ours",
          "{\"proto\":\"httptunnel\",\"min_version\":1,\"max_version\":1,"
          "\"features\":[\"sse\",\"adit-1\"],\"window\":16384,\"streams\":7}",
          1, 0, true, 7, 16384 },
        { "a later one",
          "{\"proto\":\"httptunnel\",\"min_version\":1,\"max_version\":9,\"features\":[\"x\"],"
          "\"more\":{\"a\":[1]}}",
          1, 0, false, 1024, 8192 },
        { "the original's agree", "{\"version\":1,\"features\":[\"sse\"]}", 2, 0, false, 1024,
          8192 },
        { "no features", "{\"version\":1}", 2, 0, false, 1024, 8192 },
        { "features of the wrong kind", "{\"version\":1,\"features\":[1,null,[\"adit-1\"]]}", 2, 0,
          false, 1024, 8192 },
        { "absurd numbers", "{\"version\":1,\"window\":1e400,\"streams\":2}", 2, -EINVAL, false, 0,
          0 },
        { "huge numbers", "{\"version\":1,\"window\":99999999999,\"streams\":99999999999}", 2, 0,
          false, 1 << 20, 1 << 24 },
        { "negative numbers", "{\"version\":1,\"window\":-1,\"streams\":-5}", 2, 0, false, 1024,
          8192 },
        { "another protocol", "{\"proto\":\"x\",\"min_version\":1,\"max_version\":1}", 1,
          -EPROTONOSUPPORT, false, 0, 0 },
        { "too new", "{\"proto\":\"httptunnel\",\"min_version\":2,\"max_version\":3}", 1,
          -EPROTONOSUPPORT, false, 0, 0 },
        { "no version", "{\"features\":[]}", 2, -EPROTONOSUPPORT, false, 0, 0 },
        { "version 2", "{\"version\":2}", 2, -EPROTONOSUPPORT, false, 0, 0 },
        { "no object", "[]", 2, -EINVAL, false, 0, 0 },
        { "no JSON", "{", 1, -EINVAL, false, 0, 0 },
        { "nothing", "", 1, -EINVAL, false, 0, 0 },
        { "another type", "{\"version\":1}", 3, -EINVAL, false, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_hello h = { 0 };
        struct adit_buf b;

        adit_buf_init(&b, 8192);
        adit_buf_add8(&b, rows[i].type);
        adit_buf_add(&b, "\0\0\0\0", 4);
        adit_buf_printf(&b, "%s", rows[i].json);
        if (adit_hello_get(&h, b.data, b.len) != rows[i].err || h.adit != rows[i].adit ||
            h.streams != rows[i].streams || h.window != rows[i].window)
            fail_msg("%s: %d %u %zu", rows[i].name, h.adit, h.streams, h.window);
        adit_buf_done(&b);
    }
    struct adit_hello none;
    assert_int_equal(adit_hello_get(&none, (const uint8_t *)"\1\0\0\0", 4), -EINVAL);
}

/* The bytes of docs/compat.md, for who is no adit. */
static void what_we_say(void **state)
{
    static const uint8_t plain[] = "\2\0\0\0\0{\"version\":1,\"features\":[\"sse\"]}";
    struct adit_hello theirs = { .type = ADIT_HELLO }, h;
    struct adit_buf b;

    (void)state;
    adit_buf_init(&b, 8192);
    adit_hello_put(&b, &theirs, 5, 100);
    assert_int_equal(b.len, sizeof plain - 1);
    assert_memory_equal(b.data, plain, b.len);
    b.len = 0;
    theirs.adit = true;
    adit_hello_put(&b, &theirs, 5, 100);
    assert_int_equal(adit_hello_get(&h, b.data, b.len), 0);
    assert_true(h.adit && h.type == ADIT_AGREE && h.streams == 5 && h.window == 100);
    b.len = 0;
    adit_hello_put(&b, NULL, 6, 200);
    assert_int_equal(adit_hello_get(&h, b.data, b.len), 0);
    assert_true(h.adit && h.type == ADIT_HELLO && h.streams == 6 && h.window == 200);
    adit_buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(by_row), cmocka_unit_test(what_we_say) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
