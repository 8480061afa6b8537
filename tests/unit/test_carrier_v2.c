/* test_carrier_v2.c - the Tunnel Agent's frames of its first generation, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "sim/carrier_script.h"

#define Z3 "\\00\\00\\00"

/* The example: GET /v1/x, number 1. */
#define GET1(headers)                  "\\01" Z3 "\\01\\00\\03GET\\00\\05/v1/x" headers
#define NONE                           Z3 "\\02{}"
#define IDENTITY                       Z3 "\\1e{\"accept-encoding\":\"identity\"}"
#define OUT1                           "c> " GET1(IDENTITY) Z3 "\\00\n"
#define ASK1                           "c begin GET /v1/x\nc end 0\n"
/* A response to number 1 with a body of so many bytes. */
#define RES1(status, headers, n, body) "\\02" Z3 "\\01" status headers Z3 #n body
#define S200                           "\\00\\c8"
#define ERR(id, status, n, text)                                                                 \
    "p> \\02" id status Z3 "#{\"content-type\":\"application/json\"}" Z3 n "{\"error\": \"" text \
    "\"}\n"
#define S500          "\\01\\f4"
#define S502          "\\01\\f6"
#define S503          "\\01\\f7"
#define MALFORMED(id) ERR(id, S500, "@", "Internal proxy error: the request is not understood")

struct row {
    const char *name, *script, *log;
};

static void run(const struct row *rows, size_t n, bool provider)
{
    char wanted[8192];
    bool good = true;

    for (size_t i = 0; i < n; i++) {
        const char *log = script_log(&adit_carrier_v2, !provider, provider, rows[i].script);
        snprintf(wanted, sizeof wanted, "%c ready\n%s", "cp"[provider], rows[i].log);
        if (strcmp(log, wanted) != 0) {
            good = false;
            print_error("%s\n--- has\n%s--- wants\n%s", rows[i].name, log, wanted);
        }
    }
    assert_true(good);
}

