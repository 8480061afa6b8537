/* test_ws_handshake.c - the example of RFC 6455 section 1.3, and every way to get it wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "http/ws_handshake.h"

#define KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

/* Reads one head and keeps the reader, which owns the strings. */
static struct adit_http1 *read_head(const char *text, bool response,
                                    const struct adit_http1_head **ret_head)
{
    struct adit_http1_conf conf = { .response = response };
    struct adit_http1 *h = adit_http1_new(&conf);
    struct adit_http1_event ev;

    adit_http1_feed(h, text, strlen(text), &ev);
    if (ev.what != ADIT_HTTP1_HEAD)
        fail_msg("no head: %s", text);
    *ret_head = ev.head;
    return h;
}

static void the_example(void **state)
{
    char accept[ADIT_WS_ACCEPT_SIZE];

    (void)state;
    adit_ws_accept(accept, KEY);
    assert_string_equal(accept, ACCEPT);
}

static void keys_differ(void **state)
{
    char a[ADIT_WS_KEY_SIZE], b[ADIT_WS_KEY_SIZE];
    struct adit_rng rng;

    (void)state;
    adit_rng_init_seed(&rng, 1);
    adit_ws_make_key(a, &rng);
    adit_ws_make_key(b, &rng);
    assert_int_equal(strlen(a), 24);
    assert_string_not_equal(a, b);
}

static void what_the_client_says(void **state)
{
    static const struct adit_http1_field fields[] = { { "Authorization", "Bearer x" } };
    struct adit_ws_request r = { .host = "a:8080",
                                 .target = "/ws?x=1",
                                 .origin = "https://a",
                                 .protocols = "p, q",
                                 .fields = fields,
                                 .field_count = 1 };
    struct adit_buf out;

    (void)state;
    adit_buf_init(&out, 1000);
    adit_ws_put_request(&out, &r, KEY);
    assert_string_equal(adit_buf_str(&out), "GET /ws?x=1 HTTP/1.1\r\nHost: a:8080\r\n"
                                            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                            "Sec-WebSocket-Key: " KEY "\r\n"
                                            "Sec-WebSocket-Version: 13\r\n"
                                            "Sec-WebSocket-Protocol: p, q\r\n"
                                            "Origin: https://a\r\n"
                                            "Authorization: Bearer x\r\n\r\n");
    adit_buf_done(&out);
    r.origin = "a\r\nEvil: 1";
    adit_ws_put_request(&out, &r, KEY);
    assert_int_equal(out.err, -EINVAL);
    adit_buf_done(&out);
}

#define S101 "HTTP/1.1 101 Switching Protocols\r\n"
#define UP   "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define ACC  "Sec-WebSocket-Accept: " ACCEPT "\r\n"
#define PRO  "Sec-WebSocket-Protocol: "

static void what_the_server_answers(void **state)
{
    static const struct {
        const char *text;
        int result;
        const char *protocol;
    } rows[] = {
        { S101 UP ACC "\r\n", 0, "" },
        { S101 "upgrade: WebSocket\r\nconnection: keep-alive, upgrade\r\n" ACC "\r\n", 0, "" },
        { S101 UP ACC PRO "p\r\n\r\n", 0, "p" },
        { S101 UP ACC PRO "q\r\n\r\n", 0, "q" },
        { "HTTP/1.1 200 OK\r\n" UP ACC "\r\n", -ECONNREFUSED, NULL },
        { "HTTP/1.1 401 Unauthorized\r\n\r\n", -ECONNREFUSED, NULL },
        { "HTTP/1.1 301 Moved\r\nLocation: /\r\n\r\n", -ECONNREFUSED, NULL },
        { "HTTP/1.0 101 Switching\r\n" UP ACC "\r\n", -EPROTO, NULL },
        { S101 ACC "\r\n", -EPROTO, NULL },
        { S101 "Upgrade: websocket\r\n" ACC "\r\n", -EPROTO, NULL },
        { S101 "Connection: Upgrade\r\n" ACC "\r\n", -EPROTO, NULL },
        { S101 "Upgrade: h2c\r\nConnection: Upgrade\r\n" ACC "\r\n", -EPROTO, NULL },
        { S101 UP "Upgrade: h2c\r\n" ACC "\r\n", -EPROTO, NULL },
        { S101 UP "\r\n", -EPROTO, NULL },
        { S101 UP "Sec-WebSocket-Accept:\r\n\r\n", -EPROTO, NULL },
        { S101 UP "Sec-WebSocket-Accept: " KEY "\r\n\r\n", -EPROTO, NULL },
        { S101 UP "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", -EPROTO, NULL },
        { S101 UP ACC ACC "\r\n", -EPROTO, NULL },
        { S101 UP ACC "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", -EPROTO, NULL },
        { S101 UP ACC PRO "r\r\n\r\n", -EPROTO, NULL },
        { S101 UP ACC PRO "P\r\n\r\n", -EPROTO, NULL },
        { S101 UP ACC PRO "p, q\r\n\r\n", -EPROTO, NULL },
        { S101 UP ACC PRO "\r\n\r\n", -EPROTO, NULL },
        { S101 UP ACC PRO "p\r\n" PRO "p\r\n\r\n", -EPROTO, NULL },
    };
    struct adit_ws_request request = { .protocols = "p, q" };
    char protocol[ADIT_WS_PROTOCOL_SIZE];

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        const struct adit_http1_head *head;
        struct adit_cause cause = { 0 };
        struct adit_http1 *h;
        int err;

        h = read_head(rows[i].text, true, &head);
        err = adit_ws_check_response(head, &request, KEY, protocol, &cause);
        if (err != rows[i].result)
            fail_msg("%d instead of %d: %s", err, rows[i].result, rows[i].text);
        if (err == 0)
            assert_string_equal(protocol, rows[i].protocol);
        else
            assert_true(strlen(cause.text) > 0);
        adit_http1_free(h);
    }
    request.protocols = NULL;
    const struct adit_http1_head *head;
    struct adit_cause cause;
    struct adit_http1 *h = read_head(S101 UP ACC PRO "p\r\n\r\n", true, &head);
    assert_int_equal(adit_ws_check_response(head, &request, KEY, protocol, &cause), -EPROTO);
    adit_http1_free(h);
}

