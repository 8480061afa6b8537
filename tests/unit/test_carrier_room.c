/* test_carrier_room.c - the HTTP tunnel's frames, byte for byte, and what is made of bad ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "sim/carrier_script.h"

/* A frame of stream 1 to 9. */
#define F(type, id) "\\" #type "\\00\\00\\00\\0" #id
#define REQ(id)     F(0a, id)
#define REQ_BODY(i) F(0b, i)
#define REQ_END(i)  F(0c, i)
#define RES(id)     F(14, id)
#define RES_BODY(i) F(15, i)
#define RES_END(i)  F(16, i)
#define ERROR(id)   "c\\00\\00\\00\\0" #id

#define GET1           REQ(1) "{\"stream_id\":1,\"method\":\"GET\",\"path\":\"/v1/x?a=b\",\"headers\":{}}"
#define ASK1           "c begin GET /v1/x?a=b\n"
#define OUT1           "c> " GET1 "\nc> " REQ_END(1) "\n"
#define OK1            RES(1) "{\"stream_id\":1,\"status\":200,\"headers\":{}}"
#define POST           "p request 0 POST /|content-length: 3|+3\n"
#define NOT_UNDERSTOOD "p> " ERROR(1) "the request is not understood\np> " RES_END(1) "\n"

struct row {
    const char *name, *script, *log;
};

static void run(const struct row *rows, size_t n, bool provider)
{
    char wanted[8192];
    bool good = true;

    for (size_t i = 0; i < n; i++) {
        const char *log = script_log(&adit_carrier_room, !provider, provider, rows[i].script);
        snprintf(wanted, sizeof wanted, "%c ready\n%s", "cp"[provider], rows[i].log);
        if (strcmp(log, wanted) != 0) {
            good = false;
            print_error("%s\n--- has\n%s--- wants\n%s", rows[i].name, log, wanted);
        }
    }
    assert_true(good);
}

static void what_a_consumer_sends(void **state)
{
    static const struct row rows[] = {
        { "a request without a body", ASK1, OUT1 },
        { "numbers go up", ASK1 "c begin GET /",
          OUT1 "c> " REQ(2) "{\"stream_id\":2,\"method\":\"GET\",\"path\":\"/\",\"headers\":{}}\n"
                            "c> " REQ_END(2) "\n" },
        { "a body", "c begin POST /|Content-Length: 5|+5\nc body 0 he\nc body 0 llo\nc end 0",
          "c> " REQ(1) "{\"stream_id\":1,\"method\":\"POST\",\"path\":\"/\",\"headers\":"
                       "{\"content-length\":\"5\"}}\n"
                       "c> " REQ_BODY(1) "he\nc> " REQ_BODY(1) "llo\nc> " REQ_END(1) "\n" },
        { "a body of unknown length", "c begin PUT /|+*\nc body 0 x\nc end 0",
          "c> " REQ(1) "{\"stream_id\":1,\"method\":\"PUT\",\"path\":\"/\",\"headers\":"
                       "{\"transfer-encoding\":\"chunked\"}}\n"
                       "c> " REQ_BODY(1) "x\nc> " REQ_END(1) "\n" },
        { "fields that come twice are joined if they may be",
          "c begin GET /|Accept: a|ACCEPT: b|Cookie: x=1|Cookie: y=2|Host: a|Host: b|"
          "Connection: close|Proxy-Authorization: secret|Upgrade: h2c|TE: trailers|X: \xff",
          "c> " REQ(1) "{\"stream_id\":1,\"method\":\"GET\",\"path\":\"/\",\"headers\":"
                       "{\"accept\":\"a, b\",\"cookie\":\"x=1; y=2\",\"host\":\"b\"}}\n"
                       "c> " REQ_END(1) "\n" },
        { "given up: not a word", ASK1 "c drop 0\nc begin POST /|+9\nc body 1 x\nc drop 1",
          OUT1 "c> " REQ(2) "{\"stream_id\":2,\"method\":\"POST\",\"path\":\"/\",\"headers\":{}}\n"
                            "c> " REQ_BODY(2) "x\n" },
        { "what has not left is taken back",
          "c block\nc begin POST /|+9\nc drop 0\nc unblock\nturn", "" },
        { "WebSockets are not carried",
          "c begin GET /|Upgrade: websocket|upgrade\nc begin CONNECT a:1\nc begin GET x",
          "c err begin EINVAL\nc err begin EINVAL\nc err begin EINVAL\n" },
        { "nor after the end", "c lost\nc begin GET /", "" },
    };

    (void)state;
    run(rows, ADIT_LEN(rows), false);
}

