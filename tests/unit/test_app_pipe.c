/* The modes bytes, echo and check. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <fcntl.h>

#include "unit/app_world.h"

#define STR(text) (text), sizeof(text) - 1

static const struct adit_cause gone = { .reason = ADIT_REASON_REMOTE, .text = "gone" };

static void fill(uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(i * 2654435761u >> 11);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

/* Any bytes, through a channel that is often full and takes small messages only. */
static void a_pipe_loses_nothing(void **state)
{
    static uint8_t bytes[300000], back[300000];
    struct app_world w;
    size_t n = 0, at = 0;

    (void)state;
    fill(bytes, sizeof bytes);
    app_world_init(&w, &adit_app_bytes, true);
    w.message_max = 5000;
    w.room = 3;
    for (size_t i = 0; i < sizeof bytes; i += 3000) {
        app_feed(&w, bytes + i, 3000);
        if (w.refused) {
            w.refused = 0;
            w.room = 7;
            adit_app_writable(w.app);
        }
    }
    w.room = SIZE_MAX;
    adit_app_writable(w.app);
    app_rounds(&w);
    for (unsigned i = 0; i < w.sent_count; i++) {
        assert_true(w.sent[i].n <= 5000 && w.sent[i].n > 0 && !w.sent[i].text);
        assert_true(n + w.sent[i].n <= sizeof back);
        memcpy(back + n, w.sent[i].bytes, w.sent[i].n);
        n += w.sent[i].n;
    }
    assert_int_equal(n, sizeof bytes);
    assert_memory_equal(back, bytes, n);

    for (size_t i = 0; i < sizeof bytes; i += 10000) /* and the other way */
        app_come(&w, bytes + i, 10000, false);
    assert_true(w.paused);
    for (const char *out; at < sizeof bytes; at += n) {
        out = app_output(&w, &n);
        assert_true(n > 0);
        assert_memory_equal(out, bytes + at, n);
    }
    assert_false(w.paused);
    assert_int_equal(w.done, 0);
    app_world_done(&w);
}

/* Each direction ends by itself, in either order. */
static void ends_of_a_pipe(void **state)
{
    (void)state;
    for (int theirs_first = 0; theirs_first < 2; theirs_first++) {
        struct app_world w;

        app_world_init(&w, &adit_app_bytes, true);
        if (theirs_first)
            app_come(&w, "", 0, false);
        app_feed(&w, STR("last"));
        w.keep_buffered = true;
        app_feed_end(&w);
        assert_int_equal(w.sent_count, 2);
        assert_int_equal(w.sent[1].n, 0);
        app_ack(&w);
        assert_int_equal(w.done, theirs_first);
        if (!theirs_first) {
            app_come(&w, STR("still"), false);
            assert_string_equal(app_output(&w, NULL), "still");
            app_come(&w, "", 0, false);
        }
        assert_int_equal(w.done, 1);
        assert_int_equal(w.cause.reason, ADIT_REASON_NONE);
        app_world_done(&w);
    }
}

/* Others do not know the empty message: it is not sent, and ours is the end. */
static void a_pipe_to_others(void **state)
{
    struct app_world w;

    (void)state;
    app_world_init(&w, &adit_app_bytes, false);
    app_feed(&w, STR("x"));
    w.buffered = 1;
    app_feed_end(&w);
    assert_int_equal(w.done, 0);
    app_ack(&w);
    assert_int_equal(w.done, 1);
    assert_int_equal(w.sent_count, 1);
    app_world_done(&w);
}

static void the_end_marker_finds_no_room(void **state)
{
    struct app_world w;

    (void)state;
    app_world_init(&w, &adit_app_bytes, true);
    w.room = 0;
    app_feed_end(&w);
    assert_int_equal(w.refused, 1);
    w.room = 1;
    adit_app_writable(w.app);
    assert_int_equal(w.sent_count, 1);
    app_world_done(&w);
}

static void a_pipe_is_cut(void **state)
{
    struct app_world w;

    (void)state;
    app_world_init(&w, &adit_app_bytes, true); /* with our input not delivered */
    w.room = 0;
    app_feed(&w, STR("never sent"));
    adit_app_closed(w.app, &gone);
    assert_int_equal(w.done, 1);
    assert_int_equal(w.cause.reason, ADIT_REASON_REMOTE);
    assert_non_null(strstr(w.cause.text, "before it had all"));
    app_world_done(&w);

    app_world_init(&w, &adit_app_bytes, true); /* normally */
    adit_app_closed(w.app, &gone);
    assert_int_equal(w.cause.text[0], 0);
    assert_int_equal(w.done, 1);
    app_world_done(&w);

    app_world_init(&w, &adit_app_bytes, true); /* nobody reads any more */
    close(w.out);
    w.out = -1;
    app_come(&w, STR("x"), false);
    assert_int_equal(w.done, 1);
    assert_int_equal(w.cause.reason, ADIT_REASON_RESOURCE);
    app_world_done(&w);
}

/* ---- echo ------------------------------------------------------------------------------------ */

