/* Data channels between two associations; see sctp_link.h. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sctp/chan.h"
#include "sctp/dcep.h"
#include "sctp_link.h"

#define R ADIT_CHANNEL_RELIABLE

static struct adit_channel *open_with(struct sctp_link *l, int index,
                                      const struct adit_channel_conf *conf, int want)
{
    int err = 0;
    struct adit_channel *c = adit_channel_open(l->end[index].s, conf, &err, l->now);

    assert_int_equal(err, want);
    assert_int_equal(c == NULL, want != 0);
    return c;
}

/* Byte i of a message that is told apart by its number. */
static uint8_t pattern(unsigned number, size_t i)
{
    return (uint8_t)(number * 31 + i * 7 + (i >> 8));
}

static void fill(uint8_t *bytes, unsigned number, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = pattern(number, i);
}

/* ---- options ---- */

static void every_option_arrives(void **state)
{
    static char text[65535];
    static const struct adit_channel_conf rows[] = {
        { .label = "a", .label_len = 1, .max_retransmits = R, .max_lifetime_ms = R },
        { .unordered = true, .max_retransmits = R, .max_lifetime_ms = R },
        { .max_retransmits = 0, .max_lifetime_ms = R, .protocol = "ip", .protocol_len = 2 },
        { .unordered = true, .max_retransmits = 3, .max_lifetime_ms = R, .priority = 512 },
        { .max_retransmits = 65535, .max_lifetime_ms = R },
        { .max_retransmits = R, .max_lifetime_ms = 0 },
        { .unordered = true, .max_retransmits = R, .max_lifetime_ms = 65535 },
        { .label = "\xc3\xa4\xe2\x82\xac\0\xff",
          .label_len = 7,
          .max_retransmits = R,
          .max_lifetime_ms = R },
        { .label = text,
          .label_len = 65535,
          .protocol = text,
          .protocol_len = 65535,
          .max_retransmits = R,
          .max_lifetime_ms = R },
    };
    struct sctp_link l;

    (void)state;
    memset(text, 'z', sizeof text);
    sctp_link_connect(&l, 1, NULL);
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_channel_conf conf = rows[i], got;

        conf.id = ADIT_CHANNEL_ID_AUTO;
        struct adit_channel *c = open_with(&l, (int)(i & 1), &conf, 0);
        struct sctp_end *other = &l.end[!(i & 1)];
        sctp_link_run(&l, 2 * ADIT_SEC, NULL);
        assert_int_equal(adit_channel_state(c), ADIT_CHANNEL_OPEN);
        assert_int_equal(adit_channel_id(c) & 1, i & 1); /* the first end is the DTLS client */
        adit_channel_conf_get(other->channel, &got);
        assert_int_equal(got.unordered, conf.unordered);
        assert_int_equal(got.max_retransmits, conf.max_retransmits);
        assert_int_equal(got.max_lifetime_ms, conf.max_lifetime_ms);
        assert_int_equal(got.priority, conf.priority ? conf.priority : 256);
        assert_int_equal(got.label_len, conf.label_len);
        assert_memory_equal(got.label, conf.label ? conf.label : "", conf.label_len);
        assert_int_equal(got.protocol_len, conf.protocol_len);
        assert_memory_equal(got.protocol, conf.protocol ? conf.protocol : "", conf.protocol_len);
        assert_int_equal(adit_channel_send(other->channel, "x", 1, false, l.now), 0);
        sctp_link_run(&l, ADIT_SEC, NULL);
        assert_int_equal(adit_channel_buffered(other->channel), 0);
    }
    assert_int_equal(l.end[0].messages + l.end[1].messages, ADIT_LEN(rows));
    sctp_link_done(&l);
}

/* RFC 8832 section 6: before the ACK everything is ordered, so that nothing overtakes the OPEN. */
static void nothing_overtakes_the_open(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 30; seed++) {
        struct sctp_link l;

        sctp_link_connect(&l, seed, NULL);
        l.jitter = 50 * ADIT_MS;
        struct adit_channel *c = sctp_link_open(&l, 0, "x", true, R);
        for (int i = 0; i < 20; i++)
            assert_int_equal(adit_channel_send(c, "early", 5, true, l.now), 0);
        sctp_link_run(&l, 2 * ADIT_SEC, NULL);
        assert_int_equal(l.end[1].messages, 20);
        sctp_link_done(&l);
    }
}

