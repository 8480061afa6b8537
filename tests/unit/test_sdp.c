/* test_sdp.c - what a description must say, and what it must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "peer/sdp.h"

#define FP                                                                                       \
    "AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:" \
    "67:89"
#define HEAD  "v=0\r\no=- 7301 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define MLINE "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"
#define ICE   "a=ice-ufrag:Qa7x\r\na=ice-pwd:0123456789abcdefABCDEF12\r\n"
#define PRINT "a=fingerprint:sha-256 " FP "\r\n"
#define ACT   "a=setup:actpass\r\n"
#define FULL  HEAD MLINE "a=mid:0\r\n" ICE PRINT ACT

static int parse(struct adit_desc *d, enum adit_desc_type type, const char *text,
                 struct adit_cause *cause)
{
    return adit_sdp_parse(d, type, text, strlen(text), cause);
}

/* ---- what must be said, and what must not --------------------------------------------------- */

static const struct {
    const char *name, *text;
    enum adit_desc_type type;
    const char *error; /* NULL: fine; else part of the message */
} rows[] = {
    { "whole", FULL, ADIT_DESC_OFFER, NULL },
    { "bare SDP", FULL, ADIT_DESC_UNKNOWN, NULL },
    { "LF only",
      "v=0\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=ice-ufrag:Qa7x\n"
      "a=ice-pwd:0123456789abcdefABCDEF12\na=fingerprint:sha-256 " FP "\na=setup:actpass",
      ADIT_DESC_OFFER, NULL },
    { "CR only",
      "v=0\rm=application 9 UDP/DTLS/SCTP webrtc-datachannel\ra=ice-ufrag:Qa7x\r"
      "a=ice-pwd:0123456789abcdefABCDEF12\ra=fingerprint:sha-256 " FP "\ra=setup:actpass",
      ADIT_DESC_OFFER, NULL },
    { "indented, blank lines",
      "\n\n  v=0  \n\n\tm=application 9 UDP/DTLS/SCTP webrtc-datachannel\n  " ICE PRINT ACT,
      ADIT_DESC_OFFER, NULL },
    { "all at session level", HEAD ICE PRINT ACT MLINE, ADIT_DESC_OFFER, NULL },
    { "TCP protocol", HEAD "m=application 9 TCP/DTLS/SCTP webrtc-datachannel\r\n" ICE PRINT ACT,
      ADIT_DESC_OFFER, NULL },
    { "middle draft", HEAD "m=application 9 DTLS/SCTP webrtc-datachannel\r\n" ICE PRINT ACT,
      ADIT_DESC_OFFER, NULL },
    { "bundle-only",
      HEAD "a=group:BUNDLE a 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:a\r\n" ICE PRINT ACT
           "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=bundle-only\r\n"
           "a=mid:0\r\n",
      ADIT_DESC_OFFER, NULL },
    { "setup is missing in an offer", HEAD MLINE ICE PRINT, ADIT_DESC_OFFER, NULL },
    { "offer decides setup", HEAD MLINE ICE PRINT "a=setup:passive\r\n", ADIT_DESC_OFFER, NULL },
    { "unknown lines", FULL "x=1\r\na=foo\r\na=\r\n=\r\nhello\r\n\x80\xff\r\n", ADIT_DESC_OFFER,
      NULL },
    { "bad candidates",
      FULL "a=candidate:\r\na=candidate:1 1 udp x\r\na=candidate:1 1 udp 1 1 1\r\n",
      ADIT_DESC_OFFER, NULL },
    { "unknown hash beside a known one", FULL "a=fingerprint:md5 00:11\r\n", ADIT_DESC_OFFER,
      NULL },
    { "hash in capitals", HEAD MLINE ICE ACT "a=fingerprint:SHA-256 " FP "\r\n", ADIT_DESC_OFFER,
      NULL },

    { "empty", "", ADIT_DESC_OFFER, "does not begin with v=0" },
    { "blank", " \r\n\t\n", ADIT_DESC_OFFER, "does not begin with v=0" },
    { "no v=0", MLINE ICE PRINT ACT, ADIT_DESC_OFFER, "does not begin with v=0" },
    { "version 1", "v=1\r\n" MLINE ICE PRINT ACT, ADIT_DESC_OFFER, "does not begin with v=0" },
    { "no sections", HEAD ICE PRINT ACT, ADIT_DESC_OFFER, "no data channel section" },
    { "audio only", HEAD "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n" ICE PRINT ACT, ADIT_DESC_OFFER,
      "no data channel section" },
    { "another application", HEAD "m=application 9 UDP/BFCP *\r\n" ICE PRINT ACT, ADIT_DESC_OFFER,
      "no data channel section" },
    { "another format", HEAD "m=application 9 UDP/DTLS/SCTP other\r\n" ICE PRINT ACT,
      ADIT_DESC_OFFER, "no data channel section" },
    { "short m-line", HEAD "m=application 9\r\n" ICE PRINT ACT, ADIT_DESC_OFFER,
      "no data channel section" },
    { "port 0", HEAD "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n" ICE PRINT ACT,
      ADIT_DESC_ANSWER, "refuses the data channel (port 0)" },
    { "SCTP port 0", FULL "a=sctp-port:0\r\n", ADIT_DESC_OFFER, "(SCTP port 0)" },
    { "SCTP port too large", FULL "a=sctp-port:65536\r\n", ADIT_DESC_OFFER, "SCTP port" },
    { "SCTP port word", FULL "a=sctp-port:five\r\n", ADIT_DESC_OFFER, "SCTP port" },
    { "no ufrag", HEAD MLINE "a=ice-pwd:0123456789abcdefABCDEF12\r\n" PRINT ACT, ADIT_DESC_OFFER,
      "no ICE user name" },
    { "no pwd", HEAD MLINE "a=ice-ufrag:Qa7x\r\n" PRINT ACT, ADIT_DESC_OFFER, "no ICE user name" },
    { "short ufrag", FULL "a=ice-ufrag:Qa7\r\n", ADIT_DESC_OFFER, "ice-ufrag" },
    { "colon in ufrag", FULL "a=ice-ufrag:Qa7:x\r\n", ADIT_DESC_OFFER, "ice-ufrag" },
    { "control in ufrag", FULL "a=ice-ufrag:Qa7x\x1b[2J\r\n", ADIT_DESC_OFFER, "ice-ufrag" },
    { "short pwd", FULL "a=ice-pwd:0123456789abcdefABCDE\r\n", ADIT_DESC_OFFER, "ice-pwd" },
    { "blank in pwd", FULL "a=ice-pwd:0123456789abcdef ABCDEF12\r\n", ADIT_DESC_OFFER, "ice-pwd" },
    { "no fingerprint", HEAD MLINE ICE ACT, ADIT_DESC_OFFER, "no fingerprint" },
    { "sha-1 only",
      HEAD MLINE ICE ACT "a=fingerprint:sha-1 "
                         "AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01\r\n",
      ADIT_DESC_OFFER, "no fingerprint by sha-256" },
    { "short fingerprint", FULL "a=fingerprint:sha-256 AB:CD\r\n", ADIT_DESC_OFFER,
      "fingerprint in the SDP is malformed" },
    { "fingerprint without value", FULL "a=fingerprint:sha-256\r\n", ADIT_DESC_OFFER,
      "fingerprint in the SDP is malformed" },
    { "fingerprint and more", FULL "a=fingerprint:sha-256 " FP " x\r\n", ADIT_DESC_OFFER,
      "fingerprint in the SDP is malformed" },
    { "answer is actpass", FULL, ADIT_DESC_ANSWER, "no answer" },
    { "answer without setup", HEAD MLINE ICE PRINT, ADIT_DESC_ANSWER, "no answer" },
    { "holdconn", HEAD MLINE ICE PRINT "a=setup:holdconn\r\n", ADIT_DESC_OFFER, "a=setup" },
    { "max-message-size word", FULL "a=max-message-size:many\r\n", ADIT_DESC_OFFER,
      "max-message-size" },
    { "negative max-message-size", FULL "a=max-message-size:-1\r\n", ADIT_DESC_OFFER,
      "max-message-size" },
    { "blank in mid", FULL "a=mid:0 1\r\n", ADIT_DESC_OFFER, "mid" },
    { "control in mid", FULL "a=mid:0\x07\r\n", ADIT_DESC_OFFER, "mid" },
    { "UTF-8 in mid", FULL "a=mid:\xc3\xa4\r\n", ADIT_DESC_OFFER, "mid" },
    { "escape in another m-line", FULL "m=audio 9 \x1b[2J 0\r\n", ADIT_DESC_OFFER,
      "media section in the SDP is malformed" },
    { "a mid twice", FULL "m=audio 9 RTP/SAVPF 0\r\na=mid:0\r\n", ADIT_DESC_OFFER, "same mid" },
    { "another m-line too short", FULL "m=audio\r\n", ADIT_DESC_OFFER,
      "media section in the SDP is malformed" },
};

