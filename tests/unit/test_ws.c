/* test_ws.c - a WebSocket's own side: sending, queues, closing, silence, and no memory. The frames
 * of others are in test_ws_cases.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "unit/ws_script.h"

struct pair {
    struct adit_rng rng;
    struct adit_ws *end[2]; /* client, server */
    struct adit_buf said[2];
};

static void pair_init(struct pair *p, const struct adit_ws_conf *conf)
{
    struct adit_ws_conf c = conf ? *conf : (struct adit_ws_conf){ 0 };

    adit_rng_init_seed(&p->rng, 7);
    c.rng = &p->rng;
    for (int i = 0; i < 2; i++) {
        c.server = i;
        p->end[i] = adit_ws_new(&c, 0);
        assert_non_null(p->end[i]);
        adit_buf_init(&p->said[i], 1 << 16);
    }
}

static void pair_done(struct pair *p)
{
    for (int i = 0; i < 2; i++) {
        adit_ws_free(p->end[i]);
        adit_buf_done(&p->said[i]);
    }
}

/* What is pending at `from` goes over, at most n bytes of it. */
static void carry(struct pair *p, int from, size_t n)
{
    struct adit_span s = adit_ws_pending(p->end[from]);
    struct adit_buf bytes = { .data = (uint8_t *)s.data, .len = s.len < n ? s.len : n };

    ws_answer(&p->said[!from], p->end[!from], &bytes, 0, NULL);
    adit_ws_sent(p->end[from], bytes.len);
}

static const char *said(struct pair *p, int end)
{
    return adit_buf_str(&p->said[end]);
}

static const char *pending(struct adit_ws *ws, bool server)
{
    static char text[4096];
    struct adit_buf out;

    adit_buf_init(&out, sizeof text - 1);
    ws_words(&out, adit_ws_pending(ws), server);
    strcpy(text, adit_buf_str(&out));
    adit_buf_done(&out);
    return text;
}

static struct adit_ws_event next(struct adit_ws *ws, adit_time now)
{
    struct adit_ws_event ev;

    adit_ws_feed(ws, NULL, 0, &ev, now);
    return ev;
}

static void both_talk_and_say_goodbye(void **state)
{
    static const size_t sizes[] = { 0, 1, 125, 126, 65535, 65536 };
    struct pair p;
    uint8_t *bytes = calloc(1, 65536);

    (void)state;
    for (int from = 0; from < 2; from++) {
        pair_init(&p, NULL);
        assert_int_equal(adit_ws_send(p.end[from], true, "hello", 5), 0);
        assert_int_equal(adit_ws_ping(p.end[from], "p", 1), 0);
        carry(&p, from, SIZE_MAX);
        carry(&p, !from, SIZE_MAX);
        assert_string_equal(said(&p, !from), "text:hello");
        assert_string_equal(said(&p, from), "pong:p");
        for (size_t i = 0; i < ADIT_LEN(sizes); i++) {
            p.said[!from].len = 0;
            memset(bytes, '*', sizes[i]);
            assert_int_equal(adit_ws_send(p.end[from], i & 1, bytes, sizes[i]), 0);
            while (adit_ws_pending(p.end[from]).len)
                carry(&p, from, 4099);
            assert_true(p.said[!from].len > 0);
        }
        p.said[0].len = p.said[1].len = 0;
        adit_ws_close(p.end[from], 4001, "bye", 0);
        assert_false(adit_ws_open(p.end[from]));
        assert_int_equal(adit_ws_send(p.end[from], true, "x", 1), -ECANCELED);
        assert_int_equal(adit_ws_ping(p.end[from], NULL, 0), -ECANCELED);
        carry(&p, from, SIZE_MAX);
        carry(&p, !from, SIZE_MAX);
        assert_string_equal(said(&p, !from), "closed:4001/remote/bye");
        assert_string_equal(said(&p, from), "closed:4001/local");
        assert_int_equal(adit_ws_deadline(p.end[0]), ADIT_NEVER);
        pair_done(&p);
    }
    free(bytes);
}