static void bad_options_are_refused(void **state)
{
    static const struct {
        struct adit_channel_conf conf;
        int err;
    } rows[] = {
        { { .max_retransmits = 1, .max_lifetime_ms = 1, .id = 0xffff }, -EINVAL },
        { { .max_retransmits = 65536, .max_lifetime_ms = R, .id = 0xffff }, -EINVAL },
        { { .max_retransmits = -2, .max_lifetime_ms = R, .id = 0xffff }, -EINVAL },
        { { .max_retransmits = R, .max_lifetime_ms = 65536, .id = 0xffff }, -EINVAL },
        { { .max_retransmits = R, .max_lifetime_ms = R, .label_len = 65536, .id = 0xffff },
          -EINVAL },
        { { .max_retransmits = R, .max_lifetime_ms = R, .negotiated = true, .id = 0xffff },
          -EINVAL },
        { { .max_retransmits = R, .max_lifetime_ms = R, .id = 1 }, -EINVAL }, /* theirs */
        { { .max_retransmits = R, .max_lifetime_ms = R, .negotiated = true, .id = 65534 }, 0 },
        { { .max_retransmits = R, .max_lifetime_ms = R, .negotiated = true, .id = 6 }, 0 },
        { { .max_retransmits = R, .max_lifetime_ms = R, .negotiated = true, .id = 6 }, -EEXIST },
        { { .max_retransmits = R, .max_lifetime_ms = R, .negotiated = true, .id = 7 }, 0 },
        { { .max_retransmits = R, .max_lifetime_ms = R, .id = 4 }, 0 },
    };
    struct sctp_link l;

    (void)state;
    sctp_link_connect(&l, 1, NULL);
    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        open_with(&l, 0, &rows[i].conf, rows[i].err);
    adit_sctp_shutdown(l.end[0].s, l.now);
    open_with(&l, 0, &rows[11].conf, -EPIPE);
    sctp_link_done(&l);
}

static void negotiated_needs_no_message(void **state)
{
    struct adit_channel_conf conf = {
        .negotiated = true, .id = 9, .max_retransmits = R, .max_lifetime_ms = R
    };
    struct sctp_link l;

    (void)state;
    sctp_link_init(&l, 1, NULL);
    struct adit_channel *a = open_with(&l, 0, &conf, 0), *b = open_with(&l, 1, &conf, 0);
    assert_int_equal(adit_channel_send(a, "early", 5, true, l.now), 0);
    assert_int_equal(adit_channel_buffered(a), 5);
    sctp_link_start(&l, 0);
    sctp_link_start(&l, 1);
    sctp_link_run(&l, ADIT_SEC, NULL);
    assert_int_equal(l.end[0].opened + l.end[1].opened, 2);
    assert_int_equal(l.end[0].accepted + l.end[1].accepted, 0);
    assert_int_equal(l.end[1].bytes, 5);
    assert_int_equal(adit_channel_send(b, "", 0, true, l.now), 0);
    sctp_link_run(&l, ADIT_SEC, NULL);
    assert_int_equal(l.end[0].messages, 1);
    assert_int_equal(l.end[0].bytes, 0);
    sctp_link_done(&l);
}

static void opened_before_start(void **state)
{
    struct adit_channel_conf wrong = { .id = 3, .max_retransmits = R, .max_lifetime_ms = R };
    struct sctp_link l;

    (void)state;
    sctp_link_init(&l, 1, NULL);
    struct adit_channel *c = sctp_link_open(&l, 0, "early", false, R);
    struct adit_channel *never = sctp_link_open(&l, 0, "closed", false, R);
    open_with(&l, 0, &wrong, 0); /* who is the DTLS client is not known yet */
    assert_int_equal(adit_channel_id(c), ADIT_CHANNEL_ID_AUTO);
    for (int i = 0; i < 10; i++)
        assert_int_equal(adit_channel_send(c, "12345678", 8, false, l.now), 0);
    assert_int_equal(adit_channel_send(never, "bye", 3, false, l.now), 0);
    adit_channel_close(never, l.now);
    sctp_link_start(&l, 0);
    assert_int_equal(l.end[0].closed, 1); /* the wrong one */
    sctp_link_start(&l, 1);
    adit_time began = l.now;
    while (l.end[1].messages < 11)
        assert_false(sctp_link_run(&l, ADIT_MS, NULL));
    assert_true(l.now - began <= 45 * ADIT_MS); /* they travelled with the handshake */
    sctp_link_run(&l, ADIT_SEC, NULL);
    assert_int_equal(l.end[1].bytes, 83);
    assert_int_equal(l.end[0].closed, 2);
    sctp_link_done(&l);
}

/* ---- messages ---- */

