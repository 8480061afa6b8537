/* test_relay.c - the client of a relay, over real sockets: both handshakes, what ends a session and
 * what does not, and carriers at both ends of one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "app/exchange.h"
#include "app/relay.h"
#include "base/alloc.h"
#include "wait.h"
#include "ws_server.h"

static struct adit_loop *loop;
static unsigned fds_before;

/* ---- one end --------------------------------------------------------------------------------- */

struct end {
    struct adit_relay *relay;
    unsigned opened, messages, writable, down, finals;
    struct adit_buf heard;
    struct adit_cause cause;
    int free_at;  /* 1: opened, 2: message, 3: down */
    int pause_at; /* after so many messages */
    struct adit_carrier *carrier;
};

static void maybe_free(struct end *e, int at)
{
    if (e->free_at == at)
        e->relay = adit_relay_free(e->relay);
}

static void on_opened(void *arg, adit_time now)
{
    struct end *e = arg;

    (void)now;
    e->opened++;
    maybe_free(e, 1);
}

static void on_message(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct end *e = arg;

    e->messages++;
    if (e->carrier)
        adit_carrier_message(e->carrier, bytes, n, false, now);
    else
        adit_buf_add(&e->heard, bytes, n);
    if (e->pause_at && e->messages == (unsigned)e->pause_at)
        adit_relay_pause(e->relay);
    maybe_free(e, 2);
}

static void on_writable(void *arg, adit_time now)
{
    struct end *e = arg;

    e->writable++;
    if (e->carrier)
        adit_carrier_writable(e->carrier, now);
}

static void on_down(void *arg, const struct adit_cause *cause, bool final, adit_time now)
{
    struct end *e = arg;

    (void)now;
    e->cause = *cause;
    e->finals += final;
    e->down++;
    maybe_free(e, 3);
}

static const struct adit_relay_ops ops = {
    .opened = on_opened, .message = on_message, .writable = on_writable, .down = on_down
};

static void begin(struct end *e, const struct ws_server *server, bool second)
{
    char url[64];
    struct adit_relay_conf conf = { .url = url,
                                    .session = "me-you/1",
                                    .token = "a.b.c",
                                    .second = second,
                                    .retry_first = 20 * ADIT_MS,
                                    .retry_max = 40 * ADIT_MS };
    struct adit_cause cause = { .text = "" };

    snprintf(url, sizeof url, "ws://127.0.0.1:%u", server->port);
    *e = (struct end){ .relay = NULL };
    adit_buf_init(&e->heard, 1 << 20);
    if (adit_relay_new(&e->relay, loop, &conf, &ops, e, &cause) < 0)
        fail_msg("%s", cause.text);
}

static void expect(const unsigned *flag)
{
    assert_true(wait_for(loop, flag));
}

static void finish(struct end *e)
{
    e->relay = adit_relay_free(e->relay);
    adit_buf_done(&e->heard);
}

/* ---- the relay ------------------------------------------------------------------------------- */

struct script {
    int status[3]; /* of the first requests; 0 = 101 */
    unsigned requests, opened, texts, messages, closed, code;
    char target[3][300];
    char text[200];
    struct adit_buf heard;
    struct ws_client *last;
    bool echo, join; /* to itself; from each of two to the other */
};

static int on_request(struct ws_server *server, struct ws_client *c,
                      const struct adit_http1_head *head, const char *body, const char **ret_body)
{
    struct script *t = server->user;
    unsigned i = t->requests++;

    (void)c, (void)body, (void)ret_body;
    if (i < ADIT_LEN(t->target))
        snprintf(t->target[i], sizeof t->target[i], "%s", head->target);
    return i < ADIT_LEN(t->status) && t->status[i] ? t->status[i] : 101;
}

static void on_text(struct ws_server *server, struct ws_client *c, const char *text)
{
    struct script *t = server->user;

    t->last = c;
    if (!text) {
        t->opened++;
        return;
    }
    snprintf(t->text, sizeof t->text, "%s", text);
    t->texts++;
}