/* RFC 6455 section 5.3: a new mask for every frame, that nobody can foresee. */
static void masks_differ(void **state)
{
    struct pair p;
    struct adit_span s;

    (void)state;
    pair_init(&p, NULL);
    assert_int_equal(adit_ws_send(p.end[0], true, "hello", 5), 0);
    assert_int_equal(adit_ws_send(p.end[0], true, "hello", 5), 0);
    s = adit_ws_pending(p.end[0]);
    assert_int_equal(s.len, 22);
    assert_memory_not_equal(s.data + 2, s.data + 13, 4);
    pair_done(&p);
}

static void the_queue_is_bounded(void **state)
{
    struct adit_ws_conf conf = { .queue_max = 1000 };
    uint8_t bytes[1000] = { 0 };
    struct pair p;

    (void)state;
    pair_init(&p, &conf);
    assert_int_equal(adit_ws_send(p.end[1], false, bytes, 987), -EMSGSIZE);
    assert_int_equal(adit_ws_send(p.end[1], false, bytes, 986), 0);
    assert_int_equal(adit_ws_send(p.end[1], false, bytes, 1), -EAGAIN);
    assert_int_equal(adit_ws_pending(p.end[1]).len, 990);
    adit_ws_sent(p.end[1], 5);
    assert_int_equal(adit_ws_send(p.end[1], false, bytes, 1), 0);
    assert_int_equal(adit_ws_ping(p.end[1], bytes, 126), -EMSGSIZE);
    assert_int_equal(adit_ws_send(p.end[1], true, "\xff", 1), -EAGAIN);
    adit_ws_sent(p.end[1], 500);
    assert_int_equal(adit_ws_send(p.end[1], true, "\xff", 1), -EINVAL);
    pair_done(&p);
}

/* Somebody sends pings and never reads: the answers do not pile up, the newest ping is answered
 * when there is room again, and there is always room for a goodbye. */
static void a_flood_of_pings_is_bounded(void **state)
{
    struct adit_ws_conf conf = { .queue_max = 1000 };
    struct pair p;
    uint8_t number[ADIT_WS_CONTROL_MAX] = { 0 };
    size_t most = 1000 + ADIT_WS_CONTROL_ROOM;

    (void)state;
    pair_init(&p, &conf);
    for (unsigned i = 0; i < 10000; i++) {
        memcpy(number, &i, sizeof i);
        assert_int_equal(adit_ws_ping(p.end[0], number, sizeof number), 0);
        carry(&p, 0, SIZE_MAX);
        assert_true(adit_ws_pending(p.end[1]).len <= most - 127);
    }
    assert_int_equal(p.said[1].len, 0);
    while (adit_ws_pending(p.end[1]).len) {
        struct adit_span s = adit_ws_pending(p.end[1]);
        if (s.len == 127) {
            unsigned last;
            memcpy(&last, s.data + 2, sizeof last);
            assert_int_equal(last, 9999);
        }
        adit_ws_sent(p.end[1], 127);
    }
    for (unsigned i = 0; i < 100; i++) {
        int err = adit_ws_ping(p.end[1], number, sizeof number);
        assert_true(err == 0 || err == -EAGAIN);
    }
    assert_int_equal(adit_ws_ping(p.end[1], number, sizeof number), -EAGAIN);
    adit_ws_close(p.end[1], ADIT_WS_GOING_AWAY, NULL, 0);
    assert_true(adit_ws_pending(p.end[1]).len <= most);
    carry(&p, 1, SIZE_MAX);
    assert_non_null(strstr(said(&p, 0), "closed:1001/remote"));
    pair_done(&p);
}

