/* Both ends of each dialect are ours: two clients' engines meet at the server's engine, tell each
 * other who they are, and leave. No I/O; a message in flight is an entry of a queue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "signal/dialect.h"
#include "signal/hub.h"

#define QUEUE 256

struct world;

/* One connection to the server: a WebSocket, or an HTTP call. */
struct conn {
    struct client *client;
    struct adit_hub_client *at_hub;
    bool http, open, dead;
    unsigned tag;
};

struct client {
    struct world *world;
    struct adit_dialect_conf conf;
    struct adit_dialect_state *engine;
    struct adit_rng rng;
    struct conn *ws, *calls[ADIT_DIALECT_TAGS];
    char log[4000];
    char peer[ADIT_SIGNAL_PEER_MAX + 1];
    bool failed;
    struct adit_addr addr;
};

enum what { OPEN, CALL, UP, ACCEPTED, REPLY, DOWN, CLOSED, DATAGRAM };

struct world {
    struct adit_hub *hub;
    struct adit_hub_conf conf;
    struct adit_rng rng;
    adit_time now;
    struct client *clients[2];
    struct conn *conns[64];
    unsigned conn_count;
    struct {
        enum what what;
        struct conn *conn;
        struct client *client;
        char *text, *target, *method, *authorization;
        int status;
        uint64_t seq;
    } queue[QUEUE];
    unsigned head, tail;
    bool udp_blocked;
};

static char *copy(const char *text, size_t n)
{
    char *out = text ? strndup(text, n) : NULL;

    return out;
}

static unsigned put(struct world *w, enum what what, struct conn *conn, const char *text, size_t n)
{
    unsigned i = w->tail++ % QUEUE;

    assert_true(w->tail - w->head < QUEUE);
    memset(&w->queue[i], 0, sizeof w->queue[i]);
    w->queue[i].what = what;
    w->queue[i].conn = conn;
    w->queue[i].text = copy(text, n);
    return i;
}

static struct conn *new_conn(struct world *w, struct client *c, bool http, unsigned tag)
{
    struct conn *conn = calloc(1, sizeof *conn);

    assert_true(w->conn_count < ADIT_LEN(w->conns));
    w->conns[w->conn_count++] = conn;
    conn->client = c;
    conn->http = http;
    conn->tag = tag;
    return conn;
}

/* ---- the clients' operations ----------------------------------------------------------------- */

static void request(struct client *c, enum what what, struct conn *conn,
                    const struct adit_dialect_request *r)
{
    unsigned i = put(c->world, what, conn, r->body, r->body_len);

    c->world->queue[i].target = copy(*r->target ? r->target : "/", 8000);
    c->world->queue[i].method = copy(r->method ? r->method : "GET", 16);
    if (r->header_count)
        c->world->queue[i].authorization = copy(r->headers[0].value, 8000);
}

static void on_http(void *arg, const struct adit_dialect_request *r)
{
    struct client *c = arg;

    c->calls[r->tag] = new_conn(c->world, c, true, r->tag);
    request(c, CALL, c->calls[r->tag], r);
}

static void on_websocket(void *arg, const struct adit_dialect_request *r)
{
    struct client *c = arg;

    c->ws = new_conn(c->world, c, false, 0);
    request(c, OPEN, c->ws, r);
}

static void on_send(void *arg, const char *text, size_t n)
{
    struct client *c = arg;

    put(c->world, UP, c->ws, text, n);
}

static void on_datagram(void *arg, const struct adit_addr *to, const void *bytes, size_t n)
{
    struct client *c = arg;
    struct world *w = c->world;

    for (int i = 0; i < 2; i++) {
        if (!w->udp_blocked && w->clients[i] && adit_addr_equal(to, &w->clients[i]->addr)) {
            unsigned q = put(w, DATAGRAM, NULL, bytes, n);
            w->queue[q].client = w->clients[i];
            w->queue[q].conn = c->ws;
        }
    }
}

