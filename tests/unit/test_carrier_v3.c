/* test_carrier_v3.c - the Tunnel Agent's frames of version 3, byte for byte, its caps and times;
 * and how the generation of the other side is found out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "app/carrier_v3.h"
#include "base/alloc.h"
#include "sim/carrier_script.h"

#define Z2 "\\00\\00"
#define Z3 "\\00\\00\\00"

#define HELLO(e)                #e "> \\00\\03" Z3 "\\00\\c0\\00\\02" Z3 "\\00\\0aadit/" ADIT_VERSION "\n"
#define HELLO_IN(e)             #e "< \\00\\03" Z3 "\\00\\c0\\00\\02" Z3 "\\00\\05other\nturn\n"
#define ONE                     Z3 "\\01"
#define REQ(flags)              "\\01" ONE flags "\\00\\03GET\\00\\05/v1/x"
#define NONE                    Z3 "\\02[]"
#define ASK                     "c begin GET /v1/x\nc end 0\n"
#define OUT                     "c> " REQ("\\00") NONE "\n"
#define RES(status, flags)      "\\03" ONE status flags
#define S200                    "\\00\\c8"
#define RCHUNK(final, n, bytes) "\\04" ONE final Z3 n bytes
#define QCHUNK(final, n, bytes) "\\06" ONE final Z3 n bytes
#define CANCEL(reason)          "\\05" ONE "\\03" reason
#define CLOSED                  "c> " CANCEL("\\ed") "\n"
#define MALFORMED                                     \
    "c failed 0 502 a frame that is not understood\n" \
    "c> " CANCEL("\\f3") "\n"
#define PROBLEM_FIELDS "<<[[\"content-type\",\"application/problem+json\"]]>>"
#define PROBLEM(id, status, title, number, detail)                  \
    "p> \\03" id status "\\01" PROBLEM_FIELDS "\np> \\04" id "\\01" \
    "<<{\"title\":\"" title "\",\"status\":" number ",\"detail\":\"" detail "\"}>>\n"
#define NOT_UNDERSTOOD                                                \
    PROBLEM(ONE, "\\01\\f6", "a frame that is not understood", "502", \
            "the request is not understood")

struct row {
    const char *name, *script, *log;
};

/* <<JSON>> is its length and itself. */
static void expand(char *out, const char *text)
{
    const char *end;

    while (*text) {
        if (strncmp(text, "<<", 2) != 0 || !(end = strstr(text, ">>"))) {
            *out++ = *text++;
            continue;
        }
        size_t n = (size_t)(end - text) - 2;
        out += sprintf(out,
                       n >= 0x20 && n < 0x7f && n != '\\' ? "\\00\\00\\00%c" : "\\00\\00\\00\\%02x",
                       (unsigned)n);
        memcpy(out, text + 2, n);
        out += n;
        text = end + 2;
    }
    *out = '\0';
}

static bool check(const struct row *row, const struct adit_carrier_class *class, bool provider,
                  const char *greeting, const char *head)
{
    char text[8192], script[8192], wanted[8192];
    const char *log;

    snprintf(text, sizeof text, "%s%s", greeting, row->script);
    expand(script, text);
    snprintf(text, sizeof text, "%s%s", head, row->log);
    expand(wanted, text);
    log = script_log(class, !provider, provider, script);
    if (strcmp(log, wanted) != 0)
        print_error("%s\n--- has\n%s--- wants\n%s\n", row->name, log, wanted);
    return strcmp(log, wanted) == 0;
}

static void run(const struct row *rows, size_t n, bool provider)
{
    bool good = true;

    for (size_t i = 0; i < n; i++)
        good = check(&rows[i], &adit_carrier_v3, provider, provider ? HELLO_IN(p) : HELLO_IN(c),
                     provider ? HELLO(p) "p ready\n" : HELLO(c) "c ready\n") &&
               good;
    assert_true(good);
}

static void hello(void **state)
{
    static const struct row rows[] = {
        { "none within two seconds", "wait 1\nwait 2",
          HELLO(c) "c broken 4001: the other side says no HELLO\n" },
        { "in time", "wait 1\n" HELLO_IN(c) "wait 5", HELLO(c) "c ready\n" },
        { "another version", "c< \\00\\04" Z3 "\\00\\c0\\00\\02" Z3 Z2,
          HELLO(c) "c broken 4001: the other side speaks another version\n" },
        { "a short one", "c< \\00\\03" Z3,
          HELLO(c) "c broken 4001: the other side speaks another version\n" },
        { "chunks of nothing", "c< \\00\\03" Z3 "\\00\\00\\ff\\02" Z3 Z2,
          HELLO(c) "c broken 4001: the other side speaks another version\n" },
        { "not before it", "c begin GET /", HELLO(c) "c err begin EAGAIN\n" },
        { "a second one is passed over", HELLO_IN(c) HELLO_IN(c), HELLO(c) "c ready\n" },
        { "texts are", "c\"< hello\nc< \n" HELLO_IN(c), HELLO(c) "c ready\n" },
        { "frames of version 2", HELLO_IN(c) "c< \\02" ONE S200 Z3 "\\02{}" Z3 "\\00",
          HELLO(c) "c ready\nc broken the other side answers in version 2\n" },
        { "number 0", HELLO_IN(c) "c< \\04" Z3 "\\00\\01" Z3 "\\00",
          HELLO(c) "c ready\nc broken a frame with the number 0\n" },
        { "gone", "c lost\nwait 5", HELLO(c) },
    };
    bool good = true;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        good = check(&rows[i], &adit_carrier_v3, false, "", "") && good;
    assert_true(good);
}

