/* The public API: channels and what they carry. */
#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/inner.h"
#include "unit/api_pair.h"

#define MIB (1024 * 1024)

/* ---- waiting --------------------------------------------------------------------------------- */

static uint64_t wanted;

static bool heard(struct api_pair *p)
{
    return p->side[1].messages >= wanted;
}

static bool heard_back(struct api_pair *p)
{
    return p->side[0].messages >= wanted;
}

static bool accepted(struct api_pair *p)
{
    return p->side[1].accepted >= wanted;
}

static bool is_low(struct api_pair *p)
{
    return p->side[0].low >= wanted;
}

static bool is_writable(struct api_pair *p)
{
    return p->side[0].writable > 0;
}

static bool until(struct api_pair *p, bool (*done)(struct api_pair *p), uint64_t n)
{
    wanted = n;
    return api_until(p, done);
}

/* ---- kinds ----------------------------------------------------------------------------------- */

static struct adit_dc_conf conf_with(int retransmits, int lifetime, bool unordered)
{
    struct adit_dc_conf c = ADIT_DC_CONF;

    c.label = "kind";
    c.protocol = "proto";
    c.unordered = unordered;
    c.max_retransmits = retransmits;
    c.max_lifetime_ms = lifetime;
    return c;
}

/* Each kind: opened before the connection and after it, and carries messages both ways. */
static void every_kind_of_channel(void **state)
{
    static const struct {
        int retransmits, lifetime;
        bool unordered;
    } rows[] = {
        { -1, -1, false }, { -1, -1, true }, { 0, -1, true },      { 3, -1, false },
        { -1, 500, true }, { -1, 0, false }, { 65535, -1, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct adit_dc_conf c = conf_with(rows[i].retransmits, rows[i].lifetime, rows[i].unordered);
        struct api_pair p;

        api_pair_up(&p, &c);
        for (unsigned k = 0; k < 2; k++) {
            if (k) {
                api_open_dc(&p.side[0], &c);
                assert_true(until(&p, accepted, 2));
            }
            assert_int_equal(adit_dc_is_lossy(p.side[1].dc[k]),
                             rows[i].retransmits >= 0 || rows[i].lifetime >= 0);
            assert_int_equal(adit_dc_send(p.side[0].dc[k], "there", 5, ADIT_TEXT), 0);
            assert_true(until(&p, heard, k + 1));
            assert_int_equal(adit_dc_send(p.side[1].dc[k], "back", 4, ADIT_TEXT), 0);
            assert_true(until(&p, heard_back, k + 1));
        }
        assert_int_equal(p.side[0].opened, 2);
        api_pair_done(&p);
    }
}

static void kinds_that_cannot_be(void **state)
{
    static const struct {
        int retransmits, lifetime;
        bool negotiated;
        uint16_t id;
        int err;
    } rows[] = {
        { 1, 1, false, 0, -EINVAL },      { -2, -1, false, 0, -EINVAL },
        { 65536, -1, false, 0, -EINVAL }, { -1, 65536, false, 0, -EINVAL },
        { -1, -1, true, 65535, -EINVAL }, { -1, -1, true, 7, -EEXIST },
    };
    struct api_pair p;
    struct adit_dc_conf c = ADIT_DC_CONF;

    (void)state;
    api_pair_init(&p, NULL);
    c.negotiated = true;
    c.id = 7;
    api_open_dc(&p.side[0], &c);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int err = 0;

        c = conf_with(rows[i].retransmits, rows[i].lifetime, false);
        c.negotiated = rows[i].negotiated;
        c.id = rows[i].id;
        assert_null(adit_dc_open(p.side[0].peer, &c, &err));
        assert_null(adit_dc_open(p.side[0].peer, &c, NULL));
        assert_int_equal(err, rows[i].err);
    }
    api_pair_done(&p);
}

static bool negotiated_open(struct api_pair *p)
{
    return p->side[0].opened >= wanted && p->side[1].opened >= wanted;
}

/* Nothing is announced; opened before the connection, and after it. */
static void negotiated(void **state)
{
    struct adit_dc_conf c = ADIT_DC_CONF;
    struct api_pair p;

    (void)state;
    api_pair_init(&p, NULL);
    c.negotiated = true;
    for (unsigned k = 0; k < 2; k++) {
        c.id = (uint16_t)(k ? 901 : 4);
        for (int i = 0; i < 2; i++)
            api_open_dc(&p.side[i], &c);
        if (k == 0)
            api_connect(&p, ADIT_FORM_TICKET);
        assert_true(until(&p, negotiated_open, k + 1));
        assert_int_equal(p.side[0].accepted + p.side[1].accepted, 0);
        assert_int_equal(adit_dc_send(p.side[0].dc[k], "x", 1, ADIT_TEXT), 0);
        assert_true(until(&p, heard, k + 1));
    }
    api_pair_done(&p);
}

