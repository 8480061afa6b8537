/* Two associations over a link in memory; see sctp_link.h. What is on them: test_channel.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/crc32c.h"
#include "sctp/chan.h"
#include "sctp_link.h"

#define R ADIT_CHANNEL_RELIABLE

enum { INIT = 1, INIT_ACK = 2, ABORT = 6 }; /* RFC 9260 section 3.2 */

static bool both_up(struct sctp_link *l)
{
    return l->end[0].up && l->end[1].up;
}

static bool message_came(struct sctp_link *l)
{
    return l->end[1].messages > 0;
}

static bool both_down(struct sctp_link *l)
{
    return l->end[0].down && l->end[1].down;
}

/* ---- beginning ---- */

static void both_begin(void **state)
{
    struct sctp_link l;

    (void)state;
    sctp_link_connect(&l, 1, NULL);
    assert_true(l.now - l.began <= 40 * ADIT_MS); /* two round trips */
    struct adit_channel *c = sctp_link_open(&l, 0, "data", false, R);
    assert_int_equal(adit_channel_id(c), 0);
    assert_int_equal(adit_channel_send(c, "hello", 5, true, l.now), 0);
    assert_int_equal(adit_channel_buffered(c), 5);
    assert_true(sctp_link_run(&l, ADIT_SEC, message_came));
    assert_int_equal(l.end[1].accepted, 1);
    sctp_link_run(&l, ADIT_SEC, NULL);
    assert_int_equal(l.end[0].opened, 1);
    assert_int_equal(adit_channel_buffered(c), 0);
    adit_channel_close(c, l.now);
    sctp_link_run(&l, ADIT_SEC, NULL);
    assert_int_equal(l.end[0].closed, 1);
    assert_int_equal(l.end[1].closed, 1);
    assert_int_equal(l.end[1].channel_cause.reason, ADIT_REASON_REMOTE);
    sctp_link_done(&l);
}

static bool no_init(struct sctp_end *e, uint8_t *bytes, size_t n)
{
    (void)e, (void)n;
    return bytes[12] != INIT;
}

/* aiortc: the controlled side never sends an INIT, the controlling side does not hear ours. */
static void one_begins(void **state)
{
    (void)state;
    for (int silent = 0; silent < 2; silent++) {
        struct sctp_link l;

        sctp_link_init(&l, 1, NULL);
        l.end[silent].pass = no_init;
        sctp_link_start(&l, 0);
        sctp_link_start(&l, 1);
        assert_true(sctp_link_run(&l, ADIT_SEC, both_up));
        sctp_link_open(&l, silent, "x", false, R);
        sctp_link_run(&l, ADIT_SEC, NULL);
        assert_int_equal(l.end[!silent].accepted, 1);
        sctp_link_done(&l);
    }
}

static void one_begins_later(void **state)
{
    static const adit_time gaps[] = { ADIT_MS,      9 * ADIT_MS,   11 * ADIT_MS,
                                      25 * ADIT_MS, 400 * ADIT_MS, 7 * ADIT_SEC };

    (void)state;
    for (size_t i = 0; i < 2 * ADIT_LEN(gaps); i++) {
        struct sctp_link l;

        sctp_link_init(&l, i, NULL);
        sctp_link_start(&l, (int)(i & 1));
        sctp_link_run(&l, gaps[i / 2], NULL);
        sctp_link_start(&l, !(i & 1));
        /* Its own INIT does not wait for the other's next one. */
        assert_true(sctp_link_run(&l, 50 * ADIT_MS, both_up));
        sctp_link_run(&l, 5 * ADIT_SEC, NULL);
        assert_int_equal(l.end[0].up + l.end[1].up, 2);
        assert_int_equal(l.end[0].down + l.end[1].down, 0);
        sctp_link_done(&l);
    }
}