static void what_comes_before_hello(void **state)
{
    struct script_world w;

    (void)state;
    for (int n = 16; n <= 17; n++) {
        script_begin(&w, &adit_carrier_v3, false, true);
        for (int i = 0; i < n; i++) {
            char line[100];
            snprintf(line, sizeof line, "p< \\01\\00\\00\\00\\%02x\\00\\00\\03GET\\00\\01/" NONE,
                     i + 1);
            script_run(&w, line);
        }
        script_run(&w, HELLO_IN(p));
        assert_int_equal(w.ends[1].count, n == 16 ? 16 : 0);
        assert_int_equal(strstr(adit_buf_str(&w.log), "p broken") != NULL, n == 17);
        script_end(&w);
    }
}

static void a_consumer(void **state)
{
    static const struct row rows[] = {
        { "a request", ASK, OUT CLOSED },
        { "with a body and fields",
          "c begin POST /|Host: x|A: b|A: c|Content-Length: 3|Connection: x|+3\nc body 0 ab\n"
          "c body 0 c\nc end 0",
          "c> \\01" ONE "\\01\\00\\04POST\\00\\01/"
          "<<[[\"a\",\"b\"],[\"a\",\"c\"],[\"content-length\",\"3\"]]>>\n"
          "c> " QCHUNK("\\00", "\\02", "ab") "\nc> " QCHUNK("\\00", "\\01", "c") "\nc> " QCHUNK(
              "\\01", "\\00", "") "\n" CLOSED },
        { "a response",
          ASK "c< " RES(S200, "\\01") "<<[[\"A\",\"b\"],[\"a\",\"c\"]]>>\nc< " RCHUNK(
              "\\00", "\\02", "hi") "\nc< " RCHUNK("\\01", "\\01", "!"),
          OUT "c head 0 200|A: b|a: c|+*\nc data 0 hi\nc data 0 !\nc end 0\n" },
        { "of known length",
          ASK "c< " RES(S200, "\\01") "<<[[\"content-length\",\"1\"]]>>\nc< " RCHUNK(
              "\\00", "\\01", "x") "\nc< " RCHUNK("\\01", "\\00", ""),
          OUT "c head 0 200|content-length: 1|+1\nc data 0 x\nc end 0\n" },
        { "shorter than that",
          ASK "c< " RES(S200, "\\01") "<<[[\"content-length\",\"1\"]]>>\nc< " RCHUNK("\\01", "\\00",
                                                                                     ""),
          OUT "c head 0 200|content-length: 1|+1\nc failed 0 502 the body is shorter than its "
              "Content-Length\n" CLOSED },
        { "without a body", ASK "c< " RES(S200, "\\00") NONE, OUT "c head 0 200\nc end 0\n" },
        { "the answer to HEAD",
          "c begin HEAD /\nc< " RES(S200, "\\00") "<<[[\"content-length\",\"1\"]]>>",
          "c> \\01" ONE "\\00\\00\\04HEAD\\00\\01/" NONE
          "\nc head 0 200|content-length: 1\nc end 0\n" },
        { "it is cancelled", ASK "c< " CANCEL("\\f4"), OUT "c failed 0 502 the upstream failed\n" },
        { "in the middle",
          ASK "c< " RES(S200, "\\01") NONE
          "\nc< " RCHUNK("\\00", "\\01", "x") "\nc< " CANCEL("\\f0"),
          OUT "c head 0 200|+*\nc data 0 x\nc failed 0 502 the body is too large\n" },
        { "for reasons unknown", ASK "c< " CANCEL("\\ff"),
          OUT "c failed 0 502 it was cancelled\n" },
        { "a timeout", ASK "c< " CANCEL("\\ee"),
          OUT "c failed 0 504 the response took too long\n" },
        { "we cancel", ASK "c drop 0", OUT CLOSED },
        { "in the middle of a request", "c begin PUT /|+*\nc body 0 x\nc drop 0",
          "c> \\01" ONE "\\01\\00\\03PUT\\00\\01/" NONE
          "\nc> " QCHUNK("\\00", "\\01", "x") "\n" CLOSED },
        { "what comes then is passed over",
          ASK "c drop 0\nc< " RES(S200, "\\01") NONE
          "\nc< " RCHUNK("\\00", "\\01", "x") "\nc< " RCHUNK("\\01", "\\00", ""),
          OUT CLOSED },
        { "a chunk before its head", ASK "c< " RCHUNK("\\01", "\\00", ""), OUT MALFORMED },
        { "longer than it is",
          ASK "c< " RES(S200, "\\01") NONE "\nc< " RCHUNK("\\01", "\\05", "abcd"),
          OUT "c head 0 200|+*\n" MALFORMED },
        { "no JSON", ASK "c< " RES(S200, "\\01") Z3 "\\02[}", OUT MALFORMED },
        { "an object", ASK "c< " RES(S200, "\\01") Z3 "\\02{}", OUT MALFORMED },
        { "no status", ASK "c< " RES("\\00\\63", "\\01") NONE, OUT MALFORMED },
        { "101", ASK "c< " RES("\\00\\65", "\\00") NONE, OUT MALFORMED },
        { "4 GiB", ASK "c< " RES(S200, "\\01") "\\ff\\ff\\ff\\ff",
          OUT "c failed 0 502 the body is too large\n"
              "c> " CANCEL("\\f0") "\n" },
        { "two lengths",
          ASK "c< " RES(S200, "\\01") "<<[[\"content-length\",\"1\"],[\"content-length\",\"2\"]]>>",
          OUT MALFORMED },
        { "pairs that are none",
          ASK "c< " RES(S200, "\\01") "<<[[],[1,2],[\"a\"],3,[\"b\",\"c\",\"d\"],[\"e\",1]]>>",
          OUT "c head 0 200|+*\n" CLOSED },
        { "unknown, for others, short",
          ASK "c< \\20" ONE "\nc< " REQ("\\00") NONE
          "\nc< " QCHUNK("\\00", "\\00", "") "\nc< \\03\nc< \\03" Z3,
          OUT CLOSED },
        { "no response", ASK "wait 29\nwait 2",
          OUT "c failed 0 504 the response took too long\nc> " CANCEL("\\ee") "\n" },
        { "a body that stalls",
          ASK "c< " RES(S200, "\\01") NONE
          "\nwait 59\nc< " RCHUNK("\\00", "\\01", "x") "\nc eat 0 1\nwait 59\nwait 2",
          OUT
          "c head 0 200|+*\nc data 0 x\nc failed 0 504 the body stalled\nc> " CANCEL("\\ef") "\n" },
        { "because of us",
          ASK "c< " RES(S200, "\\01") NONE "\nc< " RCHUNK("\\00", "\\01", "x") "\nwait 200",
          OUT "c head 0 200|+*\nc data 0 x\n" CLOSED },
        { "the tunnel ends", ASK "c lost", OUT "c failed 0 502 the tunnel has ended\n" },
    };
    char log[8192];
    bool good = true;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) { /* what is open at the end is let go */
        snprintf(log, sizeof log, "%s\nturn\nc drop 0", rows[i].script);
        good = check(&(struct row){ rows[i].name, log, rows[i].log }, &adit_carrier_v3, false,
                     HELLO_IN(c), HELLO(c) "c ready\n") &&
               good;
    }
    assert_true(good);
}

