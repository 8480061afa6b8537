/* How an association ends, and begins anew; see sctp_link.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "sctp_link.h"

#define R ADIT_CHANNEL_RELIABLE

enum { INIT = 1, INIT_ACK = 2, ABORT = 6 }; /* RFC 9260 section 3.2 */

static bool both_up(struct sctp_link *l)
{
    return l->end[0].up && l->end[1].up;
}

static bool both_down(struct sctp_link *l)
{
    return l->end[0].down && l->end[1].down;
}

/* ---- ending ---- */

static void abort_is_told(void **state)
{
    struct sctp_link l;

    (void)state;
    sctp_link_connect(&l, 3, NULL);
    sctp_link_open(&l, 0, "x", false, R);
    sctp_link_run(&l, ADIT_SEC, NULL);
    adit_sctp_abort(l.end[0].s, l.now);
    assert_int_equal(l.end[0].down, 1);
    assert_int_equal(l.end[0].closed, 1);
    assert_int_equal(l.end[0].cause.reason, ADIT_REASON_LOCAL);
    assert_int_equal(adit_sctp_deadline(l.end[0].s), ADIT_NEVER);
    assert_true(sctp_link_run(&l, ADIT_SEC, both_down));
    assert_int_equal(l.end[1].closed, 1);
    assert_int_equal(l.end[1].cause.reason, ADIT_REASON_REMOTE);
    sctp_link_done(&l);
}

static uint32_t tag_to_1; /* what packets to end 1 must carry */

static bool see_tag(struct sctp_end *e, uint8_t *bytes, size_t n)
{
    (void)n;
    if (e->index == 0 && bytes[12] != INIT)
        tag_to_1 = adit_get32(bytes + 4);
    return true;
}

static void inject(struct sctp_link *l, uint32_t tag, const void *chunk, size_t n)
{
    uint8_t packet[200] = { 0x13, 0x88, 0x13, 0x88 };

    adit_put32(packet + 4, tag);
    memcpy(packet + 12, chunk, n);
    uint32_t crc = adit_crc32c(0, packet, 12 + n);
    for (int i = 0; i < 4; i++)
        packet[8 + i] = (uint8_t)(crc >> 8 * i);
    sctp_link_inject(l, 1, packet, 12 + n);
    sctp_link_run(l, ADIT_SEC, NULL);
}

/* A peer that gave up is another thing than one that said goodbye: the layer above may begin
 * again. */
static void abort_without_goodbye_is_a_protocol_cause(void **state)
{
    static const uint8_t violation[] = { ABORT, 0, 0, 8, 0, 13, 0, 4 };
    struct sctp_link l;

    (void)state;
    sctp_link_init(&l, 3, NULL);
    l.end[0].pass = see_tag;
    sctp_link_start(&l, 0);
    sctp_link_start(&l, 1);
    sctp_link_run(&l, ADIT_SEC, NULL);
    inject(&l, tag_to_1 + 1, violation, sizeof violation);
    assert_int_equal(l.end[1].down, 0); /* a wrong tag is nobody's */
    inject(&l, tag_to_1, violation, sizeof violation);
    assert_int_equal(l.end[1].down, 1);
    assert_int_equal(l.end[1].cause.reason, ADIT_REASON_PROTOCOL);
    sctp_link_done(&l);
}

static void extensions_are_off(void **state)
{
    /* ASCONF, ASCONF ACK, AUTH, PACKET DROPPED, NR-SACK and an unknown type */
    static const uint8_t types[] = { 0xc1, 0x80, 0x0f, 0x81, 0x10, 0x3f };
    struct sctp_link l;

    (void)state;
    sctp_link_init(&l, 3, NULL);
    l.end[0].pass = see_tag;
    sctp_link_start(&l, 0);
    sctp_link_start(&l, 1);
    sctp_link_run(&l, ADIT_SEC, NULL);
    for (size_t i = 0; i < ADIT_LEN(types); i++) {
        uint8_t chunk[64] = { types[i], 0, 0, sizeof chunk };

        inject(&l, tag_to_1, chunk, sizeof chunk);
    }
    assert_int_equal(l.end[1].down, 0);
    struct adit_channel *c = sctp_link_open(&l, 0, "x", false, R);
    assert_int_equal(adit_channel_send(c, "x", 1, false, l.now), 0);
    sctp_link_run(&l, ADIT_SEC, NULL);
    assert_int_equal(l.end[1].messages, 1);
    sctp_link_done(&l);
}

static void shutdown_before_it_stands(void **state)
{
    struct sctp_link l;

    (void)state;
    sctp_link_init(&l, 1, NULL);
    struct adit_channel *c = sctp_link_open(&l, 0, "x", false, R);
    assert_int_equal(adit_channel_send(c, "bye", 3, true, l.now), 0);
    sctp_link_start(&l, 0);
    adit_sctp_shutdown(l.end[0].s, l.now);
    sctp_link_start(&l, 1);
    assert_true(sctp_link_run(&l, 10 * ADIT_SEC, both_down));
    assert_int_equal(l.end[1].messages, 1);
    sctp_link_done(&l);
    sctp_link_init(&l, 1, NULL);
    adit_sctp_shutdown(l.end[0].s, l.now);
    assert_int_equal(l.end[0].down, 1);
    adit_sctp_feed(l.end[1].s, "too early", 9, l.now);
    adit_sctp_tick(l.end[1].s, l.now);
    sctp_link_done(&l);
}

