/* test_pairtext.c - pasted text of every kind, whole, in pieces, and wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/str.h"
#include "peer/desc_json.h"
#include "peer/pairtext.h"
#include "peer/sdp.h"

#define NOW 1767268800 /* 2026-01-01 12:00 */

static const uint8_t nonce[ADIT_TICKET_NONCE] = { 1, 2, 3 }, own_nonce[ADIT_TICKET_NONCE] = { 9 };
static struct adit_ticket own;
static char *ticket, *json, *sdp, *sdp_lf, *answer, *wrong_answer, *own_ticket, *own_json, *stale;

static char *take(struct adit_buf *b)
{
    char *s = strdup(adit_buf_str(b));

    assert_int_equal(b->err, 0);
    adit_buf_done(b);
    adit_buf_init(b, 1 << 20);
    return s;
}

static char *ticket_text(struct adit_buf *b, enum adit_ticket_kind kind, const uint8_t *n,
                         const struct adit_desc *d, const struct adit_ticket *offer, int64_t wall)
{
    struct adit_ticket t;

    assert_int_equal(adit_ticket_make(&t, kind, n, d, offer, wall), 0);
    adit_ticket_print(b, &t);
    return take(b);
}

static char *without(const char *text, char c)
{
    char *s = strdup(text), *to = s;

    for (const char *p = s; *p; p++) {
        if (*p != c)
            *to++ = *p;
    }
    *to = '\0';
    return s;
}

static int set_up(void **state)
{
    static struct adit_desc d;
    static const char *const cands[] = { "1 1 udp 2130706431 192.168.1.20 41234 typ host",
                                         "2 1 udp 1694498815 203.0.113.7 62001 typ srflx" };
    struct adit_ticket other = { .nonce = { 77 } };
    struct adit_buf b;

    (void)state;
    adit_buf_init(&b, 1 << 20);
    adit_desc_init(&d, ADIT_DESC_ANSWER);
    d.fingerprints[0] = (struct adit_fingerprint){ .hash = ADIT_HASH_SHA256, .len = 32 };
    memset(d.fingerprints[0].value, 0x5a, 32);
    d.fingerprint_count = 1;
    for (size_t i = 0; i < ADIT_LEN(cands); i++)
        assert_int_equal(adit_cand_parse(&d.cands[d.cand_count++], cands[i], strlen(cands[i])), 0);
    adit_ticket_credentials(nonce, d.fingerprints[0].value, d.ufrag, d.pwd);
    ticket = ticket_text(&b, ADIT_TICKET_PAIR, nonce, &d, NULL, NOW);
    stale = ticket_text(&b, ADIT_TICKET_PAIR, nonce, &d, NULL, NOW - 30 * 3600);
    adit_sdp_print(&b, &d, NULL);
    sdp = take(&b);
    sdp_lf = without(sdp, '\r');
    adit_desc_json_print(&b, &d, NULL);
    json = take(&b);
    assert_int_equal(adit_ticket_make(&own, ADIT_TICKET_OFFER, own_nonce, &d, NULL, NOW), 0);
    adit_ticket_print(&b, &own);
    own_ticket = take(&b);
    answer = ticket_text(&b, ADIT_TICKET_ANSWER, nonce, &d, &own, NOW);
    wrong_answer = ticket_text(&b, ADIT_TICKET_ANSWER, nonce, &d, &other, NOW);
    adit_ticket_credentials(own_nonce, d.fingerprints[0].value, d.ufrag, d.pwd);
    adit_desc_json_print(&b, &d, NULL);
    own_json = take(&b);
    adit_buf_done(&b);
    return 0;
}

static int tear_down(void **state)
{
    char **all[] = { &ticket,       &json,       &sdp,      &sdp_lf, &answer,
                     &wrong_answer, &own_ticket, &own_json, &stale };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(all); i++)
        free(*all[i]);
    return 0;
}

static void begin(struct adit_pairtext *p)
{
    static char ufrag[ADIT_TICKET_UFRAG + 1], pwd[ADIT_TICKET_PWD + 1];
    adit_ticket_credentials(own.nonce, own.fingerprint, ufrag, pwd);
    struct adit_pairtext_conf conf = {
        .own = &own, .own_ufrag = ufrag, .answer_due = true, .wall = NOW
    };

    adit_pairtext_init(p, &conf);
}

/* ---- making of texts ------------------------------------------------------------------------ */

/* In a format: %t ticket, %j JSON, %s SDP, %l SDP with LF, %a answer, %w answer to another, %o own
 * ticket, %p own JSON, %x stale ticket. In capitals: base64 of it in lines of 64. %1t: broken after
 * every 50 characters; %>t: each line quoted. */