static void comes_up_on_a_bad_link(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct sctp_link l;

        sctp_link_init(&l, seed, NULL);
        l.loss = 300;
        l.dup = 100;
        l.jitter = 50 * ADIT_MS;
        sctp_link_start(&l, 0);
        sctp_link_start(&l, 1);
        if (!sctp_link_run(&l, 60 * ADIT_SEC, both_up))
            fail_msg("seed %u", (unsigned)seed);
        sctp_link_run(&l, 5 * ADIT_SEC, NULL);
        assert_int_equal(l.end[0].down + l.end[1].down, 0);
        sctp_link_done(&l);
    }
}

static void nobody_there_is_a_timeout(void **state)
{
    struct sctp_link l;

    (void)state;
    sctp_link_init(&l, 1, NULL);
    sctp_link_start(&l, 0);
    sctp_link_open(&l, 0, "x", false, R);
    sctp_link_run(&l, 60 * ADIT_SEC, NULL);
    assert_int_equal(l.end[0].down, 1);
    assert_int_equal(l.end[0].closed, 1);
    assert_int_equal(l.end[0].cause.reason, ADIT_REASON_TIMEOUT);
    assert_in_range(l.end[0].packets, 20, 40); /* about one a second, for half a minute */
    sctp_link_done(&l);
}

/* Consent says whether the peer lives; an idle association says nothing and does not wake. */
static void idle_is_silent(void **state)
{
    struct sctp_link l;

    (void)state;
    sctp_link_connect(&l, 2, NULL);
    sctp_link_run(&l, 5 * ADIT_SEC, NULL);
    uint64_t packets = l.end[0].packets + l.end[1].packets;
    assert_true(adit_sctp_deadline(l.end[0].s) > l.now + 600 * ADIT_SEC);
    sctp_link_run(&l, 7200 * ADIT_SEC, NULL);
    assert_int_equal(l.end[0].packets + l.end[1].packets, packets);
    sctp_link_done(&l);
}

/* Several associations of one process, each on its own time. */
static void many_at_once(void **state)
{
    struct sctp_link l[8];

    (void)state;
    for (unsigned i = 0; i < ADIT_LEN(l); i++) {
        sctp_link_init(&l[i], i, NULL);
        sctp_link_start(&l[i], 0);
        sctp_link_start(&l[i], 1);
    }
    for (unsigned i = 0; i < ADIT_LEN(l); i++)
        assert_true(sctp_link_run(&l[i], ADIT_SEC, both_up));
    sctp_link_done(&l[3]);
    sctp_link_connect(&l[3], 3, NULL); /* its slot is used again */
    for (unsigned i = 0; i < ADIT_LEN(l); i++) {
        struct adit_channel *c = sctp_link_open(&l[i], 0, "x", false, R);

        assert_int_equal(adit_channel_send(c, "x", 1, false, l[i].now), 0);
    }
    for (unsigned i = 0; i < ADIT_LEN(l); i++) {
        sctp_link_run(&l[i], ADIT_SEC, NULL);
        assert_int_equal(l[i].end[1].messages, 1);
        sctp_link_done(&l[i]);
    }
}

/* ---- delivery ---- */

static struct {
    uint32_t next, crc;
    uint64_t bytes;
} received;

static void check_order(struct sctp_end *e, const struct adit_sctp_event *ev)
{
    (void)e;
    if (ev->type != ADIT_SCTP_EV_MESSAGE)
        return;
    assert_int_equal(adit_get32(ev->bytes), received.next++);
    received.crc = adit_crc32c(received.crc, ev->bytes, ev->n);
    received.bytes += ev->n;
}

static struct {
    struct adit_channel *c;
    uint32_t next, crc;
    size_t n, total, done;
    uint8_t bytes[65536];
} source;

static void push(struct sctp_link *l)
{
    while (source.done < source.total) {
        adit_put32(source.bytes, source.next);
        for (size_t i = 4; i < source.n; i += 97)
            source.bytes[i] = (uint8_t)(source.next + i);
        if (adit_channel_send(source.c, source.bytes, source.n, false, l->now) < 0)
            return;
        source.crc = adit_crc32c(source.crc, source.bytes, source.n);
        source.next++;
        source.done += source.n;
    }
}