#define R    "GET /ws HTTP/1.1\r\nHost: a\r\n"
#define K    "Sec-WebSocket-Key: " KEY "\r\n"
#define V    "Sec-WebSocket-Version: 13\r\n"
#define GOOD R UP K V

static void what_the_client_asks(void **state)
{
    static const char *const origins[] = { "https://a.example", "null" };
    static const char *const protocols[] = { "q", "p" };
    static const struct adit_ws_policy policy = {
        .origins = origins, .origin_count = 2, .protocols = protocols, .protocol_count = 2
    };
    static const struct {
        const char *text;
        int status;
        const char *protocol;
    } rows[] = {
        { GOOD "\r\n", 101, NULL },
        { R "upgrade: h2c, WebSocket\r\nCONNECTION: keep-alive,upgrade\r\n" K V "\r\n", 101, NULL },
        { GOOD "Content-Length: 0\r\n\r\n", 101, NULL },
        { GOOD "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", 101, NULL },
        { GOOD "Origin: https://A.Example\r\n\r\n", 101, NULL },
        { GOOD "Origin: null\r\n\r\n", 101, NULL },
        { GOOD PRO "p, q\r\n\r\n", 101, "p" },
        { GOOD PRO "x\r\n" PRO "q, p\r\n\r\n", 101, "q" },
        { GOOD PRO "x, Q\r\n\r\n", 101, NULL },
        { GOOD "Origin: https://evil.example\r\n\r\n", 403, NULL },
        { GOOD "Origin: https://a.example.evil\r\n\r\n", 403, NULL },
        { GOOD "Origin: http://a.example\r\n\r\n", 403, NULL },
        { GOOD "Origin:\r\n\r\n", 403, NULL },
        { GOOD "Origin: null\r\nOrigin: https://evil\r\n\r\n", 403, NULL },
        { "POST / HTTP/1.1\r\nHost: a\r\n" UP K V "\r\n", 405, NULL },
        { "HEAD / HTTP/1.1\r\nHost: a\r\n" UP K V "\r\n", 405, NULL },
        { R "\r\n", 426, NULL },
        { R "Upgrade: h2c\r\nConnection: Upgrade\r\n" K V "\r\n", 426, NULL },
        { R "Upgrade: websocket\r\n" K V "\r\n", 400, NULL },
        { "GET / HTTP/1.0\r\nHost: a\r\n" UP K V "\r\n", 400, NULL },
        { GOOD "Content-Length: 1\r\n\r\n", 400, NULL },
        { GOOD "Transfer-Encoding: chunked\r\n\r\n", 400, NULL },
        { R UP K "\r\n", 426, NULL },
        { R UP K "Sec-WebSocket-Version: 8\r\n\r\n", 426, NULL },
        { R UP K "Sec-WebSocket-Version: 13, 8\r\n\r\n", 426, NULL },
        { R UP K "Sec-WebSocket-Version: 013\r\n\r\n", 426, NULL },
        { GOOD V "\r\n", 426, NULL },
        { R UP V "\r\n", 400, NULL },
        { GOOD K "\r\n", 400, NULL },
        { R UP V "Sec-WebSocket-Key:\r\n\r\n", 400, NULL },
        { R UP V "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ\r\n\r\n", 400, NULL },
        { R UP V "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==A\r\n\r\n", 400, NULL },
        { R UP V "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n\r\n", 400, NULL },
        { R UP V "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=A\r\n\r\n", 400, NULL },
        { R UP V "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==\r\n\r\n", 400, NULL },
        { R UP V "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZZZZ\r\n\r\n", 400, NULL },
        { R UP V "Sec-WebSocket-Key: dGhlIHNhbXB_ZSBub25jZQ==\r\n\r\n", 400, NULL },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        const struct adit_http1_head *head;
        struct adit_ws_verdict v;
        struct adit_http1 *h = read_head(rows[i].text, false, &head);

        adit_ws_check_request(head, &policy, &v);
        if (v.status != rows[i].status)
            fail_msg("%d (%s) instead of %d: %s", v.status, v.why, rows[i].status, rows[i].text);
        if (v.status == 101) {
            assert_string_equal(v.accept, ACCEPT);
            assert_string_equal(v.protocol ? v.protocol : "-",
                                rows[i].protocol ? rows[i].protocol : "-");
        } else {
            assert_true(strlen(v.why) > 0);
        }
        adit_http1_free(h);
    }
    /* without a list of origins everybody may come */
    const struct adit_http1_head *head;
    struct adit_ws_verdict v;
    struct adit_ws_policy any = { 0 };
    struct adit_http1 *h = read_head(GOOD "Origin: https://x\r\n\r\n", false, &head);
    adit_ws_check_request(head, &any, &v);
    assert_int_equal(v.status, 101);
    adit_http1_free(h);
}