static void test_table(void **state)
{
    static struct adit_desc d, empty;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_cause cause = { .text = "" };
        int err = parse(&d, rows[i].type, rows[i].text, &cause);
        if (rows[i].error ? err != -EINVAL || !strstr(cause.text, rows[i].error) : err != 0)
            fail_msg("%s: %d %s", rows[i].name, err, cause.text);
        if (err < 0)
            assert_memory_equal(&d, &empty, sizeof d);
    }
}

static void test_max_message_size(void **state)
{
    static const struct {
        const char *line;
        uint32_t size;
    } sizes[] = {
        { "", 65536 },
        { "a=max-message-size:0\r\n", 0 },
        { "a=max-message-size:1200\r\n", 1200 },
        { "a=max-message-size:262144\r\n", 262144 },
        { "a=max-message-size: 5\r\n", 5 },
        { "a=max-message-size:4294967295\r\n", UINT32_MAX },
        { "a=max-message-size:4294967296\r\n", UINT32_MAX },
        { "a=max-message-size:99999999999999999999999999\r\n", UINT32_MAX },
    };
    static struct adit_desc d;
    struct adit_cause cause;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(sizes); i++) {
        char text[2048];
        snprintf(text, sizeof text, "%s%s", FULL, sizes[i].line);
        assert_int_equal(parse(&d, ADIT_DESC_OFFER, text, &cause), 0);
        assert_int_equal(d.max_message_size, sizes[i].size);
    }
}