#define HEARD "p request 0 GET /v1/x|Accept-Encoding: identity\np end 0\n"
#define GOT   "p< " REQ("\\00") NONE "\n"

static void a_provider(void **state)
{
    static const struct row rows[] = {
        { "a request", GOT, HEARD },
        { "with a body",
          "p< " REQ("\\01") "<<[[\"X-Lem-Service\",\"a\"],[\"cookie\",\"b\"],[\"te\",\"\"]]>>\np<"
                            " " QCHUNK("\\00", "\\02", "hi") "\np< " QCHUNK("\\01", "\\01", "!"),
          "p request 0 GET /v1/x|cookie: b|Accept-Encoding: identity|+*\np data 0 hi\np data 0 "
          "!\np end 0\n" },
        { "of known length",
          "p< " REQ("\\01") "<<[[\"content-length\",\"1\"]]>>\np< " QCHUNK("\\01", "\\01", "x"),
          "p request 0 GET /v1/x|content-length: 1|Accept-Encoding: identity|+1\np data 0 x\np end "
          "0\n" },
        { "a length without a body", "p< " REQ("\\00") "<<[[\"content-length\",\"1\"]]>>", HEARD },
        { "too long",
          "p< " REQ("\\01") "<<[[\"content-length\",\"1\"]]>>\np< " QCHUNK("\\01", "\\02", "xy"),
          "p request 0 GET /v1/x|content-length: 1|Accept-Encoding: identity|+1\n"
          "p failed 0 502 the body is longer than its Content-Length\n" PROBLEM(
              ONE, "\\01\\f6", "the upstream failed", "502",
              "the upstream failed") "p> " CANCEL("\\f4") "\n" },
        { "a response", GOT "p head 0 200|A: b|A: c|+*\np body 0 hi\np end 0\np drop 0",
          HEARD "p> " RES(S200, "\\01") "<<[[\"a\",\"b\"],[\"a\",\"c\"]]>>\np> " RCHUNK(
              "\\00", "\\02", "hi") "\np> " RCHUNK("\\01", "\\00", "") "\n" },
        { "without a body", GOT "p head 0 103\np head 0 304\np end 0\np drop 0",
          HEARD "p> " RES("\\010", "\\00") NONE "\n" },
        { "no upstream", GOT "p drop 0 refused",
          HEARD PROBLEM(ONE, "\\01\\f6", "the upstream failed", "502", "refused") },
        { "it breaks", GOT "p head 0 200|+*\np body 0 x\np drop 0 reset",
          HEARD "p> " RES(S200, "\\01") NONE
          "\np> " RCHUNK("\\00", "\\01", "x") "\np> " CANCEL("\\f4") "\n" },
        { "an answer before the question is over",
          "p< " REQ("\\01") NONE "\np head 0 403\np end 0\np drop 0\np< " QCHUNK(
              "\\00", "\\01", "x") "\np< " QCHUNK("\\01", "\\00", ""),
          "p request 0 GET /v1/x|Accept-Encoding: identity|+*\np> " RES("\\01\\93", "\\00") NONE
          "\np> " CANCEL("\\f4") "\n" },
        { "it is cancelled", GOT "p< " CANCEL("\\ed"),
          HEARD "p failed 0 410 the session is closed\n" },
        { "while it answers", GOT "p head 0 200|+*\np body 0 x\np< " CANCEL("\\ed") "\np body 0 y",
          HEARD "p> " RES(S200, "\\01") NONE
          "\np> " RCHUNK("\\00", "\\01", "x") "\np failed 0 410 the session is closed\n" },
        { "a request that stalls", "p< " REQ("\\01") NONE "\nwait 61",
          "p request 0 GET /v1/x|Accept-Encoding: identity|+*\np failed 0 504 the body "
          "stalled\n" PROBLEM(ONE, "\\01\\f8", "the body stalled", "504",
                              "the body stalled") "p> " CANCEL("\\ef") "\n" },
        { "one that takes its time to be answered", GOT "wait 500", HEARD },
        { "no JSON", "p< " REQ("\\00") Z3 "\\02[}", NOT_UNDERSTOOD },
        { "an object", "p< " REQ("\\01") Z3 "\\02{}", NOT_UNDERSTOOD "p> " CANCEL("\\f3") "\n" },
        { "short", "p< \\01" ONE, NOT_UNDERSTOOD },
        { "no method", "p< \\01" ONE "\\00\\00\\00\\00\\01/" NONE, NOT_UNDERSTOOD },
        { "CONNECT", "p< \\01" ONE "\\00\\00\\07CONNECT\\00\\01/" NONE, NOT_UNDERSTOOD },
        { "a path that is none", "p< \\01" ONE "\\00\\00\\03GET\\00\\01x" NONE, NOT_UNDERSTOOD },
        { "a zero byte in it", "p< \\01" ONE "\\00\\00\\03GET\\00\\02/\\00" NONE, NOT_UNDERSTOOD },
        { "two lengths",
          "p< " REQ("\\01") "<<[[\"content-length\",\"1\"],[\"content-length\",\"2\"]]>>",
          NOT_UNDERSTOOD "p> " CANCEL("\\f3") "\n" },
        { "4 GiB", "p< " REQ("\\00") "\\ff\\ff\\ff\\ff", NOT_UNDERSTOOD },
        { "the same number again", GOT GOT, HEARD },
        { "what is not for us, or of nobody",
          "p< " RES(S200, "\\00") NONE "\np< " RCHUNK("\\01", "\\00", "") "\np< " QCHUNK(
              "\\00", "\\01", "x") "\np< " CANCEL("\\ed") "\np< \\30" ONE,
          "" },
        { "the tunnel ends", GOT "p lost", HEARD "p failed 0 502 the tunnel has ended\n" },
    };

    (void)state;
    run(rows, ADIT_LEN(rows), true);
}