static void replace(struct sctp_link *l, int index, const struct adit_sctp_conf *conf)
{
    struct sctp_end *e = &l->end[index];

    adit_sctp_free(e->s);
    if (conf)
        e->conf = *conf;
    e->up = e->down = 0;
    e->s = sctp_link_new(e);
}

/* After an ABORT, or when one side forgot, the layer above sets SCTP up again over the same path:
 * whoever goes DOWN replaces its association, at whatever moment. */
static void begins_anew(void **state)
{
    (void)state;
    for (int forget = 0; forget < 2; forget++)
        for (int gap = 0; gap < 60; gap += 3) {
            struct sctp_link l;

            sctp_link_connect(&l, (uint64_t)gap, NULL);
            sctp_link_open(&l, 1, "x", false, R);
            sctp_link_run(&l, ADIT_SEC, NULL);
            if (!forget)
                adit_sctp_abort(l.end[0].s, l.now);
            sctp_link_run(&l, (adit_time)gap * ADIT_MS, NULL);
            replace(&l, 0, NULL);
            sctp_link_start(&l, 0);
            for (int i = 0; i < 100 && !(both_up(&l) && !l.end[0].down && !l.end[1].down); i++) {
                sctp_link_run(&l, 50 * ADIT_MS, NULL);
                for (int k = 0; k < 2; k++)
                    if (l.end[k].down) {
                        replace(&l, k, NULL);
                        sctp_link_start(&l, k);
                    }
            }
            sctp_link_run(&l, 2 * ADIT_SEC, NULL);
            assert_int_equal(l.end[0].down + l.end[1].down, 0);
            assert_true(both_up(&l));
            unsigned before = l.end[1].accepted;
            sctp_link_open(&l, 0, "again", false, R);
            sctp_link_run(&l, ADIT_SEC, NULL);
            assert_int_equal(l.end[1].accepted, before + 1);
            sctp_link_done(&l);
        }
}

static bool no_reconfig(struct sctp_end *e, uint8_t *bytes, size_t n)
{
    (void)e;
    if (bytes[12] != INIT && bytes[12] != INIT_ACK)
        return true;
    /* RFC 5061 section 4.2.7: the list of chunk types that are understood */
    for (size_t at = 12 + 20; at + 4 <= n && adit_get16(bytes + at + 2) >= 4;
         at += (adit_get16(bytes + at + 2) + 3u) & ~3u)
        for (size_t i = 4; adit_get16(bytes + at) == 0x8008 && i < adit_get16(bytes + at + 2); i++)
            if (bytes[at + i] == 130)
                bytes[at + i] = 192;
    memset(bytes + 8, 0, 4);
    uint32_t crc = adit_crc32c(0, bytes, n);
    for (int i = 0; i < 4; i++)
        bytes[8 + i] = (uint8_t)(crc >> 8 * i);
    return true;
}

static void peer_without_stream_reset(void **state)
{
    struct sctp_link l;

    (void)state;
    sctp_link_init(&l, 1, NULL);
    l.end[0].pass = l.end[1].pass = no_reconfig;
    sctp_link_start(&l, 0);
    sctp_link_start(&l, 1);
    assert_true(sctp_link_run(&l, ADIT_SEC, both_up));
    for (int i = 0; i < 3; i++) {
        struct adit_channel *c = sctp_link_open(&l, 0, "x", false, R);
        assert_int_equal(adit_channel_id(c), 2 * i); /* never the same one */
        sctp_link_run(&l, ADIT_SEC, NULL);
        adit_channel_close(c, l.now);
        sctp_link_run(&l, ADIT_SEC, NULL);
        assert_int_equal(l.end[0].closed, i + 1);
    }
    assert_int_equal(l.end[0].down + l.end[1].down, 0);
    sctp_link_done(&l);
}

/* Fewer streams over there than we would use: those channels end, the others work. */
static void peer_with_few_streams(void **state)
{
    struct sctp_link l;
    struct adit_sctp_conf conf = { .streams = 8 }; /* ids 0 2 4 6 */
    struct adit_channel *c[6];

    (void)state;
    sctp_link_init(&l, 1, NULL);
    replace(&l, 1, &conf);
    for (int i = 0; i < 6; i++) {
        c[i] = sctp_link_open(&l, 0, "x", false, R);
        assert_int_equal(adit_channel_send(c[i], "x", 1, false, l.now), 0);
    }
    sctp_link_start(&l, 0);
    sctp_link_start(&l, 1);
    sctp_link_run(&l, 5 * ADIT_SEC, NULL);
    assert_int_equal(l.end[1].accepted, 4);
    assert_int_equal(l.end[1].messages, 4);
    assert_int_equal(l.end[0].opened, 4);
    assert_int_equal(l.end[0].closed, 2);
    assert_int_equal(l.end[0].channel_cause.err, ENOSPC);
    assert_int_equal(l.end[0].down + l.end[1].down, 0);
    sctp_link_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(abort_is_told),
        cmocka_unit_test(abort_without_goodbye_is_a_protocol_cause),
        cmocka_unit_test(extensions_are_off),
        cmocka_unit_test(shutdown_before_it_stands),
        cmocka_unit_test(begins_anew),
        cmocka_unit_test(peer_without_stream_reset),
        cmocka_unit_test(peer_with_few_streams),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