static void a_consumer(void **state)
{
    static const struct row rows[] = {
        { "a request", ASK1, OUT1 },
        { "with a body",
          "c begin PUT /|Content-Length: 3|Accept-Encoding: gzip|+3\nc body 0 a\n"
          "c body 0 \\ff\\00\nc end 0",
          "c> \\01" Z3 "\\01\\00\\03PUT\\00\\01/" Z3
          "3{\"content-length\":\"3\",\"accept-encoding\":"
          "\"identity\"}" Z3 "\\03a\\ff\\00\n" },
        { "answers in any order",
          ASK1 "c begin GET /v1/x\nc end 1\nc< \\02" Z3 "\\02" S200 NONE Z3
               "\\02hi\nc< " RES1(S200, NONE, \\00, ""),
          OUT1 "c> \\01" Z3 "\\02\\00\\03GET\\00\\05/v1/x" IDENTITY Z3 "\\00\n"
               "c head 1 200|Content-Length: 2|+2\nc data 1 hi\nc end 1\n"
               "c head 0 200|Content-Length: 0\nc end 0\n" },
        { "a length that is that of something else",
          ASK1 "c< " RES1(S200, Z3 "\\17{\"Content-Length\":\"99\"}", \\02, "ok"),
          OUT1 "c head 0 200|Content-Length: 2|+2\nc data 0 ok\nc end 0\n" },
        { "a coding that the body has no more",
          ASK1 "c< " RES1(S200, Z3 "\\1b{\"content-encoding\":\"gzip\"}", \\02, "ok"),
          OUT1 "c head 0 200|Content-Length: 2|+2\nc data 0 ok\nc end 0\n" },
        { "one that it has",
          ASK1 "c< " RES1(S200, Z3 "\\1b{\"content-encoding\":\"gzip\"}", \\02, "\\1f\\8b"),
          OUT1 "c head 0 200|content-encoding: gzip|Content-Length: 2|+2\nc data 0 \\1f\\8b\nc end "
               "0\n" },
        { "HEAD",
          "c begin HEAD /\nc end 0\nc< " RES1(S200, Z3 "\\17{\"content-length\":\"99\"}", \\00, ""),
          "c> \\01" Z3 "\\01\\00\\04HEAD\\00\\01/" IDENTITY Z3 "\\00\n"
          "c head 0 200|content-length: 99\nc end 0\n" },
        { "a number from the wrong place", ASK1 "c< \\02\\01" Z3 S500 NONE Z3 "\\02{}",
          OUT1 "c head 0 500|Content-Length: 2|+2\nc data 0 {}\nc end 0\n" },
        { "twice",
          ASK1 "c< \\02\\01" Z3 S500 NONE Z3 "\\02{}\nc< \\02\\01" Z3 S500 NONE Z3 "\\02{}",
          OUT1 "c head 0 500|Content-Length: 2|+2\nc data 0 {}\nc end 0\n" },
        { "an answer to nothing yet",
          "c begin PUT /|+*\nc< " RES1(S200, NONE, \\00, "") "\nc drop 0", "" },
        { "which may be that of two",
          ASK1 "c begin GET /v1/x\nc end 1\nc< \\02\\01" Z3 S500 NONE Z3 "\\02{}",
          OUT1 "c> \\01" Z3 "\\02\\00\\03GET\\00\\05/v1/x" IDENTITY Z3 "\\00\n" },
        { "or says something else", ASK1 "c< \\02\\01" Z3 S502 NONE Z3 "\\02{}", OUT1 },
        { "a second answer",
          ASK1 "c< " RES1(S200, NONE, \\00, "") "\nc< " RES1(S200, NONE, \\00, ""),
          OUT1 "c head 0 200|Content-Length: 0\nc end 0\n" },
        { "of nobody", "c< " RES1(S200, NONE, \\00, ""), "" },
        { "shorter than it says", ASK1 "c< " RES1(S200, NONE, \\05, "four"),
          OUT1 "c failed 0 502 the response is not understood\n" },
        { "no JSON", ASK1 "c< " RES1(S200, Z3 "\\02{]", \\00, ""),
          OUT1 "c failed 0 502 the response is not understood\n" },
        { "pairs", ASK1 "c< " RES1(S200, Z3 "\\02[]", \\00, ""),
          OUT1 "c failed 0 502 the response is not understood\n" },
        { "no status", ASK1 "c< " RES1("\\00\\65", NONE, \\00, ""),
          OUT1 "c failed 0 502 the response is not understood\n" },
        { "4 GiB", ASK1 "c< \\02" Z3 "\\01" S200 NONE "\\ff\\ff\\ff\\ffx",
          OUT1 "c failed 0 502 the response is not understood\n" },
        { "short and unknown ones",
          ASK1 "c< \\02\nc< \\02" Z3 "\nc< \\00\\03\nc< \\7f\nc\"< hello\nc< " GET1(NONE) Z3 "\\00",
          OUT1 },
        { "given up", ASK1 "c drop 0\nc< " RES1(S200, NONE, \\00, ""), OUT1 },
        { "given up early", "c begin PUT /|+*\nc body 0 x\nc drop 0", "" },
        { "the tunnel ends", ASK1 "c begin PUT /|+*\nc lost",
          OUT1 "c failed 0 502 the tunnel has ended\nc failed 1 502 the tunnel has ended\n" },
    };

    (void)state;
    run(rows, ADIT_LEN(rows), false);
}

#define HEARD "p request 0 GET /v1/x|Accept-Encoding: identity\np end 0\n"