#define UPGRADE \
    "Upgrade: websocket|Sec-WebSocket-Version: 13|Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT                       "Upgrade: websocket|Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define CONNECT                      "\\10" ONE "\\00\\05/ws?a"
#define BEGIN                        "c begin GET /ws?a|" UPGRADE "|upgrade\nturn\n"
#define BEGUN                        "c> " CONNECT NONE "\n"
#define OPEN                         BEGIN "c< \\13" ONE "\\00\\00\nturn\n"
#define STANDS                       BEGUN "c head 0 101|" ACCEPT "|upgrade\n"
#define WDATA(opcode, fin, n, bytes) "\\11" ONE opcode fin Z3 n bytes
#define WCLOSE(code, n, reason)      "\\12" ONE code "\\00" n reason

static void a_websocket_of_a_consumer(void **state)
{
    static const struct row rows[] = {
        { "it waits for the other end", BEGIN, BEGUN },
        { "it stands", OPEN, STANDS },
        { "with a protocol",
          "c begin GET /ws?a|Sec-WebSocket-Protocol: x, y|" UPGRADE "|upgrade\nc< \\13" ONE
          "\\00\\01y\nturn",
          "c> " CONNECT "<<[[\"sec-websocket-protocol\",\"x, y\"]]>>\nc head 0 101|" ACCEPT
          "|Sec-WebSocket-Protocol: y|upgrade\n" },
        { "one that is none", BEGIN "c< \\13" ONE "\\00\\02\\0d\\0a",
          BEGUN "c failed 0 502 a frame that is not understood\n"
                "c> " WCLOSE("\\03\\e9", "\\0c", "it broke off") "\n" },
        { "it could not be", BEGIN "c< \\14" ONE "\\03\\f3\\00\\02no",
          BEGUN "c failed 0 502 no\n" },
        { "there are too many", BEGIN "c< \\14" ONE "\\0f\\a4\\00\\02no",
          BEGUN "c failed 0 503 no\n" },
        { "closed before it stood", BEGIN "c< " WCLOSE("\\03\\e8", "\\00", ""),
          BEGUN "c failed 0 502 the other end closed the WebSocket\n" },
        { "nobody says anything", BEGIN "wait 11",
          BEGUN
          "c> " WCLOSE("\\0f\\a3", "\\00", "") "\nc failed 0 504 the WebSocket took too long\n" },
        { "messages",
          OPEN "c body 0 \\81\\82" Z3 "\\00hi\nc body 0 \\02\\81" Z3 "\\00a\\80\\81" Z3
               "\\00b\nc< " WDATA("\\02", "\\01", "\\02", "yo") "\nturn",
          STANDS "c> " WDATA("\\01", "\\01", "\\02", "hi") "\nc> " WDATA(
              "\\02", "\\01", "\\02", "ab") "\nc data 0 \\82\\02yo\n" },
        { "in parts",
          OPEN "c< " WDATA("\\01", "\\00", "\\01", "\\c3") "\nc< " WDATA(
              "\\00", "\\00", "\\00",
              "") "\nc< " WDATA("\\09", "\\01", "\\01",
                                "p") "\nturn\nc< " WDATA("\\00", "\\01", "\\01", "\\a4") "\nturn",
          STANDS "c data 0 \\89\\01p\nc data 0 \\81\\02\\c3\\a4\n" },
        { "a part out of turn", OPEN "c< " WDATA("\\00", "\\01", "\\01", "x") "\nturn",
          STANDS
          "c> " WCLOSE("\\03\\ea", "\\12",
                       "a part out of turn") "\nc data 0 \\88\\14\\03\\eaa part out of turn\n" },
        { "a message in the middle of another",
          OPEN "c< " WDATA("\\01", "\\00", "\\01", "x") "\nc< " WDATA("\\01", "\\01", "\\01",
                                                                      "x") "\nturn",
          STANDS
          "c> " WCLOSE("\\03\\ea", "\\12",
                       "a part out of turn") "\nc data 0 \\88\\14\\03\\eaa part out of turn\n" },
        { "a control frame in parts", OPEN "c< " WDATA("\\09", "\\00", "\\01", "x") "\nturn",
          STANDS "c> " WCLOSE(
              "\\03\\e9", "\\14",
              "a frame that is none") "\nc data 0 \\88\\16\\03\\eaa frame that is none\n" },
        { "the client closes",
          OPEN "c body 0 \\88\\82" Z3
               "\\00\\03\\e8\nturn\nc end 0\nc< " WCLOSE("\\03\\e8", "\\00", "") "\nc drop 0",
          STANDS "c> " WCLOSE("\\03\\e8", "\\00", "") "\nc data 0 \\88\\02\\03\\e8\nc end 0\n" },
        { "the other end closes",
          OPEN "c< " WCLOSE("\\0f\\a1", "\\02", "ok") "\nturn\nc body 0 \\88\\82" Z3
                                                      "\\00\\0f\\a1\nturn",
          STANDS "c data 0 \\88\\04\\0f\\a1ok\nc> " WCLOSE("\\0f\\a1", "\\00", "") "\nc end 0\n" },
        { "and the client does not answer",
          OPEN "c< " WCLOSE("\\03\\e8", "\\00", "") "\nturn\nc eat 0 999\nwait 6",
          STANDS "c data 0 \\88\\02\\03\\e8\nc> " WCLOSE("\\03\\e9", "\\00", "") "\nc end 0\n" },
        { "numbers of requests are others", OPEN "c begin GET /v1/x\nc drop 1",
          STANDS "c> \\01" Z3 "\\02\\00\\00\\03GET\\00\\05/v1/x" NONE "\nc> \\05" Z3
                 "\\02\\03\\ed\n" },
    };

    (void)state;
    run(rows, ADIT_LEN(rows), false);
}