static void put(struct adit_buf *b, const char *what, char mode)
{
    bool one_line = !strchr(what, ' ');
    size_t column = 0;

    if (mode == '>')
        adit_buf_printf(b, "> ");
    for (; *what; what++) {
        adit_buf_add8(b, (uint8_t)*what);
        column = *what == '\n' ? 0 : column + 1;
        if (mode == '1' && column % 50 == 0)
            adit_buf_printf(b, "\r\n");
        if (mode == '>' && (*what == '\n' ? what[1] != '\0' : one_line && column % 64 == 0))
            adit_buf_printf(b, *what == '\n' ? "> " : "\r\n> ");
    }
}

static void put_base64(struct adit_buf *b, const char *what, char mode)
{
    size_t n = strlen(what);
    char *text = malloc(adit_base64_size(n));

    adit_base64_encode(text, what, n, false);
    if (mode == '-') { /* one line */
        adit_buf_printf(b, "%s", text);
    } else {
        for (size_t i = 0; i < strlen(text); i += 64)
            adit_buf_printf(b, "%s%.64s\n", mode == '>' ? "> " : "", text + i);
    }
    free(text);
}

static void compose(struct adit_buf *b, const char *format)
{
    const char names[] = "tjslawopx";
    char *const texts[] = { ticket,       json,       sdp,      sdp_lf, answer,
                            wrong_answer, own_ticket, own_json, stale };

    for (const char *f = format; *f; f++) {
        char mode = 0;
        if (*f != '%') {
            adit_buf_add8(b, (uint8_t)*f);
            continue;
        }
        f++;
        if (*f == '1' || *f == '>' || *f == '-')
            mode = *f++;
        const char *at = strchr(names, *f | 0x20);
        assert_non_null(at);
        (*f & 0x20 ? put : put_base64)(b, texts[at - names], mode);
    }
}

enum { LINE, PAUSE, END }; /* what shows the result */

static const struct {
    const char *name, *format;
    int result, when;
    const char *rest;
} rows[] = {
    { "ticket", "%t\n", 1, LINE, "" },
    { "ticket without line end", "%t", 1, PAUSE, "" },
    { "ticket, CRLF", "%t\r\n", 1, LINE, "" },
    { "ticket and payload", "%t\npayload\n%t\n", 1, LINE, NULL },
    { "ticket in chat", "Anna: hi, use %t please\n", 1, LINE, "" },
    { "ticket broken", "%1t\n", 1, LINE, "" },
    { "ticket quoted", "On Monday Anna wrote:\n%>t\n", 1, LINE, "" },
    { "prompt before", "adit: give this to the other side:\n\n  %t\n", 1, LINE, "" },
    { "ours above theirs", "> %o\n%t\n", 1, LINE, "" },
    { "an old one above", "%x\n%t\n", 1, LINE, "" },
    { "right answer", "%a\n", 1, LINE, "" },
    { "another's answer above ours", "%w\n%a\n", 1, LINE, "" },
    { "JSON", "%j\n", 1, LINE, "" },
    { "JSON without line end", "%j", 1, PAUSE, "" },
    { "JSON and payload", "%j\nmore\n", 1, LINE, "more\n" },
    { "JSON in chat", "offer: %j ok?\n", 1, LINE, "" },
    { "JSON broken", "%1j\n", 1, LINE, "" },
    { "JSON quoted", "%>j\n", 1, LINE, "" },
    { "JSON behind other JSON", "{\"hello\":1} %j\n", 1, LINE, "" },
    { "JSON behind a brace", "{ see below\n%j\n", 1, LINE, "" },
    { "SDP and an empty line", "%s\r\n", 1, LINE, "" },
    { "SDP, LF, an empty line", "%l\n", 1, LINE, "" },
    { "SDP", "%s", 1, PAUSE, "" },
    { "SDP quoted", "%>s> \n", 1, LINE, "" },
    { "SDP behind chat", "here it is:\n\n%l\nbye\n", 1, LINE, "bye\n" },
    { "base64 of a ticket", "%-T\n", 1, LINE, "" },
    { "base64 of JSON in one line", "%-J\n", 1, LINE, "" },
    { "base64 of JSON", "%J", 1, LINE, "" },
    { "base64 of JSON, quoted", "%>J", 1, LINE, "" },
    { "base64 of SDP in one line", "%-S\n", 1, LINE, "" },
    { "base64 of SDP", "%S", 1, LINE, "" },
    { "armoured", "-----BEGIN OFFER-----\n%J-----END OFFER-----\n", 1, LINE, NULL },
    { "base64 in chat", "my offer is %-J, ok?\n", 1, LINE, "" },

    { "nothing", "", -ENOENT, END, NULL },
    { "blank", "\n\n", -ENOENT, END, NULL },
    { "chat", "hello\nare you there?\n", -ENOENT, END, NULL },
    { "own ticket", "%o\n", -EEXIST, PAUSE, NULL },
    { "own JSON", "%p\n", -EEXIST, PAUSE, NULL },
    { "own base64", "%-P\n", -EEXIST, PAUSE, NULL },
    { "stale ticket", "%x\n", -ESTALE, PAUSE, NULL },
    { "answer to another offer", "%w\n", -ESRCH, PAUSE, NULL },
    { "other version", "adit:ZFpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaoAEC\n", -ENOTSUP, LINE,
      NULL },
    { "cut ticket", "adit:JFpaWlpaWlpaWlpaWlpaWlpaWlpaWlpa\n", -ENODATA, END, NULL },
    { "cut ticket and an empty line", "adit:JFpaWlpaWlpaWlpaWlpaWlpa\n\n", -ENODATA, LINE, NULL },
    { "cut JSON", "{\"type\":\"offer\",\"sdp\":\"v=0\n", -ENODATA, END, NULL },
    { "cut base64", "eyJ0eXBlIjoib2ZmZXIiLCJz\n", -ENODATA, END, NULL },
    { "cut SDP", "v=0\r\ns=-\r\n", -EINVAL, END, NULL },
    { "cut SDP and an empty line", "v=0\r\ns=-\r\n\r\n", -EINVAL, LINE, NULL },
    { "JSON without SDP", "{\"type\":\"offer\"}\n", -ENOENT, END, NULL },
    { "JSON with bad SDP", "{\"type\":\"offer\",\"sdp\":\"v=0\\r\\n\"}\n", -EINVAL, LINE, NULL },
    { "JSON of unknown type", "{\"type\":\"rollback\",\"sdp\":\"\"}\n", -EINVAL, LINE, NULL },
    { "base64 of JSON with bad SDP", "eyJ0eXBlIjoib2ZmZXIiLCJzZHAiOiJ2PTAifQ==\n", -EINVAL, LINE,
      NULL },
};

