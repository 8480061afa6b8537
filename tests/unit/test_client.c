/* The signaling client over real sockets: handshakes, failures, reconnection, and the ways that
 * need no server. What a dialect says is test_dialect's concern. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "core/tls.h"
#include "signal/client.h"
#include "tls_certs.h"
#include "wait.h"
#include "ws_server.h"

#define KINDS (ADIT_SIGNAL_STOPPED + 1)

struct end {
    struct adit_signal *signal;
    unsigned count[KINDS];
    char last[512]; /* the text of the last description or message */
    struct adit_cause cause;
    bool final;
    enum adit_signal_type type;
    int free_at; /* the kind of event at which it is freed, -1 = none */
};

static struct adit_loop *loop;
static unsigned fds_before;

static void on_event(void *arg, const struct adit_signal_event *e, adit_time now)
{
    struct end *end = arg;

    (void)now;
    end->count[e->what]++;
    if (e->what == ADIT_SIGNAL_DESCRIPTION || e->what == ADIT_SIGNAL_MESSAGE)
        snprintf(end->last, sizeof end->last, "%s", e->text);
    if (e->what == ADIT_SIGNAL_SEEN)
        adit_addr_str_ip(&e->addr, end->last);
    end->type = e->type;
    if (e->what == ADIT_SIGNAL_DOWN) {
        end->cause = e->cause;
        end->final = e->final;
    }
    if ((int)e->what == end->free_at)
        end->signal = adit_signal_free(end->signal);
}

static const struct adit_signal_ops ops = { .event = on_event };

static struct adit_signal_conf quick(const char *url)
{
    return (struct adit_signal_conf){
        .url = url, .proxy = "", .retry_first = 20 * ADIT_MS, .retry_max = 40 * ADIT_MS
    };
}

static void begin(struct end *end, const struct adit_signal_conf *conf)
{
    struct adit_cause cause = { .text = "" };

    *end = (struct end){ .free_at = -1 };
    if (adit_signal_new(&end->signal, loop, conf, &ops, end, &cause) < 0)
        fail_msg("%s", cause.text);
}

static void expect(struct end *end, enum adit_signal_what what)
{
    if (!wait_for(loop, &end->count[what]))
        fail_msg("event %d did not come; last cause: %s", (int)what, end->cause.text);
}

static void finish(struct end *end)
{
    adit_signal_stop(end->signal);
    expect(end, ADIT_SIGNAL_STOPPED);
    end->signal = adit_signal_free(end->signal);
}

/* ---- a server for all of them ---------------------------------------------------------------- */

struct script {
    int status[4];    /* of the first requests; 0 = 101 */
    const char *seen; /* told with 101; NULL = nothing */
    const char *body[4];
    unsigned requests;
    char target[8][300], request_body[8][300];
    char heard[2000]; /* messages, each in a line */
    unsigned opened, messages, close_code, closed;
    const char *greeting; /* sent when a WebSocket stands */
    const char *raw;      /* these bytes instead */
    size_t raw_len;
    bool drop; /* hang up at the first message */
    bool mute; /* say nothing any more from the first message on */
    struct ws_client *last;
};

static int on_request(struct ws_server *server, struct ws_client *c,
                      const struct adit_http1_head *head, const char *body, const char **ret_body)
{
    struct script *t = server->user;
    unsigned i = t->requests++;

    (void)c;
    if (i < ADIT_LEN(t->target)) {
        snprintf(t->target[i], sizeof t->target[i], "%s %s", head->method, head->target);
        snprintf(t->request_body[i], sizeof t->request_body[i], "%s", body);
    }
    if (i < ADIT_LEN(t->status) && t->status[i]) {
        *ret_body = t->body[i] ? t->body[i] : "";
        return t->status[i];
    }
    *ret_body = t->seen ? t->seen : "";
    return 101;
}

static void on_message(struct ws_server *server, struct ws_client *c, const char *text)
{
    struct script *t = server->user;

    t->last = c;
    if (!text) {
        t->opened++;
        if (t->raw)
            ws_client_raw(c, t->raw, t->raw_len);
        else if (t->greeting)
            ws_client_send(c, t->greeting);
        return;
    }
    t->messages++;
    strncat(t->heard, text, sizeof t->heard - strlen(t->heard) - 2);
    strcat(t->heard, "\n");
    if (t->mute) {
        t->mute = false;
        ws_client_mute(c);
    }
    if (t->drop) {
        t->drop = false;
        ws_client_drop(c);
    }
}

static void on_close(struct ws_server *server, unsigned code)
{
    struct script *t = server->user;

    t->close_code = code;
    t->closed++;
}

static char *serve(struct ws_server *server, struct script *t, const char *path)
{
    static char url[128];

    *server = (struct ws_server){
        .user = t, .request = on_request, .message = on_message, .closed = on_close
    };
    ws_server_start(server, loop);
    snprintf(url, sizeof url, "ws://127.0.0.1:%u%s", server->port, path);
    return url;
}