static unsigned expected;
static size_t expected_n;
static bool expected_text;

static void compare(struct sctp_end *e, const struct adit_sctp_event *ev)
{
    const uint8_t *bytes = ev->bytes;

    (void)e;
    if (ev->type != ADIT_SCTP_EV_MESSAGE)
        return;
    assert_int_equal(ev->n, expected_n);
    assert_int_equal(ev->text, expected_text);
    for (size_t i = 0; i < ev->n; i++)
        if (bytes[i] != pattern(expected, i))
            fail_msg("message %u differs at %zu", expected, i);
}

static void every_size_both_kinds(void **state)
{
    static const size_t sizes[] = {
        0,    1,     2,     1099,  1100,  1101,  1121,  1122,   1123,           1199,      1200,
        1201, 16383, 16384, 16385, 65535, 65536, 65537, 200000, 256 * 1024 - 1, 256 * 1024
    };
    uint8_t *bytes = malloc(256 * 1024 + 1);
    struct sctp_link l;

    (void)state;
    sctp_link_connect(&l, 1, NULL);
    l.end[1].event = compare;
    for (int unordered = 0; unordered < 2; unordered++) {
        struct adit_channel *c = sctp_link_open(&l, 0, "sizes", unordered, R);
        for (size_t i = 0; i < 2 * ADIT_LEN(sizes); i++) {
            unsigned before = l.end[1].messages;

            expected++;
            expected_n = sizes[i / 2];
            expected_text = i & 1;
            fill(bytes, expected, expected_n);
            assert_int_equal(adit_channel_send(c, bytes, expected_n, expected_text, l.now), 0);
            sctp_link_run(&l, 3 * ADIT_SEC, NULL);
            assert_int_equal(l.end[1].messages, before + 1);
            assert_int_equal(adit_channel_buffered(c), 0);
        }
        assert_int_equal(adit_channel_send(c, bytes, 256 * 1024 + 1, false, l.now), -EMSGSIZE);
    }
    assert_true(l.end[0].packet_max <= 1150);
    free(bytes);
    sctp_link_done(&l);
}

static void never_above_what_the_peer_takes(void **state)
{
    static const struct {
        uint32_t max;
        size_t n;
        int err;
    } rows[] = { { 1200, 1200, 0 },   { 1200, 1201, -EMSGSIZE },
                 { 65536, 65536, 0 }, { 65536, 65537, -EMSGSIZE },
                 { 1, 0, 0 },         { 1, 2, -EMSGSIZE },
                 { 0, 262144, 0 } };
    uint8_t *bytes = calloc(1, 262144);
    struct sctp_link l;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        sctp_link_init(&l, 1, NULL);
        adit_sctp_start(l.end[0].s,
                        &(struct adit_sctp_peer){ .dtls_client = true, .message_max = rows[i].max },
                        l.now);
        sctp_link_start(&l, 1);
        struct adit_channel *c = sctp_link_open(&l, 0, "", false, R);
        assert_int_equal(adit_sctp_message_max(l.end[0].s), rows[i].max ? rows[i].max : SIZE_MAX);
        assert_int_equal(adit_channel_send(c, bytes, rows[i].n, false, l.now), rows[i].err);
        sctp_link_run(&l, 5 * ADIT_SEC, NULL);
        assert_int_equal(l.end[1].messages, rows[i].err == 0);
        sctp_link_done(&l);
    }
    free(bytes);
}

/* A peer that sends more than we said we take: that channel closes, the others live. */
static void too_large_a_message_closes_its_channel(void **state)
{
    uint8_t *bytes = calloc(1, 4 * 1024 * 1024);
    struct sctp_link l;

    (void)state;
    for (size_t n = 256 * 1024 + 1; n <= 4 * 1024 * 1024; n *= 2) {
        sctp_link_init(&l, 1, NULL);
        adit_sctp_start(l.end[0].s, &(struct adit_sctp_peer){ .dtls_client = true }, l.now);
        sctp_link_start(&l, 1);
        struct adit_channel *c = sctp_link_open(&l, 0, "big", false, R);
        struct adit_channel *d = sctp_link_open(&l, 0, "small", false, R);
        assert_int_equal(adit_channel_send(c, bytes, n, false, l.now), 0);
        sctp_link_run(&l, 20 * ADIT_SEC, NULL);
        assert_int_equal(l.end[1].messages, 0);
        assert_int_equal(l.end[1].closed, 1);
        assert_int_equal(l.end[1].channel_cause.reason, ADIT_REASON_PROTOCOL);
        assert_int_equal(adit_channel_send(d, "x", 1, false, l.now), 0);
        sctp_link_run(&l, ADIT_SEC, NULL);
        assert_int_equal(l.end[1].messages, 1);
        assert_int_equal(l.end[0].closed, 1);
        sctp_link_done(&l);
    }
    free(bytes);
}