/* What a terminal may see of a label that the other side chose; how many may be open. */
static void labels_and_limits(void **state)
{
    static const struct {
        const char *label, *shown;
    } rows[] = {
        { "", "" },
        { "plain", "plain" },
        { "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
    };
    static const char *const odd[] = { "\x1b[2Jx", "a\nb", "\xff\xfe", "\x7f\x01", "a\rb" };
    struct adit_peer_conf conf = { .channels_max = 100 };
    struct adit_dc_conf c = ADIT_DC_CONF;
    struct api_pair p;
    char text[64], tiny[3];

    (void)state;
    api_pair_init(&p, &conf);
    api_connect(&p, ADIT_FORM_TICKET);
    for (size_t i = 0; i < 3; i++) {
        c.label = rows[i].label;
        api_open_dc(&p.side[0], &c);
        assert_true(until(&p, accepted, i + 1));
        assert_string_equal(adit_dc_label(p.side[1].dc[i], text, sizeof text), rows[i].shown);
        assert_ptr_equal(adit_dc_peer(p.side[1].dc[i]), p.side[1].peer);
    }
    assert_string_equal(adit_dc_label(p.side[1].dc[1], tiny, sizeof tiny), "pl");
    for (size_t i = 0; i < 5; i++) {
        c.label = odd[i];
        api_open_dc(&p.side[0], &c);
        assert_true(until(&p, accepted, 4 + i));
        adit_dc_label(p.side[1].dc[3 + i], text, sizeof text);
        for (const char *t = text; *t; t++)
            assert_true((unsigned char)*t >= ' ' && *t != 0x7f);
    }
    for (int i = 8; i < 100; i++)
        assert_non_null(adit_dc_open(p.side[0].peer, &c, NULL));
    int err = 0;
    assert_null(adit_dc_open(p.side[0].peer, &c, &err));
    assert_int_equal(err, -ENOSPC);
    api_pair_done(&p);
}

/* ---- sizes ----------------------------------------------------------------------------------- */

static void every_size_and_kind(void **state)
{
    static const size_t sizes[] = { 0, 1, 100, 1200, 16 * 1024, 65536, 256 * 1024 };
    static uint8_t bytes[256 * 1024 + 1];
    struct api_pair p;
    uint64_t n = 0;

    (void)state;
    memset(bytes, 0x5a, sizeof bytes);
    api_pair_up(&p, NULL);
    p.side[1].echo = true;
    assert_int_equal(adit_dc_message_max(p.side[0].dc[0]), 256 * 1024);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int kind = 0; kind < 2; kind++) {
            assert_int_equal(
                adit_dc_send(p.side[0].dc[0], bytes, sizes[i], (enum adit_dc_kind)kind), 0);
            assert_true(until(&p, heard_back, ++n));
            assert_int_equal(p.side[0].last_n, sizes[i]);
            assert_int_equal(p.side[0].last_kind, kind);
        }
    assert_int_equal(p.side[0].sum, p.side[1].sum);
    assert_int_equal(adit_dc_send(p.side[0].dc[0], bytes, sizeof bytes, ADIT_BINARY), -EMSGSIZE);
    assert_int_equal(p.side[0].seen[ADIT_PEER_FAILED], 0);
    api_pair_done(&p);
}

static void a_limit_of_our_own(void **state)
{
    struct adit_peer_conf conf = { .message_max = 2000 };
    uint8_t bytes[2001] = { 1 };
    struct api_pair p;

    (void)state;
    api_pair_init(&p, &conf);
    api_open_dc(&p.side[0], NULL);
    assert_true(adit_dc_message_max(p.side[0].dc[0]) == SIZE_MAX);
    adit_peer_offer(p.side[0].peer);
    assert_true(api_until(&p, api_gathered));
    assert_int_equal(api_hand_over(&p.side[0], ADIT_FORM_JSON, NULL), 0);
    assert_int_equal(api_hand_over(&p.side[1], ADIT_FORM_JSON, NULL), 0);
    assert_int_equal(adit_dc_message_max(p.side[0].dc[0]), 2000);
    assert_true(api_until(&p, api_open));
    assert_int_equal(adit_dc_send(p.side[0].dc[0], bytes, 2001, ADIT_BINARY), -EMSGSIZE);
    assert_int_equal(adit_dc_send(p.side[0].dc[0], bytes, 2000, ADIT_BINARY), 0);
    assert_true(until(&p, heard, 1));
    api_pair_done(&p);
}

