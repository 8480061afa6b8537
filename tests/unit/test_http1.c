/* test_http1.c - messages read: whole, byte by byte, and in two pieces cut at every place. Half of
 * the tables is what must be refused, most of it known from request smuggling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "unit/http1_script.h"

struct row {
    const char *in, *answer;
    const char *expect; /* of a response: the request's method */
    size_t len;
};

#define ROW(in, answer)                  \
    {                                    \
        in, answer, NULL, sizeof(in) - 1 \
    }
#define ROW_TO(in, answer, expect)         \
    {                                      \
        in, answer, expect, sizeof(in) - 1 \
    }

#define HOST "Host: a\r\n"
#define GET  "GET / HTTP/1.1\r\n" HOST
#define POST "POST / HTTP/1.1\r\n" HOST
#define H    "GET / 1.1k Host=a"

static void run(const struct row *row, bool response, bool eof, size_t first, size_t step)
{
    struct adit_http1_conf conf = { .response = response };
    struct adit_buf out;

    adit_buf_init(&out, 1 << 16);
    http1_answer(&out, &conf, row->expect, row->in, row->len, first, step, eof);
    if (strcmp(adit_buf_str(&out), row->answer) != 0)
        fail_msg("%s(first %zu, step %zu)\n  has:   %s\n  wants: %s", row->in, first, step,
                 adit_buf_str(&out), row->answer);
    adit_buf_done(&out);
}

static void run_all(const struct row *rows, size_t n, bool response, bool eof)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = rows[i].len;

        for (size_t first = 0; first < len; first++)
            run(&rows[i], response, eof, first, 0);
        run(&rows[i], response, eof, 0, 1);
    }
}