static void on_event(void *arg, const struct adit_signal_event *e)
{
    static const char *const names[] = { "joined",  "peer",    "gone", "description", "candidate",
                                         "end",     "bye",     "ice",  "error",       "request",
                                         "outcome", "message", "rtt",  "endpoint",    "remap" };
    struct client *c = arg;
    size_t n = strlen(c->log);

    if (e->what == ADIT_SIGNAL_PEER)
        snprintf(c->peer, sizeof c->peer, "%s", e->peer);
    snprintf(
        c->log + n, sizeof c->log - n, "%s%s%s%s%s%s;", names[e->what],
        e->what == ADIT_SIGNAL_PEER ? e->offer ? " ours" : " theirs" : "",
        e->what == ADIT_SIGNAL_DESCRIPTION ? e->type == ADIT_SIGNAL_OFFER ? " offer " : " answer "
                                           : "",
        e->what == ADIT_SIGNAL_CANDIDATE ? " " : "", e->what == ADIT_SIGNAL_OUTCOME ? "" : e->text,
        e->what == ADIT_SIGNAL_ERROR ? e->cause.text : "");
}

static void on_fail(void *arg, const struct adit_cause *cause, bool again, bool final)
{
    struct client *c = arg;
    size_t n = strlen(c->log);

    (void)again, (void) final;
    c->failed = true;
    snprintf(c->log + n, sizeof c->log - n, "FAIL %s;", cause->text);
}

static const struct adit_dialect_ops client_ops = { .http = on_http,
                                                    .websocket = on_websocket,
                                                    .send = on_send,
                                                    .datagram = on_datagram,
                                                    .event = on_event,
                                                    .fail = on_fail };

/* ---- the server's operations ----------------------------------------------------------------- */

static void on_reply(void *arg, void *conn, const struct adit_hub_reply *r)
{
    unsigned i = put(arg, REPLY, conn, r->body ? r->body : "", r->n);
    const char *seq = r->header ? strstr(r->header, "X-Seq: ") : NULL;
    struct world *w = arg;

    w->queue[i].status = r->status;
    if (seq)
        w->queue[i].seq = strtoull(seq + 7, NULL, 10);
}

static void on_accept(void *arg, void *conn, bool bulk)
{
    assert_false(bulk);
    ((struct conn *)conn)->open = true;
    put(arg, ACCEPTED, conn, NULL, 0);
}

static void on_hub_send(void *arg, void *conn, bool binary, const void *bytes, size_t n)
{
    assert_false(binary);
    put(arg, DOWN, conn, bytes, n);
}

static void on_close(void *arg, void *conn, unsigned code, const char *reason)
{
    unsigned i = put(arg, CLOSED, conn, reason, strlen(reason));

    ((struct world *)arg)->queue[i].status = (int)code;
}

static int on_keep(void *arg, const char *state, size_t n)
{
    (void)arg, (void)state, (void)n;
    return 0;
}

static void on_hub_event(void *arg, const struct adit_hub_event *event)
{
    (void)arg, (void)event;
}

static int64_t on_wall(void *arg)
{
    return 1700000000 + (int64_t)(((struct world *)arg)->now / ADIT_SEC);
}

static const struct adit_hub_ops hub_ops = { .reply = on_reply,
                                             .accept = on_accept,
                                             .send = on_hub_send,
                                             .close = on_close,
                                             .keep = on_keep,
                                             .event = on_hub_event,
                                             .wall = on_wall };

/* ---- what is in flight ----------------------------------------------------------------------- */

static void open_at_hub(struct world *w, unsigned i, bool websocket)
{
    struct adit_hub_header header = { "Authorization", w->queue[i].authorization };
    char *query = strchr(w->queue[i].target, '?');
    struct adit_hub_request r = {
        .method = w->queue[i].method,
        .headers = &header,
        .header_count = header.value ? 1 : 0,
        .body = w->queue[i].text ? w->queue[i].text : "",
        .body_len = w->queue[i].text ? strlen(w->queue[i].text) : 0,
        .websocket = websocket,
        .remote = w->queue[i].conn->client->addr,
    };
    struct conn *conn = w->queue[i].conn;

    if (query)
        *query++ = 0;
    r.path = w->queue[i].target;
    r.query = query ? query : "";
    conn->at_hub = adit_hub_open(w->hub, &r, conn, w->now);
}

static void lost(struct client *c, int status, unsigned code)
{
    struct adit_cause cause = { .text = "" };
    bool final = false;

    c->ws = NULL;
    if (c->engine->dialect->lost &&
        c->engine->dialect->lost(c->engine, status, code, "", &cause, &final, c->world->now)) {
        c->engine->joined = false;
        c->engine->dialect->begin(c->engine, c->world->now);
        return;
    }
    c->engine->joined = false;
    size_t n = strlen(c->log);
    snprintf(c->log + n, sizeof c->log - n, "LOST %d %u;", status, code);
}

