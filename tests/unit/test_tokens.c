/* test_tokens.c - the token file of the server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "signal/tokens.h"

static void lines(void **state)
{
    char text[] = "# a comment\n"
                  "\n"
                  "12345678\n"
                  "  abcdefgh\toffice \r\n"
                  "tokentoken office gw-*,printer\n"
                  "   # another";
    struct adit_hub_token *t;
    struct adit_cause cause;
    size_t n;

    (void)state;
    assert_int_equal(adit_tokens_read(text, &t, &n, &cause), 0);
    assert_int_equal(n, 3);
    assert_string_equal(t[0].secret, "12345678");
    assert_null(t[0].account);
    assert_string_equal(t[1].secret, "abcdefgh");
    assert_string_equal(t[1].account, "office");
    assert_null(t[1].ids);
    assert_string_equal(t[2].account, "office");
    assert_string_equal(t[2].ids, "gw-*,printer");
    adit_free(t);
}

static void nothing(void **state)
{
    char text[] = "# nobody\n";
    struct adit_hub_token *t;
    struct adit_cause cause;
    size_t n;

    (void)state;
    assert_int_equal(adit_tokens_read(text, &t, &n, &cause), 0);
    assert_int_equal(n, 0);
    adit_free(t);
}

static void mistakes(void **state)
{
    static const struct {
        const char *text, *wrong;
    } rows[] = {
        { "1234567\n", "line 1: a token has at least 8" },
        { "12345678\n12345678 a b, c\n", "line 2: more than" },
        { "\n\n12345678 a b c", "line 3: more than" },
    };
    struct adit_hub_token *t;
    struct adit_cause cause;
    char text[1024];
    size_t n;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        strcpy(text, rows[i].text);
        if (adit_tokens_read(text, &t, &n, &cause) != -EINVAL || !strstr(cause.text, rows[i].wrong))
            fail_msg("row %zu: %s", i, cause.text);
    }
    for (int more = 0; more < 2; more++) {
        snprintf(text, sizeof text, "12345678 %0*d", 128 + more, 0);
        assert_int_equal(adit_tokens_read(text, &t, &n, &cause), more ? -EINVAL : 0);
        if (!more)
            adit_free(t);
        snprintf(text, sizeof text, "12345678 a %0*d", 512 + more, 0);
        assert_int_equal(adit_tokens_read(text, &t, &n, &cause), more ? -EINVAL : 0);
        if (!more)
            adit_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(nothing),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