static void what_a_consumer_hears(void **state)
{
    static const struct row rows[] = {
        { "a response", ASK1 "c< " OK1 "\nc< " RES_BODY(1) "hello\nc< " RES_END(1),
          OUT1 "c head 0 200|+*\nc data 0 hello\nc end 0\n" },
        { "its fields",
          ASK1 "c< " RES(
              1) "{\"stream_id\":1,\"status\":200,\"headers\":{\"A\":\"b\",\"connection\":"
                 "\"x\",\"n\":5,\"a b\":\"c\",\"e\":\"\\u000a\",\"Transfer-Encoding\":"
                 "\"chunked\",\"content-length\":\"2\"}}\nc< " RES_BODY(1) "ok\nc< " RES_END(1),
          OUT1 "c head 0 200|A: b|content-length: 2|+2\nc data 0 ok\nc end 0\n" },
        { "the number of a head is in its JSON",
          ASK1 "c< " RES(7) "{\"stream_id\":1,\"status\":204,\"headers\":{}}\nc< " RES_BODY(
              1) "no\nc< " RES_END(1),
          OUT1 "c head 0 204\nc end 0\n" },
        { "HEAD has no body",
          "c begin HEAD /\nc< " RES(1) "{\"stream_id\":1,\"status\":200,\"headers\":{\"content-"
                                       "length\":\"9\"}}\nc< " RES_END(1),
          "c> " REQ(1) "{\"stream_id\":1,\"method\":\"HEAD\",\"path\":\"/\",\"headers\":{}}\n"
                       "c> " REQ_END(1) "\nc head 0 200|content-length: 9\nc end 0\n" },
        { "an error before the head", ASK1 "c< " ERROR(1) "boo\\0a\nc< " RES_END(1),
          OUT1 "c failed 0 502 boo?\n" },
        { "an error after it is a failure",
          ASK1 "c< " OK1 "\nc< " RES_BODY(1) "a\nc< " ERROR(1) "boo\nc< " RES_END(1),
          OUT1 "c head 0 200|+*\nc data 0 a\nc failed 0 502 boo\n" },
        { "the end before the head", ASK1 "c< " RES_END(1),
          OUT1 "c failed 0 502 response ended before headers\n" },
        { "shorter than it said",
          ASK1
          "c< " RES(1) "{\"stream_id\":1,\"status\":200,\"headers\":{\"content-length\":\"2\"}}\n"
                       "c< " RES_BODY(1) "x\nc< " RES_END(1),
          OUT1 "c head 0 200|content-length: 2|+2\nc data 0 x\n"
               "c failed 0 502 the body is shorter than its Content-Length\n" },
        { "longer",
          ASK1
          "c< " RES(1) "{\"stream_id\":1,\"status\":200,\"headers\":{\"content-length\":\"2\"}}\n"
                       "c< " RES_BODY(1) "xyz",
          OUT1 "c head 0 200|content-length: 2|+2\n"
               "c failed 0 502 the body is longer than its Content-Length\n" },
        { "two lengths",
          ASK1 "c< " RES(1) "{\"stream_id\":1,\"status\":200,\"headers\":{\"content-length\":\"2\","
                            "\"Content-Length\":\"3\"}}",
          OUT1 "c failed 0 502 the response is not understood\n" },
        { "no such status", ASK1 "c< " RES(1) "{\"stream_id\":1,\"status\":99,\"headers\":{}}",
          OUT1 "c failed 0 502 the response is not understood\n" },
        { "101 to no upgrade", ASK1 "c< " RES(1) "{\"stream_id\":1,\"status\":101,\"headers\":{}}",
          OUT1 "c failed 0 502 the response is not understood\n" },
        { "a head that is no JSON is skipped", ASK1 "c< " RES(1) "{\nc< " OK1,
          OUT1 "c failed 0 502 the response is not understood\n" },
        { "a second head, and what is of nobody",
          ASK1
          "c< " OK1 "\nc< " OK1
          "\nc< " RES_BODY(2) "x\nc< " RES_END(3) "\nc< " ERROR(4) "x\nc< " RES(
              5) "{\"stream_id\":5,\"status\":200,\"headers\":{}}\nc< " REQ(1) "{}\nc< " REQ_END(1),
          OUT1 "c head 0 200|+*\n" },
        { "a body before the head", ASK1 "c< " RES_BODY(1) "x\nc< " OK1 "\nc< " RES_END(1),
          OUT1 "c head 0 200|+*\nc end 0\n" },
        { "short, unknown, text, HELLO, AGREE",
          "c< \\14\\00\\00\\00\nc< " F(ff, 1) "\nc\"< hello\nc< " F(01, 0) "{}\nc< " F(02,
                                                                                       0) "{}\nc< ",
          "" },
        { "PING", "c< " F(03, 0) "\nc< " F(04, 0), "c> " F(04, 0) "\n" },
        { "the tunnel ends", ASK1 "c< " OK1 "\n" ASK1 "c lost",
          OUT1 "c head 0 200|+*\nc> " REQ(2) "{\"stream_id\":2,\"method\":\"GET\",\"path\":"
                                             "\"/v1/x?a=b\",\"headers\":{}}\nc> " REQ_END(
                                                 2) "\n"
                                                    "c failed 0 502 the tunnel has ended\n"
                                                    "c failed 1 502 the tunnel has ended\n" },
    };

    (void)state;
    run(rows, ADIT_LEN(rows), false);
}