static void arrive(struct world *w, unsigned i)
{
    struct conn *conn = w->queue[i].conn;
    struct client *c = conn ? conn->client : NULL;
    const char *text = w->queue[i].text;
    struct adit_dialect_response r = { .tag = conn ? conn->tag : 0,
                                       .status = w->queue[i].status,
                                       .body = text,
                                       .n = text ? strlen(text) : 0,
                                       .seq = w->queue[i].seq };

    switch (w->queue[i].what) {
    case OPEN:
    case CALL:
        open_at_hub(w, i, w->queue[i].what == OPEN);
        break;
    case UP:
        if (conn->at_hub)
            adit_hub_message(conn->at_hub, false, text, strlen(text), w->now);
        break;
    case ACCEPTED:
        if (c->ws == conn && c->engine->dialect->opened)
            c->engine->dialect->opened(c->engine, w->now);
        break;
    case REPLY:
        conn->at_hub = NULL;
        if (conn->http && c->calls[conn->tag] == conn)
            c->engine->dialect->answered(c->engine, &r, w->now);
        else if (c->ws == conn)
            lost(c, r.status, 0);
        break;
    case DOWN:
        if (c->ws == conn)
            c->engine->dialect->text(c->engine, text, strlen(text), w->now);
        break;
    case CLOSED:
        if (conn->at_hub)
            adit_hub_closed(conn->at_hub, w->now);
        conn->at_hub = NULL;
        if (c->ws == conn)
            lost(c, 0, (unsigned)w->queue[i].status);
        break;
    case DATAGRAM:
        assert_true(w->queue[i].client->engine->dialect->datagram(
            w->queue[i].client->engine, &c->addr, text, strlen(text), w->now));
        break;
    }
}

static void settle(struct world *w)
{
    while (w->head != w->tail) {
        unsigned i = w->head++ % QUEUE;
        arrive(w, i);
        free(w->queue[i].text);
        free(w->queue[i].target);
        free(w->queue[i].method);
        free(w->queue[i].authorization);
    }
}

static void pass(struct world *w, adit_time time)
{
    adit_time until = w->now + time;

    for (;;) {
        adit_time at = adit_hub_deadline(w->hub);
        for (int i = 0; i < 2 && w->clients[i]; i++) {
            const struct adit_dialect *d = w->clients[i]->engine->dialect;
            if (d->deadline)
                at = adit_time_min(at, d->deadline(w->clients[i]->engine));
        }
        if (at > until)
            break;
        w->now = adit_time_max(at, w->now);
        adit_hub_tick(w->hub, w->now);
        for (int i = 0; i < 2 && w->clients[i]; i++) {
            const struct adit_dialect *d = w->clients[i]->engine->dialect;
            if (d->deadline && d->deadline(w->clients[i]->engine) <= w->now)
                d->tick(w->clients[i]->engine, w->now);
        }
        settle(w);
    }
    w->now = until;
}

/* ---- worlds ---------------------------------------------------------------------------------- */

static struct world *world_new(bool registration)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->now = 1000 * ADIT_SEC;
    w->conf.anonymous = true;
    w->conf.registration = registration;
    adit_rng_init_seed(&w->rng, 7);
    w->hub = adit_hub_new(&w->conf, &hub_ops, w, &w->rng);
    assert_non_null(w->hub);
    return w;
}

static struct client *enter(struct world *w, int i, const char *name,
                            const struct adit_dialect_conf *conf)
{
    struct client *c = calloc(1, sizeof *c);
    const struct adit_dialect *d = adit_dialect_find(name);
    struct adit_cause cause;
    char addr[32];

    w->clients[i] = c;
    c->world = w;
    c->conf = *conf;
    c->conf.rng = &c->rng;
    adit_rng_init_seed(&c->rng, (uint64_t)i + 1);
    snprintf(addr, sizeof addr, "192.0.2.%d:5000", i + 1);
    assert_int_equal(adit_addr_parse_port(&c->addr, addr, strlen(addr), 0), 0);
    c->engine = adit_zalloc(d->size);
    c->engine->dialect = d;
    c->engine->ops = &client_ops;
    c->engine->conf = &c->conf;
    c->engine->arg = c;
    if (d->start && d->start(c->engine, &cause, w->now) < 0)
        fail_msg("%s", cause.text);
    d->begin(c->engine, w->now);
    settle(w);
    return c;
}

