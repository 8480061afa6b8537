/* test_sdp_forms.c - descriptions of other stacks, and what we print ourselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "peer/desc_json.h"
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

static char *print(const struct adit_desc *d, const struct adit_desc *offer)
{
    struct adit_buf b;

    adit_buf_init(&b, ADIT_SDP_SIZE_MAX);
    adit_sdp_print(&b, d, offer);
    assert_int_equal(b.err, 0);
    char *s = strdup(adit_buf_str(&b));
    adit_buf_done(&b);
    return s;
}

/* ---- what other stacks write (tests/data/sdp) ----------------------------------------------- */

static const struct {
    const char *file;
    uint32_t max_message_size;
    bool legacy, trickle, end;
    const char *ufrag, *address;
    uint8_t first_byte; /* of the fingerprint */
} samples[] = {
    { "aiortc-offer", 65536, true, false, true, "kGhF", "10.99.0.1:33305", 0x9e },
    { "aiortc-answer", 65536, false, false, true, "oBsZ", "10.99.0.2:38355", 0xfa },
    { "chromium-offer", 262144, false, true, false, "dBBy", "10.99.0.1:38755", 0xcd },
    { "chromium-answer", 65536, false, true, false, "aDqR", "10.99.0.2:57064", 0xc7 },
    { "firefox-offer", 1073741823, false, true, true, "bfeec51d", "10.99.0.1:48686", 0xd2 },
    { "firefox-answer", 1073741823, false, true, true, "97a3a21e", "10.99.0.2:56070", 0x2f },
    { "pion-offer", 65536, false, false, true, "hRzeQunGPTaCqsVM", "10.99.0.1:59399", 0x0d },
    { "pion-answer", 65536, false, false, true, "mhXQcttFoinjocfS", "10.99.0.2:51268", 0x30 },
};

static char *read_sample(const char *name, size_t *len)
{
    char path[128], *text = calloc(1, 4096);

    snprintf(path, sizeof path, "tests/data/sdp/%s.json", name);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("%s: run this from the top of the tree", path);
    *len = fread(text, 1, 4095, f);
    fclose(f);
    return text;
}

static void test_samples(void **state)
{
    static struct adit_desc d, again;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(samples); i++) {
        struct adit_cause cause = { .text = "" };
        char addr[ADIT_ADDR_STR];
        size_t len;
        char *json = read_sample(samples[i].file, &len);
        if (adit_desc_json_parse(&d, json, len, &cause) < 0)
            fail_msg("%s: %s", samples[i].file, cause.text);
        free(json);
        bool offer = strstr(samples[i].file, "offer");
        assert_int_equal(d.type, offer ? ADIT_DESC_OFFER : ADIT_DESC_ANSWER);
        assert_int_equal(d.setup, offer ? ADIT_SETUP_ACTPASS : ADIT_SETUP_ACTIVE);
        assert_int_equal(d.max_message_size, samples[i].max_message_size);
        assert_int_equal(d.legacy_mline, samples[i].legacy);
        assert_int_equal(d.trickle, samples[i].trickle);
        assert_int_equal(d.end_of_candidates, samples[i].end);
        assert_int_equal(d.sctp_port, 5000);
        assert_string_equal(d.ufrag, samples[i].ufrag);
        assert_string_equal(d.mid, "0");
        assert_true(d.bundle && !d.ice_lite && d.pwd[0]);
        assert_int_equal(d.fingerprint_count, 1);
        assert_int_equal(d.fingerprints[0].value[0], samples[i].first_byte);
        assert_int_equal(d.cand_count, 1); /* no TCP, no component 2 */
        assert_string_equal(adit_addr_str(&d.cands[0].addr, addr), samples[i].address);
        assert_int_equal(d.media_count, 0);
        assert_false(d.adit);

        char *sdp = print(&d, NULL);
        assert_int_equal(parse(&again, d.type, sdp, &cause), 0);
        assert_memory_equal(&d, &again, sizeof d);
        free(sdp);

        struct adit_buf b;
        adit_buf_init(&b, ADIT_SDP_SIZE_MAX);
        adit_desc_json_print(&b, &d, NULL);
        assert_int_equal(b.err, 0);
        assert_int_equal(adit_desc_json_parse(&again, (char *)b.data, b.len, &cause), 0);
        assert_memory_equal(&d, &again, sizeof d);
        adit_buf_done(&b);
    }
}

/* ---- printing ------------------------------------------------------------------------------- */

static void test_offer_looks_so(void **state)
{
    static struct adit_desc d;

    (void)state;
    adit_desc_init(&d, ADIT_DESC_OFFER);
    d.session_id = 7301;
    strcpy(d.ufrag, "Qa7x");
    strcpy(d.pwd, "0123456789abcdefABCDEF12");
    assert_int_equal(
        adit_fingerprint_parse(&d.fingerprints[0], "sha-256 " FP, strlen("sha-256 " FP)), 0);
    d.fingerprint_count = 1;
    d.end_of_candidates = true;
    const char *c = "1 1 udp 2130706431 192.0.2.7 50412 typ host";
    assert_int_equal(adit_cand_parse(&d.cands[d.cand_count++], c, strlen(c)), 0);
    char *s = print(&d, NULL);
    assert_string_equal(s, HEAD "a=group:BUNDLE 0\r\na=msid-semantic:WMS *\r\n"
                                "m=application 50412 UDP/DTLS/SCTP webrtc-datachannel\r\n"
                                "c=IN IP4 192.0.2.7\r\na=mid:0\r\na=sctp-port:5000\r\n"
                                "a=max-message-size:262144\r\na=adit-version:1\r\n"
                                "a=candidate:1 1 udp 2130706431 192.0.2.7 50412 typ host\r\n"
                                "a=end-of-candidates\r\n" ICE PRINT ACT);
    free(s);
}