/* What only two of us do with each other; anything else that is called so is passed over. */
static void test_who_wrote_it(void **state)
{
    static const struct {
        const char *text;
        bool adit;
    } lines[] = {
        { FULL, false },
        { FULL "a=adit-version:1\r\n", true },
        { FULL "a=adit-version: 1 \r\n", true },
        { FULL "a=adit-version:1 half-close x=y \x1b[2J\r\n", true },
        { FULL "a=adit-version:2\r\n", true },
        { FULL "a=adit-version:4294967295 and more\r\n", true },
        { FULL "a=adit-version:x\r\na=adit-version:1\r\n", true },
        { FULL "a=adit-version:1\r\na=adit-version:0\r\n", true },
        { HEAD "a=adit-version:1\r\n" MLINE ICE PRINT ACT, true },
        { FULL "a=adit-version\r\n", false },
        { FULL "a=adit-version:\r\n", false },
        { FULL "a=adit-version:0\r\n", false },
        { FULL "a=adit-version:-1\r\n", false },
        { FULL "a=adit-version:1.0\r\n", false },
        { FULL "a=adit-version:4294967296\r\n", false },
        { FULL "a=adit-version:half-close\r\n", false },
        { FULL "a=adit-versions:1\r\n", false },
        { FULL "adit-version:1\r\n", false },
        { FULL "m=audio 9 RTP/SAVPF 0\r\na=adit-version:1\r\n", false },
    };
    static struct adit_desc d;
    struct adit_cause cause;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(lines); i++) {
        assert_int_equal(parse(&d, ADIT_DESC_OFFER, lines[i].text, &cause), 0);
        if (d.adit != lines[i].adit)
            fail_msg("row %zu", i);
    }
}

