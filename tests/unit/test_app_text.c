/* The modes chat and json: lines and messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "unit/app_world.h"

#define STR(text) (text), sizeof(text) - 1

static const struct adit_cause gone = { .reason = ADIT_REASON_REMOTE, .text = "gone" };
static const struct adit_cause silent = { .reason = ADIT_REASON_SILENCE, .text = "silent" };

/* ---- out ------------------------------------------------------------------------------------- */

static void a_line_is_a_message(void **state)
{
    struct app_world w;

    (void)state;
    app_world_init(&w, &adit_app_chat, false);
    app_feed(&w, STR("one\ntwo\r\n\nfo"));
    assert_int_equal(w.sent_count, 3);
    assert_true(app_sent_is(&w, 0, "one", true) && app_sent_is(&w, 1, "two", true));
    assert_true(app_sent_is(&w, 2, "", true));
    app_feed(&w, STR("ur"));
    assert_int_equal(w.sent_count, 3);
    w.keep_buffered = true;
    app_feed_end(&w);
    assert_true(app_sent_is(&w, 3, "four", true)); /* without its end */
    assert_int_equal(w.done, 0);                   /* it has not arrived */
    app_ack(&w);
    assert_int_equal(w.done, 1);
    assert_int_equal(w.cause.reason, ADIT_REASON_NONE);
    app_world_done(&w);
}

static void quit_ends_chat_alone(void **state)
{
    struct app_world w;

    (void)state;
    app_world_init(&w, &adit_app_chat, false);
    app_feed(&w, STR("quitting\nquit\nnot sent\n"));
    assert_int_equal(w.sent_count, 1);
    assert_int_equal(w.done, 1);
    app_world_done(&w);
    app_world_init(&w, &adit_app_json, false);
    app_feed(&w, STR("quit\n"));
    assert_int_equal(w.done, 0);
    app_world_done(&w);
}

/* A channel without room: input waits, and nothing is lost or swapped. */
static void backpressure(void **state)
{
    struct app_world w;
    char line[32];

    (void)state;
    app_world_init(&w, &adit_app_chat, false);
    w.room = 2;
    for (int i = 0; i < 100; i++)
        app_feed(&w, line, (size_t)snprintf(line, sizeof line, "%d\n", i));
    assert_int_equal(w.sent_count, 2);
    assert_int_equal(w.refused, 1);
    app_feed_end(&w);
    while (w.sent_count < 100 && w.room == 0) {
        unsigned before = w.sent_count;

        w.room = 3;
        adit_app_writable(w.app);
        app_rounds(&w);
        assert_int_equal(w.sent_count, before + 3 < 100 ? before + 3 : 100);
    }
    for (unsigned i = 0; i < 100; i++) {
        snprintf(line, sizeof line, "%u", i);
        assert_true(app_sent_is(&w, i, line, true));
    }
    assert_int_equal(w.done, 1);
    app_world_done(&w);
}

static void lines_that_are_too_long(void **state)
{
    struct app_world w;
    char *line = malloc(300 * 1024);

    (void)state;
    app_world_init(&w, &adit_app_chat, false);
    w.message_max = 1000;
    memset(line, 'a', 300 * 1024);
    line[1001] = '\n'; /* more than the other side takes */
    app_feed(&w, line, 1002);
    assert_true(app_logged(&w, "1001 bytes"));
    line[1001] = 'a';
    app_feed(&w, line, 300 * 1024); /* more than we read */
    app_feed(&w, STR("\nshort\n"));
    assert_true(app_logged(&w, "line 2 is longer"));
    assert_int_equal(w.sent_count, 1);
    assert_true(app_sent_is(&w, 0, "short", true));
    free(line);
    app_world_done(&w);
}

/* ---- in -------------------------------------------------------------------------------------- */

static void a_message_is_a_line_fit_for_a_terminal(void **state)
{
    struct app_world w;
    const char *out;

    (void)state;
    app_world_init(&w, &adit_app_chat, false);
    app_come(&w, STR("hello"), true);
    app_come(&w, STR("as binary"), false);
    app_come(&w, STR(""), true);
    app_come(&w, STR("gr\xc3\xbc\xc3\x9f"), true);
    assert_string_equal(app_output(&w, NULL), "hello\nas binary\n\ngr\xc3\xbc\xc3\x9f\n");
    app_come(&w, STR("\x1b[2J\x07 a\nb\0c\xff\x7f"), true);
    out = app_output(&w, NULL);
    assert_non_null(strchr(out, 'c')); /* nothing is cut at the zero */
    assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
    for (const char *p = out; *p; p++)
        assert_true(*p == '\n' || ((unsigned char)*p >= ' ' && *p != 0x7f));
    app_world_done(&w);
}