static void what_a_provider_hears(void **state)
{
    static const struct row rows[] = {
        { "without a body", "p< " GET1 "\np< " REQ_END(1), "p request 0 GET /v1/x?a=b\np end 0\n" },
        { "it waits for the next frame", "p< " GET1, "" },
        { "a body that nobody announced", "p< " GET1 "\np< " REQ_BODY(1) "x\np< " REQ_END(1),
          "p request 0 GET /v1/x?a=b|+*\np data 0 x\np end 0\n" },
        { "Transfer-Encoding announces one",
          "p< " REQ(1) "{\"stream_id\":1,\"method\":\"POST\",\"path\":\"/\",\"headers\":"
                       "{\"Transfer-Encoding\":\"chunked\"}}",
          "p request 0 POST /|+*\n" },
        { "so does Content-Length",
          "p< " REQ(1) "{\"stream_id\":1,\"method\":\"POST\",\"path\":\"/\",\"headers\":"
                       "{\"content-length\":\"3\"}}\np< " REQ_BODY(1) "abc\np< " REQ_END(1),
          POST "p data 0 abc\np end 0\n" },
        { "too much of it",
          "p< " REQ(1) "{\"stream_id\":1,\"method\":\"POST\",\"path\":\"/\",\"headers\":"
                       "{\"content-length\":\"3\"}}\np< " REQ_BODY(1) "abcd\np< " REQ_END(1),
          POST "p failed 0 502 the body is longer than its Content-Length\n"
               "p> " RES(1) "{\"stream_id\":1,\"status\":502,\"headers\":{\"content-type\":"
                            "\"text/plain\"}}\np> " RES_BODY(1) "Bad Gateway: it broke off\n"
                                                                "p> " RES_END(1) "\n" },
        { "too little",
          "p< " REQ(1) "{\"stream_id\":1,\"method\":\"POST\",\"path\":\"/\",\"headers\":"
                       "{\"content-length\":\"3\"}}\np< " REQ_BODY(1) "ab\np< " REQ_END(1),
          POST "p data 0 ab\np failed 0 502 the body is shorter than its Content-Length\n"
               "p> " RES(1) "{\"stream_id\":1,\"status\":502,\"headers\":{\"content-type\":"
                            "\"text/plain\"}}\np> " RES_BODY(1) "Bad Gateway: it broke off\n"
                                                                "p> " RES_END(1) "\n" },
        { "no JSON", "p< " REQ(1) "nonsense", NOT_UNDERSTOOD },
        { "no number", "p< " REQ(1) "{\"method\":\"GET\",\"path\":\"/\",\"headers\":{}}",
          NOT_UNDERSTOOD },
        { "no method", "p< " REQ(1) "{\"stream_id\":1,\"path\":\"/\",\"headers\":{}}",
          NOT_UNDERSTOOD },
        { "an invalid method",
          "p< " REQ(1) "{\"stream_id\":1,\"method\":\"G T\",\"path\":\"/\",\"headers\":{}}",
          NOT_UNDERSTOOD },
        { "CONNECT",
          "p< " REQ(1) "{\"stream_id\":1,\"method\":\"CONNECT\",\"path\":\"/\",\"headers\":{}}",
          NOT_UNDERSTOOD },
        { "a path with a line end",
          "p< " REQ(
              1) "{\"stream_id\":1,\"method\":\"GET\",\"path\":\"/\\u000d\\u000a\",\"headers\":{}}",
          NOT_UNDERSTOOD },
        { "a whole URL",
          "p< " REQ(1) "{\"stream_id\":1,\"method\":\"GET\",\"path\":\"http://x/\",\"headers\":{}}",
          NOT_UNDERSTOOD },
        { "no fields", "p< " REQ(1) "{\"stream_id\":1,\"method\":\"GET\",\"path\":\"/\"}",
          NOT_UNDERSTOOD },
        { "a length that is none",
          "p< " REQ(1) "{\"stream_id\":1,\"method\":\"GET\",\"path\":\"/\",\"headers\":"
                       "{\"content-length\":\"-1\"}}",
          NOT_UNDERSTOOD },
        { "the same number again", "p< " GET1 "\np< " GET1 "\np< " REQ_END(1),
          "p request 0 GET /v1/x?a=b\np end 0\n" },
        { "OPTIONS *",
          "p< " REQ(1) "{\"stream_id\":1,\"method\":\"OPTIONS\",\"path\":\"*\",\"headers\":{}}\n"
                       "p< " REQ_END(1),
          "p request 0 OPTIONS *\np end 0\n" },
        { "a line end in a field, and names that are none",
          "p< " REQ(
              1) "{\"stream_id\":1,\"method\":\"GET\",\"path\":\"/\",\"headers\":"
                 "{\"a\":\"b\\u000d\\u000ac: d\",\"x y\":\"1\",\"z\":\"\\u0000\",\"ok\":\"1\"}}\n"
                 "p< " REQ_END(1),
          "p request 0 GET /|ok: 1\np end 0\n" },
        { "what is of nobody", "p< " REQ_BODY(1) "x\np< " REQ_END(1) "\np< " RES_END(1) "\np< " OK1,
          "" },
        { "short, unknown, text", "p< \\0a\\00\np< " F(05, 1) "\np\"< x", "" },
        { "PING", "p< " F(03, 0), "p> " F(04, 0) "\n" },
    };

    (void)state;
    run(rows, ADIT_LEN(rows), true);
}