static void world_done(struct world *w)
{
    adit_hub_shutdown(w->hub, w->now);
    settle(w);
    for (int i = 0; i < 2; i++) {
        struct client *c = w->clients[i];
        if (c->engine->dialect->done)
            c->engine->dialect->done(c->engine);
        adit_free(c->engine);
        free(c);
    }
    for (unsigned i = 0; i < w->conn_count; i++) {
        if (w->conns[i]->at_hub)
            adit_hub_closed(w->conns[i]->at_hub, w->now);
        free(w->conns[i]);
    }
    assert_int_equal(adit_hub_count(w->hub), 0);
    adit_hub_free(w->hub);
    free(w);
}

static void heard(struct client *c, const char *want)
{
    if (!strstr(c->log, want))
        fail_msg("'%s' was not heard, but: %s", want, c->log);
}

#define SDP_OFFER  "v=0\r\ns=offer\r\n"
#define SDP_ANSWER "v=0\r\ns=answer\r\n"
#define CANDIDATE  "candidate:1 1 udp 2130706431 192.0.2.4 53011 typ host"

/* `from` makes the offer, `to` answers; candidates both ways. */
static void converse(struct world *w, struct client *from, struct client *to, bool bye)
{
    const struct adit_dialect *d = from->engine->dialect;

    assert_int_equal(d->describe(from->engine, from->peer, ADIT_SIGNAL_OFFER, SDP_OFFER,
                                 strlen(SDP_OFFER), w->now),
                     0);
    assert_int_equal(d->candidate(from->engine, from->peer, CANDIDATE, "0", 0, w->now), 0);
    settle(w);
    heard(to, "description offer " SDP_OFFER ";");
    heard(to, "candidate " CANDIDATE ";");
    if (!to->peer[0])
        snprintf(to->peer, sizeof to->peer, "%s", from->engine->id);
    assert_int_equal(d->describe(to->engine, to->peer, ADIT_SIGNAL_ANSWER, SDP_ANSWER,
                                 strlen(SDP_ANSWER), w->now),
                     0);
    assert_int_equal(d->candidate(to->engine, to->peer, CANDIDATE, "0", 0, w->now), 0);
    settle(w);
    heard(from, "description answer " SDP_ANSWER ";");
    heard(from, "candidate " CANDIDATE ";");
    assert_int_equal(d->bye(from->engine, from->peer, w->now), 0);
    settle(w);
    if (bye)
        heard(to, "bye;");
    assert_false(from->failed || to->failed);
}

static void agents(void **state)
{
    struct world *w = world_new(false);
    struct client *a =
        enter(w, 0, "agent", &(struct adit_dialect_conf){ .target = "/", .id = "alice" });
    struct client *b = enter(w, 1, "agent", &(struct adit_dialect_conf){ .target = "/ws/bob" });

    (void)state;
    heard(a, "joined;");
    heard(b, "joined;");
    assert_int_equal(
        a->engine->dialect->describe(a->engine, "carol", ADIT_SIGNAL_OFFER, "v=0", 3, w->now), 0);
    settle(w);
    heard(a, "carol is not at the server;");
    a->engine->dialect->call(a->engine, "bob", w->now);
    heard(a, "peer ours;");
    converse(w, a, b, true);
    pass(w, 120 * ADIT_SEC); /* pings */
    assert_null(strstr(a->log, "LOST"));
    world_done(w);
}

static void vpn(void **state)
{
    struct world *w = world_new(false);
    struct adit_dialect_conf conf = { .target = "/ws",
                                      .role = ADIT_DIALECT_OFFERER,
                                      .room = "branch-7" };
    struct client *a = enter(w, 0, "vpn", &conf), *b;

    (void)state;
    assert_string_equal(a->log, "joined;");
    conf.role = ADIT_DIALECT_ANSWERER;
    b = enter(w, 1, "vpn", &conf);
    heard(a, "peer ours;");
    heard(b, "peer theirs;");
    converse(w, a, b, false);
    heard(b, "gone;"); /* peer_down, which a client may send too */
    world_done(w);
}

static void rooms(void **state)
{
    struct world *w = world_new(false);
    struct adit_dialect_conf conf = { .target = "/", .room = "my-lab" };
    struct client *a = enter(w, 0, "room", &conf), *b;

    (void)state;
    assert_string_equal(a->log, "joined;");
    b = enter(w, 1, "room", &conf);
    heard(a, "peer ours;");
    heard(b, "joined;peer theirs;");
    converse(w, a, b, false);
    heard(b, "gone;");      /* left, and came again */
    heard(b, "peer ours;"); /* so it waits for us now */
    heard(a, "joined;peer theirs;");
    world_done(w);
}