static void push_more(struct sctp_end *e, const struct adit_sctp_event *ev)
{
    if (ev->type == ADIT_SCTP_EV_WRITABLE)
        push(e->link);
}

static bool all_came(struct sctp_link *l)
{
    (void)l;
    return received.bytes >= source.total;
}

static void begin_push(struct sctp_link *l, size_t n, size_t total)
{
    memset(&received, 0, sizeof received);
    memset(&source, 0, sizeof source);
    l->end[0].event = push_more;
    l->end[1].event = check_order;
    source.c = sctp_link_open(l, 0, "bulk", false, R);
    source.n = n;
    source.total = total;
    push(l);
}

static void end_push(void)
{
    assert_int_equal(received.bytes, source.done);
    assert_int_equal(received.crc, source.crc);
}

static void ten_megabytes_through_loss(void **state)
{
    struct sctp_link l;

    (void)state;
    sctp_link_connect(&l, 7, NULL);
    l.loss = 300;
    l.dup = 20;
    l.jitter = 5 * ADIT_MS;
    begin_push(&l, 16384, 10 << 20);
    assert_true(sctp_link_run(&l, 36000 * ADIT_SEC, all_came));
    end_push();
    assert_int_equal(l.end[0].down + l.end[1].down, 0);
    sctp_link_done(&l);
}

static bool damage(struct sctp_end *e, uint8_t *bytes, size_t n)
{
    if (adit_rng_below(&e->link->rng, 10) == 0)
        bytes[adit_rng_below(&e->link->rng, (uint32_t)n)] ^=
            (uint8_t)(1 << adit_rng_below(&e->link->rng, 8));
    return true;
}

static void damaged_packets_are_lost_packets(void **state)
{
    struct sctp_link l;

    (void)state;
    sctp_link_connect(&l, 7, NULL);
    l.end[0].pass = l.end[1].pass = damage;
    begin_push(&l, 1000, 1 << 20);
    assert_true(sctp_link_run(&l, 600 * ADIT_SEC, all_came));
    end_push();
    assert_int_equal(l.end[0].down + l.end[1].down, 0);
    sctp_link_done(&l);
}

/* 30 s without a packet, as long as consent lasts, and it goes on at once. */
static void survives_an_outage(void **state)
{
    struct sctp_link l;

    (void)state;
    sctp_link_connect(&l, 7, NULL);
    begin_push(&l, 1000, 1 << 20);
    sctp_link_run(&l, 100 * ADIT_MS, NULL);
    l.loss = 1000;
    sctp_link_run(&l, 30 * ADIT_SEC, NULL);
    l.loss = 0;
    assert_false(all_came(&l));
    assert_true(sctp_link_run(&l, 6 * ADIT_SEC, all_came));
    end_push();
    sctp_link_done(&l);
}

/* The peer may send as much as it likes: what is not read stays with it. */
static void pause_closes_the_window(void **state)
{
    struct sctp_link l;

    (void)state;
    sctp_link_connect(&l, 7, NULL);
    l.delay = ADIT_MS;
    adit_sctp_pause(l.end[1].s);
    begin_push(&l, 16384, 64 << 20);
    uint64_t before = l.end[0].packet_bytes;
    sctp_link_run(&l, 60 * ADIT_SEC, NULL);
    assert_int_equal(l.end[1].messages + l.end[1].accepted, 0);
    assert_true(l.end[0].packet_bytes - before < 3 << 20);
    assert_true(source.done < 2 << 20);
    for (int i = 0; i < 20; i++) { /* in small sips */
        adit_sctp_resume(l.end[1].s, l.now);
        sctp_link_run(&l, 5 * ADIT_MS, NULL);
        adit_sctp_pause(l.end[1].s);
        sctp_link_run(&l, 100 * ADIT_MS, NULL);
    }
    assert_false(all_came(&l));
    adit_sctp_resume(l.end[1].s, l.now);
    assert_true(sctp_link_run(&l, 600 * ADIT_SEC, all_came));
    end_push();
    sctp_link_done(&l);
}