#define WANTED                                                                               \
    "p request 0 GET /ws?a|Upgrade: websocket|Sec-WebSocket-Version: 13|Sec-WebSocket-Key: " \
    "KEY|upgrade\n"
#define ASKED        "p< " CONNECT NONE "\n"
#define WERROR(code) "p> \\14" ONE code "\\00\\11Connection failed\n"

static void a_websocket_of_a_provider(void **state)
{
    static const struct row rows[] = {
        { "it stands", ASKED "p head 0 101|Sec-WebSocket-Accept: @|Sec-WebSocket-Protocol: x\nturn",
          WANTED "p> \\13" ONE "\\00\\01x\n" },
        { "messages",
          ASKED "p head 0 101|Sec-WebSocket-Accept: @\np< " WDATA(
              "\\01", "\\01", "\\02", "hi") "\nturn\np body 0 \\82\\02yo",
          WANTED "p> \\13" ONE "\\00\\00\np data 0 \\81\\82" Z3
                 "\\00hi\np> " WDATA("\\02", "\\01", "\\02", "yo") "\n" },
        { "the upstream refuses", ASKED "p head 0 404|+*\nturn",
          WANTED WERROR("\\03\\f3") "p failed 0 502 the upstream made no WebSocket of it\n" },
        { "there is none", ASKED "p drop 0 Connection failed", WANTED WERROR("\\03\\f3") },
        { "it is gone later", ASKED "p head 0 101|Sec-WebSocket-Accept: @\np drop 0 reset",
          WANTED "p> \\13" ONE "\\00\\00\np> " WCLOSE("\\03\\ee", "\\05", "reset") "\n" },
        { "bad requests",
          "p< \\10" ONE "\\00\\01x" NONE "\np< \\10" ONE "\\00\\01/" Z3 "\\02{}\np< \\10" ONE,
          WERROR("\\03\\f3") WERROR("\\03\\f3") WERROR("\\03\\f3") },
        { "what is not for us",
          "p< \\13" ONE "\\00\\00\np< \\14" ONE
          "\\00\\00\\00\\00\np< " WDATA("\\01", "\\01", "\\00", ""),
          "" },
    };

    (void)state;
    run(rows, ADIT_LEN(rows), true);
}

/* ---- caps ------------------------------------------------------------------------------------ */

static void greet(struct script_world *w, bool consumer, bool provider)
{
    script_begin(w, &adit_carrier_v3, consumer, provider);
    script_settle(w);
    if (consumer != provider)
        script_run(w, consumer ? HELLO_IN(c) : HELLO_IN(p));
    w->log.len = 0;
    w->quiet = true;
}

/* A frame with n bytes behind a written head. */
static void feed(struct script_end *e, const char *head, size_t n)
{
    uint8_t *frame = calloc(1, strlen(head) + 4 + n);
    size_t at = script_unescape(frame, head, strlen(head));

    adit_put32(frame + at, (uint32_t)n);
    memset(frame + at + 4, ' ', n);
    if (n > 1)
        memcpy(frame + at + 4, "[]", 2);
    adit_carrier_message(e->c, frame, at + 4 + n, false, adit_loop_now(e->world->loop));
    free(frame);
}