/* ---- the WebSocket --------------------------------------------------------------------------- */

static void a_conversation(void **state)
{
    struct script t = { .greeting = "{\"type\":\"offer\",\"from\":\"bob\",\"sdp\":\"v=0\"}" };
    struct ws_server server;
    struct adit_signal_conf conf = quick(serve(&server, &t, "/ws/alice"));
    const char *const headers[] = { "X-One:  1 " };
    struct end a;

    (void)state;
    conf.headers = headers;
    conf.header_count = 1;
    conf.token = "t0";
    begin(&a, &conf);
    assert_int_equal(adit_signal_call(a.signal, "bob"), -EAGAIN);
    expect(&a, ADIT_SIGNAL_JOINED);
    assert_true(adit_signal_joined(a.signal));
    assert_string_equal(adit_signal_id(a.signal), "alice");
    assert_string_equal(adit_signal_dialect(a.signal), "agent");
    expect(&a, ADIT_SIGNAL_DESCRIPTION);
    assert_string_equal(a.last, "v=0");
    assert_int_equal(adit_signal_describe(a.signal, "bob", ADIT_SIGNAL_ANSWER, "v=1", 3), 0);
    t.messages = 0;
    assert_true(wait_for(loop, &t.messages));
    finish(&a);
    assert_string_equal(t.heard, "{\"type\":\"register\",\"id\":\"alice\",\"token\":\"t0\"}\n"
                                 "{\"type\":\"answer\",\"from\":\"alice\",\"to\":\"bob\",\"sdp\":"
                                 "\"v=1\"}\n");
    assert_true(wait_for(loop, &t.closed));
    assert_int_equal(t.close_code, 1000);
    ws_server_stop(&server);
}

static void another_path_at_once(void **state)
{
    struct script t = { .status = { 403 } };
    struct ws_server server;
    struct adit_signal_conf conf = quick(serve(&server, &t, ""));
    struct end a;

    (void)state;
    conf.id = "alice";
    conf.retry_first = conf.retry_max = 1000 * ADIT_SEC; /* so it is not a retry */
    begin(&a, &conf);
    expect(&a, ADIT_SIGNAL_JOINED);
    assert_int_equal(a.count[ADIT_SIGNAL_DOWN], 0);
    assert_string_equal(t.target[0], "GET /");
    assert_string_equal(t.target[1], "GET /ws/alice");
    finish(&a);
    ws_server_stop(&server);
}

static void it_comes_back(void **state)
{
    struct script t = { .drop = true };
    struct ws_server server;
    struct adit_signal_conf conf = quick(serve(&server, &t, "/ws/alice"));
    struct end a;

    (void)state;
    begin(&a, &conf);
    expect(&a, ADIT_SIGNAL_DOWN);
    assert_false(a.final);
    assert_false(adit_signal_joined(a.signal));
    assert_int_equal(adit_signal_call(a.signal, "bob"), -EAGAIN);
    a.count[ADIT_SIGNAL_JOINED] = 0;
    expect(&a, ADIT_SIGNAL_JOINED);
    /* The server goes away, and comes again at the same place. */
    a.count[ADIT_SIGNAL_DOWN] = a.count[ADIT_SIGNAL_JOINED] = 0;
    ws_server_stop(&server);
    expect(&a, ADIT_SIGNAL_DOWN);
    a.count[ADIT_SIGNAL_DOWN] = 0;
    expect(&a, ADIT_SIGNAL_DOWN); /* and again: nobody is there */
    assert_int_equal(a.cause.err, ECONNREFUSED);
    ws_server_start(&server, loop);
    expect(&a, ADIT_SIGNAL_JOINED);
    finish(&a);
    ws_server_stop(&server);
}

static void come_again(struct end *a, struct script *t, const char *seen)
{
    t->seen = seen;
    a->count[ADIT_SIGNAL_JOINED] = 0;
    ws_client_drop(t->last);
    expect(a, ADIT_SIGNAL_JOINED);
}