static void abort_is_told_to_the_paused(void **state)
{
    struct sctp_link l;

    (void)state;
    sctp_link_connect(&l, 7, NULL);
    sctp_link_open(&l, 0, "x", false, R);
    sctp_link_run(&l, ADIT_SEC, NULL);
    adit_sctp_pause(l.end[1].s);
    adit_sctp_abort(l.end[0].s, l.now);
    assert_true(sctp_link_run(&l, ADIT_SEC, both_down));
    assert_int_equal(l.end[1].closed, 1);
    sctp_link_done(&l);
}

/* ---- lossy channels (RFC 3758) ---- */

static void check_content(struct sctp_end *e, const struct adit_sctp_event *ev)
{
    const uint8_t *bytes = ev->bytes;

    (void)e;
    if (ev->type != ADIT_SCTP_EV_MESSAGE)
        return;
    assert_int_equal(adit_get32(bytes), ev->n);
    for (size_t i = 5; i < ev->n; i++)
        if (bytes[i] != bytes[4])
            fail_msg("two messages became one");
}

static void send_lossy(struct sctp_link *l, struct adit_channel *c, size_t n, unsigned number)
{
    static uint8_t bytes[16384];

    memset(bytes, (int)number, n);
    adit_put32(bytes, (uint32_t)n);
    if (adit_channel_send(c, bytes, n, false, l->now) < 0)
        l->end[0].user = NULL; /* full: that is what lossy means */
}

/* One packet each, for long: most arrive, none is sent again, the association stays. */
static void single_packets_for_long(void **state)
{
    struct adit_sctp_stats stats;
    struct sctp_link l;

    (void)state;
    sctp_link_connect(&l, 3, NULL);
    struct adit_channel *c = sctp_link_open(&l, 0, "x", true, 0);
    sctp_link_run(&l, ADIT_SEC, NULL);
    l.loss = 50;
    l.jitter = 10 * ADIT_MS;
    l.end[1].event = check_content;
    for (unsigned i = 0; i < 20000; i++) {
        send_lossy(&l, c, 5 + adit_rng_below(&l.rng, 1080), i);
        sctp_link_run(&l, adit_rng_below(&l.rng, 24) * ADIT_MS, NULL);
    }
    sctp_link_run(&l, 10 * ADIT_SEC, NULL);
    assert_int_equal(l.end[0].down + l.end[1].down, 0);
    assert_in_range(l.end[1].messages, 18000, 19999);
    assert_int_equal(adit_channel_buffered(c), 0);
    adit_sctp_stats(l.end[0].s, &stats);
    assert_true(stats.srtt > 15 * ADIT_MS && stats.srtt < 100 * ADIT_MS);
    sctp_link_done(&l);
}

/* usrsctp 0.9.5.0 as it comes aborts 7 of 100 of these (its issue 597); with our patch none, and
 * no message is made of two. */
static void large_lossy_messages_do_not_abort(void **state)
{
    unsigned came = 0;

    (void)state;
    for (uint64_t seed = 200; seed < 300; seed++) {
        struct sctp_link l;

        sctp_link_connect(&l, seed, NULL);
        l.loss = 50 + seed % 100;
        l.jitter = seed % 3 * 10 * ADIT_MS;
        l.end[1].event = check_content;
        struct adit_channel *c = sctp_link_open(&l, 0, "x", true, 0);
        sctp_link_run(&l, 2 * ADIT_SEC, NULL);
        for (unsigned i = 0; i < 200; i++) {
            size_t most = adit_rng_below(&l.rng, 3) ? 8000 : 900;

            send_lossy(&l, c, 5 + adit_rng_below(&l.rng, (uint32_t)most), i);
            if (adit_rng_below(&l.rng, 2))
                sctp_link_run(&l, adit_rng_below(&l.rng, 30) * ADIT_MS, NULL);
        }
        sctp_link_run(&l, 5 * ADIT_SEC, NULL);
        if (l.end[0].down || l.end[1].down)
            fail_msg("seed %u: %s", (unsigned)seed, l.end[1].cause.text);
        came += l.end[1].messages;
        sctp_link_done(&l);
    }
    assert_true(came > 10000);
}