static void a_provider(void **state)
{
    static const struct row rows[] = {
        { "a request", "p< " GET1(NONE) Z3 "\\00", HEARD },
        { "with a body",
          "p< \\01" Z3 "\\09\\00\\04POST\\00\\01/" Z3
          "7{\"Content-Length\":\"9\",\"accept-encoding\":\"gzip\","
          "\"a\":\"b\"}" Z3 "\\03a\\ff\\00",
          "p request 0 POST /|a: b|Content-Length: 3|Accept-Encoding: identity|+3\n"
          "p data 0 a\\ff\\00\np end 0\n" },
        { "what belongs to a connection",
          "p< " GET1(Z3 "7{\"Connection\":\"close\",\"upgrade\":\"h2c\",\"host\":\"a\",\"n\":1}") Z3
          "\\00",
          "p request 0 GET /v1/x|host: a|Accept-Encoding: identity\np end 0\n" },
        { "a response",
          "p< " GET1(NONE) Z3
          "\\00\np head 0 200|Content-Type: text/plain|A: b|A: c|+*\np body 0 h\n"
          "p body 0 \\ff\np end 0\np drop 0",
          HEARD "p> \\02" Z3 "\\01" S200 Z3 "({\"content-type\":\"text/plain\",\"a\":\"b, c\"}" Z3
                "\\02h\\ff\n" },
        { "without a body",
          "p< " GET1(NONE) Z3 "\\00\np head 0 100\np head 0 304\np end 0\np drop 0",
          HEARD "p> \\02" Z3 "\\01\\010" NONE Z3 "\\00\n" },
        { "no upstream", "p< " GET1(NONE) Z3 "\\00\np drop 0 no \"way\"",
          HEARD ERR(Z3 "\\01", S502, "$", "Bad Gateway: no \\5c\"way\\5c\"") },
        { "it breaks", "p< " GET1(NONE) Z3 "\\00\np head 0 200|+*\np body 0 x\np drop 0 reset",
          HEARD ERR(Z3 "\\01", S502, "\\1f", "Bad Gateway: reset") },
        { "the same number again", "p< " GET1(NONE) Z3 "\\00\np< " GET1(NONE) Z3 "\\00", HEARD },
        { "malformed: the number is read from the wrong place", "p< " GET1(NONE) Z3 "\\01",
          MALFORMED("\\01" Z3) },
        { "short", "p< \\01\np< \\01" Z3 "\np< \\01" Z3 "\\01",
          MALFORMED(Z3 "\\00") MALFORMED("\\01" Z3) MALFORMED("\\01" Z3) },
        { "no JSON", "p< " GET1(Z3 "\\02{]") Z3 "\\00", MALFORMED("\\01" Z3) },
        { "pairs", "p< " GET1(Z3 "\\02[]") Z3 "\\00", MALFORMED("\\01" Z3) },
        { "no method", "p< \\01" Z3 "\\01\\00\\00\\00\\01/" NONE Z3 "\\00", MALFORMED("\\01" Z3) },
        { "a method that is none", "p< \\01" Z3 "\\01\\00\\03G T\\00\\01/" NONE Z3 "\\00",
          MALFORMED("\\01" Z3) },
        { "CONNECT", "p< \\01" Z3 "\\01\\00\\07CONNECT\\00\\01/" NONE Z3 "\\00",
          MALFORMED("\\01" Z3) },
        { "a path that is none", "p< \\01" Z3 "\\01\\00\\03GET\\00\\04/\\0d\\0ax" NONE Z3 "\\00",
          MALFORMED("\\01" Z3) },
        { "a zero byte", "p< \\01" Z3 "\\01\\00\\03GET\\00\\03/\\00x" NONE Z3 "\\00",
          MALFORMED("\\01" Z3) },
        { "4 GiB", "p< " GET1(NONE) "\\ff\\ff\\ff\\ff", MALFORMED("\\01" Z3) },
        { "what is not for us", "p< " RES1(S200, NONE, \\00, "") "\np< \\00\\03\np\"< x\np< ", "" },
    };
    char log[4096];

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        char *wanted = log;
        /* "#" stands for the length of {"content-type":"application/json"}. */
        for (const char *p = rows[i].log; *p; p++)
            if (strncmp(p, "\\00#{", 5) == 0)
                wanted += sprintf(wanted, "\\00#"), p += 3;
            else
                *wanted++ = *p;
        *wanted = '\0';
        run(&(struct row){ rows[i].name, rows[i].script, log }, 1, true);
    }
}