static void on_binary(struct ws_server *server, struct ws_client *c, const uint8_t *bytes, size_t n)
{
    struct script *t = server->user;
    struct ws_client *other = server->clients == c ? c->next : server->clients;

    adit_buf_add(&t->heard, bytes, n);
    t->messages++;
    if (t->echo)
        ws_client_send_binary(c, bytes, n);
    if (t->join && other && other->ws)
        ws_client_send_binary(other, bytes, n);
}

static void on_closed(struct ws_server *server, unsigned code)
{
    struct script *t = server->user;

    t->code = code;
    t->closed++;
}

static void start(struct ws_server *server, struct script *t)
{
    *t = (struct script){ .requests = 0 };
    adit_buf_init(&t->heard, 1 << 24);
    *server = (struct ws_server){ .user = t,
                                  .request = on_request,
                                  .message = on_text,
                                  .binary = on_binary,
                                  .closed = on_closed };
    ws_server_start(server, loop);
}

static void stop(struct ws_server *server, struct script *t)
{
    ws_server_stop(server);
    adit_buf_done(&t->heard);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void the_first_generation(void **state)
{
    struct ws_server server;
    struct script t;
    struct end e;

    (void)state;
    start(&server, &t);
    t.echo = true;
    begin(&e, &server, false);
    assert_int_equal(adit_relay_send(e.relay, "x", 1), -EPIPE);
    expect(&e.opened);
    assert_string_equal(t.target[0], "/relay/me-you%2F1?token=a.b.c");
    assert_true(adit_relay_is_open(e.relay));
    assert_int_equal(adit_relay_send(e.relay, "\0\1", 2), 0);
    expect(&e.messages);
    assert_int_equal(e.heard.len, 2);
    assert_memory_equal(e.heard.data, "\0\1", 2);
    assert_int_equal(t.texts, 0);
    finish(&e);
    expect(&t.closed);
    assert_int_equal(t.code, 1000);
    stop(&server, &t);
}

static void the_second_generation(void **state)
{
    struct ws_server server;
    struct script t;
    struct end e;

    (void)state;
    start(&server, &t);
    begin(&e, &server, true);
    expect(&e.opened);
    assert_int_equal(adit_relay_send(e.relay, "x", 1), 0);
    expect(&t.messages);
    assert_string_equal(t.target[0], "/relay/me-you%2F1");
    assert_string_equal(t.text, "{\"type\":\"auth\",\"token\":\"a.b.c\"}");
    /* A token is good once. */
    ws_client_close(t.last, 1000, "session-closed");
    expect(&e.finals);
    assert_string_equal(e.cause.text, "the relay hung up: session-closed");
    finish(&e);
    stop(&server, &t);
}

static void addresses(void **state)
{
    static const struct {
        const char *url, *session, *token;
        int err;
    } rows[] = {
        { "ws://127.0.0.1:1/", "s", "t", 0 },       { "ws://127.0.0.1:1/a/", "s", "t", 0 },
        { "ws://127.0.0.1:1/x", NULL, "t", 0 },     { "http://127.0.0.1:1", "s", "t", -EINVAL },
        { "wss://127.0.0.1:1", "s", "t", -EINVAL }, { "ws://127.0.0.1:1", "", "t", -EINVAL },
        { "ws://127.0.0.1:1", "s", "", -EINVAL },   { "ws://127.0.0.1:1", "s", NULL, -EINVAL },
        { "nonsense", "s", "t", -EINVAL },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_relay_conf conf = { .url = rows[i].url,
                                        .session = rows[i].session,
                                        .token = rows[i].token };
        struct adit_relay *r = NULL;
        struct adit_cause cause = { .text = "" };
        struct end e = { .relay = NULL };
        int err = adit_relay_new(&r, loop, &conf, &ops, &e, &cause);
        assert_int_equal(err, rows[i].err);
        assert_int_equal(cause.text[0] != '\0', err != 0);
        adit_relay_free(r);
    }
}

static void what_ends_and_what_comes_again(void **state)
{
    static const struct {
        const char *name, *text; /* what the relay says */
        unsigned code;           /* and closes with; 0 = it is just gone */
        bool second, final;
    } rows[] = {
        { "gone", NULL, 0, false, false },
        { "a goodbye", NULL, 1000, false, false },
        { "a policy", NULL, 1008, false, true },
        { "try again later", NULL, 1013, true, false },
        { "gone, with a token that is good once", NULL, 0, true, true },
        { "refused for good",
          "{\"type\":\"error\",\"message\":\"no\",\"reason\":\"auth-failed\",\"retryable\":false}",
          1008, true, true },
        { "refused for now",
          "{\"type\":\"error\",\"reason\":\"relay-at-capacity\",\"retryable\":true}", 1013, true,
          false },
        { "refused without a word about later", "{\"type\":\"error\"}", 0, true, true },
        { "another text", "{\"type\":\"hello\"}", 1000, false, false },
        { "no JSON", "nonsense", 1000, false, false },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct ws_server server;
        struct script t;
        struct end e;
        start(&server, &t);
        begin(&e, &server, rows[i].second);
        expect(&e.opened);
        if (rows[i].text)
            ws_client_send(t.last, rows[i].text);
        if (rows[i].code)
            ws_client_close(t.last, rows[i].code, NULL);
        else if (!rows[i].text)
            ws_client_drop(t.last);
        expect(&e.down);
        if (e.finals != rows[i].final)
            fail_msg("%s: %s", rows[i].name, e.cause.text);
        e.opened = 0;
        if (!rows[i].final)
            expect(&e.opened);
        finish(&e);
        stop(&server, &t);
    }
}

static void refused_before_it_begins(void **state)
{
    static const struct {
        int status;
        bool final;
    } rows[] = { { 403, true }, { 401, true }, { 404, false }, { 503, false }, { 200, false } };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct ws_server server;
        struct script t;
        struct end e;
        start(&server, &t);
        t.status[0] = t.status[1] = rows[i].status;
        begin(&e, &server, false);
        expect(&e.down);
        assert_int_equal(e.finals, rows[i].final);
        if (!rows[i].final)
            expect(&e.opened);
        finish(&e);
        stop(&server, &t);
    }
}