#define BEGUN "p< " GET1 "\np< " REQ_END(1) "\n"
#define HEARD "p request 0 GET /v1/x?a=b\np end 0\n"

static void what_a_provider_sends(void **state)
{
    static const struct row rows[] = {
        { "a response",
          BEGUN "p head 0 200|Content-Type: text/plain|+*\np body 0 hi\np end 0\np drop 0",
          HEARD "p> " RES(1) "{\"stream_id\":1,\"status\":200,\"headers\":{\"content-type\":"
                             "\"text/plain\"}}\np> " RES_BODY(1) "hi\np> " RES_END(1) "\n" },
        { "without a body", BEGUN "p head 0 204\np end 0\np drop 0",
          HEARD
          "p> " RES(1) "{\"stream_id\":1,\"status\":204,\"headers\":{}}\np> " RES_END(1) "\n" },
        { "interim heads stay here", BEGUN "p head 0 103|Link: x\np head 0 200|+*",
          HEARD "p> " OK1 "\n"
                "p> " ERROR(1) "upstream error: it broke off\np> " RES_END(1) "\n" },
        { "cookies: the last one", BEGUN "p head 0 304|Set-Cookie: a|set-cookie: b|Vary: a|Vary: b",
          HEARD "p> " RES(1) "{\"stream_id\":1,\"status\":304,\"headers\":{\"set-cookie\":\"b\","
                             "\"vary\":\"a, b\"}}\np> " RES_END(1) "\n" },
        { "no upstream", BEGUN "p drop 0 Bad Gateway: refused",
          HEARD "p> " RES(1) "{\"stream_id\":1,\"status\":502,\"headers\":{\"content-type\":"
                             "\"text/plain\"}}\np> " RES_BODY(1) "Bad Gateway: refused\n"
                                                                 "p> " RES_END(1) "\n" },
        { "it breaks", BEGUN "p head 0 200|+*\np body 0 x\np drop 0 reset",
          HEARD "p> " OK1 "\np> " RES_BODY(1) "x\np> " ERROR(
              1) "upstream error: reset\np> " RES_END(1) "\n" },
        { "switching protocols", BEGUN "p head 0 101|upgrade",
          HEARD "p err head EINVAL\n"
                "p> " RES(1) "{\"stream_id\":1,\"status\":502,\"headers\":{\"content-type\":"
                             "\"text/plain\"}}\np> " RES_BODY(1) "Bad Gateway: it broke off\n"
                                                                 "p> " RES_END(1) "\n" },
        { "the tunnel ends", BEGUN "p head 0 200|+*\np lost",
          HEARD "p> " OK1 "\np failed 0 502 the tunnel has ended\n" },
    };
    char log[4096];

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct script_world w;
        script_begin(&w, &adit_carrier_room, false, true);
        script_settle(&w);
        script_run(&w, rows[i].script);
        script_settle(&w);
        for (unsigned k = 0; k < w.ends[1].count; k++) /* whoever is left lets go */
            w.ends[1].exchanges[k].x = adit_exchange_free(w.ends[1].exchanges[k].x, NULL, 0);
        snprintf(log, sizeof log, "p ready\n%s", rows[i].log);
        if (strcmp(adit_buf_str(&w.log), log) != 0)
            fail_msg("%s\n--- has\n%s--- wants\n%s", rows[i].name, adit_buf_str(&w.log), log);
        script_end(&w);
    }
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void bodies_are_cut_to_messages(void **state)
{
    struct script_world w;

    (void)state;
    for (int large = 0; large < 2; large++) {
        script_begin(&w, &adit_carrier_room, true, false);
        w.ends[0].message_max = large ? SIZE_MAX : 1000;
        script_settle(&w);
        script_run(&w, "c begin PUT /|+100000");
        w.log.len = 0;
        uint8_t *body = calloc(1, 100000);
        assert_int_equal(adit_exchange_body(w.ends[0].exchanges[0].x, body, 100000, 0), 0);
        free(body);
        const char *log = adit_buf_str(&w.log);
        assert_non_null(strstr(log, large ? "...#65413\n" : "...#1000\n"));
        assert_non_null(strstr(log, large ? "...#34597\n" : "...#1000\n"));
        script_end(&w);
    }
}