#define UPGRADE \
    "Upgrade: websocket|Sec-WebSocket-Version: 13|Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT  "Upgrade: websocket|Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define CONNECT "\\10" Z3 "\\01\\00\\05/ws?a" Z3
#define BEGIN   "c begin GET /ws?a|" UPGRADE "|upgrade\nturn\n"
#define BEGUN   "c> " CONNECT "\\02{}\nc head 0 101|" ACCEPT "|upgrade\n"

static void a_websocket_of_a_consumer(void **state)
{
    static const struct row rows[] = {
        { "it stands at once", BEGIN, BEGUN },
        { "with fields and a protocol",
          "c begin GET /ws?a|Cookie: a|Sec-WebSocket-Protocol: x, y|" UPGRADE "|upgrade\nturn",
          "c> " CONNECT ".{\"cookie\":\"a\",\"sec-websocket-protocol\":\"x, y\"}\n"
          "c head 0 101|" ACCEPT "|Sec-WebSocket-Protocol: x|upgrade\n" },
        { "messages out",
          BEGIN "c body 0 \\81\\82" Z3 "\\00hi\nc body 0 \\02\\81" Z3 "\\00a\\80\\81" Z3 "\\00b",
          BEGUN "c> \\11" Z3 "\\01\\01" Z3 "\\02hi\nc> \\11" Z3 "\\01\\02" Z3 "\\02ab\n" },
        { "messages in",
          BEGIN "c< \\11" Z3 "\\01\\01" Z3 "\\02hi\nturn\nc< \\11" Z3 "\\01\\02" Z3 "\\00",
          BEGUN "c data 0 \\81\\02hi\nc data 0 \\82\\00\n" },
        { "pings are answered where they come",
          BEGIN "c body 0 \\89\\81" Z3 "\\00x\nturn\nc< \\11" Z3 "\\01\\09" Z3 "\\01y",
          BEGUN "c data 0 \\8a\\01x\nc data 0 \\89\\01y\n" },
        { "the client closes",
          BEGIN "c body 0 \\88\\84" Z3 "\\00\\03\\e8ok\nturn\nc end 0\nc drop 0",
          BEGUN "c> \\12" Z3 "\\01\\03\\e8\\00\\02ok\nc data 0 \\88\\02\\03\\e8\nc end 0\n" },
        { "without a word", BEGIN "c end 0\nturn\nc drop 0",
          BEGUN "c> \\12" Z3 "\\01\\03\\e9\\00\\00\nc end 0\n" },
        { "it is let go", BEGIN "c drop 0",
          BEGUN "c> \\12" Z3 "\\01\\03\\e9\\00\\0cit broke off\n" },
        { "the other end closes",
          BEGIN "c< \\12" Z3 "\\01\\03\\e8\\00\\03bye\nturn\nc body 0 \\88\\82" Z3 "\\00\\03\\e8",
          BEGUN "c data 0 \\88\\05\\03\\e8bye\nc> \\12" Z3 "\\01\\03\\e8\\00\\00\nc end 0\n" },
        { "it could not be", BEGIN "c< \\12" Z3 "\\01\\03\\ee\\00\\02no\nturn",
          BEGUN "c data 0 \\88\\04\\03\\f3no\n" },
        { "a text that is none", BEGIN "c< \\11" Z3 "\\01\\01" Z3 "\\01\\ff\nturn",
          BEGUN "c> \\12" Z3 "\\01\\03\\ef\\00\\13a text that is none\n"
                "c data 0 \\88\\15\\03\\efa text that is none\n" },
        { "a client that breaks the rules", BEGIN "c body 0 \\81\\02hi\nturn",
          BEGUN "c> \\12" Z3 "\\01\\03\\e9\\00\\00\nc data 0 \\88\\02\\03\\ea\nc end 0\n" },
        { "no request for one",
          "c begin GET /|Upgrade: websocket|Sec-WebSocket-Version: 8|upgrade\nturn\n"
          "c begin GET /|Upgrade: websocket|Sec-WebSocket-Version: 13|upgrade",
          "c failed 0 426 this is no request for a WebSocket\n"
          "c failed 1 400 this is no request for a WebSocket\n" },
        { "another upgrade is no WebSocket", "c begin GET /v1/x|Upgrade: h2c|upgrade\nc end 0",
          OUT1 },
        { "bad frames",
          BEGIN "c< \\11\nc< \\11" Z3 "\\01\\01" Z3 "\\05hi\nc< \\12" Z3 "\\01\\03\nc< \\11" Z3
                "\\02\\01" Z3 "\\00"
                "\nc< \\11" Z3 "\\01\\00" Z3 "\\01x\nc< \\11" Z3 "\\01\\07" Z3 "\\01x\nc< \\10" Z3
                "\\01",
          BEGUN },
        { "the tunnel ends", BEGIN "c lost", BEGUN "c failed 0 502 the tunnel has ended\n" },
    };

    (void)state;
    run(rows, ADIT_LEN(rows), false);
}