static void what_is_queued_is_bounded(void **state)
{
    struct ws_server server;
    struct script t;
    struct end e;
    uint8_t *bytes = calloc(1, 100000);
    int sent = 0;

    (void)state;
    start(&server, &t);
    begin(&e, &server, false);
    expect(&e.opened);
    ws_client_mute(t.last);
    while (sent < 1000 && adit_relay_send(e.relay, bytes, 100000) == 0)
        sent++;
    assert_in_range(sent, 3, 100);
    assert_in_range(adit_relay_buffered(e.relay), ADIT_RELAY_QUEUE_MAX,
                    ADIT_RELAY_QUEUE_MAX + 100100);
    assert_int_equal(adit_relay_send(e.relay, bytes, ADIT_RELAY_MESSAGE_MAX + 1), -EMSGSIZE);
    adit_stream_resume(t.last->stream);
    expect(&e.writable);
    assert_int_equal(adit_relay_send(e.relay, bytes, 1), 0);
    free(bytes);
    finish(&e);
    stop(&server, &t);
}

static void pausing(void **state)
{
    struct ws_server server;
    struct script t;
    struct end e;
    unsigned echoes = 0;

    (void)state;
    start(&server, &t);
    t.echo = true;
    begin(&e, &server, false);
    expect(&e.opened);
    e.pause_at = 2;
    for (int i = 0; i < 5; i++)
        assert_int_equal(adit_relay_send(e.relay, "abcde" + i, 1), 0);
    while (t.messages < 5)
        assert_int_equal(adit_loop_process(loop), 0);
    for (int i = 0; i < 20; i++)
        assert_int_equal(adit_loop_process(loop), 0);
    assert_int_equal(e.messages, 2);
    e.pause_at = 0;
    adit_relay_resume(e.relay);
    assert_int_equal(e.messages, 2); /* not from inside */
    for (; e.messages < 5 && echoes < 100000; echoes++)
        assert_int_equal(adit_loop_process(loop), 0);
    assert_int_equal(e.heard.len, 5);
    assert_memory_equal(e.heard.data, "abcde", 5);
    finish(&e);
    stop(&server, &t);
}