/* The first address is no news, nor is one of the other family, nor what is none. */
static void the_server_sees_us_elsewhere(void **state)
{
    static const struct {
        const char *seen;
        unsigned told;
    } rows[] = { { "192.0.2.1", 0 }, { "2001:db8::1", 0 },   { "192.0.2.1", 0 },
                 { "192.0.2.2", 1 }, { "192.0.2.2:9", 1 },   { NULL, 1 },
                 { "nowhere", 1 },   { "2001:db8::0:1", 1 }, { "2001:db8::2", 2 },
                 { "192.0.2.2", 2 }, { "192.0.2.1", 3 } };
    struct script t = { .seen = "192.0.2.1" };
    struct ws_server server;
    struct adit_signal_conf conf = quick(serve(&server, &t, "/ws/alice"));
    const struct adit_addr *seen;
    char text[ADIT_ADDR_STR];
    struct end a;

    (void)state;
    begin(&a, &conf);
    expect(&a, ADIT_SIGNAL_JOINED);
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        come_again(&a, &t, rows[i].seen);
        if (a.count[ADIT_SIGNAL_SEEN] != rows[i].told)
            fail_msg("%s: told %u times", rows[i].seen, a.count[ADIT_SIGNAL_SEEN]);
    }
    assert_string_equal(a.last, "192.0.2.1");
    seen = adit_signal_seen(a.signal);
    assert_string_equal(adit_addr_str_ip(&seen[0], text), "192.0.2.1");
    assert_string_equal(adit_addr_str_ip(&seen[1], text), "2001:db8::2");
    finish(&a);
    ws_server_stop(&server);
}

static void silence_is_noticed(void **state)
{
    struct script t = { .mute = true };
    struct ws_server server;
    struct adit_signal_conf conf = quick(serve(&server, &t, "/ws/alice"));
    struct end a;

    (void)state;
    conf.ping_every = conf.pong_within = 50 * ADIT_MS;
    begin(&a, &conf);
    expect(&a, ADIT_SIGNAL_JOINED);
    expect(&a, ADIT_SIGNAL_DOWN);
    assert_false(a.final);
    assert_int_equal(a.cause.reason, ADIT_REASON_SILENCE);
    a.count[ADIT_SIGNAL_JOINED] = a.count[ADIT_SIGNAL_DOWN] = 0;
    expect(&a, ADIT_SIGNAL_JOINED);
    finish(&a); /* who answers is not silent */
    ws_server_stop(&server);
}

static void retry_does_not_wait(void **state)
{
    struct script t = { .status = { 500 } };
    struct ws_server server;
    struct adit_signal_conf conf = quick(serve(&server, &t, "/ws/alice"));
    struct end a;

    (void)state;
    conf.retry_first = conf.retry_max = 1000 * ADIT_SEC;
    begin(&a, &conf);
    expect(&a, ADIT_SIGNAL_DOWN);
    adit_signal_retry(a.signal);
    expect(&a, ADIT_SIGNAL_JOINED);
    adit_signal_retry(a.signal); /* what stands is left alone */
    assert_true(adit_signal_joined(a.signal));
    assert_int_equal(t.opened, 1);
    finish(&a);
    ws_server_stop(&server);
}

static void tries_end(void **state)
{
    struct script t = { .status = { 500, 500, 500 } };
    struct ws_server server;
    struct adit_signal_conf conf = quick(serve(&server, &t, "/ws/alice"));
    struct end a;

    (void)state;
    conf.retry_tries = 2;
    begin(&a, &conf);
    expect(&a, ADIT_SIGNAL_DOWN);
    assert_false(a.final);
    a.count[ADIT_SIGNAL_DOWN] = 0;
    expect(&a, ADIT_SIGNAL_DOWN);
    assert_true(a.final);
    assert_int_equal(t.requests, 2);
    finish(&a);
    ws_server_stop(&server);
}

/* The second pause is so many times the first, and some more by chance. */
static void pauses_grow(void **state)
{
    static const struct {
        unsigned factor_x10;
        int least, most; /* ms */
    } rows[] = { { 0, 0, 4 }, { 10, 0, 2 }, { 100000, 9000, 13000 } };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct script t = { .status = { 500, 500 } };
        struct ws_server server;
        struct adit_signal_conf conf = quick(serve(&server, &t, "/ws/alice"));
        struct end a;
        int ms;

        conf.retry_first = ADIT_MS;
        conf.retry_max = 60 * ADIT_SEC;
        conf.retry_factor_x10 = rows[i].factor_x10;
        begin(&a, &conf);
        expect(&a, ADIT_SIGNAL_DOWN);
        a.count[ADIT_SIGNAL_DOWN] = 0;
        expect(&a, ADIT_SIGNAL_DOWN);
        ms = adit_loop_timeout_ms(loop);
        if (ms < rows[i].least || ms > rows[i].most)
            fail_msg("factor %u: %d ms", rows[i].factor_x10, ms);
        finish(&a);
        ws_server_stop(&server);
    }
}

static void answers_that_are_none(void **state)
{
    static const struct {
        int status;
        const char *want;
    } rows[] = {
        { 200, "" }, { 301, "elsewhere" }, { 426, "" }, { -1, "" }, /* hangs up */
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct script t = { .status = { rows[i].status }, .body = { "hello" } };
        struct ws_server server;
        struct adit_signal_conf conf = quick(serve(&server, &t, "/ws/alice"));
        struct end a;

        begin(&a, &conf);
        expect(&a, ADIT_SIGNAL_DOWN);
        assert_true(a.cause.text[0] != 0);
        assert_non_null(strstr(a.cause.text, rows[i].want));
        expect(&a, ADIT_SIGNAL_JOINED); /* it goes on trying */
        finish(&a);
        ws_server_stop(&server);
    }
}