/* ---- pressure -------------------------------------------------------------------------------- */

/* What was sent before the connection is kept, up to a bound, and arrives in order. */
static void messages_before_the_connection(void **state)
{
    struct api_pair p;
    uint64_t before;

    (void)state;
    api_pair_init(&p, NULL);
    api_open_dc(&p.side[0], NULL);
    p.side[0].pushes = 4 * MIB;
    api_push(&p.side[0]);
    before = 4 * MIB - p.side[0].pushes;
    assert_true(before > 100000 && before <= 2 * MIB);
    assert_int_equal(adit_dc_buffered(p.side[0].dc[0]), before);
    api_connect(&p, ADIT_FORM_TICKET);
    assert_true(until(&p, heard, 4 * MIB / 16384));
    assert_int_equal(p.side[1].bytes, 4 * MIB);
    assert_int_equal(p.side[1].sum, p.side[0].pushed_sum);
    api_pair_done(&p);
}

size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t allocated(void)
{
    return __sanitizer_get_current_allocated_bytes ? __sanitizer_get_current_allocated_bytes()
                                                   : mallinfo2().uordblks;
}

static size_t most;

static bool pushed_in_bounds(struct api_pair *p)
{
    size_t now = allocated();

    most = now > most ? now : most;
    return p->side[1].bytes >= 32 * MIB;
}

/* A receiver that pauses makes the sender wait, at any point; memory stays bounded throughout. */
static void a_paused_receiver_of_32_megabytes(void **state)
{
    struct api_pair p;
    size_t before;
    uint64_t left;

    (void)state;
    api_pair_up(&p, NULL);
    before = most = allocated();
    adit_peer_pause(p.side[1].peer);
    p.side[0].pushes = 32 * MIB;
    api_push(&p.side[0]);
    api_rounds(&p, 300);
    assert_true(p.side[0].pushes > 28 * MIB); /* both buffers, and no more */
    assert_int_equal(p.side[1].messages, 0);
    assert_int_equal(p.side[0].state, ADIT_PEER_CONNECTED);
    adit_peer_resume(p.side[1].peer);
    api_rounds(&p, 20);
    adit_peer_pause(p.side[1].peer);
    left = p.side[1].messages;
    api_rounds(&p, 100);
    assert_int_equal(p.side[1].messages, left);
    adit_peer_resume(p.side[1].peer);
    assert_true(api_until(&p, pushed_in_bounds));
    assert_int_equal(p.side[1].bytes, 32 * MIB);
    assert_int_equal(p.side[1].sum, p.side[0].pushed_sum);
    assert_true(p.side[0].writable > 3);
    assert_true(most - before < 16 * MIB);
    api_pair_done(&p);
}

static void the_low_mark(void **state)
{
    static uint8_t bytes[64 * 1024];
    struct api_pair p;

    (void)state;
    api_pair_up(&p, NULL);
    for (unsigned i = 0; i < 3; i++) {
        size_t mark = i == 2 ? 20000 : 0;

        adit_dc_set_low(p.side[0].dc[0], mark);
        assert_int_equal(adit_dc_send(p.side[0].dc[0], bytes, sizeof bytes, ADIT_BINARY), 0);
        assert_int_equal(adit_dc_buffered(p.side[0].dc[0]), sizeof bytes);
        assert_true(until(&p, is_low, i + 1));
        assert_true(adit_dc_buffered(p.side[0].dc[0]) <= mark);
        assert_true(until(&p, heard, i + 1));
        api_rounds(&p, 5);
        assert_int_equal(p.side[0].low, i + 1);
    }
    api_pair_done(&p);
}

static void eagain_is_followed_by_writable(void **state)
{
    static uint8_t bytes[16384];
    struct api_pair p;
    int err;

    (void)state;
    api_pair_up(&p, NULL);
    while ((err = adit_dc_send(p.side[0].dc[0], bytes, sizeof bytes, ADIT_BINARY)) == 0)
        ;
    assert_int_equal(err, -EAGAIN);
    assert_true(api_until(&p, is_writable));
    assert_int_equal(adit_dc_send(p.side[0].dc[0], bytes, sizeof bytes, ADIT_BINARY), 0);
    api_pair_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_channel),
        cmocka_unit_test(kinds_that_cannot_be),
        cmocka_unit_test(negotiated),
        cmocka_unit_test(labels_and_limits),
        cmocka_unit_test(every_size_and_kind),
        cmocka_unit_test(a_limit_of_our_own),
        cmocka_unit_test(messages_before_the_connection),
        cmocka_unit_test(a_paused_receiver_of_32_megabytes),
        cmocka_unit_test(the_low_mark),
        cmocka_unit_test(eagain_is_followed_by_writable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