/* Feeds the text in pieces and tells what came out, and when. */
static int run(struct adit_pairtext *p, const char *text, size_t len, size_t piece, int *when)
{
    int r = 0;

    *when = LINE;
    for (size_t at = 0; at < len && r == 0; at += piece)
        r = adit_pairtext_feed(p, text + at, len - at < piece ? len - at : piece);
    if (r == 0) {
        *when = PAUSE;
        r = adit_pairtext_pause(p);
    }
    if (r == 0) {
        *when = END;
        r = adit_pairtext_end(p);
    }
    return r;
}

/* What stands behind the pairing text. */
static struct adit_span rest_of(const struct adit_pairtext *p)
{
    return (struct adit_span){ p->text.data + p->end, p->text.len - p->end };
}

static void test_table(void **state)
{
    static struct adit_pairtext p;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_buf b;
        int when;
        adit_buf_init(&b, 1 << 20);
        compose(&b, rows[i].format);
        begin(&p);
        int r = run(&p, adit_buf_str(&b), b.len, SIZE_MAX / 2, &when);
        if (r != rows[i].result || when != rows[i].when)
            fail_msg("%s: %d at %d: %s", rows[i].name, r, when, p.cause.text);
        if (r < 0)
            assert_true(p.cause.text[0] && p.cause.err == -r);
        if (r == 1) {
            if (p.desc.cand_count != 2)
                fail_msg("%s: a candidate is missing", rows[i].name);
            if (rows[i].rest) {
                struct adit_span rest = rest_of(&p);
                assert_int_equal(rest.len, strlen(rows[i].rest));
                assert_memory_equal(rest.data, rows[i].rest, rest.len);
            }
        }
        adit_pairtext_done(&p);

        begin(&p); /* and byte by byte: later is allowed, otherwise is not */
        r = run(&p, adit_buf_str(&b), b.len, 1, &when);
        if (r != rows[i].result || when > rows[i].when)
            fail_msg("%s, in bytes: %d at %d: %s", rows[i].name, r, when, p.cause.text);
        adit_pairtext_done(&p);
        adit_buf_done(&b);
    }
}

/* Wherever a line of JSON is broken nothing of it is lost, not even a blank behind the break; only
 * among quotation marks nobody can tell whose that is. */
static void test_broken_anywhere(void **state)
{
    static const char *const marks[] = { "", "  ", "> ", "| > " };
    static struct adit_pairtext p;

    (void)state;
    for (size_t width = 1; width < strlen(json); width++) {
        for (size_t m = 0; m < ADIT_LEN(marks); m++) {
            struct adit_buf b;
            int when;

            if (m > 0 && json[width] == ' ')
                continue;
            adit_buf_init(&b, 1 << 20);
            adit_buf_printf(&b, "%s%.*s\r\n%s%s\nbye\n", marks[m], (int)width, json, marks[m],
                            json + width);
            begin(&p);
            if (run(&p, adit_buf_str(&b), b.len, SIZE_MAX / 2, &when) != 1)
                fail_msg("after %zu with %s: %s", width, marks[m], p.cause.text);
            if (p.desc.cand_count != 2)
                fail_msg("broken after %zu with '%s'", width, marks[m]);
            adit_pairtext_done(&p);
            adit_buf_done(&b);
        }
    }
}