static void a_head_that_fits_no_message_is_refused(void **state)
{
    struct script_world w;

    (void)state;
    script_begin(&w, &adit_carrier_room, true, true);
    script_settle(&w);
    w.ends[0].message_max =
        strlen("{\"stream_id\":1,\"method\":\"GET\",\"path\":\"/\",\"headers\":{}}") + 5;
    script_run(&w, "c begin GET /\nc begin GET /a");
    assert_non_null(strstr(adit_buf_str(&w.log), "c err begin EINVAL"));
    assert_int_equal(w.ends[0].count, 1);
    script_settle(&w);
    w.ends[1].message_max = 60;
    script_run(&w, "p head 0 200|A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nturn");
    assert_non_null(strstr(adit_buf_str(&w.log), "p err head EINVAL"));
    script_end(&w);
}

/* A channel that takes nothing: 256 KiB in all and 16 KiB for each wait here. */
static void the_queue_is_bounded_and_fair(void **state)
{
    struct script_world w;
    size_t first, second, third;

    (void)state;
    script_begin(&w, &adit_carrier_room, true, false);
    w.quiet = true;
    script_settle(&w);
    script_run(&w,
               "c block\nc begin PUT /|+*\nc begin PUT /|+*\nc begin PUT /|+*\nc fill 0 999999");
    first = adit_exchange_room(w.ends[0].exchanges[0].x);
    second = adit_exchange_room(w.ends[0].exchanges[1].x);
    assert_int_equal(first, 0);
    assert_in_range(second, 80000, 90000);
    script_run(&w, "c fill 1 999999\nc fill 2 999999");
    third = adit_exchange_room(w.ends[0].exchanges[2].x);
    assert_int_equal(third, 0);
    w.log.len = 0;
    w.quiet = false;
    script_run(&w, "c unblock\nturn");
    const char *log = adit_buf_str(&w.log);
    assert_non_null(strstr(log, "c writable 0"));
    assert_non_null(strstr(log, "c writable 2"));
    /* In turn: the heads first. */
    assert_true(strstr(log, "\\0a\\00\\00\\00\\03") < strstr(log, "\\0b\\00\\00\\00\\01"));
    script_end(&w);
}