static void heads_have_256_kib(void **state)
{
    struct script_world w;

    (void)state;
    for (size_t more = 0; more < 2; more++) {
        greet(&w, false, true);
        feed(&w.ends[1], REQ("\\00"), ADIT_V3_HEADERS_MAX + more);
        assert_int_equal(w.ends[1].count, !more);
        script_end(&w);
        greet(&w, true, false);
        script_run(&w, ASK);
        feed(&w.ends[0], RES(S200, "\\01"), ADIT_V3_HEADERS_MAX + more);
        assert_int_equal(w.ends[0].exchanges[0].failed, more);
        script_end(&w);
    }
}

static void addresses_have_8_kib(void **state)
{
    char *line = malloc(9000);

    (void)state;
    for (int more = 0; more < 2; more++) {
        struct script_world w;
        greet(&w, true, true);
        snprintf(line, 9000, "c begin GET /%0*d", ADIT_V3_URL_MAX - 1 + more, 0);
        script_run(&w, line);
        script_settle(&w);
        assert_int_equal(strstr(adit_buf_str(&w.log), "c failed 0 414") != NULL, more);
        assert_int_equal(w.ends[1].count, !more);
        script_end(&w);
    }
    free(line);
}

static void chunks_and_bodies(void **state)
{
    struct script_world w;
    char line[100];

    (void)state;
    for (size_t more = 0; more < 2; more++) {
        greet(&w, true, false);
        script_run(&w, ASK "c< " RES(S200, "\\01") NONE);
        feed(&w.ends[0], "\\04" ONE "\\00", ADIT_V3_CHUNK_MAX + more);
        assert_int_equal(w.ends[0].exchanges[0].failed, more);
        script_end(&w);
    }
    for (int end = 0; end < 2; end++) { /* 32 MiB in, and one byte more */
        greet(&w, !end, end);
        w.greedy = true;
        if (end)
            script_run(&w, "p< " REQ("\\01") NONE);
        else
            script_run(&w, ASK "c< " RES(S200, "\\01") NONE);
        for (size_t n = 0; n < ADIT_V3_BODY_MAX; n += 32768)
            feed(&w.ends[end], end ? "\\06" ONE "\\00" : "\\04" ONE "\\00", 32768);
        assert_int_equal(w.ends[end].exchanges[0].got, ADIT_V3_BODY_MAX);
        assert_false(w.ends[end].exchanges[0].failed);
        w.quiet = false;
        feed(&w.ends[end], end ? "\\06" ONE "\\00" : "\\04" ONE "\\00", 1);
        assert_true(w.ends[end].exchanges[0].failed);
        assert_non_null(strstr(adit_buf_str(&w.log), "> \\05\\00\\00\\00\\01\\03\\f0"));
        assert_int_equal(strstr(adit_buf_str(&w.log), "p> \\03") != NULL, end);
        script_end(&w);
    }
    for (int end = 0; end < 2; end++) /* out: what is said before it begins, and what grows */
        for (int known = 0; known < 2; known++) {
            greet(&w, !end, end);
            if (end)
                script_run(&w, GOT);
            snprintf(line, sizeof line, "%s|+%s\n%c fill 0 5",
                     end ? "p head 0 200" : "c begin PUT /", known ? "33554433" : "*", "cp"[end]);
            w.quiet = false;
            script_run(&w, line);
            if (!known) {
                uint8_t *body = calloc(1, ADIT_V3_BODY_MAX);
                assert_int_equal(
                    adit_exchange_body(w.ends[end].exchanges[0].x, body, ADIT_V3_BODY_MAX, 0), 0);
                free(body);
            }
            script_settle(&w);
            assert_true(w.ends[end].exchanges[0].failed);
            assert_null(
                strstr(adit_buf_str(&w.log), end ? "\\04\\00\\00\\00\\01\\01\\00\\00\\00\\00"
                                                 : "\\06\\00\\00\\00\\01\\01"));
            assert_int_equal(strstr(adit_buf_str(&w.log), "> \\05\\00\\00\\00\\01\\03\\f0") != NULL,
                             !known);
            script_end(&w);
        }
}

static void so_many_at_a_time(void **state)
{
    struct script_world w;
    char line[200];

    (void)state;
    greet(&w, true, true);
    for (int i = 0; i < ADIT_V3_REQUESTS_MAX + 1; i++)
        script_run(&w, "c begin GET /");
    for (int i = 0; i < ADIT_V3_SOCKETS_MAX + 1; i++)
        script_run(&w, "c begin GET /|" UPGRADE "|upgrade");
    script_settle(&w);
    assert_int_equal(w.ends[0].count, ADIT_V3_REQUESTS_MAX + ADIT_V3_SOCKETS_MAX);
    assert_int_equal(w.ends[1].count, ADIT_V3_REQUESTS_MAX + ADIT_V3_SOCKETS_MAX);
    script_run(&w, "c drop 5\nturn\nc begin GET /\nturn");
    assert_int_equal(w.ends[1].count, ADIT_V3_REQUESTS_MAX + ADIT_V3_SOCKETS_MAX + 1);
    w.quiet = false;
    snprintf(line, sizeof line,
             "p< \\01\\00\\00\\10\\00\\00\\00\\03GET\\00\\01/" NONE
             "\np< \\10\\00\\00\\10\\00\\00\\01/" NONE);
    script_run(&w, line);
    assert_non_null(
        strstr(adit_buf_str(&w.log), "\"status\":503,\"detail\":\"too many requests at a time\""));
    assert_non_null(strstr(adit_buf_str(&w.log), "p> \\14\\00\\00\\10\\00\\0f\\a4"));
    script_end(&w);
}

