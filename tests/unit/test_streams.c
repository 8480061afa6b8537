/* The first messages of a channel with streams: who speaks, who is understood, who is turned away.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/hello.h"
#include "app/streams.h"
#include "base/log.h"

#define AGREE_PLAIN "\2\0\0\0\0{\"version\":1,\"features\":[\"sse\"]}"
#define AGREE_ADIT \
    "\2\0\0\0\0{\"version\":1,\"features\":[\"adit-1\"],\"window\":8192,\"streams\":5}"
#define HELLO(features)                                                                     \
    "\1\0\0\0\0{\"proto\":\"httptunnel\",\"min_version\":1,\"max_version\":1,\"features\":" \
    "[" features "]}"
#define HELLO_PLAIN HELLO("\"sse\"")
#define HELLO_ADIT  HELLO("\"sse\",\"adit-1\"")

struct world {
    struct adit_loop *loop;
    struct adit_app *app;
    bool ours;
    const char *label;
    uint8_t types[32]; /* the first byte of each message that was sent */
    unsigned sent, done;
    struct adit_cause cause;
};

static int on_send(void *arg, const void *bytes, size_t n, bool text)
{
    struct world *w = arg;

    assert_true(n > 0 && !text);
    if (w->sent < sizeof w->types)
        w->types[w->sent] = *(const uint8_t *)bytes;
    w->sent++;
    return 0;
}

static size_t on_buffered(void *arg)
{
    (void)arg;
    return 0;
}

static size_t on_message_max(void *arg)
{
    (void)arg;
    return 65536;
}

static bool on_ours(void *arg)
{
    return ((struct world *)arg)->ours;
}

static void on_label(void *arg, char *out, size_t size)
{
    snprintf(out, size, "%s", ((struct world *)arg)->label);
}

static void on_set_low(void *arg, size_t bytes)
{
    (void)arg, (void)bytes;
}

static void on_flow(void *arg, size_t *ret_window, adit_time *ret_rtt)
{
    (void)arg;
    *ret_window = 1 << 20;
    *ret_rtt = 0;
}

static void on_pause(void *arg)
{
    (void)arg;
}

static void on_done(void *arg, const struct adit_cause *cause)
{
    struct world *w = arg;

    w->done++;
    w->cause = *cause;
}

static const struct adit_app_ops ops = { .send = on_send,
                                         .buffered = on_buffered,
                                         .message_max = on_message_max,
                                         .ours = on_ours,
                                         .label = on_label,
                                         .set_low = on_set_low,
                                         .flow = on_flow,
                                         .pause = on_pause,
                                         .resume = on_pause,
                                         .done = on_done };

static const char *const anywhere[] = { "127.0.0.1:0" };
static const struct adit_http_proxy_conf proxy = { .listen = anywhere, .listen_count = 1 };
static const struct adit_http_serve_conf serve = { .upstream = "http://127.0.0.1:9" };
static const struct adit_forwards_conf forwards = { .count = 0 };

enum { PROXY = 1, SERVE = 2, FORWARDS = 4 };

static void begin(struct world *w, struct adit_streams_conf *conf, unsigned parts, bool ours,
                  bool peer_is_adit)
{
    struct adit_app_conf app = { .in = -1, .out = -1, .peer_is_adit = peer_is_adit };
    int err = 0;

    *conf = (struct adit_streams_conf){ .proxy = parts & PROXY ? &proxy : NULL,
                                        .serve = parts & SERVE ? &serve : NULL,
                                        .forwards = parts & FORWARDS ? &forwards : NULL };
    *w = (struct world){ .loop = adit_loop_new(), .ours = ours, .label = "tunnel" };
    app.loop = w->loop;
    app.extra = conf;
    app.ops = &ops;
    app.arg = w;
    w->app = adit_app_new(&adit_app_streams, &app, &err);
    assert_non_null(w->app);
}

static void rounds(struct world *w)
{
    for (int i = 0; i < 5; i++)
        assert_int_equal(adit_loop_process(w->loop), 0);
}

static void end(struct world *w)
{
    adit_app_free(w->app);
    adit_loop_free(w->loop);
}