static void lifetime_ends(void **state)
{
    struct adit_channel_conf conf = { .max_retransmits = R,
                                      .max_lifetime_ms = 300,
                                      .id = ADIT_CHANNEL_ID_AUTO };
    struct sctp_link l;
    int err;

    (void)state;
    sctp_link_connect(&l, 3, NULL);
    struct adit_channel *c = adit_channel_open(l.end[0].s, &conf, &err, l.now);
    sctp_link_run(&l, ADIT_SEC, NULL);
    l.loss = 1000;
    assert_int_equal(adit_channel_send(c, "late", 4, true, l.now), 0);
    sctp_link_run(&l, 5 * ADIT_SEC, NULL);
    l.loss = 0;
    sctp_link_run(&l, 10 * ADIT_SEC, NULL);
    assert_int_equal(l.end[1].messages, 0);
    assert_int_equal(adit_channel_send(c, "now", 3, true, l.now), 0);
    sctp_link_run(&l, ADIT_SEC, NULL);
    assert_int_equal(l.end[1].messages, 1);
    sctp_link_done(&l);
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

static void shutdown_delivers_first(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct sctp_link l;

        sctp_link_connect(&l, seed, NULL);
        l.loss = (unsigned)(seed * 10);
        begin_push(&l, 10000, 500000);
        l.end[0].event = NULL;
        adit_sctp_shutdown(l.end[0].s, l.now);
        assert_int_equal(adit_channel_send(source.c, "x", 1, false, l.now), -EPIPE);
        assert_true(sctp_link_run(&l, 300 * ADIT_SEC, both_down));
        end_push();
        assert_int_equal(l.end[0].cause.reason, ADIT_REASON_LOCAL);
        assert_int_equal(l.end[1].cause.reason, ADIT_REASON_REMOTE);
        sctp_link_done(&l);
    }
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
    struct adit_sctp_conf conf = { .channels_max = 4 }; /* 8 streams: ids 0 2 4 6 */
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

/* ---- what the peer sees of us ---- */

static bool no_pointers(struct sctp_end *e, uint8_t *bytes, size_t n)
{
    e->user = e; /* it ran */
    for (size_t i = 12; i + 8 <= n; i++) {
        uint64_t v;

        memcpy(&v, bytes + i, sizeof v);
        /* Heap, stack, libraries and program: 47 bits, high ones of 0x55.., 0x56.. or 0x7f.. (and
         * 0x60.. under the address sanitizer). Chance makes one in some ten thousand places look
         * like that, so the neighbourhood of a real one decides. */
        uint64_t near_heap = (uintptr_t)e->s >> 24, near_stack = (uintptr_t)&v >> 24;
        uint64_t near_code = (uintptr_t)no_pointers >> 24;
        if (v >> 24 == near_heap || v >> 24 == near_stack || v >> 24 == near_code)
            fail_msg("a pointer at byte %zu of a packet with chunk %u", i, bytes[12]);
    }
    return true;
}

static void no_pointer_leaves(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct sctp_link l;

        sctp_link_init(&l, seed, NULL);
        l.end[0].pass = l.end[1].pass = no_pointers;
        sctp_link_start(&l, 0);
        if (seed & 1)
            sctp_link_run(&l, 600 * ADIT_MS, NULL);
        sctp_link_start(&l, 1);
        assert_true(sctp_link_run(&l, ADIT_SEC, both_up));
        adit_channel_close(sctp_link_open(&l, 0, "x", false, R), l.now);
        sctp_link_run(&l, ADIT_SEC, NULL);
        adit_sctp_abort(l.end[0].s, l.now);
        sctp_link_run(&l, ADIT_SEC, NULL);
        assert_non_null(l.end[0].user);
        assert_non_null(l.end[1].user);
        sctp_link_done(&l);
    }
}

