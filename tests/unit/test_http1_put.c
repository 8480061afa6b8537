/* test_http1_put.c - messages written, and questions about heads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/http1_script.h"

static void expect(struct adit_buf *out, const char *text)
{
    assert_int_equal(out->err, 0);
    assert_string_equal(adit_buf_str(out), text);
    adit_buf_done(out);
}

static void messages(void **state)
{
    static const struct adit_http1_field trailers[] = { { "T", "1" }, { "U", "" } };
    struct adit_buf out;

    (void)state;
    adit_buf_init(&out, 1000);
    adit_http1_put_request(&out, "GET", "/a?b");
    adit_http1_put_field(&out, "Host", "a");
    adit_http1_put_end(&out);
    expect(&out, "GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n");
    adit_http1_put_status(&out, 404, NULL);
    adit_http1_put_status(&out, 299, NULL);
    adit_http1_put_status(&out, 200, "Fine, \xc3\xa4");
    expect(&out, "HTTP/1.1 404 Not Found\r\nHTTP/1.1 299 \r\nHTTP/1.1 200 Fine, \xc3\xa4\r\n");
    adit_http1_put_chunk(&out, "hello", 5);
    adit_http1_put_chunk(&out, "", 0); /* would be the end */
    adit_http1_put_chunk(&out, "0123456789abcdef", 16);
    adit_http1_put_last_chunk(&out, trailers, 2);
    expect(&out, "5\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\nT: 1\r\nU: \r\n\r\n");
    adit_http1_put_last_chunk(&out, NULL, 0);
    expect(&out, "0\r\n\r\n");
    adit_http1_put_reply(&out, 200, "application/json", "{}", 2, true);
    expect(&out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                 "Content-Length: 2\r\n\r\n{}");
    adit_http1_put_reply(&out, 400, NULL, NULL, 9, false);
    expect(&out, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 9\r\n\r\n");
    adit_http1_put_reply(&out, 204, NULL, NULL, 0, true);
    expect(&out, "HTTP/1.1 204 No Content\r\n\r\n");
    adit_http1_put_length(&out, UINT64_MAX);
    expect(&out, "Content-Length: 18446744073709551615\r\n");
}

static void nothing_breaks_out_of_its_line(void **state)
{
    static const char *const bad_values[] = { "a\r\nb", "a\nb", "a\rb", "\x1b", "\x7f", "a\vb" };
    static const char *const bad_names[] = { "", "a b", "a:", "a\r", "\xc3\xa4", "a\n" };
    static const char *const bad_targets[] = { "", "/a b", "/\r\n", "/\x01", "/\xc3\xa4" };
    struct adit_buf out;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(bad_values); i++) {
        adit_buf_init(&out, 1000);
        adit_http1_put_field(&out, "X", bad_values[i]);
        assert_int_equal(out.err, -EINVAL);
        adit_buf_init(&out, 1000);
        adit_http1_put_status(&out, 200, bad_values[i]);
        assert_int_equal(out.err, -EINVAL);
    }
    for (size_t i = 0; i < ADIT_LEN(bad_names); i++) {
        adit_buf_init(&out, 1000);
        adit_http1_put_field(&out, bad_names[i], "x");
        assert_int_equal(out.err, -EINVAL);
        adit_buf_init(&out, 1000);
        adit_http1_put_request(&out, bad_names[i], "/");
        assert_int_equal(out.err, -EINVAL);
    }
    for (size_t i = 0; i < ADIT_LEN(bad_targets); i++) {
        adit_buf_init(&out, 1000);
        adit_http1_put_request(&out, "GET", bad_targets[i]);
        assert_int_equal(out.err, -EINVAL);
        assert_int_equal(out.len, 0);
    }
    adit_buf_init(&out, 1000);
    adit_http1_put_status(&out, 99, NULL);
    assert_int_equal(out.err, -EINVAL);
    adit_buf_init(&out, 10);
    adit_http1_put_field(&out, "X", "0123456789");
    assert_int_equal(out.err, -EMSGSIZE); /* the first error stays */
    adit_http1_put_field(&out, "X", "\n");
    assert_int_equal(out.err, -EMSGSIZE);
    adit_buf_done(&out);
}

static void questions(void **state)
{
    static const struct adit_http1_field fields[] = {
        { "A", "1" }, { "a", "2" }, { "List", " x ,, Y\t, zz" }, { "LIST", "last" }, { "E", "" },
    };
    struct adit_http1_head head = { .fields = fields, .count = ADIT_LEN(fields) };
    const char *list = ",\t a , b c,d";
    struct adit_span t;

    (void)state;
    assert_string_equal(adit_http1_get(&head, "a"), "1");
    assert_null(adit_http1_get(&head, "aa"));
    assert_int_equal(adit_http1_count(&head, "A"), 2);
    assert_null(adit_http1_get_one(&head, "A"));
    assert_string_equal(adit_http1_get_one(&head, "e"), "");
    assert_true(adit_http1_has_token(&head, "list", "X"));
    assert_true(adit_http1_has_token(&head, "list", "y"));
    assert_true(adit_http1_has_token(&head, "list", "LAST"));
    assert_false(adit_http1_has_token(&head, "list", "z"));
    assert_false(adit_http1_has_token(&head, "list", "zzz"));
    assert_false(adit_http1_has_token(&head, "list", ""));
    assert_true(adit_http1_token(&list, &t));
    assert_memory_equal(t.data, "a", t.len);
    assert_true(adit_http1_token(&list, &t));
    assert_int_equal(t.len, 3);
    assert_true(adit_http1_token(&list, &t));
    assert_memory_equal(t.data, "d", t.len);
    assert_false(adit_http1_token(&list, &t));
}

/* What is written is read again as the same. */
static void there_and_back(void **state)
{
    struct adit_http1_conf conf = { .response = true };
    struct adit_buf out, answer;

    (void)state;
    adit_buf_init(&out, 1000);
    adit_buf_init(&answer, 1000);
    adit_http1_put_status(&out, 100, NULL);
    adit_http1_put_end(&out);
    adit_http1_put_reply(&out, 200, "text/plain", "hi", 2, true);
    adit_http1_put_status(&out, 200, NULL);
    adit_http1_put_field(&out, "Transfer-Encoding", "chunked");
    adit_http1_put_end(&out);
    adit_http1_put_chunk(&out, "hello", 5);
    adit_http1_put_last_chunk(&out, NULL, 0);
    http1_answer(&answer, &conf, NULL, out.data, out.len, 0, 1, true);
    expect(&answer, "100 Continue 1.1ki | end | 200 OK 1.1k2 Content-Type=text/plain "
                    "Content-Length=2 | body=hi | end | 200 OK 1.1kc Transfer-Encoding=chunked | "
                    "body=hello | end");
    adit_buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages),
        cmocka_unit_test(nothing_breaks_out_of_its_line),
        cmocka_unit_test(questions),
        cmocka_unit_test(there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