/* RFC 6455: what each broken frame is answered with. */
static void broken_frames(void **state)
{
    static const struct {
        const char *name, *bytes;
        size_t n;
        unsigned code;
    } rows[] = {
        { "masked by the server", "\x81\x82\x01\x02\x03\x04\x7a\x7f", 8, 1002 },
        { "RSV1: compressed", "\xc1\x02{}", 4, 1002 },
        { "reserved opcode", "\x83\x02{}", 4, 1002 },
        { "fragmented ping", "\x09\x00", 2, 1002 },
        { "ping of 126 bytes", "\x89\x7e\x00\x7e", 4, 1002 },
        { "continuation of nothing", "\x80\x02{}", 4, 1002 },
        { "a message of 2^63 bytes", "\x81\x7f\x80\0\0\0\0\0\0\0", 10, 1002 },
        { "a message of 96 KiB and one", "\x81\x7f\0\0\0\0\0\x01\x80\x01x", 11, 1009 },
        { "no UTF-8", "\x81\x02\xff\xfe", 4, 1007 },
        { "close code 1005", "\x88\x02\x03\xed", 4, 1002 },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct script t = { .raw = rows[i].bytes, .raw_len = rows[i].n };
        struct ws_server server;
        struct adit_signal_conf conf = quick(serve(&server, &t, "/ws/alice"));
        struct end a;

        begin(&a, &conf);
        assert_true(wait_for(loop, &t.closed));
        if (t.close_code != rows[i].code)
            fail_msg("%s: %u", rows[i].name, t.close_code);
        expect(&a, ADIT_SIGNAL_DOWN);
        t.raw = NULL;
        a.count[ADIT_SIGNAL_JOINED] = 0;
        expect(&a, ADIT_SIGNAL_JOINED);
        finish(&a);
        ws_server_stop(&server);
    }
}

/* Fragments with a ping in between, of which each is answered. */
static void whole_frames(void **state)
{
    static const char raw[] =
        "\x01\x10{\"type\":\"offer\",\x89\x03xyz\x00\x00\x80\x18\"from\":\"b\","
        "\"sdp\":\"v=0 \"}";
    struct script t = { .raw = raw, .raw_len = sizeof raw - 1 };
    struct ws_server server;
    struct adit_signal_conf conf = quick(serve(&server, &t, "/ws/alice"));
    struct end a;

    (void)state;
    begin(&a, &conf);
    expect(&a, ADIT_SIGNAL_DESCRIPTION);
    assert_string_equal(a.last, "v=0 ");
    finish(&a);
    ws_server_stop(&server);
}

static void freed_anywhere(void **state)
{
    static const int kinds[] = { ADIT_SIGNAL_JOINED, ADIT_SIGNAL_DESCRIPTION, ADIT_SIGNAL_DOWN,
                                 ADIT_SIGNAL_STOPPED };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(kinds); i++) {
        struct script t = { .greeting = "{\"type\":\"offer\",\"from\":\"bob\",\"sdp\":\"v=0\"}" };
        struct ws_server server;
        struct adit_signal_conf conf = quick(serve(&server, &t, "/ws/alice"));
        struct end a;

        t.drop = kinds[i] == ADIT_SIGNAL_DOWN;
        begin(&a, &conf);
        a.free_at = kinds[i];
        if (kinds[i] == ADIT_SIGNAL_STOPPED) {
            expect(&a, ADIT_SIGNAL_JOINED);
            adit_signal_stop(a.signal);
        }
        expect(&a, (enum adit_signal_what)kinds[i]);
        assert_null(a.signal);
        ws_server_stop(&server);
    }
}

/* ---- TLS and proxies ------------------------------------------------------------------------- */