static void test_who_takes_datagrams(void **state)
{
    static const struct {
        const char *text;
        bool datagram;
    } lines[] = {
        { FULL "a=adit-version:1\r\n", false },
        { FULL "a=adit-datagram:1\r\n", true },
        { FULL "a=adit-datagram:1 more\r\n", true },
        { FULL "a=adit-datagram:7\r\n", true }, /* keeps what the first one promises */
        { FULL "a=adit-datagram:0\r\na=adit-datagram:1\r\n", true },
        { FULL "a=adit-datagram\r\n", false },
        { FULL "a=adit-datagram:\r\n", false },
        { FULL "a=adit-datagram:0\r\n", false },
        { FULL "a=adit-datagram:yes\r\n", false },
        { FULL "a=adit-datagram:4294967296\r\n", false },
        { FULL "a=adit-datagrams:1\r\n", false },
        { FULL "m=audio 9 RTP/SAVPF 0\r\na=adit-datagram:1\r\n", false },
    };
    static struct adit_desc d;
    struct adit_cause cause;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(lines); i++) {
        assert_int_equal(parse(&d, ADIT_DESC_OFFER, lines[i].text, &cause), 0);
        if (d.datagram != lines[i].datagram)
            fail_msg("row %zu", i);
    }
}

static void test_ports(void **state)
{
    static const struct {
        const char *text;
        uint16_t port;
        bool legacy;
    } forms[] = {
        { HEAD MLINE ICE PRINT ACT, 5000, false },
        { HEAD MLINE ICE PRINT ACT "a=sctp-port:5001\r\n", 5001, false },
        { HEAD "m=application 9 DTLS/SCTP 5002\r\n" ICE PRINT ACT, 5002, true },
        { HEAD
          "m=application 9 DTLS/SCTP 5002\r\na=sctpmap:5003 webrtc-datachannel 65535\r\n" ICE PRINT
              ACT,
          5003, true },
    };
    static struct adit_desc d;
    struct adit_cause cause;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(forms); i++) {
        assert_int_equal(parse(&d, ADIT_DESC_OFFER, forms[i].text, &cause), 0);
        assert_int_equal(d.sctp_port, forms[i].port);
        assert_int_equal(d.legacy_mline, forms[i].legacy);
    }
}

/* The media level stands over the session level; several fingerprints are kept. */
static void test_levels(void **state)
{
    static struct adit_desc d;
    struct adit_cause cause;

    (void)state;
    assert_int_equal(
        parse(&d, ADIT_DESC_OFFER,
              HEAD "a=ice-lite\r\na=ice-options:ice2 trickle\r\na=ice-ufrag:sess\r\n"
                   "a=ice-pwd:sessionsessionsession12\r\na=fingerprint:sha-256 00:" /* other */
                   "CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:"
                   "01:23:45:67:89\r\n" MLINE "a=ice-ufrag:media\r\n" PRINT PRINT ACT
                   "m=audio 9 RTP/SAVPF 0\r\n" ICE,
              &cause),
        0);
    assert_string_equal(d.ufrag, "media");
    assert_string_equal(d.pwd, "sessionsessionsession12");
    assert_int_equal(d.fingerprint_count, 2);
    assert_int_equal(d.fingerprints[0].value[0], 0xab);
    assert_true(d.ice_lite && d.trickle && !d.end_of_candidates);
    assert_int_equal(d.session_id, 7301);
    assert_int_equal(d.media_count, 1);
}