/* After the pairing line everything is payload, even if it looks like one. */
static void test_payload_is_untouched(void **state)
{
    static struct adit_pairtext p;
    struct adit_buf b;
    struct adit_span rest;

    (void)state;
    adit_buf_init(&b, 1 << 20);
    compose(&b, "%t and so on\n");
    size_t line = b.len;
    for (int i = 0; i < 256; i++)
        adit_buf_add8(&b, (uint8_t)i);
    compose(&b, "%j\n%t\n");
    begin(&p);
    assert_int_equal(adit_pairtext_feed(&p, b.data, b.len), 1);
    rest = rest_of(&p);
    assert_int_equal(rest.len, b.len - line);
    assert_memory_equal(rest.data, b.data + line, rest.len);
    adit_pairtext_done(&p);
    adit_buf_done(&b);
}

/* A megabyte of each: an error in the end, and not after minutes. */
static void test_noise(void **state)
{
    static const char *const noise[] = { "\x01\xff\x80 ",
                                         "{\"a\":\"",
                                         "{",
                                         "v=0\n",
                                         "eyJ\n",
                                         "eyJ ",
                                         "adit:AAAAAAAAAAAAAAAAAAAA ",
                                         "\n",
                                         "a=b\n",
                                         "{\"a\":1,\n",
                                         "adit:",
                                         "{\n{\"a\":{\n",
                                         "ewo\nv=0\n{\"",
                                         "YWRpdDpB\n" };
    static struct adit_pairtext p;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(noise); i++) {
        size_t n = strlen(noise[i]);
        int r = 0;
        begin(&p);
        for (size_t at = 0; at < 2 * ADIT_PAIRTEXT_MAX && r == 0; at += 4096 / n * n) {
            char piece[4096];
            for (size_t k = 0; k + n <= sizeof piece; k += n)
                memcpy(piece + k, noise[i], n);
            r = adit_pairtext_feed(&p, piece, 4096 / n * n);
        }
        if (r >= 0 || p.cause.text[0] == '\0' || p.text.len > ADIT_PAIRTEXT_MAX)
            fail_msg("%s: %d", noise[i], r);
        adit_pairtext_clear(&p);
        assert_int_equal(adit_pairtext_feed(&p, ticket, strlen(ticket)), 0);
        assert_int_equal(adit_pairtext_feed(&p, "\n", 1), 1); /* and can be used again */
        adit_pairtext_done(&p);
    }
}

static void test_out_of_memory(void **state)
{
    static const char *const formats[] = { "%t\n", "%j\n", "%s\n", "%J" };
    static struct adit_pairtext p;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(formats); i++) {
        struct adit_buf b;
        uint64_t n = 0;
        int r, when;
        adit_buf_init(&b, 1 << 20);
        compose(&b, formats[i]);
        do {
            begin(&p);
            adit_alloc_fail_at(n++);
            r = run(&p, (char *)b.data, b.len, SIZE_MAX / 2, &when);
            adit_alloc_fail_at(UINT64_MAX);
            if (r != 1 && r != -ENOMEM)
                fail_msg("%s: %d", formats[i], r);
            adit_pairtext_done(&p);
        } while (r < 0);
        adit_buf_done(&b);
    }
}

static void test_forms(void **state)
{
    static const struct {
        const char *format;
        enum adit_pairtext_form form;
        enum adit_desc_type type;
    } forms[] = {
        { "%t\n", ADIT_PAIRTEXT_TICKET, ADIT_DESC_UNKNOWN },
        { "%a\n", ADIT_PAIRTEXT_TICKET, ADIT_DESC_ANSWER },
        { "%j\n", ADIT_PAIRTEXT_JSON, ADIT_DESC_ANSWER },
        { "%s\n", ADIT_PAIRTEXT_SDP, ADIT_DESC_ANSWER },
        { "%J\n", ADIT_PAIRTEXT_JSON, ADIT_DESC_ANSWER },
    };
    static struct adit_pairtext p;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(forms); i++) {
        struct adit_buf b;
        adit_buf_init(&b, 1 << 20);
        compose(&b, forms[i].format);
        begin(&p);
        assert_int_equal(adit_pairtext_feed(&p, b.data, b.len), 1);
        assert_int_equal(p.form, forms[i].form);
        assert_int_equal(p.desc.type, forms[i].type);
        adit_pairtext_done(&p);
        adit_buf_done(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_broken_anywhere),
        cmocka_unit_test(test_payload_is_untouched),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_forms),
    };

    return cmocka_run_group_tests_name("pairtext", tests, set_up, tear_down);
}