static void chunks_are_as_large_as_both_take(void **state)
{
    static const struct {
        size_t message_max;
        const char *theirs;
        size_t chunk;
    } rows[] = {
        { 65536, "\\00\\00\\c0\\00", 49152 },    { 65536, "\\ff\\ff\\ff\\ff", 49152 },
        { 65536, "\\00\\00\\10\\00", 4096 },     { 16384, "\\00\\00\\c0\\00", 16384 - 1024 },
        { SIZE_MAX, "\\00\\00\\c0\\00", 49152 }, { 65536, "\\00\\00\\01\\00", 256 },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct script_world w;
        char line[100];
        script_begin(&w, &adit_carrier_v3, true, false);
        w.ends[0].message_max = rows[i].message_max;
        snprintf(line, sizeof line,
                 "c< \\00\\03\\00\\00%s\\ff\\ff\\ff\\ff\\00\\00\nturn\nc begin PUT /|+*",
                 rows[i].theirs);
        script_run(&w, line);
        w.log.len = 0;
        script_run(&w, "c fill 0 0");
        uint8_t *body = calloc(1, 100000);
        assert_int_equal(adit_exchange_body(w.ends[0].exchanges[0].x, body, 100000, 0), 0);
        free(body);
        snprintf(line, sizeof line, "...#%zu\n", rows[i].chunk + 10);
        assert_non_null(strstr(adit_buf_str(&w.log), line));
        script_end(&w);
    }
}

static void messages_of_a_websocket(void **state)
{
    struct script_world w;
    size_t part = ADIT_V3_CHUNK_MAX, n = 0;

    (void)state;
    greet(&w, true, false);
    w.greedy = true;
    script_run(&w, OPEN);
    feed(&w.ends[0], "\\11" ONE "\\02\\00", part);
    for (n = part; n + part <= ADIT_WS_BRIDGE_MAX; n += part)
        feed(&w.ends[0], "\\11" ONE "\\00\\00", part);
    feed(&w.ends[0], "\\11" ONE "\\00\\01", ADIT_WS_BRIDGE_MAX - n);
    script_settle(&w);
    assert_int_equal(w.ends[0].exchanges[0].got, ADIT_WS_BRIDGE_MAX + 10);
    feed(&w.ends[0], "\\11" ONE "\\02\\00", part);
    for (n = part; n + part <= ADIT_WS_BRIDGE_MAX; n += part)
        feed(&w.ends[0], "\\11" ONE "\\00\\00", part);
    w.quiet = false;
    feed(&w.ends[0], "\\11" ONE "\\00\\00", ADIT_WS_BRIDGE_MAX - n + 1);
    script_settle(&w);
    assert_non_null(
        strstr(adit_buf_str(&w.log), "c> " WCLOSE("\\03\\f1", "\\10", "too much at once")));
    script_end(&w);

    greet(&w, true, false); /* out: in parts */
    script_run(&w, OPEN);
    w.quiet = false;
    uint8_t *frame = calloc(1, 100014);
    memcpy(frame, "\x82\xff\0\0\0\0\0\1\x86\xa0", 10);
    assert_int_equal(adit_exchange_body(w.ends[0].exchanges[0].x, frame, 100014, 0), 0);
    free(frame);
    const char *log = adit_buf_str(&w.log);
    assert_non_null(strstr(log, "c> \\11" ONE "\\02\\00\\00\\00\\c0\\00"));
    assert_non_null(strstr(log, "c> \\11" ONE "\\00\\00\\00\\00\\c0\\00"));
    assert_non_null(strstr(log, "c> \\11" ONE "\\00\\01\\00\\00\\06\\a0"));
    script_end(&w);
}

static void what_was_cancelled_is_drained(void **state)
{
    struct script_world w;
    size_t n = 0;

    (void)state;
    greet(&w, true, false);
    script_run(&w, ASK "c drop 0");
    for (; n + 32768 <= ADIT_V3_DRAIN_MAX; n += 32768)
        feed(&w.ends[0], "\\04" ONE "\\00", 32768);
    script_run(&w, "c begin GET /\n");
    assert_null(strstr(adit_buf_str(&w.log), "broken"));
    feed(&w.ends[0], "\\04" ONE "\\00", 32768);
    assert_non_null(strstr(adit_buf_str(&w.log),
                           "c broken 4006: the other side goes on with what was cancelled"));
    script_end(&w);

    greet(&w, true, false); /* with an end, and another one after it */
    script_run(&w, ASK "c drop 0");
    for (int i = 0; i < 2; i++) {
        for (n = 0; n + 32768 <= ADIT_V3_DRAIN_MAX; n += 32768)
            feed(&w.ends[0], "\\04" ONE "\\00", 32768);
        feed(&w.ends[0], "\\04" ONE "\\01", 1);
    }
    assert_null(strstr(adit_buf_str(&w.log), "broken"));
    script_end(&w);
}