static void freed_inside_any_callback(void **state)
{
    (void)state;
    for (int at = 1; at <= 3; at++) {
        struct ws_server server;
        struct script t;
        struct end e;
        start(&server, &t);
        begin(&e, &server, false);
        e.free_at = at;
        expect(&e.opened);
        if (at == 2) {
            ws_client_send_binary(t.last, "x", 1);
            expect(&e.messages);
        } else if (at == 3) {
            ws_client_drop(t.last);
            expect(&e.down);
        }
        assert_null(e.relay);
        finish(&e);
        stop(&server, &t);
    }
}

static void a_framing_that_is_broken(void **state)
{
    struct ws_server server;
    struct script t;
    struct end e;

    (void)state;
    start(&server, &t);
    begin(&e, &server, false);
    expect(&e.opened);
    adit_relay_reset(e.relay, "4001: nonsense");
    assert_int_equal(adit_relay_send(e.relay, "x", 1), -EPIPE);
    expect(&e.down);
    assert_string_equal(e.cause.text, "4001: nonsense");
    e.opened = 0;
    expect(&e.opened);
    finish(&e);
    stop(&server, &t);
}

/* ---- carriers at both ends ------------------------------------------------------------------- */

struct pair {
    struct end ends[2];
    unsigned ready, requests, heads, bodies, done;
    struct adit_exchange *x[2];
};

static struct pair pair;

static int carrier_send(void *arg, const void *bytes, size_t n, bool text)
{
    (void)text;
    return adit_relay_send(((struct end *)arg)->relay, bytes, n);
}

static size_t carrier_buffered(void *arg)
{
    return adit_relay_buffered(((struct end *)arg)->relay);
}

static size_t carrier_message_max(void *arg)
{
    (void)arg;
    return ADIT_RELAY_MESSAGE_MAX;
}

static void carrier_pause(void *arg)
{
    adit_relay_pause(((struct end *)arg)->relay);
}

static void carrier_resume(void *arg)
{
    adit_relay_resume(((struct end *)arg)->relay);
}

static void x_head(void *arg, const struct adit_http1_head *head, adit_time now)
{
    (void)arg, (void)now;
    assert_int_equal(head->status, 200);
    pair.heads++;
}

static void x_body(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_exchange **x = arg;

    (void)bytes;
    pair.bodies += (unsigned)n;
    adit_exchange_consumed(*x, n, now);
}

static void x_end(void *arg, const struct adit_http1_field *trailers, unsigned count, adit_time now)
{
    (void)trailers, (void)count, (void)now;
    pair.done += arg == &pair.x[0];
}

static void x_writable(void *arg, adit_time now)
{
    (void)arg, (void)now;
}

static void x_failed(void *arg, int status, const char *text, adit_time now)
{
    (void)arg, (void)now;
    fail_msg("%d %s", status, text);
}

static const struct adit_exchange_ops x_ops = {
    .head = x_head, .body = x_body, .end = x_end, .writable = x_writable, .failed = x_failed
};

static void carrier_request(void *arg, struct adit_exchange *x, const struct adit_http1_head *head,
                            adit_time now)
{
    struct adit_http1_head answer = {
        .method = "", .target = "", .status = 200, .reason = "OK", .body = true, .chunked = true
    };

    (void)arg;
    assert_string_equal(head->target, "/over/the/relay");
    pair.requests++;
    pair.x[1] = x;
    adit_exchange_take(x, &x_ops, &pair.x[1]);
    assert_int_equal(adit_exchange_head(x, &answer, now), 0);
    assert_int_equal(adit_exchange_body(x, (const uint8_t *)"hello", 5, now), 0);
    assert_int_equal(adit_exchange_end(x, NULL, 0, now), 0);
}

static void carrier_ready(void *arg, adit_time now)
{
    (void)now;
    pair.ready += arg == &pair.ends[0];
}