static void packets_fit_the_path(void **state)
{
    static const size_t mtus[] = { 576, 1000, 1150, 1184, 1400 };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(mtus); i++) {
        struct adit_sctp_conf conf = { .mtu = mtus[i] };
        struct sctp_link l;

        sctp_link_connect(&l, 1, &conf);
        begin_push(&l, 50000, 200000);
        assert_true(sctp_link_run(&l, 60 * ADIT_SEC, all_came));
        end_push();
        assert_in_range(l.end[0].packet_max, mtus[i] - 4, mtus[i]);
        assert_true(l.end[1].packet_max <= mtus[i]);
        sctp_link_done(&l);
    }
}

/* ---- out of memory: each allocation of ours fails once ---- */

static void without_memory(void **state)
{
    bool finished = false;

    (void)state;
    for (uint64_t n = 0; !finished; n++) {
        struct sctp_link l;

        assert_true(n < 1000);
        adit_alloc_fail_at(UINT64_MAX);
        sctp_link_init(&l, 1, NULL);
        adit_alloc_fail_at(n);
        sctp_link_start(&l, 0);
        sctp_link_start(&l, 1);
        for (int i = 0; i < 2; i++) {
            struct adit_channel_conf conf = { .label = "abc",
                                              .label_len = 3,
                                              .max_retransmits = R,
                                              .max_lifetime_ms = R,
                                              .id = ADIT_CHANNEL_ID_AUTO };
            int err = 0;
            struct adit_channel *c = adit_channel_open(l.end[i].s, &conf, &err, l.now);

            assert_true(c ? err == 0 : err == -ENOMEM);
            if (c && adit_channel_send(c, "x", 1, false, l.now) == 0)
                adit_channel_close(c, l.now);
        }
        sctp_link_run(&l, 5 * ADIT_SEC, NULL);
        finished = adit_alloc_count() <= n;
        adit_alloc_fail_at(UINT64_MAX);
        if (finished)
            assert_int_equal(l.end[0].messages + l.end[1].messages, 2);
        sctp_link_done(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_begin),
        cmocka_unit_test(one_begins),
        cmocka_unit_test(one_begins_later),
        cmocka_unit_test(comes_up_on_a_bad_link),
        cmocka_unit_test(nobody_there_is_a_timeout),
        cmocka_unit_test(idle_is_silent),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(ten_megabytes_through_loss),
        cmocka_unit_test(damaged_packets_are_lost_packets),
        cmocka_unit_test(survives_an_outage),
        cmocka_unit_test(pause_closes_the_window),
        cmocka_unit_test(abort_is_told_to_the_paused),
        cmocka_unit_test(single_packets_for_long),
        cmocka_unit_test(large_lossy_messages_do_not_abort),
        cmocka_unit_test(lifetime_ends),
        cmocka_unit_test(abort_is_told),
        cmocka_unit_test(abort_without_goodbye_is_a_protocol_cause),
        cmocka_unit_test(extensions_are_off),
        cmocka_unit_test(shutdown_delivers_first),
        cmocka_unit_test(shutdown_before_it_stands),
        cmocka_unit_test(begins_anew),
        cmocka_unit_test(peer_without_stream_reset),
        cmocka_unit_test(peer_with_few_streams),
        cmocka_unit_test(no_pointer_leaves),
        cmocka_unit_test(packets_fit_the_path),
        cmocka_unit_test(without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