static void requests(void **state)
{
    static const struct row rows[] = {
        ROW(GET "\r\n", H " | end"),
        ROW(GET "\r\n" GET "\r\n", H " | end | " H " | end"),
        ROW("\r\n" GET "\r\n", H " | end"),
        ROW(GET "\r\n\r\n" GET "\r\n", H " | end | " H " | end"),
        ROW("GET / HTTP/1.0\r\n\r\n", "GET / 1.0 | end"),
        ROW("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            "GET / 1.0k Connection=keep-alive | end"),
        ROW(GET "Connection: close\r\n\r\n", "GET / 1.1 Host=a Connection=close | end"),
        ROW(GET "X:1\r\nY: \t 2 \t \r\nZ:\r\nZ: \t\r\n\r\n", H " X=1 Y=2 Z= Z= | end"),
        ROW(GET "X: a b\tc: d, \xc3\xa4\r\n\r\n", H " X=a b\tc: d, \xc3\xa4 | end"),
        ROW(GET "!#$%&'*+-.^_`|~09Az: x\r\n\r\n", H " !#$%&'*+-.^_`|~09Az=x | end"),
        ROW("GET /a/b?c=%20&d=:@! HTTP/1.1\r\n" HOST "\r\n",
            "GET /a/b?c=%20&d=:@! 1.1k Host=a | end"),
        ROW("OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "OPTIONS * 1.1k Host=a | end"),
        ROW("GET http://b/ HTTP/1.1\r\n" HOST "\r\n", "GET http://b/ 1.1k Host=a | end"),
        ROW("CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n", "CONNECT a:1 1.1k Host=a | end"),
        ROW(POST "Content-Length: 5\r\n\r\nhello", "POST / 1.1k5 Host=a Content-Length=5 | "
                                                   "body=hello | end"),
        ROW(POST "content-length:0\r\n\r\n" GET "\r\n",
            "POST / 1.1k Host=a content-length=0 | end | " H " | end"),
        ROW("GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET / 1.1k Host= | end"),
        ROW(POST "Content-Length: 2\r\n\r\nhi" GET "\r\n",
            "POST / 1.1k2 Host=a Content-Length=2 | body=hi | end | " H " | end"),
        ROW(POST
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n00a\r\n0123456789\r\n0\r\n\r\n" GET
            "\r\n",
            "POST / 1.1kc Host=a Transfer-Encoding=chunked | body=hello0123456789 | end | " H
            " | end"),
        ROW(POST
            "Transfer-Encoding: Chunked\r\n\r\n1;a=\"b c\";d\r\nx\r\n0;e\r\nT: 1\r\nU:\r\n\r\n",
            "POST / 1.1kc Host=a Transfer-Encoding=Chunked | body=x | end T=1 U="),
        ROW(GET "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\r\n\x81\x05",
            "GET / 1.1ku Host=a Upgrade=websocket Connection=keep-alive, Upgrade | end | left 2"),
        ROW(GET "Upgrade: websocket\r\n\r\n", H " Upgrade=websocket | end"),
        ROW(GET "Connection: upgrade\r\n\r\n", H " Connection=upgrade | end"),
        ROW(POST "Upgrade: h2c\r\nConnection: upgrade\r\nContent-Length: 2\r\n\r\nhi!",
            "POST / 1.1ku2 Host=a Upgrade=h2c Connection=upgrade Content-Length=2 | body=hi | end "
            "| "
            "left 1"),
        ROW(POST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\nx",
            "POST / 1.1kx1 Host=a Expect=100-Continue Content-Length=1 | body=x | end"),
        ROW("", ""),
        ROW(GET, ""),
    };

    (void)state;
    run_all(rows, ADIT_LEN(rows), false, false);
}

static void requests_refused(void **state)
{
    static const struct row rows[] = {
        /* where lines end */
        ROW("GET / HTTP/1.1\n" HOST "\r\n", "bad 400"),
        ROW("GET / HTTP/1.1\r\nHost: a\n\r\n", "bad 400"),
        ROW(GET "\n", "bad 400"),
        ROW(GET "X: a\rb\r\n\r\n", "bad 400"),
        ROW(GET "X: a\r\r\n\r\n", "bad 400"),
        ROW(GET "X: a\r\n b\r\n\r\n", "bad 400"),
        ROW(GET "X: a\r\n\tb\r\n\r\n", "bad 400"),
        ROW(" " GET "\r\n", "bad 400"),
        ROW("GET / HTTP/1.1\r\n Host: a\r\n\r\n", "bad 400"),
        ROW("\r\n\r\n" GET "\r\n", "bad 400"),
        ROW("\n" GET "\r\n", "bad 400"),
        /* control characters */
        ROW(GET "X: a\0b\r\n\r\n", "bad 400"),
        ROW(GET "X\0: a\r\n\r\n", "bad 400"),
        ROW(GET "X: \x7f\r\n\r\n", "bad 400"),
        ROW(GET "X: \x1b[31m\r\n\r\n", "bad 400"),
        ROW("\x16\x03\x01\x02", "bad 400"),
        /* names */
        ROW(GET "X : a\r\n\r\n", "bad 400"),
        ROW(GET ": a\r\n\r\n", "bad 400"),
        ROW(GET "X\r\n\r\n", "bad 400"),
        ROW(GET "X Y: a\r\n\r\n", "bad 400"),
        ROW(GET "X(: a\r\n\r\n", "bad 400"),
        ROW(GET "X\xc3\xa4: a\r\n\r\n", "bad 400"),
        ROW(GET "X\t: a\r\n\r\n", "bad 400"),
        ROW(GET "Transfer-Encoding : chunked\r\n\r\n", "bad 400"),
        /* the first line */
        ROW("GET  / HTTP/1.1\r\n" HOST "\r\n", "bad 400"),
        ROW("GET /  HTTP/1.1\r\n" HOST "\r\n", "bad 400"),
        ROW("GET / HTTP/1.1 \r\n" HOST "\r\n", "bad 400"),
        ROW("GET\t/ HTTP/1.1\r\n" HOST "\r\n", "bad 400"),
        ROW("GET /\r\n" HOST "\r\n", "bad 400"),
        ROW("GET HTTP/1.1\r\n" HOST "\r\n", "bad 400"),
        ROW("/ HTTP/1.1\r\n" HOST "\r\n", "bad 400"),
        ROW("GET / http/1.1\r\n" HOST "\r\n", "bad 400"),
        ROW("GET / HTTP/1.1.1\r\n" HOST "\r\n", "bad 400"),
        ROW("GET / HTTP/11\r\n" HOST "\r\n", "bad 400"),
        ROW("GET / HTTP/01.1\r\n" HOST "\r\n", "bad 400"),
        ROW("GET / ICE/1.0\r\n" HOST "\r\n", "bad 400"),
        ROW("SOURCE / ICE/1.0\r\n" HOST "\r\n", "bad 400"),
        ROW("GET / HTTP/1.2\r\n" HOST "\r\n", "bad 505"),
        ROW("GET / HTTP/2.0\r\n" HOST "\r\n", "bad 505"),
        ROW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "bad 505"),
        ROW("GET / HTTP/0.9\r\n\r\n", "bad 505"),
        ROW("GET /# HTTP/1.1\r\n" HOST "\r\n", "bad 400"),
        ROW("GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n", "bad 400"),
        ROW("GET x HTTP/1.1\r\n" HOST "\r\n", "bad 400"),
        ROW("G@T / HTTP/1.1\r\n" HOST "\r\n", "bad 400"),
        ROW("BREW / HTTP/1.1\r\n" HOST "\r\n", "bad 501"),
        ROW("get / HTTP/1.1\r\n" HOST "\r\n", "bad 501"),
        ROW("{\"json\":1}\r\n", "bad 400"),
        /* Host */
        ROW("GET / HTTP/1.1\r\n\r\n", "bad 400"),
        ROW(GET "Host: b\r\n\r\n", "bad 400"),
        ROW(GET HOST "\r\n", "bad 400"),
        ROW("GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", "bad 400"),
        /* framing */
        ROW(POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", "bad 400"),
        ROW(POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", "bad 400"),
        ROW(POST "Content-Length: 5, 5\r\n\r\n", "bad 400"),
        ROW(POST "Content-Length: +5\r\n\r\n", "bad 400"),
        ROW(POST "Content-Length: -5\r\n\r\n", "bad 400"),
        ROW(POST "Content-Length: 0x5\r\n\r\n", "bad 400"),
        ROW(POST "Content-Length: 5 6\r\n\r\n", "bad 400"),
        ROW(POST "Content-Length: five\r\n\r\n", "bad 400"),
        ROW(POST "Content-Length:\r\n\r\n", "bad 400"),
        ROW(POST "Content-Length: 18446744073709551616\r\n\r\n", "bad 400"),
        ROW(POST "Content-Length: 18446744073709551615\r\n\r\n", "bad 400"),
        ROW(POST "Content-Length: 99999999999999999999\r\n\r\n", "bad 400"),
        ROW(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "bad 400"),
        ROW(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", "bad 400"),
        ROW(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "bad 501"),
        ROW(POST "Transfer-Encoding: chunked, chunked\r\n\r\n", "bad 501"),
        ROW(POST "Transfer-Encoding: gzip, chunked\r\n\r\n", "bad 501"),
        ROW(POST "Transfer-Encoding: chunked, identity\r\n\r\n", "bad 501"),
        ROW(POST "Transfer-Encoding: identity\r\n\r\n", "bad 501"),
        ROW(POST "Transfer-Encoding: xchunked\r\n\r\n", "bad 501"),
        ROW(POST "Transfer-Encoding: \x0b"
                 "chunked\r\n\r\n",
            "bad 400"),
        ROW(POST "Transfer-Encoding:\r\n\r\n", "bad 501"),
        ROW("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "bad 400"),
    };

    (void)state;
    run_all(rows, ADIT_LEN(rows), false, false);
}

#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define C       "POST / 1.1kc Host=a Transfer-Encoding=chunked | "

static void chunks_refused(void **state)
{
    static const struct row rows[] = {
        ROW(CHUNKED "5\nhello\r\n0\r\n\r\n", C "bad 400"),
        ROW(CHUNKED "5\r\nhello\n0\r\n\r\n", C "body=hello | bad 400"),
        ROW(CHUNKED "5\r\nhello!\r\n", C "body=hello | bad 400"),
        ROW(CHUNKED "5\r\nhello0\r\n\r\n", C "body=hello | bad 400"),
        ROW(CHUNKED "5;a\nb\r\nhello\r\n0\r\n\r\n", C "bad 400"),
        ROW(CHUNKED "5;a\rb\r\nhello\r\n0\r\n\r\n", C "bad 400"),
        ROW(CHUNKED "5 \r\nhello\r\n0\r\n\r\n", C "bad 400"),
        ROW(CHUNKED " 5\r\nhello\r\n0\r\n\r\n", C "bad 400"),
        ROW(CHUNKED "+5\r\nhello\r\n0\r\n\r\n", C "bad 400"),
        ROW(CHUNKED "0x5\r\nhello\r\n0\r\n\r\n", C "bad 400"),
        ROW(CHUNKED "5g\r\nhello\r\n0\r\n\r\n", C "bad 400"),
        ROW(CHUNKED ";a\r\n", C "bad 400"),
        ROW(CHUNKED "\r\n", C "bad 400"),
        ROW(CHUNKED "-1\r\n", C "bad 400"),
        ROW(CHUNKED "ffffffffffffffff\r\n", C "bad 400"),
        ROW(CHUNKED "00000000000000005\r\n", C "bad 400"),
        ROW(CHUNKED "10000000000000000\r\n", C "bad 400"),
        ROW(CHUNKED "0\r\nT : x\r\n\r\n", C "bad 400"),
        ROW(CHUNKED "0\r\nT: x\r\n y\r\n\r\n", C "bad 400"),
        ROW(CHUNKED "0\r\nT: x\n\r\n", C "bad 400"),
        ROW(CHUNKED "0\r\n\n", C "bad 400"),
    };

    (void)state;
    run_all(rows, ADIT_LEN(rows), false, false);
}

static void responses(void **state)
{
    static const struct row rows[] = {
        ROW("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "200 OK 1.1k5 Content-Length=5 | body=hello | end"),
        ROW("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "200  1.1k Content-Length=0 | end"),
        ROW("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200  1.1k Content-Length=0 | end"),
        ROW("HTTP/1.1 404 Nothing to be seen: here\r\nContent-Length: 0\r\n\r\n",
            "404 Nothing to be seen: here 1.1k Content-Length=0 | end"),
        ROW("HTTP/1.1 200 \xc3\xa4\r\nContent-Length: 0\r\n\r\n",
            "200 \xc3\xa4 1.1k Content-Length=0 | end"),
        ROW("HTTP/1.1 200 OK\r\n\r\nuntil the end", "200 OK 1.1e | body=until the end | end"),
        ROW("HTTP/1.1 200 OK\r\n\r\n", "200 OK 1.1e | end"),
        ROW("HTTP/1.0 200 OK\r\n\r\nhi", "200 OK 1.0e | body=hi | end"),
        ROW("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            "200 OK 1.1kc Transfer-Encoding=chunked | body=hi | end"),
        ROW("HTTP/1.1 204 No Content\r\n\r\n", "204 No Content 1.1k | end"),
        ROW("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
            "304 Not Modified 1.1k Content-Length=9 | end"),
        ROW_TO("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "200 OK 1.1k Content-Length=9 | end",
               "HEAD"),
        ROW_TO("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
               "200 OK 1.1k Transfer-Encoding=chunked | end", "HEAD"),
        ROW_TO("HTTP/1.1 200 OK\r\n\r\n", "200 OK 1.1k | end", "HEAD"),
        ROW("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
            "100 Continue 1.1ki | end | 103 Early 1.1ki Link=x | end | "
            "200 OK 1.1k2 Content-Length=2 | body=hi | end"),
        ROW_TO("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
               "100 Continue 1.1ki | end | 200 OK 1.1k Content-Length=9 | end", "HEAD"),
        ROW("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
            "\x81\x02",
            "101 Switching Protocols 1.1ku Upgrade=websocket Connection=Upgrade | end | left 2"),
        ROW_TO("HTTP/1.1 200 Established\r\n\r\ntunnel", "200 Established 1.1ku | end | left 6",
               "CONNECT"),
        ROW_TO("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno",
               "403 No 1.1k2 Content-Length=2 | body=no | end", "CONNECT"),
        ROW("HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nConnection: upgrade\r\nContent-Length: 1\r\n\r\nx",
            "200 OK 1.1k1 Upgrade=h2c Connection=upgrade Content-Length=1 | body=x | end"),
        ROW("", ""),
    };

    (void)state;
    run_all(rows, ADIT_LEN(rows), true, true);
}

static void responses_refused(void **state)
{
    static const struct row rows[] = {
        ROW("HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", "bad 400"),
        ROW("\r\nHTTP/1.1 200 OK\r\n\r\n", "bad 400"),
        ROW("HTTP/1.1  200 OK\r\n\r\n", "bad 400"),
        ROW("HTTP/1.1 20 OK\r\n\r\n", "bad 400"),
        ROW("HTTP/1.1 2000 OK\r\n\r\n", "bad 400"),
        ROW("HTTP/1.1 099 OK\r\n\r\n", "bad 400"),
        ROW("HTTP/1.1 2x0 OK\r\n\r\n", "bad 400"),
        ROW("HTTP/1.1 200OK\r\n\r\n", "bad 400"),
        ROW("HTTP/1.1\r\n\r\n", "bad 400"),
        ROW("HTTP/2 200 OK\r\n\r\n", "bad 400"),
        ROW("HTTP/2.0 200 OK\r\n\r\n", "bad 505"),
        ROW("ICY 200 OK\r\n\r\n", "bad 400"),
        ROW("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "bad 400"),
        ROW("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "bad 400"),
        ROW("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "bad 501"),
        ROW("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "bad 400"),
        /* cut off */
        ROW("H", "bad 400"),
        ROW("HTTP/1.1 200 OK\r\n", "bad 400"),
        ROW("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
            "200 OK 1.1k5 Content-Length=5 | body=hell | bad 400"),
        ROW("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
            "200 OK 1.1kc Transfer-Encoding=chunked | body=hi | bad 400"),
        ROW("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
            "200 OK 1.1kc Transfer-Encoding=chunked | bad 400"),
        ROW("HTTP/1.1 100 Continue\r\n\r\nHTTP", "100 Continue 1.1ki | end | bad 400"),
    };

    (void)state;
    run_all(rows, ADIT_LEN(rows), true, true);
}

/* ---- limits ---------------------------------------------------------------------------------- */

/* `start`, then `count` times `again`, then `end`. */
static void repeat(struct adit_buf *out, const char *start, const char *again, unsigned count,
                   const char *end)
{
    adit_buf_init(out, 1 << 20);
    adit_buf_printf(out, "%s", start);
    for (unsigned i = 0; i < count; i++)
        adit_buf_printf(out, "%s", again);
    adit_buf_printf(out, "%s", end);
}

static bool ends_with(struct adit_buf *in, const struct adit_http1_conf *conf, const char *end)
{
    struct adit_buf out;
    bool good = true;

    for (size_t step = 0; step < 2; step++) {
        const char *text;

        adit_buf_init(&out, 1 << 20);
        http1_answer(&out, conf, NULL, in->data, in->len, 0, step, false);
        text = adit_buf_str(&out);
        good = good && strlen(text) >= strlen(end) &&
               strcmp(text + strlen(text) - strlen(end), end) == 0;
        if (!good)
            print_message("%s\n", text);
        adit_buf_done(&out);
    }
    adit_buf_done(in);
    return good;
}

static void limits(void **state)
{
    struct adit_http1_conf conf = { .head_max = 200, .fields_max = 3 };
    struct adit_http1_conf body = { .body_max = 10 };
    struct adit_buf in;

    (void)state;
    /* 27 bytes of GET, 2 at its end, 5 of the field: 166 make 200 */
    repeat(&in, GET "X: ", "x", 200 - 25 - 2 - 5, "\r\n\r\n");
    assert_int_equal(in.len, 200);
    assert_true(ends_with(&in, &conf, "| end"));
    repeat(&in, GET "X: ", "x", 201 - 25 - 2 - 5, "\r\n\r\n");
    assert_true(ends_with(&in, &conf, "bad 431"));
    repeat(&in, "GET /", "x", 200, "");
    assert_true(ends_with(&in, &conf, "bad 414"));
    repeat(&in, GET, "X: x\r\n", 2, "\r\n");
    assert_true(ends_with(&in, &conf, "| end"));
    repeat(&in, GET, "X: x\r\n", 3, "\r\n");
    assert_true(ends_with(&in, &conf, "bad 431"));
    /* trailers count as well: two fields, then one more fits */
    repeat(&in, CHUNKED "0\r\n", "T: x\r\n", 1, "\r\n");
    assert_true(ends_with(&in, &conf, "| end T=x"));
    repeat(&in, CHUNKED "0\r\n", "T: x\r\n", 2, "\r\n");
    assert_true(ends_with(&in, &conf, "bad 431"));
    repeat(&in, CHUNKED "0\r\nT:", "x", 200, "\r\n\r\n");
    assert_true(ends_with(&in, &conf, "bad 431"));
    /* as many chunks as one likes, but not with long first lines */
    repeat(&in, CHUNKED, "1;abcdefgh\r\nx\r\n", 1000, "0\r\n\r\n");
    assert_true(ends_with(&in, &conf, "| end"));
    repeat(&in, CHUNKED "1;", "x", ADIT_HTTP1_CHUNK_LINE_MAX - 4, "\r\nx\r\n0\r\n\r\n");
    assert_true(ends_with(&in, &conf, "| end"));
    repeat(&in, CHUNKED "1;", "x", ADIT_HTTP1_CHUNK_LINE_MAX - 3, "\r\nx\r\n0\r\n\r\n");
    assert_true(ends_with(&in, &conf, "bad 400"));
    repeat(&in, CHUNKED, "1\r\nx\r\n", 10, "0\r\n\r\n");
    assert_true(ends_with(&in, &body, "| end"));
    repeat(&in, CHUNKED, "1\r\nx\r\n", 11, "0\r\n\r\n");
    assert_true(ends_with(&in, &body, "bad 413"));
    repeat(&in, POST "Content-Length: 10\r\n\r\n", "x", 10, "");
    assert_true(ends_with(&in, &body, "| end"));
    repeat(&in, POST "Content-Length: 11\r\n\r\n", "x", 11, "");
    assert_true(ends_with(&in, &body, "bad 413"));
    body.response = true;
    repeat(&in, "HTTP/1.1 200 OK\r\n\r\n", "x", 11, "");
    assert_true(ends_with(&in, &body, "bad 413"));
    /* the defaults */
    conf = (struct adit_http1_conf){ 0 };
    repeat(&in, GET, "X: x\r\n", ADIT_HTTP1_FIELDS_DEFAULT - 1, "\r\n");
    assert_true(ends_with(&in, &conf, "| end"));
    repeat(&in, GET, "X: x\r\n", ADIT_HTTP1_FIELDS_DEFAULT, "\r\n");
    assert_true(ends_with(&in, &conf, "bad 431"));
    repeat(&in, GET "X: ", "x", ADIT_HTTP1_HEAD_DEFAULT, "\r\n\r\n");
    assert_true(ends_with(&in, &conf, "bad 431"));
    conf.head_max = ADIT_HTTP1_HEAD_MAX;
    repeat(&in, GET "X: ", "x", ADIT_HTTP1_HEAD_MAX - 32, "\r\n\r\n");
    assert_int_equal(in.len, ADIT_HTTP1_HEAD_MAX);
    assert_true(ends_with(&in, &conf, "| end"));
}

/* What is bad stays bad; what has ended takes nothing. */
static void standing_still(void **state)
{
    struct adit_http1_conf conf = { 0 };
    struct adit_http1 *h = adit_http1_new(&conf);
    struct adit_http1_event ev;
    size_t n = strlen(GET "\r\n");

    (void)state;
    assert_false(adit_http1_busy(h));
    assert_int_equal(adit_http1_feed(h, "G", 1, &ev), 1);
    assert_true(adit_http1_busy(h));
    assert_int_equal(adit_http1_feed(h, &(GET "\r\n")[1], n - 1, &ev), n - 1);
    assert_int_equal(ev.what, ADIT_HTTP1_HEAD);
    assert_int_equal(adit_http1_feed(h, GET, 5, &ev), 0);
    assert_int_equal(ev.what, ADIT_HTTP1_END);
    assert_int_equal(adit_http1_feed(h, GET, 5, &ev), 0);
    assert_int_equal(ev.what, ADIT_HTTP1_MORE);
    assert_false(adit_http1_busy(h));
    adit_http1_next(h);
    adit_http1_feed(h, "\n", 1, &ev);
    assert_int_equal(ev.what, ADIT_HTTP1_BAD);
    assert_int_equal(adit_http1_feed(h, GET, 5, &ev), 0);
    assert_int_equal(ev.what, ADIT_HTTP1_BAD);
    adit_http1_eof(h, &ev);
    assert_int_equal(ev.status, 400);
    adit_http1_free(h);
    adit_alloc_fail_at(0);
    assert_null(adit_http1_new(&conf));
    adit_alloc_fail_at(UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),          cmocka_unit_test(requests_refused),
        cmocka_unit_test(chunks_refused),    cmocka_unit_test(responses),
        cmocka_unit_test(responses_refused), cmocka_unit_test(limits),
        cmocka_unit_test(standing_still),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