/* Candidates under the first section of the BUNDLE group count if it has our credentials. */
static void test_bundled_candidates(void **state)
{
#define CAND  "a=candidate:1 1 udp 5 192.0.2.1 7 typ host\r\n"
#define GROUP HEAD "a=group:BUNDLE a 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:a\r\n"
    static struct adit_desc d;
    struct adit_cause cause;

    (void)state;
    assert_int_equal(parse(&d, ADIT_DESC_OFFER,
                           GROUP ICE PRINT ACT CAND MLINE "a=mid:0\r\n" ICE PRINT ACT, &cause),
                     0);
    assert_int_equal(d.cand_count, 1);
    assert_int_equal(d.fingerprint_count, 1);
    assert_int_equal(
        parse(&d, ADIT_DESC_OFFER, GROUP ICE PRINT ACT CAND MLINE "a=mid:0\r\n", &cause), 0);
    assert_int_equal(d.cand_count, 1);
    assert_int_equal(d.section, 1);
    assert_int_equal(
        parse(&d, ADIT_DESC_OFFER,
              GROUP ICE PRINT ACT CAND MLINE
              "a=mid:0\r\na=ice-ufrag:other\r\na=ice-pwd:otherotherotherother12\r\n" PRINT,
              &cause),
        0);
    assert_int_equal(d.cand_count, 0);
    assert_int_equal(
        parse(&d, ADIT_DESC_OFFER, GROUP ICE PRINT ACT CAND MLINE "a=mid:1\r\n", &cause), -EINVAL);
}

static void test_candidates(void **state)
{
    static struct adit_desc d;
    struct adit_cause cause;

    (void)state;
    assert_int_equal(
        parse(&d, ADIT_DESC_OFFER,
              FULL "a=candidate:1 1 udp 5 192.0.2.1 7 typ host\r\n"
                   "a=candidate:1 2 udp 5 192.0.2.1 8 typ host\r\n" /* component 2 */
                   "a=candidate:2 1 tcp 5 192.0.2.1 9 typ host tcptype active\r\n"
                   "a=candidate:3 1 udp 5 9b36eaac-bb2e-49bb-bb78-21c41c499900.local 9 typ host\r\n"
                   "a=candidate:3 1 udp 5 host.example 9 typ host\r\n"
                   "a=candidate:3 1 udp 5 host.local 9 typ srflx\r\n"
                   "a=candidate:4 1 udp 5 224.0.0.1 9 typ host\r\n"
                   "a=candidate:5 1 udp 5 192.0.2.1 7 typ host\r\n" /* twice */
                   "a=candidate:6 1 udp 5 192.0.2.2 7 typ host ufrag Qa7x\r\n"
                   "a=candidate:7 1 udp 5 192.0.2.3 7 typ host ufrag gone\r\n" /* old */
                   "a=candidate:8 1 udp 5 127.0.0.1 7 typ host\r\n"            /* ice decides */
                   "a=candidate:9 1 udp 5 2001:db8::1 7 typ relay raddr 192.0.2.9 rport 1\r\n"
                   "a=end-of-candidates\r\n",
              &cause),
        0);
    assert_int_equal(d.cand_count, 5);
    assert_string_equal(d.cands[1].name, "9b36eaac-bb2e-49bb-bb78-21c41c499900.local");
    assert_true(adit_cand_named(&d.cands[1]));
    assert_string_equal(d.cands[2].foundation, "6");
    assert_string_equal(d.cands[3].foundation, "8");
    assert_string_equal(d.cands[4].foundation, "9");
    assert_true(d.end_of_candidates);
}

/* ---- limits --------------------------------------------------------------------------------- */