/* The server's certificate is for good.test, 127.0.0.1 and ::1, by a CA of its own. */
static void whom_to_believe(void **state)
{
    struct certs certs;
    struct adit_cause cause;
    struct script t = { .greeting = "{}" };
    struct ws_server server;
    char url[128], ca[128], other[128], pin[ADIT_TLS_PIN_SIZE];
    const char *pins[1] = { pin };
    struct adit_tls_server_conf tls;
    struct {
        const char *name;
        struct adit_signal_conf conf;
        bool joins;
    } rows[6] = {
        { "the system's CAs", { 0 }, false },
        { "its CA", { .ca = ca }, true },
        { "another CA", { .ca = other }, false },
        { "its key", { .pins = pins, .pin_count = 1 }, true },
        { "anybody", { .insecure = true }, true },
        { "anybody, but another key", { .insecure = true, .pins = pins, .pin_count = 1 }, false },
    };

    (void)state;
    certs_make(&certs);
    snprintf(ca, sizeof ca, "%s", certs_path(&certs, "ca.pem"));
    snprintf(other, sizeof other, "%s", certs_path(&certs, "other-ca.pem"));
    serve(&server, &t, "");
    tls = (struct adit_tls_server_conf){ .cert = certs_path(&certs, "both.pem") };
    server.tls = adit_tls_server_new(&tls, &cause);
    assert_non_null(server.tls);
    snprintf(url, sizeof url, "wss://127.0.0.1:%u/ws/alice", server.port);
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_signal_conf conf = quick(url);
        struct end a;

        snprintf(pin, sizeof pin, "%s", adit_tls_server_pin(server.tls));
        if (i == 5) /* still base64 of 32 bytes, of other ones */
            pin[10] = pin[10] == 'A' ? 'B' : 'A';
        conf.ca = rows[i].conf.ca;
        conf.pins = rows[i].conf.pins;
        conf.pin_count = rows[i].conf.pin_count;
        conf.insecure = rows[i].conf.insecure;
        begin(&a, &conf);
        expect(&a, rows[i].joins ? ADIT_SIGNAL_JOINED : ADIT_SIGNAL_DOWN);
        if (a.count[ADIT_SIGNAL_JOINED] != rows[i].joins)
            fail_msg("%s: %s", rows[i].name, a.cause.text);
        if (!rows[i].joins)
            assert_int_equal(a.cause.reason, ADIT_REASON_NOT_AUTHENTIC);
        finish(&a);
    }
    ws_server_stop(&server);
    adit_tls_server_free(server.tls);
    certs_remove(&certs);
}

/* With every attempt, not only the first. */
static void who_checks_nothing_is_warned(void **state)
{
    struct adit_signal_conf conf = quick("wss://127.0.0.1:9/ws/alice"); /* nobody is there */
    int log = memfd_create("log", MFD_CLOEXEC), stderr_before = dup(STDERR_FILENO);
    char text[4096] = "";
    unsigned warnings = 0;
    struct end a;

    (void)state;
    conf.insecure = true;
    conf.retry_tries = 3;
    assert_int_equal(dup2(log, STDERR_FILENO), STDERR_FILENO);
    begin(&a, &conf);
    while (!a.final && wait_for(loop, &a.count[ADIT_SIGNAL_DOWN]))
        a.count[ADIT_SIGNAL_DOWN] = 0;
    finish(&a);
    assert_int_equal(dup2(stderr_before, STDERR_FILENO), STDERR_FILENO);
    assert_true(pread(log, text, sizeof text - 1, 0) > 0);
    for (const char *p = text; (p = strstr(p, "(--insecure)")); p++)
        warnings++;
    assert_int_equal(warnings, 3);
    close(stderr_before);
    close(log);
}

static size_t on_tunnel_data(void *arg, const uint8_t *bytes, size_t n, adit_time now);

/* A proxy that knows one way: to our server. */
struct tunnel {
    struct adit_stream *in, *out;
    uint16_t port;
    bool socks, greeted;
    char head[500]; /* what it was asked for */
};

static void on_tunnel_open(void *arg, adit_time now)
{
    (void)arg, (void)now;
}

static void on_tunnel_closed(void *arg, const struct adit_cause *cause, adit_time now)
{
    struct tunnel *t = arg;

    (void)cause, (void)now;
    t->in = adit_stream_free(t->in);
    t->out = adit_stream_free(t->out);
    t->greeted = false;
}

static size_t on_back(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct tunnel *t = arg;

    (void)now;
    assert_int_equal(adit_stream_send(t->in, bytes, n), 0);
    return n;
}

static const struct adit_stream_ops tunnel_ops = { .connected = on_tunnel_open,
                                                   .data = on_tunnel_data,
                                                   .closed = on_tunnel_closed };
static const struct adit_stream_ops back_ops = { .connected = on_tunnel_open,
                                                 .data = on_back,
                                                 .closed = on_tunnel_closed };

static size_t open_tunnel(struct tunnel *t, const void *yes, size_t yes_len, size_t used)
{
    struct adit_stream_conf conf = { .host = "127.0.0.1", .port = t->port };

    assert_int_equal(adit_stream_connect(&t->out, loop, &conf, &back_ops, t), 0);
    assert_int_equal(adit_stream_send(t->in, yes, yes_len), 0);
    return used;
}

static size_t on_socks(struct tunnel *t, const uint8_t *bytes, size_t n)
{
    static const char any_user[] = "\5\0", yes[] = "\5\0\0\1\0\0\0\0\0\0";
    size_t name_len = n > 4 ? bytes[4] : 0;

    if (!t->greeted) {
        assert_memory_equal(bytes, "\5\1\0", 3);
        assert_int_equal(adit_stream_send(t->in, any_user, 2), 0);
        t->greeted = true;
        return 3;
    }
    if (n < 7 + name_len)
        return 0;
    assert_memory_equal(bytes, "\5\1\0\3", 4);
    snprintf(t->head, sizeof t->head, "%.*s:%u", (int)name_len, (const char *)bytes + 5,
             adit_get16(bytes + 5 + name_len));
    return open_tunnel(t, yes, sizeof yes - 1, 7 + name_len);
}