/* However full it is: the longest goodbye fits behind what control frames may take. */
static void there_is_room_for_a_goodbye(void **state)
{
    char words[ADIT_WS_REASON_MAX + 1] = "";
    uint8_t bytes[ADIT_WS_CONTROL_MAX] = { 0 };
    struct adit_ws_conf conf = { .queue_max = 1000 };
    struct pair p;

    (void)state;
    memset(words, 'w', ADIT_WS_REASON_MAX);
    for (size_t n = 0; n < 140; n++)
        for (int from = 0; from < 2; from++) {
            pair_init(&p, &conf);
            assert_int_equal(adit_ws_send(p.end[from], false, bytes, n % sizeof bytes), 0);
            while (adit_ws_ping(p.end[from], bytes, sizeof bytes) == 0)
                ;
            adit_ws_close(p.end[from], 1001, words, 0);
            assert_int_equal(next(p.end[from], 0).what, ADIT_WS_NONE);
            carry(&p, from, SIZE_MAX);
            assert_non_null(strstr(said(&p, !from), "closed:1001/remote/#123"));
            pair_done(&p);
        }
}

static void fragments_are_counted(void **state)
{
    struct adit_ws_conf conf = { .fragments_max = 3 };
    struct adit_buf bytes;
    struct pair p;

    (void)state;
    for (int more = 0; more < 2; more++) {
        pair_init(&p, &conf);
        adit_buf_init(&bytes, 1000);
        ws_script(&bytes, more ? "02:a 00: 00: 80:" : "02:a 00: 80:b 02:c 00: 80:d", true);
        ws_answer(&p.said[1], p.end[1], &bytes, 0, NULL);
        assert_string_equal(said(&p, 1), more ? "closed:1006/protocol" : "binary:ab binary:cd");
        assert_string_equal(pending(p.end[1], true), more ? "close:1008" : "");
        adit_buf_done(&bytes);
        pair_done(&p);
    }
}

static void long_words_are_cut_between_letters(void **state)
{
    char reason[200];
    struct pair p;

    (void)state;
    for (size_t n = 120; n < 126; n++) {
        memset(reason, 'a', n);
        strcpy(reason + n, "\xe2\x82\xac and more");
        pair_init(&p, NULL);
        adit_ws_close(p.end[0], 1000, reason, 0);
        carry(&p, 0, SIZE_MAX);
        assert_non_null(strstr(said(&p, 1), "closed:1000/remote/#"));
        assert_int_equal(atoi(strchr(said(&p, 1), '#') + 1), n == 120 ? 123 : n < 123 ? n : 123);
        pair_done(&p);
    }
}

static void silence(void **state)
{
    struct adit_ws_conf conf = { .ping_every = 25 * ADIT_SEC, .pong_within = 10 * ADIT_SEC };
    struct adit_ws_event ev;
    struct pair p;

    (void)state;
    pair_init(&p, &conf);
    assert_int_equal(adit_ws_deadline(p.end[0]), 25 * ADIT_SEC);
    adit_ws_tick(p.end[0], 24 * ADIT_SEC);
    assert_int_equal(adit_ws_pending(p.end[0]).len, 0);
    adit_ws_tick(p.end[0], 25 * ADIT_SEC);
    assert_string_equal(pending(p.end[0], false), "ping:");
    assert_int_equal(adit_ws_deadline(p.end[0]), 35 * ADIT_SEC);
    /* Anything that comes counts. */
    adit_ws_feed(p.end[0], "\x8a", 1, &ev, 30 * ADIT_SEC);
    assert_int_equal(adit_ws_deadline(p.end[0]), 55 * ADIT_SEC);
    adit_ws_tick(p.end[0], 55 * ADIT_SEC);
    adit_ws_tick(p.end[0], 65 * ADIT_SEC - 1);
    assert_int_equal(next(p.end[0], 0).what, ADIT_WS_NONE);
    adit_ws_tick(p.end[0], 65 * ADIT_SEC);
    ev = next(p.end[0], 65 * ADIT_SEC);
    assert_int_equal(ev.what, ADIT_WS_CLOSED);
    assert_int_equal(ev.cause.reason, ADIT_REASON_SILENCE);
    assert_int_equal(ev.code, ADIT_WS_ABNORMAL);
    assert_int_equal(next(p.end[0], 0).what, ADIT_WS_NONE);
    assert_int_equal(adit_ws_deadline(p.end[0]), ADIT_NEVER);
    pair_done(&p);
}