/* ---- a peer that does as it likes: straight to usrsctp, past the channels ---- */

static void raw(struct sctp_link *l, uint16_t sid, uint32_t ppid, const void *bytes, size_t n)
{
    struct adit_usr_out out = {
        .sid = sid, .ppid = ppid, .max_retransmits = R, .max_lifetime_ms = R
    };

    assert_int_equal(adit_usr_send(&l->end[0].s->usr, &out, bytes, n, l->now), 0);
    sctp_link_run(l, ADIT_SEC, NULL);
}

static void deprecated_fragments_and_odd_messages(void **state)
{
    static const char open[] = "\3\0\1\0\0\0\0\0\0\0\0\0";
    struct sctp_link l;

    (void)state;
    sctp_link_connect(&l, 1, NULL);
    raw(&l, 0, ADIT_PPID_DCEP, open, 12);
    assert_int_equal(l.end[1].accepted, 1);
    raw(&l, 0, ADIT_PPID_BINARY_PARTIAL, "abc", 3);
    raw(&l, 0, ADIT_PPID_BINARY_PARTIAL, "def", 3);
    assert_int_equal(l.end[1].messages, 0);
    raw(&l, 0, ADIT_PPID_BINARY, "g", 1);
    assert_int_equal(l.end[1].messages, 1);
    assert_int_equal(l.end[1].bytes, 7);
    raw(&l, 0, ADIT_PPID_TEXT_EMPTY, "xyz", 3); /* whatever it carries, it is empty */
    assert_int_equal(l.end[1].messages, 2);
    assert_int_equal(l.end[1].bytes, 7);
    raw(&l, 0, 999, "what", 4);          /* unknown: dropped */
    raw(&l, 8, ADIT_PPID_TEXT, "?", 1);  /* nobody opened it: dropped */
    raw(&l, 0, ADIT_PPID_DCEP, "\2", 1); /* an ACK for a channel of theirs: nothing */
    assert_int_equal(l.end[1].messages, 2);
    assert_int_equal(l.end[1].closed, 0);
    /* fragments without an end are bounded too */
    uint8_t *bytes = calloc(1, 200000);
    raw(&l, 0, ADIT_PPID_BINARY_PARTIAL, bytes, 200000);
    assert_int_equal(l.end[1].closed, 0);
    raw(&l, 0, ADIT_PPID_BINARY_PARTIAL, bytes, 200000);
    assert_int_equal(l.end[1].channel_cause.err, EMSGSIZE);
    free(bytes);
    sctp_link_done(&l);
}

static void bad_open_costs_its_stream_only(void **state)
{
    static const char open[] = "\3\0\1\0\0\0\0\0\0\0\0\0";
    struct adit_sctp_stats stats;
    struct sctp_link l;

    (void)state;
    sctp_link_connect(&l, 1, NULL);
    raw(&l, 0, ADIT_PPID_DCEP, open, 12);
    raw(&l, 2, ADIT_PPID_DCEP, open, 11);
    raw(&l, 4, ADIT_PPID_DCEP, "\x09", 1);
    raw(&l, 6, ADIT_PPID_DCEP, "\3\x7f\1\0\0\0\0\0\0\0\0\0", 12);
    raw(&l, 8, ADIT_PPID_DCEP, "\3\0\1\0\0\0\0\0\xff\xff\xff\xff", 12);
    assert_int_equal(l.end[1].accepted, 1);
    assert_int_equal(l.end[1].closed, 0);
    raw(&l, 7, ADIT_PPID_DCEP, open, 12); /* the other parity: aiortc goes by ICE role */
    assert_int_equal(l.end[1].accepted, 2);
    raw(&l, 0, ADIT_PPID_DCEP, open, 12); /* in use */
    assert_int_equal(l.end[1].accepted, 2);
    assert_int_equal(l.end[1].closed, 1);
    adit_sctp_stats(l.end[1].s, &stats);
    assert_int_equal(stats.channels_refused, 1);
    raw(&l, 10, ADIT_PPID_DCEP, open, 12);
    assert_int_equal(l.end[1].accepted, 3);
    assert_int_equal(l.end[1].down + l.end[0].down, 0);
    sctp_link_done(&l);
}