static size_t on_tunnel_data(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    static const char yes[] = "HTTP/1.1 200 fine\r\n\r\n";
    struct tunnel *t = arg;
    const uint8_t *end = memmem(bytes, n, "\r\n\r\n", 4);

    (void)now;
    if (t->out) {
        assert_int_equal(adit_stream_send(t->out, bytes, n), 0);
        return n;
    }
    if (t->socks)
        return on_socks(t, bytes, n);
    if (!end)
        return 0;
    snprintf(t->head, sizeof t->head, "%.*s", (int)(end - bytes), (const char *)bytes);
    return open_tunnel(t, yes, sizeof yes - 1, (size_t)(end - bytes) + 4);
}

static void on_tunnel_call(void *arg, int fd, const struct adit_addr *from, adit_time now)
{
    struct tunnel *t = arg;
    struct adit_stream_accept_conf conf = { .from = from };

    (void)now;
    assert_int_equal(adit_stream_accept(&t->in, loop, fd, &conf, &tunnel_ops, t), 0);
}

static void go_through(struct tunnel *tunnel, const char *scheme, bool by_environment)
{
    static const struct adit_listen_ops listen_ops = { .accepted = on_tunnel_call };
    static const char *const at[] = { "127.0.0.1:0" };
    struct adit_listen_conf listen_conf = { .at = at, .count = 1 };
    struct script t = { .seen = "192.0.2.1" };
    struct ws_server server;
    struct adit_listen *listen;
    struct adit_cause cause;
    struct adit_signal_conf conf = quick(serve(&server, &t, ""));
    char proxy[64];
    struct end a;

    tunnel->port = server.port;
    assert_int_equal(adit_listen_open(&listen, loop, &listen_conf, &listen_ops, tunnel, &cause), 0);
    snprintf(proxy, sizeof proxy, "%s127.0.0.1:%u", scheme, adit_listen_addr(listen, 0)->port);
    conf.url = "ws://nobody.invalid:8000/ws/alice"; /* a name that only the proxy knows */
    conf.proxy = by_environment ? NULL : proxy;
    unsetenv("http_proxy");
    unsetenv("no_proxy");
    unsetenv("NO_PROXY");
    setenv("all_proxy", by_environment ? proxy : "http://127.0.0.1:1", 1);
    begin(&a, &conf);
    expect(&a, ADIT_SIGNAL_JOINED);
    assert_string_equal(t.target[0], "GET /ws/alice");
    come_again(&a, &t, "192.0.2.2"); /* that is the proxy */
    assert_int_equal(a.count[ADIT_SIGNAL_SEEN], 0);
    assert_int_equal(adit_signal_seen(a.signal)->family, ADIT_FAMILY_NONE);
    finish(&a);
    unsetenv("all_proxy");
    on_tunnel_closed(tunnel, NULL, 0);
    adit_listen_free(listen);
    ws_server_stop(&server);
}

static void through_a_proxy(void **state)
{
    struct tunnel http = { .in = NULL }, socks = { .socks = true };

    (void)state;
    go_through(&http, "http://user:pass@", false);
    assert_non_null(strstr(http.head, "CONNECT nobody.invalid:8000 HTTP/1.1"));
    assert_non_null(strstr(http.head, "Proxy-Authorization: Basic dXNlcjpwYXNz"));
    go_through(&socks, "socks5://", true);
    assert_string_equal(socks.head, "nobody.invalid:8000");
}

/* ---- HTTP calls ------------------------------------------------------------------------------ */

static void login_then_websocket(void **state)
{
    struct script t = { .status = { 200, 403, 200, 200 },
                        .body = { "{\"access_token\":\"one\"}", "", "{\"access_token\":\"two\"}",
                                  "[{\"id\":\"desk\"}]" },
                        .greeting = "{\"type\":\"connected\",\"device_id\":\"desk\"}" };
    struct ws_server server;
    struct adit_signal_conf conf = quick(serve(&server, &t, "/signal"));
    struct end a;

    (void)state;
    conf.id = "desk";
    conf.email = "a@example.org";
    conf.password = "correct horse";
    begin(&a, &conf);
    expect(&a, ADIT_SIGNAL_JOINED);
    assert_string_equal(t.target[0], "POST /auth/login");
    assert_string_equal(t.request_body[0],
                        "{\"email\":\"a@example.org\",\"password\":\"correct horse\"}");
    assert_string_equal(t.target[1], "GET /signal?token=one&device_id=desk");
    assert_string_equal(t.target[2], "POST /auth/login");
    assert_string_equal(t.target[3], "GET /devices/");
    assert_string_equal(t.target[4], "GET /signal?token=two&device_id=desk");
    assert_int_equal(a.count[ADIT_SIGNAL_DOWN], 0);
    finish(&a);
    ws_server_stop(&server);
}

