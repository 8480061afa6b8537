/* test_json.c - what is JSON and what is not, by our own table and by JSONTestSuite.
 *
 * The suite (nst/JSONTestSuite) is not part of this project:
 * JSON_TEST_SUITE names its folder; without it that test is skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <dirent.h>

#include "base/json.h"

#define D8  "[[[[[[[["
#define D32 D8 D8 D8 D8
#define U32 "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"

static const struct {
    const char *text;
    int at; /* -1: JSON; else the offset of the first wrong byte */
} rows[] = {
    { "{}", -1 },
    { " [ ] ", -1 },
    { "\"\"", -1 },
    { "0", -1 },
    { "-0", -1 },
    { "-1.5e+10", -1 },
    { "true", -1 },
    { "\t[null , false,{\"a\":[1,2,{}],\"a\":2}]\r\n", -1 },
    { "\"\\u0000\\uD83D\\uDE00\\\"\\\\\\/\\b\\f\\n\\r\\t\"", -1 },
    { "\"\xc3\xa4\xf0\x9f\x98\x80\"", -1 },
    { "{\"a\\u0000b\":1}", -1 },
    { D32 U32, -1 },

    { "", 0 },
    { "  ", 2 },
    { "[", 1 },
    { "[1", 2 },
    { "[1,", 3 },
    { "{\"a\"", 4 },
    { "\"abc", 4 },
    { "\"\\u12", 5 },
    { "tru", 3 },
    { "-", 1 },
    { "1.", 2 },
    { "1e", 2 },
    { "nul!", 3 },
    { "nulll", 4 },
    { "{} {}", 3 },
    { "1 2", 2 },
    { "01", 1 },
    { "+1", 0 },
    { ".5", 0 },
    { "NaN", 0 },
    { "[1,]", 3 },
    { "[,1]", 1 },
    { "{\"a\":1,}", 7 },
    { "{a:1}", 1 },
    { "{'a':1}", 1 },
    { "{\"a\" 1}", 5 },
    { "{\"a\":}", 5 },
    { "[1 2]", 3 },
    { "[1}", 2 },
    { "]", 0 },
    { "\"a\nb\"", 2 },
    { "\"\\x41\"", 2 },
    { "\"\\uD83G\"", 6 },
    { "\"\xff\"", 2 },
    { "\"\xc3\"", 2 },
    { "\"\xc0\xaf\"", 3 },
    { "\"\xed\xa0\x80\"", 4 },
    { "\xef\xbb\xbf{}", 0 },
    { "/* */ 1", 0 },
    { D32 "[" U32 "]", 32 },
};

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_cause cause = { .text = "" };
        size_t at = 999, len = strlen(rows[i].text);
        int err = adit_json_check(rows[i].text, len, &at, &cause);
        if (rows[i].at < 0 ? err != 0 : err != -EINVAL || at != (size_t)rows[i].at)
            fail_msg("%s: %d at %zu: %s", rows[i].text, err, at, cause.text);
        if (err < 0)
            assert_true(cause.text[0] != '\0');
    }
}

static void test_place_is_told(void **state)
{
    struct adit_cause cause;
    size_t at;

    (void)state;
    assert_int_equal(adit_json_check("[\n 1,\n x]", 9, &at, &cause), -EINVAL);
    assert_string_equal(cause.text, "not JSON at line 3, column 2: a value is missing");
    assert_int_equal(adit_json_check("[\n 1,", 5, &at, &cause), -EINVAL);
    assert_string_equal(cause.text, "not JSON at line 2, column 4: the end is missing");
}

static void test_scan(void **state)
{
    size_t end = 0;

    (void)state;
    assert_int_equal(adit_json_scan(" {\"a\":1} x", 11, &end), 0);
    assert_int_equal(end, 8);
    assert_int_equal(adit_json_scan("{\"a\":1", 6, &end), -EAGAIN);
    assert_int_equal(adit_json_scan("{\"a\";1", 6, &end), -EINVAL);
    assert_int_equal(adit_json_scan("", 0, &end), -EAGAIN);
}

static void test_read(void **state)
{
    static const char two[] = "{\"a\":\"first\",\"a\":\"last\",\"zero\":\"x\\u0000y\",\"n\":1}";
    struct adit_cause cause = { .text = "" };
    json_t *v = adit_json_read(two, sizeof two - 1, &cause);

    (void)state;
    assert_non_null(v);
    assert_string_equal(adit_json_string(v, "a"), "last");
    assert_null(adit_json_string(v, "zero"));
    assert_null(adit_json_string(v, "n"));
    assert_null(adit_json_string(v, "none"));
    json_decref(v);
    assert_null(adit_json_read("[1,", 3, &cause));
    assert_null(adit_json_read("1e999", 5, &cause)); /* JSON, but not for a double */
    assert_null(adit_json_read("{\"\\u0000\":1}", 12, &cause));
    assert_null(adit_json_read("{}\0", 3, &cause));
    assert_string_equal(cause.text, "not JSON at line 1, column 3: something follows the end");
}

static void test_size_limit(void **state)
{
    struct adit_cause cause;
    char *text = malloc(ADIT_JSON_SIZE_MAX + 1);
    json_t *v;

    (void)state;
    memset(text, ' ', ADIT_JSON_SIZE_MAX + 1);
    text[0] = '1';
    v = adit_json_read(text, ADIT_JSON_SIZE_MAX, &cause);
    assert_non_null(v);
    json_decref(v);
    assert_null(adit_json_read(text, ADIT_JSON_SIZE_MAX + 1, &cause));
    assert_int_equal(cause.err, EMSGSIZE);
    free(text);
}

/* ---- JSONTestSuite -------------------------------------------------------------------------- */

/* y_ must be accepted, n_ refused, i_ may be either. Returns whether it is so. */
static bool try_file(const char *dir, const char *name)
{
    char path[4096], *text = malloc(ADIT_JSON_SIZE_MAX);
    struct adit_cause cause;
    size_t at;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(text, 1, ADIT_JSON_SIZE_MAX, f);
    fclose(f);
    text = realloc(text, n ? n : 1);
    bool accepted = adit_json_check(text, n, &at, &cause) == 0;
    json_decref(adit_json_read(text, n, &cause));
    free(text);
    return name[0] == 'i' || accepted == (name[0] == 'y');
}

static void test_suite(void **state)
{
    const char *suite = getenv("JSON_TEST_SUITE");
    char dir[2048];
    struct dirent *e;
    unsigned good = 0, bad = 0;

    (void)state;
    if (!suite)
        skip();
    snprintf(dir, sizeof dir, "%s/test_parsing", suite);
    DIR *d = opendir(dir);
    assert_non_null(d);
    while ((e = readdir(d))) {
        if (e->d_name[0] == '.')
            continue;
        if (!try_file(dir, e->d_name))
            fail_msg("%s", e->d_name);
        good += e->d_name[0] == 'y';
        bad += e->d_name[0] == 'n';
    }
    closedir(d);
    assert_int_equal(good, 95);
    assert_int_equal(bad, 188);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),      cmocka_unit_test(test_place_is_told),
        cmocka_unit_test(test_scan),       cmocka_unit_test(test_read),
        cmocka_unit_test(test_size_limit), cmocka_unit_test(test_suite),
    };

    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