static void beginnings(void **state)
{
    static const struct {
        const char *name;
        unsigned parts;
        bool ours, adit;
        const char *comes;
        const char *says; /* types, in order */
        const char *why;  /* it ends with this in it; NULL = it goes on */
    } rows[] = {
        { "a consumer says HELLO", PROXY, true, false, NULL, "\1", NULL },
        { "also when the other side opened the channel", PROXY, false, false, NULL, "\1", NULL },
        { "a provider waits", SERVE, true, false, NULL, "", NULL },
        { "unless it knows an adit and opened the channel", SERVE, true, true, NULL, "\1", NULL },
        { "who has neither says HELLO", FORWARDS, false, true, NULL, "\1", NULL },
        { "an original provider agrees", PROXY, true, false, AGREE_PLAIN, "\1", NULL },
        { "an adit agrees", PROXY, true, true, AGREE_ADIT, "\1", NULL },
        { "an original consumer is answered", SERVE, false, false, HELLO_PLAIN, "\2", NULL },
        { "an adit is answered", SERVE, false, true, HELLO_ADIT, "\2", NULL },
        { "both say HELLO", FORWARDS, true, true, HELLO_ADIT, "\1\2", NULL },
        { "forwards with an original", FORWARDS, true, false, AGREE_PLAIN, "\1", "no adit" },
        { "two original consumers", PROXY, true, false, HELLO_PLAIN, "\1", "one must serve" },
        { "no JSON", SERVE, false, false, "\1\0\0\0\0{", "", "does not begin with HELLO" },
        { "a mux frame", SERVE, false, true, "\x20\0\0\0\1\2\0\0\0\0", "", "does not begin" },
        { "another version", PROXY, true, false, "\2\0\0\0\0{\"version\":2}", "\1",
          "another version" },
    };

    (void)state;
    adit_log_level = ADIT_LOG_ERROR;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        const char *m = rows[i].comes;
        struct adit_streams_conf conf;
        struct world w;
        size_t n;

        begin(&w, &conf, rows[i].parts, rows[i].ours, rows[i].adit);
        adit_app_open(w.app);
        if (m) {
            n = m[0] == ' ' ? 10 : 5 + strlen(m + 5);
            adit_app_message(w.app, m, n, false);
        }
        rounds(&w);
        n = strlen(rows[i].says);
        if (w.sent < n || memcmp(w.types, rows[i].says, n) != 0 || (!n && w.sent))
            fail_msg("%s: said %u, %d %d", rows[i].name, w.sent, w.types[0], w.types[1]);
        if (w.done != (rows[i].why ? 1 : 0) || (w.done && !strstr(w.cause.text, rows[i].why)))
            fail_msg("%s: %u %s", rows[i].name, w.done, w.cause.text);
        end(&w);
    }
}

/* A channel that goes and comes again begins anew. */
static void again(void **state)
{
    struct adit_streams_conf conf;
    struct world w;

    (void)state;
    begin(&w, &conf, PROXY, true, true);
    for (int i = 0; i < 3; i++) {
        w.sent = 0;
        adit_app_open(w.app);
        assert_int_equal(w.types[0], ADIT_HELLO);
        adit_app_message(w.app, AGREE_ADIT, sizeof AGREE_ADIT - 1, false);
        rounds(&w);
        if (i)
            adit_app_lost(w.app);
        rounds(&w);
        assert_int_equal(w.done, 0);
    }
    end(&w);
}

/* What breaks the rules ends it, from the loop and once. */
static void a_breach(void **state)
{
    struct adit_streams_conf conf;
    struct world w;

    (void)state;
    begin(&w, &conf, PROXY, true, true);
    adit_app_open(w.app);
    adit_app_message(w.app, AGREE_ADIT, sizeof AGREE_ADIT - 1, false);
    adit_app_message(w.app, "\x21\0\0\0\1hello", 10, false);
    assert_int_equal(w.done, 0);
    adit_app_message(w.app, "\x21\0\0\0\1hello", 10, false);
    rounds(&w);
    assert_int_equal(w.done, 1);
    assert_int_equal(w.cause.reason, ADIT_REASON_PROTOCOL);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(beginnings), cmocka_unit_test(again),
                                        cmocka_unit_test(a_breach) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