static void what_we_answer(void **state)
{
    static const struct {
        struct adit_ws_verdict v;
        const char *text;
    } rows[] = {
        { { .status = 101, .accept = ACCEPT }, S101 UP ACC "\r\n" },
        { { .status = 101, .accept = ACCEPT, .protocol = "p" }, S101 UP ACC PRO "p\r\n\r\n" },
        { { .status = 400, .why = "no" },
          "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n"
          "Content-Length: 3\r\n\r\nno\n" },
        { { .status = 405, .why = "no" },
          "HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nAllow: GET\r\n"
          "Content-Type: text/plain\r\nContent-Length: 3\r\n\r\nno\n" },
        { { .status = 426, .why = "no" },
          "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n"
          "Sec-WebSocket-Version: 13\r\nContent-Type: text/plain\r\nContent-Length: "
          "3\r\n\r\nno\n" },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        const struct adit_http1_head *head;
        struct adit_http1 *h;
        struct adit_buf out;

        adit_buf_init(&out, 1000);
        adit_ws_put_response(&out, &rows[i].v);
        assert_string_equal(adit_buf_str(&out), rows[i].text);
        h = read_head(rows[i].text, true, &head);
        assert_int_equal(head->status, rows[i].v.status);
        assert_int_equal(head->keep_alive, rows[i].v.status == 101);
        adit_http1_free(h);
        adit_buf_done(&out);
    }
}

/* Our client and our server understand each other. */
static void both(void **state)
{
    static const char *const protocols[] = { "p" };
    struct adit_ws_policy policy = { .protocols = protocols, .protocol_count = 1 };
    struct adit_ws_request request = { .host = "a", .target = "/", .protocols = "x, p" };
    char key[ADIT_WS_KEY_SIZE], protocol[ADIT_WS_PROTOCOL_SIZE];
    const struct adit_http1_head *head;
    struct adit_ws_verdict v;
    struct adit_http1 *h;
    struct adit_cause cause;
    struct adit_rng rng;
    struct adit_buf out;

    (void)state;
    adit_rng_init_seed(&rng, 3);
    adit_ws_make_key(key, &rng);
    adit_buf_init(&out, 1000);
    adit_ws_put_request(&out, &request, key);
    h = read_head(adit_buf_str(&out), false, &head);
    assert_true(adit_ws_wanted(head) && head->upgrade);
    adit_ws_check_request(head, &policy, &v);
    adit_http1_free(h);
    adit_buf_done(&out);
    adit_ws_put_response(&out, &v);
    h = read_head(adit_buf_str(&out), true, &head);
    assert_int_equal(adit_ws_check_response(head, &request, key, protocol, &cause), 0);
    assert_string_equal(protocol, "p");
    adit_http1_free(h);
    adit_buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example),
        cmocka_unit_test(keys_differ),
        cmocka_unit_test(what_the_client_says),
        cmocka_unit_test(what_the_server_answers),
        cmocka_unit_test(what_the_client_asks),
        cmocka_unit_test(what_we_answer),
        cmocka_unit_test(both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