#define WANTED "|Upgrade: websocket|Sec-WebSocket-Version: 13|Sec-WebSocket-Key: KEY|upgrade\n"
#define ASKED  "p< " CONNECT "\\02{}\n"
#define STANDS ASKED "p head 0 101|Upgrade: websocket|Sec-WebSocket-Accept: @\nturn\n"
#define STOOD  "p request 0 GET /ws?a" WANTED
#define FAILED "p> \\12" Z3 "\\01\\03\\ee\\00\\11Connection failed\n"

static void a_websocket_of_a_provider(void **state)
{
    static const struct row rows[] = {
        { "a request", ASKED, STOOD },
        { "a whole URL, and fields of another handshake",
          "p< \\10" Z3 "\\01\\00\\10ws://host:1/ws?a" Z3
          "C{\"sec-websocket-key\":\"x\",\"Sec-WebSocket-Protocol\":"
          "\"p\",\"cookie\":\"c\"}\n",
          "p request 0 GET /ws?a|Sec-WebSocket-Protocol: p|cookie: c" WANTED },
        { "messages", STANDS "p< \\11" Z3 "\\01\\01" Z3 "\\02hi\nturn\np body 0 \\82\\02yo\nturn",
          STOOD "p data 0 \\81\\82" Z3 "\\00hi\np> \\11" Z3 "\\01\\02" Z3 "\\02yo\n" },
        { "what came before it stood",
          ASKED "p< \\11" Z3 "\\01\\01" Z3 "\\02hi\nturn\np head 0 101|"
                "Sec-WebSocket-Accept: @\nturn",
          STOOD "p data 0 \\81\\82" Z3 "\\00hi\n" },
        { "the upstream refuses", ASKED "p head 0 403|+*\nturn",
          STOOD FAILED "p failed 0 502 the upstream made no WebSocket of it\n" },
        { "it answers something else", ASKED "p head 0 101|Sec-WebSocket-Accept: x\nturn",
          STOOD FAILED "p failed 0 502 the upstream made no WebSocket of it\n" },
        { "with extensions",
          ASKED "p head 0 101|Sec-WebSocket-Accept: @|Sec-WebSocket-Extensions: x\nturn",
          STOOD FAILED "p failed 0 502 the upstream made no WebSocket of it\n" },
        { "no upstream", ASKED "p drop 0 refused",
          STOOD "p> \\12" Z3 "\\01\\03\\ee\\00\\07refused\n" },
        { "the upstream closes", STANDS "p body 0 \\88\\02\\03\\e8\nturn\np end 0\np drop 0",
          STOOD "p> \\12" Z3 "\\01\\03\\e8\\00\\00\np data 0 \\88\\82" Z3
                "\\00\\03\\e8\np end 0\n" },
        { "it is gone", STANDS "p end 0\nturn",
          STOOD "p> \\12" Z3 "\\01\\03\\ee\\00\\00\np end 0\n" },
        { "the other end closes",
          STANDS "p< \\12" Z3 "\\01\\03\\e8\\00\\02ok\nturn\np body 0 \\88\\02\\03\\e8\nturn",
          STOOD "p data 0 \\88\\84" Z3 "\\00\\03\\e8ok\np> \\12" Z3
                "\\01\\03\\e8\\00\\00\np end 0\n" },
        { "bad requests",
          "p< \\10" Z3 "\\01\\00\\04nope" NONE "\np< \\10" Z3 "\\01\\00\\01/" Z3
          "\\02[]\np< \\10" Z3 "\\01\\00\\09/",
          FAILED "p> \\12" Z3 "\\01\\03\\ee\\00\\11Connection failed\n" FAILED },
        { "the same number again", ASKED ASKED, STOOD },
        { "numbers of requests are others", ASKED "p< " GET1(NONE) Z3 "\\00",
          STOOD "p request 1 GET /v1/x|Accept-Encoding: identity\np end 1\n" },
    };

    (void)state;
    run(rows, ADIT_LEN(rows), true);
}