/* An OPEN on every stream there is: so many channels as may be, and the first one goes on. */
static void flood_of_opens_is_bounded(void **state)
{
    static const char open[] = "\3\0\1\0\0\0\0\0\0\0\0\0";
    struct adit_sctp_conf conf = { .channels_max = 20 };
    struct adit_usr_out out = { .ppid = ADIT_PPID_DCEP,
                                .max_retransmits = R,
                                .max_lifetime_ms = R };
    struct adit_sctp_stats stats;
    struct sctp_link l;

    (void)state;
    sctp_link_connect(&l, 1, &conf);
    size_t before = mallinfo2().uordblks;
    for (unsigned sid = 0; sid < 65535; sid++) {
        out.sid = (uint16_t)sid;
        assert_int_equal(adit_usr_send(&l.end[0].s->usr, &out, open, 12, l.now), 0);
        if (sid % 1000 == 999)
            sctp_link_run(&l, 200 * ADIT_MS, NULL);
    }
    sctp_link_run(&l, 30 * ADIT_SEC, NULL);
    assert_int_equal(l.end[1].accepted, 20);
    adit_sctp_stats(l.end[1].s, &stats);
    assert_int_equal(stats.channels_refused, 65535 - 20);
    assert_int_equal(l.end[1].closed + l.end[1].down, 0);
    /* both sides: 120 bytes for each stream that was used, and little else */
    assert_true(mallinfo2().uordblks - before < 32 * 1024 * 1024);
    raw(&l, 0, ADIT_PPID_TEXT, "still there", 11);
    assert_int_equal(l.end[1].messages, 1);
    sctp_link_done(&l);
}

/* Labels of 64 KiB, and fragments without an end, on as many channels as there may be: what the
 * peer makes us keep is bounded over all of them, and is free again when they are closed. */
static void what_a_peer_makes_us_keep_is_bounded(void **state)
{
    size_t label = 65535, open_len = 12 + label;
    uint8_t *bytes = calloc(1, 256 * 1024), *open = calloc(1, open_len);
    unsigned fit = ADIT_CHAN_HELD_MAX / (unsigned)label;
    struct adit_sctp_stats stats;
    struct sctp_link l;

    (void)state;
    sctp_link_connect(&l, 1, NULL);
    memcpy(open, "\3\0\1\0\0\0\0\0\xff\xff\0\0", 12);
    for (uint16_t sid = 0; sid < fit + 10; sid++)
        raw(&l, sid, ADIT_PPID_DCEP, open, open_len);
    assert_int_equal(l.end[1].accepted, fit);
    adit_sctp_stats(l.end[1].s, &stats);
    assert_int_equal(stats.channels_refused, 10);
    raw(&l, 0, ADIT_PPID_BINARY_PARTIAL, bytes, 256 * 1024);
    assert_int_equal(l.end[1].channel_cause.err, EMSGSIZE);
    assert_true(l.end[1].s->held <= ADIT_CHAN_HELD_MAX);
    raw(&l, 200, ADIT_PPID_DCEP, open, open_len); /* the place of the one that closed */
    assert_int_equal(l.end[1].accepted, fit + 1);
    assert_int_equal(l.end[1].down + l.end[0].down, 0);
    sctp_link_done(&l);

    sctp_link_connect(&l, 1, NULL);
    memcpy(open, "\3\0\1\0\0\0\0\0\0\0\0\0", 12);
    for (uint16_t sid = 0; sid < 20; sid++) {
        raw(&l, sid, ADIT_PPID_DCEP, open, 12);
        raw(&l, sid, ADIT_PPID_BINARY_PARTIAL, bytes, 256 * 1024);
    }
    assert_int_equal(l.end[1].closed, 4);
    assert_int_equal(l.end[1].s->held, 16 * 256 * 1024);
    raw(&l, 0, ADIT_PPID_DCEP, "\3", 1);
    assert_int_equal(l.end[1].s->held, 15 * 256 * 1024);
    sctp_link_done(&l);
    free(open);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_arrives),
        cmocka_unit_test(nothing_overtakes_the_open),
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(negotiated_needs_no_message),
        cmocka_unit_test(opened_before_start),
        cmocka_unit_test(every_size_both_kinds),
        cmocka_unit_test(never_above_what_the_peer_takes),
        cmocka_unit_test(too_large_a_message_closes_its_channel),
        cmocka_unit_test(deprecated_fragments_and_odd_messages),
        cmocka_unit_test(bad_open_costs_its_stream_only),
        cmocka_unit_test(flood_of_opens_is_bounded),
        cmocka_unit_test(what_a_peer_makes_us_keep_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