static void a_stalled_reader_pauses_the_channel(void **state)
{
    struct script_world w;

    (void)state;
    script_begin(&w, &adit_carrier_room, true, true);
    w.quiet = true;
    script_settle(&w);
    script_run(&w, "c begin GET /\nc begin GET /\nturn\np head 0 200|+*\np head 1 200|+*");
    for (int i = 0; i < 40 && !w.ends[0].paused; i++)
        script_run(&w, "p fill 0 65000\nturn");
    assert_true(w.ends[0].paused);
    assert_in_range(w.ends[0].exchanges[0].got, 1048577, 1048577 + 65408);
    script_run(&w, "c eat 0 500000\nturn");
    assert_true(w.ends[0].paused);
    script_run(&w, "c eat 0 100000\nturn");
    assert_false(w.ends[0].paused);
    script_run(&w,
               "p fill 0 200000\np fill 0 200000\nturn\np fill 0 200000\np fill 0 200000\nturn");
    assert_true(w.ends[0].paused);
    script_run(&w, "c drop 0\nturn"); /* gone with what it held */
    assert_false(w.ends[0].paused);
    script_run(&w, "p body 1 x\np end 1\nturn");
    assert_true(w.ends[0].exchanges[1].ended);
    script_end(&w);
}

static void a_peer_that_does_not_listen_is_not_heard(void **state)
{
    struct script_world w;
    char line[300];

    (void)state;
    script_begin(&w, &adit_carrier_room, false, true);
    w.quiet = true;
    w.free_first = true;
    script_settle(&w);
    script_run(&w, "p block");
    for (int i = 0; i < 100000 && !w.ends[1].paused; i++) {
        snprintf(line, sizeof line,
                 "p< \\0a\\00\\00\\00\\01{\"stream_id\":%d,\"method\":\"GET\",\"path\":\"/\","
                 "\"headers\":{\"content-length\":\"0\"}}\np< \\03\\00\\00\\00\\00\np< "
                 "\\0a\\00\\00\\00\\02x",
                 i);
        script_run(&w, line);
    }
    assert_true(w.ends[1].paused);
    w.ends[1].blocked = false;
    script_settle(&w);
    assert_false(w.ends[1].paused);
    script_end(&w);
}

static void so_many_at_a_time(void **state)
{
    struct script_world w;
    char line[200];

    (void)state;
    script_begin(&w, &adit_carrier_room, true, true);
    w.ends[0].c->conf.exchanges_max = 2;
    w.ends[1].c->conf.exchanges_max = 1;
    script_settle(&w);
    script_run(&w, "c begin GET /\nc begin GET /\nc begin GET /\nturn");
    const char *log = adit_buf_str(&w.log);
    assert_non_null(strstr(log, "c err begin EAGAIN"));
    assert_non_null(strstr(log, "c failed 1 502 too many requests at a time"));
    snprintf(line, sizeof line, "p head 0 200\np drop 0\nturn\nc drop 0\nc begin GET /\nturn");
    script_run(&w, line);
    assert_non_null(strstr(adit_buf_str(&w.log), "p request 1 GET /"));
    script_end(&w);
}

/* ---- pairs ----------------------------------------------------------------------------------- */