/* ---- limits, pairs --------------------------------------------------------------------------- */

static void bodies_fit_one_message(void **state)
{
    struct script_world w;
    const char *log;

    (void)state;
    script_begin(&w, &adit_carrier_v2, true, true);
    w.quiet = w.greedy = true;
    script_settle(&w);
    for (int i = 0; i < 2; i++)
        w.ends[i].message_max = 1000;
    size_t head = 1 + 4 + 2 + 3 + 2 + 1 + 4 + 30 + 4;
    uint8_t body[1000] = { 0 };
    script_run(&w, "c begin PUT /|+*\nc begin PUT /|+*\nc begin PUT /|Content-Length: 900|+900\n"
                   "c begin PUT /|Content-Length: 990|+990\n");
    assert_int_equal(adit_exchange_body(w.ends[0].exchanges[0].x, body, 1000 - head, 0), 0);
    assert_int_equal(adit_exchange_body(w.ends[0].exchanges[1].x, body, 1001 - head, 0), 0);
    assert_int_equal(adit_exchange_body(w.ends[0].exchanges[1].x, body, 1, 0), 0);
    script_run(&w, "c end 0\nc end 1\nturn\np head 0 200|+*");
    assert_int_equal(adit_exchange_body(w.ends[1].exchanges[0].x, body, 1000, 0), 0);
    assert_int_equal(adit_exchange_body(w.ends[1].exchanges[0].x, body, 1000, 0), 0);
    script_run(&w, "p end 0\nturn");
    log = adit_buf_str(&w.log);
    assert_non_null(
        strstr(log, "c failed 1 413 the body is larger than the tunnel carries at once"));
    assert_non_null(strstr(log, "c failed 3 413 the request is larger than"));
    assert_null(strstr(log, "c failed 2"));
    assert_non_null(strstr(log, "p request 0 PUT /|Content-Length: 949|"));
    assert_non_null(strstr(log, "p failed 0 502"));
    assert_non_null(strstr(log, "c head 0 502|content-type: application/json"));
    script_end(&w);
}