static void devices(void **state)
{
    struct world *w = world_new(true);
    struct adit_dialect_conf conf = { .target = "/signal",
                                      .id = "desk",
                                      .email = "a@example.org",
                                      .password = "correct horse",
                                      .new_account = true };
    struct client *a = enter(w, 0, "device", &conf), *b;

    (void)state;
    pass(w, ADIT_SEC); /* passwords take their time */
    heard(a, "joined;");
    conf.id = "phone";
    b = enter(w, 1, "device", &conf);
    pass(w, ADIT_SEC);
    heard(b, "joined;");
    assert_int_equal(b->engine->dialect->call(b->engine, "desk", w->now), 0);
    settle(w);
    heard(a, "request;");
    heard(b, "outcome;");
    converse(w, b, a, true);
    assert_int_equal(
        b->engine->dialect->describe(b->engine, "nobody", ADIT_SIGNAL_OFFER, "v=0", 3, w->now), 0);
    settle(w);
    heard(b, "nobody is not at the server;");
    world_done(w);
}

static void devices_with_keys(void **state)
{
    struct world *w = world_new(true);
    struct adit_dialect_conf conf = {
        .target = "/signal",
        .id = "desk",
        .email = "a@example.org",
        .password = "correct horse",
        .new_account = true,
        .device_key = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=",
    };
    struct client *a = enter(w, 0, "device-b", &conf), *b;

    (void)state;
    pass(w, ADIT_SEC); /* passwords take their time */
    heard(a, "joined;");
    conf.id = "phone";
    conf.device_key = "TM0Imyj/ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U+4pvs=";
    b = enter(w, 1, "device-b", &conf);
    pass(w, ADIT_SEC);
    heard(b, "joined;");
    /* The list that desk has is older than phone, so it looks again. */
    b->engine->dialect->call(b->engine, "desk", w->now);
    converse(w, b, a, false);
    world_done(w);
}

static void workers(struct world *w, struct client *a, struct client *b)
{
    heard(a, "joined;remap;");
    assert_int_equal(a->engine->dialect->endpoint(a->engine, &a->addr, w->now), 0);
    assert_int_equal(b->engine->dialect->endpoint(b->engine, &b->addr, w->now), 0);
    settle(w);
    pass(w, 3 * ADIT_SEC);
    heard(a, "endpoint;");
    heard(b, "endpoint;");
    assert_true(!strstr(a->log, "peer ours;") != !strstr(b->log, "peer ours;"));
    if (strstr(b->log, "peer ours;"))
        converse(w, b, a, true);
    else
        converse(w, a, b, true);
}

static void rendezvous(void **state)
{
    struct adit_dialect_conf conf = { .target = "/" };

    (void)state;
    for (int blocked = 0; blocked < 2; blocked++) {
        struct world *w = world_new(false);
        struct client *a = enter(w, 0, "rendezvous", &conf);
        struct client *b = enter(w, 1, "rendezvous", &conf);
        w->udp_blocked = blocked;
        workers(w, a, b);
        if (!blocked) {
            assert_int_equal(a->engine->dialect->ping(a->engine, b->engine->id, w->now), 0);
            assert_int_equal(
                b->engine->dialect->message(b->engine, a->engine->id, "hello", 5, w->now), 0);
            settle(w);
            heard(a, "rtt;");
            heard(a, "messagehello;");
        }
        a->engine->dialect->leave(a->engine, w->now);
        settle(w);
        heard(a, "LOST 0 1000;");
        world_done(w);
    }
}

static void mailboxes(void **state)
{
    struct world *w = world_new(false);
    struct adit_dialect_conf conf = { .target = "/box/lab", .role = ADIT_DIALECT_ANSWERER };
    struct client *b = enter(w, 0, "mailbox", &conf), *a;

    (void)state;
    conf.role = ADIT_DIALECT_OFFERER;
    a = enter(w, 1, "mailbox", &conf);
    heard(a, "joined;peer ours;");
    assert_string_equal(b->log, "joined;");
    pass(w, 130 * ADIT_SEC); /* nobody says anything: they go on asking */
    assert_string_equal(b->log, "joined;");
    converse(w, a, b, true);
    world_done(w);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(agents),
        cmocka_unit_test(vpn),
        cmocka_unit_test(rooms),
        cmocka_unit_test(devices),
        cmocka_unit_test(devices_with_keys),
        cmocka_unit_test(rendezvous),
        cmocka_unit_test(mailboxes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