static void test_limits(void **state)
{
    static struct adit_desc d;
    struct adit_cause cause = { .text = "" };
    struct adit_buf b;

    (void)state;
    adit_buf_init(&b, 2 << 20);
    adit_buf_printf(&b, "%s", FULL);
    for (unsigned i = 0; i < 700; i++)
        adit_buf_printf(&b, "a=candidate:1 1 udp 5 192.0.2.1 %u typ host\r\n", i + 1);
    assert_int_equal(parse(&d, ADIT_DESC_OFFER, adit_buf_str(&b), &cause), 0);
    assert_int_equal(d.cand_count, ADIT_DESC_CANDS_MAX);

    adit_buf_consume(&b, b.len);
    adit_buf_printf(&b, "%s", FULL);
    for (unsigned i = 0; i < 1000; i++)
        adit_buf_printf(&b, "a=candidate:1 1 udp 5 n%u.local 9 typ host\r\n", i);
    adit_buf_printf(&b, "a=candidate:1 1 udp 5 192.0.2.1 7 typ host\r\n");
    assert_int_equal(parse(&d, ADIT_DESC_OFFER, adit_buf_str(&b), &cause), 0);
    assert_int_equal(d.cand_count, ADIT_DESC_NAMES_MAX + 1); /* the address has its place */

    adit_buf_consume(&b, b.len);
    adit_buf_printf(&b, "%s", FULL);
    for (unsigned i = 1; i < ADIT_DESC_FINGERPRINTS_MAX; i++)
        adit_buf_printf(&b, PRINT);
    assert_int_equal(parse(&d, ADIT_DESC_OFFER, adit_buf_str(&b), &cause), 0);
    adit_buf_printf(&b, PRINT);
    assert_int_equal(parse(&d, ADIT_DESC_OFFER, adit_buf_str(&b), &cause), -EINVAL);
    assert_non_null(strstr(cause.text, "too many fingerprints"));

    adit_buf_consume(&b, b.len);
    adit_buf_printf(&b, "%s", FULL);
    for (unsigned i = 0; i < ADIT_DESC_MIDS_MAX; i++)
        adit_buf_printf(&b, "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:a%u\r\n", i);
    assert_int_equal(parse(&d, ADIT_DESC_OFFER, adit_buf_str(&b), &cause), 0);
    adit_buf_printf(&b, "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n");
    assert_int_equal(parse(&d, ADIT_DESC_OFFER, adit_buf_str(&b), &cause), -EINVAL);
    assert_non_null(strstr(cause.text, "too many media sections"));

    adit_buf_consume(&b, b.len);
    adit_buf_printf(&b, "%sa=x:", FULL);
    while (b.len < ADIT_SDP_SIZE_MAX)
        adit_buf_add8(&b, 'x');
    assert_int_equal(parse(&d, ADIT_DESC_OFFER, adit_buf_str(&b), &cause), 0);
    while (b.len < 1 << 20)
        adit_buf_add8(&b, 'x');
    assert_int_equal(parse(&d, ADIT_DESC_OFFER, adit_buf_str(&b), &cause), -EINVAL);
    assert_non_null(strstr(cause.text, "longer than 64 KiB"));
    adit_buf_done(&b);
}

static void test_lengths_of_values(void **state)
{
    static const struct {
        const char *name;
        size_t max;
    } values[] = { { "ice-ufrag", ADIT_UFRAG_MAX },
                   { "ice-pwd", ADIT_PWD_MAX },
                   { "mid", ADIT_MID_MAX } };
    static struct adit_desc d;
    struct adit_cause cause;
    char text[2048], value[512];

    (void)state;
    memset(value, 'x', sizeof value);
    for (size_t i = 0; i < ADIT_LEN(values); i++) {
        for (size_t more = 0; more < 2; more++) {
            snprintf(text, sizeof text, "%sa=%s:%.*s\r\n", FULL, values[i].name,
                     (int)(values[i].max + more), value);
            assert_int_equal(parse(&d, ADIT_DESC_OFFER, text, &cause), more ? -EINVAL : 0);
        }
    }
    assert_int_equal(adit_sdp_parse(&d, ADIT_DESC_OFFER, FULL "a=x:\0", sizeof FULL + 4, &cause),
                     -EINVAL);
    assert_non_null(strstr(cause.text, "zero byte"));
}

/* Every prefix, in a block of just that size. */
static void test_prefixes(void **state)
{
    static struct adit_desc d;
    struct adit_cause cause;

    (void)state;
    for (size_t n = 1; n < sizeof FULL; n++) {
        char *copy = malloc(n);
        memcpy(copy, FULL, n);
        (void)!adit_sdp_parse(&d, ADIT_DESC_OFFER, copy, n, &cause);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_max_message_size),
        cmocka_unit_test(test_who_wrote_it),
        cmocka_unit_test(test_who_takes_datagrams),
        cmocka_unit_test(test_ports),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_bundled_candidates),
        cmocka_unit_test(test_candidates),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_lengths_of_values),
        cmocka_unit_test(test_prefixes),
    };

    return cmocka_run_group_tests_name("sdp", tests, NULL, NULL);
}