/* 32 MiB and no more wait for their ends. */
static void what_is_collected_is_bounded(void **state)
{
    struct script_world w;
    static uint8_t body[1 << 20];
    unsigned failed = 0;

    (void)state;
    script_begin(&w, &adit_carrier_v2, true, false);
    w.ends[0].message_max = SIZE_MAX;
    script_settle(&w);
    for (int i = 0; i < 2; i++)
        script_run(&w, "c begin PUT /|+*");
    for (int i = 0; i < 40 && !failed; i++)
        for (int k = 0; k < 2 && !failed; k++) {
            assert_int_equal(adit_exchange_body(w.ends[0].exchanges[k].x, body, sizeof body, 0), 0);
            script_settle(&w);
            failed = w.ends[0].exchanges[k].failed ? (unsigned)(2 * i + k + 1) : 0;
        }
    assert_int_equal(failed, 32); /* with their heads */
    script_end(&w);
}

static void a_large_body_is_told_in_pieces(void **state)
{
    struct script_world w;
    size_t n = 3 * 1024 * 1024;
    uint8_t *frame = calloc(1, n + 64);
    char head[] = GET1(NONE);
    size_t at = script_unescape(frame, head, strlen(head));

    (void)state;
    script_begin(&w, &adit_carrier_v2, false, true);
    w.quiet = true;
    script_settle(&w);
    adit_put32(frame + at, (uint32_t)n);
    adit_carrier_message(w.ends[1].c, frame, at + 4 + n, false, 0);
    free(frame);
    assert_in_range(w.ends[1].exchanges[0].got, 512 * 1024, 600 * 1024);
    for (int i = 0; i < 100 && !w.ends[1].exchanges[0].ended; i++)
        script_run(&w, "p eat 0 100000\nturn");
    assert_true(w.ends[1].exchanges[0].ended);
    assert_int_equal(w.ends[1].exchanges[0].got, n);
    script_end(&w);
}

static const char *const conversation[] = {
    "c begin POST /|Content-Length: 6|+6",
    "c body 0 abc",
    "c begin GET /ws?a|" UPGRADE "|upgrade",
    "c body 0 def",
    "c end 0",
    "c body 1 \\81\\82\\00\\00\\00\\00hi",
    "p head 0 200|+*",
    "p body 0 one",
    "p head 1 101|Sec-WebSocket-Accept: @",
    "p head 0 101|Sec-WebSocket-Accept: @",
    "p head 1 200|+*",
    "p body 1 \\81\\02yo",
    "p body 0 \\81\\02yo",
    "p end 0",
    "p end 1",
    "c body 1 \\88\\82\\00\\00\\00\\00\\03\\e8",
    "c end 1",
};

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
            script_begin(&w, &adit_carrier_v2, true, true);
            w.greedy = true;
            script_settle(&w);
            for (size_t i = 0; i < ADIT_LEN(conversation); i++) {
                script_run(&w, conversation[i]);
                assert_int_equal(adit_loop_process(w.loop), 0);
                for (int e = 0; e < 2; e++)
                    while (moved < at && script_move(&w.ends[e], 1)) {
                        moved++;
                        assert_int_equal(adit_loop_process(w.loop), 0);
                    }
            }
            more = moved == at;
            script_run(&w, ends[k]);
            script_settle(&w);
            script_end(&w);
        }
}

static void every_callback_may_free(void **state)
{
    (void)state;
    for (size_t last = 1; last <= ADIT_LEN(conversation); last++) {
        struct script_world w;
        script_begin(&w, &adit_carrier_v2, true, true);
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
        script_begin(&w, &adit_carrier_v2, true, true);
        w.greedy = w.quiet = true;
        script_settle(&w);
        adit_buf_printf(&w.log, "%*s", 4000,
                        ""); /* the log's own memory is not what this is about */
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
        cmocka_unit_test(a_consumer),
        cmocka_unit_test(a_provider),
        cmocka_unit_test(a_websocket_of_a_consumer),
        cmocka_unit_test(a_websocket_of_a_provider),
        cmocka_unit_test(bodies_fit_one_message),
        cmocka_unit_test(what_is_collected_is_bounded),
        cmocka_unit_test(a_large_body_is_told_in_pieces),
        cmocka_unit_test(the_end_at_every_frame),
        cmocka_unit_test(every_callback_may_free),
        cmocka_unit_test(without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