/* The answer has the offer's m-line, mids and order; what is not ours has port 0. */
static void test_answer_mirrors_its_offer(void **state)
{
    static struct adit_desc offer, answer, back;
    struct adit_cause cause;

    (void)state;
    assert_int_equal(
        parse(&offer, ADIT_DESC_OFFER,
              HEAD
              "a=group:BUNDLE audio data video\r\n"
              "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9\r\na=mid:audio\r\n" ICE PRINT ACT
              "m=application 9 DTLS/SCTP 5000\r\na=mid:data\r\n"
              "a=sctpmap:5000 webrtc-datachannel 65535\r\n" ICE PRINT ACT
              "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 100 101 102 122 127 121 125 107 108 109 "
              "124 120 123 119 35 36 41 42 114 115 116 117 118 43 44 45 46 47 48 49 50 51 52 53\r\n"
              "a=mid:video\r\n" ICE PRINT ACT,
              &cause),
        0);
    assert_int_equal(offer.section, 1);
    adit_desc_init(&answer, ADIT_DESC_ANSWER);
    strcpy(answer.ufrag, "Zz9y");
    strcpy(answer.pwd, "ABCDEF120123456789abcdef");
    answer.fingerprints[0] = offer.fingerprints[0];
    answer.fingerprint_count = 1;
    answer.datagram = true;
    char *s = print(&answer, &offer);
    const char *sections = strstr(s, "m=audio");
    assert_non_null(strstr(s, "a=group:BUNDLE data\r\n"));
    assert_non_null(sections);
    assert_string_equal(sections,
                        "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:audio\r\n"
                        "a=inactive\r\n"
                        "m=application 9 DTLS/SCTP 5000\r\nc=IN IP4 0.0.0.0\r\na=mid:data\r\n"
                        "a=sctpmap:5000 webrtc-datachannel 65535\r\na=max-message-size:262144\r\n"
                        "a=adit-version:1\r\na=adit-datagram:1\r\n"
                        "a=ice-ufrag:Zz9y\r\na=ice-pwd:ABCDEF120123456789abcdef\r\n" PRINT
                        "a=setup:active\r\n"
                        "m=video 0 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:video\r\n"
                        "a=inactive\r\n");
    assert_int_equal(parse(&back, ADIT_DESC_ANSWER, s, &cause), 0);
    assert_string_equal(back.mid, "data");
    assert_true(back.adit && back.datagram);
    free(s);
}

static void test_offer_without_mid(void **state)
{
    static struct adit_desc offer, answer;
    struct adit_cause cause;

    (void)state;
    assert_int_equal(parse(&offer, ADIT_DESC_OFFER, HEAD MLINE ICE PRINT ACT, &cause), 0);
    adit_desc_init(&answer, ADIT_DESC_ANSWER);
    char *s = print(&answer, &offer);
    assert_null(strstr(s, "a=mid"));
    assert_null(strstr(s, "BUNDLE"));
    free(s);
}

/* ---- JSON around it ------------------------------------------------------------------------- */

static void test_json_refusals(void **state)
{
    static const struct {
        const char *text, *error;
    } bad[] = {
        { "", "not JSON" },
        { "{\"type\":\"offer\",\"sdp\":\"v=0", "not JSON" },
        { "[]", "not an object" },
        { "\"v=0\"", "not an object" },
        { "{}", "no type" },
        { "{\"type\":\"pranswer\",\"sdp\":\"v=0\"}", "no type" },
        { "{\"type\":1,\"sdp\":\"v=0\"}", "no type" },
        { "{\"type\":\"offer\"}", "no text named sdp" },
        { "{\"type\":\"offer\",\"sdp\":null}", "no text named sdp" },
        { "{\"type\":\"offer\",\"sdp\":\"v=0\\u0000\"}", "no text named sdp" },
        { "{\"type\":\"offer\\u0000\",\"sdp\":\"v=0\"}", "no type" },
        { "{\"type\":\"offer\",\"sdp\":\"\"}", "does not begin with v=0" },
        { "{\"type\":\"offer\",\"sdp\":\"v=0\"} x", "not JSON" },
        { "{\"type\":\"offer\",\"sdp\":\"v=0\",\"type\":\"other\"}", "no type" },
    };
    static struct adit_desc d;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(bad); i++) {
        struct adit_cause cause = { .text = "" };
        int err = adit_desc_json_parse(&d, bad[i].text, strlen(bad[i].text), &cause);
        if (err != -EINVAL || !strstr(cause.text, bad[i].error))
            fail_msg("%s: %d %s", bad[i].text, err, cause.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_offer_looks_so),
        cmocka_unit_test(test_answer_mirrors_its_offer),
        cmocka_unit_test(test_offer_without_mid),
        cmocka_unit_test(test_json_refusals),
    };

    return cmocka_run_group_tests_name("sdp_forms", tests, NULL, NULL);
}