/* One box of answers; a GET of more than a moment stays open until there is one. */
struct box {
    struct ws_client *waiting;
    unsigned deletes, writes, gets;
    char written[4][300];
};

static int box_request(struct ws_server *server, struct ws_client *c,
                       const struct adit_http1_head *head, const char *body, const char **ret_body)
{
    struct box *b = server->user;

    *ret_body = "";
    if (strcmp(head->method, "DELETE") == 0) {
        b->deletes++;
        return 204;
    }
    if (strcmp(head->method, "GET") == 0) {
        b->gets++;
        b->waiting = c;
        return 0;
    }
    if (b->writes < ADIT_LEN(b->written))
        snprintf(b->written[b->writes], sizeof b->written[0], "%s %.250s", head->method, body);
    b->writes++;
    *ret_body = "{\"seq\":1}";
    return 201;
}

static void mailboxes(void **state)
{
    struct box b = { 0 };
    struct ws_server server = { .user = &b, .request = box_request };
    struct adit_signal_conf conf;
    struct end a;
    char url[64];

    (void)state;
    ws_server_start(&server, loop);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/box/lab", server.port);
    conf = quick(url);
    conf.role = ADIT_DIALECT_OFFERER;
    begin(&a, &conf);
    expect(&a, ADIT_SIGNAL_PEER);
    assert_int_equal(adit_signal_describe(a.signal, "peer", ADIT_SIGNAL_OFFER, "v=0", 3), 0);
    assert_int_equal(
        adit_signal_candidate(a.signal, "peer", "candidate:1 1 udp 1 192.0.2.1 9 typ host", "", -1),
        0);
    while (b.writes < 2)
        assert_int_equal(adit_loop_process(loop), 0);
    assert_true(wait_for(loop, &b.gets));
    assert_int_equal(strncmp(b.written[0], "PUT {\"type\":\"offer\",\"sdp\":\"v=0\"", 31), 0);
    assert_int_equal(strncmp(b.written[1], "POST {\"type\":\"candidate\"", 24), 0);
    assert_int_equal(server.connections, 2); /* one that reads, one that writes */
    b.gets = 0;
    ws_client_answer(b.waiting, 200, "X-Seq: 7\r\n\r\n{\"type\":\"answer\",\"sdp\":\"v=9\"}");
    expect(&a, ADIT_SIGNAL_DESCRIPTION);
    assert_string_equal(a.last, "v=9");
    assert_true(wait_for(loop, &b.gets));
    assert_int_equal(server.connections, 2);
    assert_int_equal(adit_signal_bye(a.signal, "peer"), 0);
    finish(&a);
    assert_int_equal(b.writes, 3); /* the goodbye was waited for */
    ws_server_stop(&server);
}

/* ---- no server ------------------------------------------------------------------------------- */

static void a_program(void **state)
{
    struct adit_signal_conf conf = quick(NULL);
    struct end a;

    (void)state;
    conf.exec = "cat"; /* says what we say */
    conf.role = ADIT_DIALECT_OFFERER;
    begin(&a, &conf);
    expect(&a, ADIT_SIGNAL_PEER);
    assert_int_equal(adit_signal_describe(a.signal, "peer", ADIT_SIGNAL_OFFER, "v=0", 3), 0);
    expect(&a, ADIT_SIGNAL_DESCRIPTION);
    assert_string_equal(a.last, "v=0");
    assert_int_equal(adit_signal_bye(a.signal, "peer"), 0);
    expect(&a, ADIT_SIGNAL_BYE);
    finish(&a);

    conf.exec = "sh -c 'echo {\\\"type\\\":\\\"bye\\\"}'"; /* and ends */
    begin(&a, &conf);
    expect(&a, ADIT_SIGNAL_DOWN);
    a.count[ADIT_SIGNAL_BYE] = 0;
    expect(&a, ADIT_SIGNAL_BYE);
    assert_false(a.final);
    finish(&a);

    conf.exec = "/nonexistent/program";
    begin(&a, &conf);
    expect(&a, ADIT_SIGNAL_DOWN);
    assert_true(a.final);
    finish(&a);
}