/* The other side's 512 KiB after a cancel are not exceeded by what we have handed over. */
static void what_is_on_its_way_is_bounded(void **state)
{
    struct script_world w;

    (void)state;
    greet(&w, true, true);
    w.greedy = true;
    w.ends[1].buffer = 4 << 20;
    script_run(&w, "c begin GET /\nturn\np head 0 200|+*");
    for (int i = 0; i < 100; i++)
        script_run(&w, "p fill 0 65536");
    assert_in_range(w.ends[1].buffered, ADIT_V3_ON_ITS_WAY,
                    ADIT_V3_ON_ITS_WAY + ADIT_V3_CHUNK_MAX + 10);
    script_run(&w, "turn\nwait 1");
    assert_int_equal(w.ends[1].buffered, 0);
    assert_true(w.ends[0].exchanges[0].got > 600000);
    script_run(&w, "p end 0\nturn");
    assert_true(w.ends[0].exchanges[0].ended);
    script_end(&w);
}

/* ---- pairs ----------------------------------------------------------------------------------- */

static const char *const conversation[] = {
    "c begin POST /|Content-Length: 6|+6",
    "c body 0 abc",
    "c begin GET /ws?a|" UPGRADE "|upgrade",
    "p head 0 101|Sec-WebSocket-Accept: @",
    "p head 1 101|Sec-WebSocket-Accept: @",
    "c body 0 def",
    "c end 0",
    "c body 1 \\81\\82" Z3 "\\00hi",
    "p head 0 200|+*",
    "p head 1 200|+*",
    "p body 0 one",
    "p body 1 \\81\\02yo",
    "p body 0 \\81\\02yo",
    "p end 0",
    "p end 1",
    "c body 1 \\88\\82" Z3 "\\00\\03\\e8",
    "c end 1",
};

static void the_end_at_every_frame(void **state)
{
    static const char *const ends[] = { "c lost",   "p lost",   "c drop 0",       "p drop 0 x",
                                        "c drop 1", "p drop 1", "c lost\np lost", "wait 200" };
    bool more = true;

    (void)state;
    for (unsigned at = 0; more; at++)
        for (size_t k = 0; k < ADIT_LEN(ends); k++) {
            struct script_world w;
            unsigned moved = 0;
            script_begin(&w, &adit_carrier_agent, true, true);
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
        script_begin(&w, &adit_carrier_v3, true, true);
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
        script_begin(&w, &adit_carrier_v3, true, true);
        w.greedy = w.quiet = true;
        adit_buf_printf(&w.log, "%*s", 4000,
                        ""); /* the log's own memory is not what this is about */
        adit_alloc_fail_once(n);
        script_settle(&w);
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

/* ---- which generation ------------------------------------------------------------------------ */

static void the_first_frame_decides(void **state)
{
    static const struct row consumer[] = {
        { "HELLO", HELLO_IN(c) ASK "c drop 0", HELLO(c) "c ready\n" OUT CLOSED },
        { "silence", "c begin GET /\nwait 3\nc begin GET /\nc end 0",
          HELLO(c) "c err begin EAGAIN\nc ready\nc> \\01" ONE "\\00\\03GET\\00\\01/" Z3
                   "\\1e{\"accept-encoding\":\"identity\"}" Z3 "\\00\n" },
        { "HELLO after that", "wait 3\n" HELLO_IN(c) ASK "c drop 0",
          HELLO(c) "c ready\n" OUT CLOSED },
        { "too late", "wait 3\nc begin GET /v1/x\nc end 0\n" HELLO_IN(c) "c drop 0",
          HELLO(c) "c ready\nc> \\01" ONE "\\00\\03GET\\00\\05/v1/x" Z3
                   "\\1e{\"accept-encoding\":\"identity\"}" Z3 "\\00\n" },
        { "another version", "c< \\00\\04" Z3 "\\00\\c0\\00\\02" Z3 Z2 "\nc begin GET /",
          HELLO(c) "c broken 4001: the other side speaks another version\nc err begin EPIPE\n" },
        { "gone", "c lost\nwait 3", HELLO(c) },
        { "a channel that is full", "c\"< x", HELLO(c) },
    };
    static const struct row provider[] = {
        { "HELLO", "wait 30\n" HELLO_IN(p) GOT, HELLO(p) "p ready\n" HEARD },
        { "a request",
          "wait 30\np< \\01" ONE "\\00\\03GET\\00\\05/v1/x" Z3 "\\02{}" Z3 "\\00\nturn",
          HELLO(p) HEARD "p ready\n" },
        { "nothing", "wait 500\np lost", HELLO(p) },
    };
    bool good = true;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(consumer); i++)
        good = check(&consumer[i], &adit_carrier_agent, false, "", "") && good;
    for (size_t i = 0; i < ADIT_LEN(provider); i++)
        good = check(&provider[i], &adit_carrier_agent, true, "", "") && good;
    assert_true(good);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello),
        cmocka_unit_test(what_comes_before_hello),
        cmocka_unit_test(a_consumer),
        cmocka_unit_test(a_provider),
        cmocka_unit_test(a_websocket_of_a_consumer),
        cmocka_unit_test(a_websocket_of_a_provider),
        cmocka_unit_test(heads_have_256_kib),
        cmocka_unit_test(addresses_have_8_kib),
        cmocka_unit_test(chunks_and_bodies),
        cmocka_unit_test(so_many_at_a_time),
        cmocka_unit_test(chunks_are_as_large_as_both_take),
        cmocka_unit_test(messages_of_a_websocket),
        cmocka_unit_test(what_was_cancelled_is_drained),
        cmocka_unit_test(what_is_on_its_way_is_bounded),
        cmocka_unit_test(the_end_at_every_frame),
        cmocka_unit_test(every_callback_may_free),
        cmocka_unit_test(without_memory),
        cmocka_unit_test(the_first_frame_decides),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