static void a_goodbye_is_waited_for_but_not_for_ever(void **state)
{
    struct adit_ws_event ev;
    struct adit_buf bytes;
    struct pair p;

    (void)state;
    pair_init(&p, NULL);
    adit_ws_close(p.end[0], 0, NULL, ADIT_SEC);
    adit_ws_close(p.end[0], 1000, "again", 2 * ADIT_SEC);
    assert_string_equal(pending(p.end[0], false), "close:0");
    assert_int_equal(adit_ws_deadline(p.end[0]), ADIT_SEC + ADIT_WS_CLOSE_DEFAULT);
    /* Messages that were under way are nobody's any more, nor are pings answered. */
    adit_buf_init(&bytes, 100);
    ws_script(&bytes, "81:late 89:late 8a:late", false);
    ws_answer(&p.said[0], p.end[0], &bytes, 0, NULL);
    assert_string_equal(said(&p, 0), "");
    assert_string_equal(pending(p.end[0], false), "close:0");
    adit_ws_tick(p.end[0], ADIT_SEC + ADIT_WS_CLOSE_DEFAULT);
    ev = next(p.end[0], 0);
    assert_int_equal(ev.what, ADIT_WS_CLOSED);
    assert_int_equal(ev.cause.reason, ADIT_REASON_TIMEOUT);
    adit_buf_done(&bytes);
    pair_done(&p);
}

static void the_connection_ends_below(void **state)
{
    struct adit_ws_event ev;
    struct pair p;

    (void)state;
    pair_init(&p, NULL);
    adit_ws_eof(p.end[1]);
    ev = next(p.end[1], 0);
    assert_int_equal(ev.what, ADIT_WS_CLOSED);
    assert_int_equal(ev.code, ADIT_WS_ABNORMAL);
    adit_ws_eof(p.end[1]);
    assert_int_equal(next(p.end[1], 0).what, ADIT_WS_NONE);
    assert_int_equal(adit_ws_feed(p.end[1], "abc", 3, &ev, 0), 3);
    assert_int_equal(ev.what, ADIT_WS_NONE);
    pair_done(&p);
}

static void without_memory(void **state)
{
    (void)state;
    for (uint64_t n = 0;; n++) {
        struct adit_rng rng;
        struct adit_ws_conf conf = { .rng = &rng, .server = true };
        struct adit_ws *ws;
        struct adit_buf bytes;
        struct adit_ws_event ev = { 0 };
        int err = 0;

        adit_rng_init_seed(&rng, 1);
        adit_buf_init(&bytes, 100000);
        ws_script(&bytes, "01#3000 80#5000 89:ping", true);
        adit_alloc_fail_at(n);
        ws = adit_ws_new(&conf, 0);
        if (ws) {
            adit_ws_feed(ws, bytes.data, bytes.len, &ev, 0);
            if (ev.what == ADIT_WS_TEXT) {
                assert_int_equal(ev.data.len, 8000);
                err = adit_ws_send(ws, false, ev.data.data, ev.data.len);
                assert_true(err == 0 || err == -ENOMEM);
                adit_ws_feed(ws, NULL, 0, &ev, 0);
                if (err)
                    assert_int_equal(ev.what, ADIT_WS_CLOSED);
            }
            if (ev.what == ADIT_WS_CLOSED)
                assert_int_equal(ev.cause.reason, ADIT_REASON_RESOURCE);
        }
        adit_alloc_fail_at(UINT64_MAX);
        err = ws && ev.what == ADIT_WS_NONE && err == 0;
        adit_ws_free(ws);
        adit_buf_done(&bytes);
        if (err) {
            assert_true(n > 3);
            return;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_talk_and_say_goodbye),
        cmocka_unit_test(masks_differ),
        cmocka_unit_test(the_queue_is_bounded),
        cmocka_unit_test(a_flood_of_pings_is_bounded),
        cmocka_unit_test(there_is_room_for_a_goodbye),
        cmocka_unit_test(fragments_are_counted),
        cmocka_unit_test(long_words_are_cut_between_letters),
        cmocka_unit_test(silence),
        cmocka_unit_test(a_goodbye_is_waited_for_but_not_for_ever),
        cmocka_unit_test(the_connection_ends_below),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