/* Nobody reads for a while: receiving is paused, nothing is lost, and the end waits. */
static void a_slow_reader(void **state)
{
    static char text[50001];
    struct app_world w;
    size_t n, total = 0;

    (void)state;
    app_world_init(&w, &adit_app_chat, false);
    memset(text, 'x', sizeof text - 1);
    for (int i = 0; i < 6; i++)
        app_come(&w, text, sizeof text - 1, true);
    assert_true(w.paused);
    assert_int_equal(w.pauses, 1);
    adit_app_closed(w.app, &gone);
    app_rounds(&w);
    assert_int_equal(w.done, 0);
    for (int i = 0; i < 100 && !w.done; i++) {
        app_output(&w, &n);
        total += n;
    }
    app_output(&w, &n);
    assert_int_equal(total + n, 6 * sizeof text);
    assert_int_equal(w.done, 1);
    assert_int_equal(w.cause.reason, ADIT_REASON_NONE);
    app_world_done(&w);

    app_world_init(&w, &adit_app_chat, false);
    for (int i = 0; i < 6; i++)
        app_come(&w, text, sizeof text - 1, true);
    app_output(&w, NULL);
    assert_false(w.paused);
    app_world_done(&w);
}

static void a_reader_that_went_away(void **state)
{
    static const struct adit_app_class *const classes[] = { &adit_app_chat, &adit_app_json };

    (void)state;
    for (int i = 0; i < 4; i++) {
        static char text[100000];
        struct app_world w;

        app_world_init(&w, classes[i & 1], false);
        memset(text, '1', sizeof text);
        if (i & 2) /* while something waits for it */
            app_come(&w, text, sizeof text, true);
        close(w.out);
        w.out = -1;
        app_rounds(&w);
        app_come(&w, STR("1"), true);
        assert_int_equal(w.done, 1);
        assert_int_equal(w.cause.reason, ADIT_REASON_RESOURCE);
        app_world_done(&w);
    }
}

static void the_channel_goes(void **state)
{
    struct app_world w;

    (void)state;
    app_world_init(&w, &adit_app_chat, false);
    adit_app_closed(w.app, &gone);
    assert_int_equal(w.done, 1);
    assert_int_equal(w.cause.text[0], 0);
    app_world_done(&w);
    app_world_init(&w, &adit_app_chat, false);
    adit_app_closed(w.app, &silent);
    assert_int_equal(w.cause.reason, ADIT_REASON_SILENCE);
    assert_string_equal(w.cause.text, "silent");
    app_world_done(&w);
}

/* ---- json ------------------------------------------------------------------------------------ */

static void json_lines(void **state)
{
    struct app_world w;

    (void)state;
    app_world_init(&w, &adit_app_json, false);
    app_feed(&w, STR("{\"a\": 1}\n\nnope\n[1,\n2\n\"\\ud83d\\ude00\"\n{\"a\":1} x\n"));
    assert_int_equal(w.sent_count, 3);
    assert_true(app_sent_is(&w, 0, "{\"a\": 1}", true) && app_sent_is(&w, 1, "2", true));
    assert_true(app_logged(&w, "line 3 is not JSON") && app_logged(&w, "line 4 is not JSON"));
    assert_true(app_logged(&w, "line 7 is not JSON"));
    assert_false(app_logged(&w, "line 2 ") || app_logged(&w, "line 5 "));
    app_feed_end(&w);
    assert_int_equal(w.done, 1);
    assert_int_equal(w.cause.reason, ADIT_REASON_PROTOCOL);
    app_world_done(&w);
}

static void json_messages(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        { "{ \"a\" : [ 1 ,\r\n\t2 ] }", "{\"a\":[1,2]}\n" },
        { "\"two  words\\n \\\" x\\\\\" ", "\"two  words\\n \\\" x\\\\\"\n" },
        { "1.50e+3", "1.50e+3\n" },
        { "\n null \n", "null\n" },
        { "", "" },
        { "{", "" },
        { "{\"a\":1}{}", "" },
        { "\x1b[2J", "" },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct app_world w;

        app_world_init(&w, &adit_app_json, false);
        app_come(&w, rows[i].in, strlen(rows[i].in), true);
        assert_string_equal(app_output(&w, NULL), rows[i].out);
        adit_app_closed(w.app, &gone);
        assert_int_equal(w.cause.reason, rows[i].out[0] ? ADIT_REASON_NONE : ADIT_REASON_PROTOCOL);
        app_world_done(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_a_message),
        cmocka_unit_test(quit_ends_chat_alone),
        cmocka_unit_test(backpressure),
        cmocka_unit_test(lines_that_are_too_long),
        cmocka_unit_test(a_message_is_a_line_fit_for_a_terminal),
        cmocka_unit_test(a_slow_reader),
        cmocka_unit_test(a_reader_that_went_away),
        cmocka_unit_test(the_channel_goes),
        cmocka_unit_test(json_lines),
        cmocka_unit_test(json_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