static void carrier_broken(void *arg, const char *text, adit_time now)
{
    (void)arg, (void)now;
    fail_msg("%s", text);
}

static const struct adit_carrier_ops carrier_ops = { .send = carrier_send,
                                                     .buffered = carrier_buffered,
                                                     .message_max = carrier_message_max,
                                                     .pause = carrier_pause,
                                                     .resume = carrier_resume,
                                                     .request = carrier_request,
                                                     .ready = carrier_ready,
                                                     .broken = carrier_broken };

static void carriers_over_a_relay(void **state)
{
    static const struct adit_carrier_class *const classes[] = { &adit_carrier_v2, &adit_carrier_v3,
                                                                &adit_carrier_agent };
    struct adit_http1_head ask = { .method = "GET", .target = "/over/the/relay" };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(classes); i++) {
        struct ws_server server;
        struct script t;
        int err;
        memset(&pair, 0, sizeof pair);
        start(&server, &t);
        t.join = true;
        for (int k = 0; k < 2; k++) {
            begin(&pair.ends[k], &server, i > 0);
            expect(&pair.ends[k].opened);
        }
        while (i > 0 && t.texts < 2)
            assert_int_equal(adit_loop_process(loop), 0);
        for (int k = 0; k < 2; k++) {
            struct adit_carrier_conf conf = {
                .loop = loop, .provider = k == 1, .ops = &carrier_ops, .arg = &pair.ends[k]
            };
            pair.ends[k].carrier = adit_carrier_new(classes[i], &conf, adit_loop_now(loop));
            assert_non_null(pair.ends[k].carrier);
        }
        expect(&pair.ready);
        pair.x[0] = adit_exchange_begin(pair.ends[0].carrier, &ask, &x_ops, &pair.x[0], &err,
                                        adit_loop_now(loop));
        assert_non_null(pair.x[0]);
        assert_int_equal(adit_exchange_end(pair.x[0], NULL, 0, adit_loop_now(loop)), 0);
        expect(&pair.done);
        assert_int_equal(pair.bodies, 5);
        for (int k = 0; k < 2; k++) {
            pair.x[k] = adit_exchange_free(pair.x[k], NULL, adit_loop_now(loop));
            adit_carrier_lost(pair.ends[k].carrier, adit_loop_now(loop));
            pair.ends[k].carrier = adit_carrier_free(pair.ends[k].carrier);
            finish(&pair.ends[k]);
        }
        stop(&server, &t);
    }
}

static void without_memory(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < 60; n++) {
        struct ws_server server;
        struct script t;
        struct end e = { .relay = NULL };
        struct adit_cause cause;
        char url[64];
        start(&server, &t);
        snprintf(url, sizeof url, "ws://127.0.0.1:%u", server.port);
        struct adit_relay_conf conf = { .url = url,
                                        .session = "s",
                                        .token = "t",
                                        .second = true,
                                        .retry_first = ADIT_MS,
                                        .retry_max = ADIT_MS };
        adit_buf_init(&e.heard, 100);
        adit_alloc_fail_once(n);
        int err = adit_relay_new(&e.relay, loop, &conf, &ops, &e, &cause);
        adit_alloc_fail_at(UINT64_MAX);
        if (err == 0)
            expect(&e.opened);
        else
            assert_int_equal(err, -ENOMEM);
        finish(&e);
        stop(&server, &t);
    }
}

static int setup(void **state)
{
    (void)state;
    fds_before = open_fds();
    loop = adit_loop_new();
    return loop ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    loop = adit_loop_free(loop);
    return open_fds() == fds_before ? 0 : -1;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(the_first_generation),
        TEST(the_second_generation),
        TEST(addresses),
        TEST(what_ends_and_what_comes_again),
        TEST(refused_before_it_begins),
        TEST(what_is_queued_is_bounded),
        TEST(pausing),
        TEST(freed_inside_any_callback),
        TEST(a_framing_that_is_broken),
        TEST(carriers_over_a_relay),
        TEST(without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