static void echo_keeps_order_and_kind(void **state)
{
    struct app_world w;
    char text[16];

    (void)state;
    app_world_init(&w, &adit_app_echo, false);
    w.room = 3;
    for (int i = 0; i < 20; i++)
        app_come(&w, text, (size_t)snprintf(text, sizeof text, "%d", i), i & 1);
    assert_int_equal(w.sent_count, 3);
    assert_int_equal(w.pauses, 1);
    assert_true(w.paused);
    w.room = 5;
    adit_app_writable(w.app);
    assert_true(w.paused);
    w.room = SIZE_MAX;
    adit_app_writable(w.app);
    assert_false(w.paused);
    app_come(&w, "", 0, true);
    for (unsigned i = 0; i < 20; i++) {
        snprintf(text, sizeof text, "%u", i);
        assert_true(app_sent_is(&w, i, text, i & 1));
    }
    assert_true(app_sent_is(&w, 20, "", true));
    w.room = 0;
    app_come(&w, STR("left behind"), true); /* freed with it */
    app_world_done(&w);
}

static void echo_of_what_is_not_taken_back(void **state)
{
    struct app_world w;

    (void)state;
    app_world_init(&w, &adit_app_echo, false);
    w.message_max = 3;
    app_come(&w, STR("four"), true);
    assert_int_equal(w.done, 1);
    assert_int_equal(w.cause.reason, ADIT_REASON_PROTOCOL);
    app_world_done(&w);
}

/* ---- check ----------------------------------------------------------------------------------- */

enum fault { NONE, CHANGED, TEXT_AS_BINARY, LONGER, TWICE, SMALL_PEER, CUT };

/* An echo that has a fault; returns what was reported. */
static const char *check_against(struct app_world *w, enum fault fault)
{
    unsigned next = 0;

    app_world_init(w, &adit_app_check, false);
    if (fault == SMALL_PEER)
        w->message_max = 16384;
    while (next < w->sent_count && !w->done) {
        struct app_sent *s = &w->sent[next++];

        if (fault == CUT && next == 5) {
            adit_app_closed(w->app, &gone);
            break;
        }
        if (fault == CHANGED && next == 6)
            s->bytes[s->n / 2] ^= 1;
        if (fault == LONGER && next == 3)
            app_come(w, s->bytes, s->n + 1, s->text);
        else
            app_come(w, s->bytes, s->n, fault == TEXT_AS_BINARY ? false : s->text);
        if (fault == TWICE && next == 20)
            app_come(w, s->bytes, s->n, false);
    }
    app_rounds(w);
    return app_output(w, NULL);
}

static unsigned count(const char *text, const char *word)
{
    unsigned n = 0;

    while ((text = strstr(text, word))) {
        text += strlen(word);
        n++;
    }
    return n;
}

static void check_against_echoes(void **state)
{
    static const struct {
        enum fault fault;
        unsigned held, failed;
        const char *why;
    } rows[] = {
        { NONE, 9, 0, "" },
        { SMALL_PEER, 7, 0, "" },
        { CHANGED, 8, 1, "it came back changed" },
        { TEXT_AS_BINARY, 7, 2, "text came back as binary" },
        { LONGER, 8, 1, "it came back changed" },
        { TWICE, 8, 1, "twice" },
        { CUT, 4, 1, "the channel closed" },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct app_world w;
        const char *out = check_against(&w, rows[i].fault);

        if (count(out, "\"ok\":true") != rows[i].held ||
            count(out, "\"ok\":false") != rows[i].failed || !strstr(out, rows[i].why))
            fail_msg("row %zu:\n%s", i, out);
        assert_int_equal(w.done, 1);
        assert_int_equal(w.cause.reason == ADIT_REASON_NONE, rows[i].failed == 0);
        app_world_done(&w);
    }
}

/* Who reads the results takes his time, and the other side leaves after the last check: all held.
 */
static void the_peer_leaves_before_the_results_are_read(void **state)
{
    struct app_world w;
    unsigned next = 0, filled = 0;

    (void)state;
    for (int early = 0; early < 2; early++) {
        app_world_init(&w, &adit_app_check, false);
        fcntl(w.app_out, F_SETFL, O_NONBLOCK);
        while (write(w.app_out, "\n", 1) == 1) /* the pipe is full */
            filled++;
        fcntl(w.app_out, F_SETFL, 0);
        for (next = 0; next < w.sent_count && !(early && next == 5); next++)
            app_come(&w, w.sent[next].bytes, w.sent[next].n, w.sent[next].text);
        adit_app_closed(w.app, &gone);
        assert_int_equal(w.done, 0);
        assert_int_equal(count(app_output(&w, NULL), "\"ok\":true"), early ? 5 : 9);
        app_rounds(&w);
        assert_int_equal(w.done, 1);
        assert_int_equal(w.cause.reason, early ? ADIT_REASON_REMOTE : ADIT_REASON_NONE);
        app_world_done(&w);
    }
    assert_true(filled > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pipe_loses_nothing),
        cmocka_unit_test(ends_of_a_pipe),
        cmocka_unit_test(a_pipe_to_others),
        cmocka_unit_test(the_end_marker_finds_no_room),
        cmocka_unit_test(a_pipe_is_cut),
        cmocka_unit_test(echo_keeps_order_and_kind),
        cmocka_unit_test(echo_of_what_is_not_taken_back),
        cmocka_unit_test(check_against_echoes),
        cmocka_unit_test(the_peer_leaves_before_the_results_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