/* Two megabytes each way through a channel of 20000 bytes, whole. */
static void a_pair_with_small_buffers(void **state)
{
    struct script_world w;
    uint64_t sent[2] = { 0, 0 };

    (void)state;
    script_begin(&w, &adit_carrier_room, true, true);
    w.quiet = w.greedy = true;
    for (int i = 0; i < 2; i++)
        w.ends[i].buffer = 20000;
    script_settle(&w);
    script_run(&w, "c begin PUT /|Content-Length: 2000000|+2000000\nturn\np head 0 200|+*");
    while (sent[0] < 2000000 || sent[1] < 2000000) {
        for (int i = 0; i < 2; i++) {
            struct adit_exchange *x = w.ends[i].exchanges[0].x;
            uint8_t bytes[3000];
            uint64_t n = adit_exchange_room(x);
            n = n > sizeof bytes ? sizeof bytes : n;
            n = n > 2000000 - sent[i] ? 2000000 - sent[i] : n;
            for (size_t k = 0; k < n; k++)
                bytes[k] = (uint8_t)((sent[i] + k) * 2654435761u >> 13);
            if (n)
                assert_int_equal(adit_exchange_body(x, bytes, n, 0), 0);
            sent[i] += n;
        }
        script_settle(&w);
    }
    script_run(&w, "c end 0\np end 0\nturn");
    for (int i = 0; i < 2; i++) {
        assert_true(w.ends[i].exchanges[0].ended);
        assert_int_equal(w.ends[i].exchanges[0].got, 2000000);
        assert_int_equal(w.ends[i].exchanges[0].sum, w.ends[!i].exchanges[0].sum);
    }
    script_end(&w);
}

static const char *const conversation[] = {
    "c begin POST /|Content-Length: 6|+6",
    "c body 0 abc",
    "p head 0 200|+*",
    "p body 0 one",
    "c begin GET /two",
    "p body 0 two",
    "c body 0 def",
    "c end 0",
    "p head 1 204",
    "p body 0 three",
    "p end 0",
};

/* Every message of a conversation, and after each of them either side gives up, or is gone. */
static void the_end_at_every_frame(void **state)
{
    static const char *const ends[] = { "c lost",   "p lost",   "c drop 0",      "p drop 0 x",
                                        "c drop 1", "p drop 1", "c lost\np lost" };
    bool more = true;

    (void)state;
    for (unsigned at = 0; more; at++)
        for (size_t k = 0; k < ADIT_LEN(ends); k++) {
            struct script_world w;
            unsigned moved = 0;
            script_begin(&w, &adit_carrier_room, true, true);
            w.greedy = true;
            script_settle(&w);
            for (size_t i = 0; i < ADIT_LEN(conversation); i++) {
                script_run(&w, conversation[i]);
                for (int e = 0; e < 2; e++)
                    while (moved < at && script_move(&w.ends[e], 1)) {
                        moved++;
                        assert_int_equal(adit_loop_process(w.loop), 0);
                    }
            }
            more = moved == at;
            script_run(&w, ends[k]);
            script_settle(&w);
            script_end(&w); /* asserts that nothing is left */
        }
}

static void every_callback_may_free(void **state)
{
    (void)state;
    for (size_t last = 1; last <= ADIT_LEN(conversation); last++) {
        struct script_world w;
        script_begin(&w, &adit_carrier_room, true, true);
        w.free_first = true;
        script_settle(&w);
        for (size_t i = 0; i < last; i++) {
            script_run(&w, conversation[i]);
            script_settle(&w);
        }
        script_end(&w);
    }
}

static void without_memory(void **state)
{
    (void)state;
    for (uint64_t n = 0;; n++) {
        struct script_world w;
        script_begin(&w, &adit_carrier_room, true, true);
        w.greedy = true;
        script_settle(&w);
        w.quiet = true; /* the log's own memory is not what this is about */
        w.log.len = 0;
        adit_buf_printf(&w.log, "%*s", 4000, "");
        adit_alloc_fail_once(n);
        for (size_t i = 0; i < ADIT_LEN(conversation); i++) {
            script_run(&w, conversation[i]);
            script_settle(&w);
        }
        bool done = adit_alloc_count() <= n;
        adit_alloc_fail_at(UINT64_MAX);
        script_end(&w);
        if (done)
            break;
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_consumer_sends),
        cmocka_unit_test(what_a_consumer_hears),
        cmocka_unit_test(what_a_provider_hears),
        cmocka_unit_test(what_a_provider_sends),
        cmocka_unit_test(bodies_are_cut_to_messages),
        cmocka_unit_test(a_head_that_fits_no_message_is_refused),
        cmocka_unit_test(the_queue_is_bounded_and_fair),
        cmocka_unit_test(a_stalled_reader_pauses_the_channel),
        cmocka_unit_test(a_peer_that_does_not_listen_is_not_heard),
        cmocka_unit_test(so_many_at_a_time),
        cmocka_unit_test(a_pair_with_small_buffers),
        cmocka_unit_test(the_end_at_every_frame),
        cmocka_unit_test(every_callback_may_free),
        cmocka_unit_test(without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