static void a_file(void **state)
{
    char dir[] = "/tmp/adit-test-XXXXXX", path[64], other[80];
    struct adit_signal_conf conf = quick(NULL);
    struct end a, b;
    FILE *f;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/meet", dir);
    snprintf(other, sizeof other, "%s.answer", path);
    f = fopen(other, "w"); /* of another time */
    fputs("{\"type\":\"answer\",\"sdp\":\"stale\"}\n", f);
    fclose(f);
    conf.file = path;
    conf.role = ADIT_DIALECT_OFFERER;
    begin(&a, &conf);
    conf.role = ADIT_DIALECT_ANSWERER;
    begin(&b, &conf);
    expect(&a, ADIT_SIGNAL_PEER);
    assert_int_equal(adit_signal_describe(a.signal, "peer", ADIT_SIGNAL_OFFER, "v=0", 3), 0);
    assert_int_equal(adit_signal_candidate(a.signal, "peer", "candidate:1", "", -1), 0);
    expect(&b, ADIT_SIGNAL_DESCRIPTION);
    expect(&b, ADIT_SIGNAL_CANDIDATE);
    assert_int_equal(adit_signal_describe(b.signal, "peer", ADIT_SIGNAL_ANSWER, "v=1", 3), 0);
    expect(&a, ADIT_SIGNAL_DESCRIPTION);
    assert_string_equal(a.last, "v=1");
    /* More of the same, and only that. */
    b.count[ADIT_SIGNAL_DESCRIPTION] = 0;
    assert_int_equal(adit_signal_candidate(a.signal, "peer", NULL, "", -1), 0);
    expect(&b, ADIT_SIGNAL_CANDIDATES_END);
    assert_int_equal(b.count[ADIT_SIGNAL_DESCRIPTION], 0);
    finish(&a);
    finish(&b);
    unlink(other);
    snprintf(other, sizeof other, "%s.offer", path);
    unlink(other);
    assert_int_equal(rmdir(dir), 0);
}

/* ---- configurations -------------------------------------------------------------------------- */

static void configurations(void **state)
{
    static const char *const header[] = { "no colon" }, *const bad_value[] = { "A: b\r\nC: d" };
    static const char *const pin[] = { "sha256/AAAA" };
    static const struct adit_signal_conf rows[] = {
        { .url = NULL },
        { .url = "ws://a/", .exec = "cat" },
        { .url = "ftp://a/" },
        { .url = "ws://" },
        { .url = "ws://a b/" },
        { .url = "ws://a/", .dialect = "klingon" },
        { .url = "ws://a/", .dialect = "lines" },
        { .url = "ws://a/", .dialect = "vpn" },
        { .url = "ws://a/", .dialect = "room" },
        { .url = "ws://a/signal" },
        { .url = "ws://a/", .id = "a\nb" },
        { .url = "ws://a/", .headers = header, .header_count = 1 },
        { .url = "ws://a/", .headers = bad_value, .header_count = 1 },
        { .url = "ws://a/", .pins = pin, .pin_count = 1 },
        { .url = "wss://a/", .pins = pin, .pin_count = 1 },
        { .url = "wss://a/", .ca = "/nonexistent" },
        { .url = "ws://a/", .proxy = "gopher://x" },
        { .exec = "cat" },
        { .file = "/tmp/x" },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_signal *s = NULL;
        struct adit_cause cause = { .text = "" };
        int err = adit_signal_new(&s, loop, &rows[i], &ops, NULL, &cause);
        if (err != -EINVAL || s || !cause.text[0])
            fail_msg("row %zu: %d %s", i, err, cause.text);
    }
}

/* Every allocation of the beginning may be the one for which there is no memory. */
static void no_memory(void **state)
{
    const char *const headers[] = { "X-One: 1" };
    struct adit_signal_conf conf = quick("wss://127.0.0.1:9/ws/alice");
    struct adit_signal *s = NULL;
    int err = -ENOMEM;

    (void)state;
    conf.headers = headers;
    conf.header_count = 1;
    conf.token = "t0";
    for (uint64_t n = 0; err; n++) {
        struct adit_cause cause = { .text = "" };
        assert_true(n < 100);
        adit_alloc_fail_at(n);
        err = adit_signal_new(&s, loop, &conf, &ops, NULL, &cause);
        adit_alloc_fail_at(UINT64_MAX);
        assert_true(!err || cause.text[0]);
    }
    adit_signal_free(s);
}

static int setup(void **state)
{
    (void)state;
    loop = adit_loop_new();
    fds_before = open_fds();
    return loop ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(adit_loop_process(loop), 0);
    assert_int_equal(open_fds(), fds_before);
    loop = adit_loop_free(loop);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_conversation),
        TEST(another_path_at_once),
        TEST(it_comes_back),
        TEST(the_server_sees_us_elsewhere),
        TEST(silence_is_noticed),
        TEST(retry_does_not_wait),
        TEST(tries_end),
        TEST(pauses_grow),
        TEST(answers_that_are_none),
        TEST(broken_frames),
        TEST(whole_frames),
        TEST(whom_to_believe),
        TEST(who_checks_nothing_is_warned),
        TEST(through_a_proxy),
        TEST(freed_anywhere),
        TEST(login_then_websocket),
        TEST(mailboxes),
        TEST(a_program),
        TEST(a_file),
        TEST(configurations),
        TEST(no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
