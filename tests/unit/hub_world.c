#include "unit/hub_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "signal/haul.h"

/* ---- what the hub asks for ------------------------------------------------------------------- */

static void note(struct hub_conn *c, const char *kind, const char *text, size_t n)
{
    struct hub_world *w = c->world;
    char *line;

    if (w->logged - w->looked == HUB_LOG)
        fail_msg("too much came");
    line = malloc(strlen(kind) + n + 8);
    sprintf(line, "%c< %s%.*s", c->name, kind, (int)n, text);
    w->log[w->logged++ % HUB_LOG] = line;
}

static void on_reply(void *arg, void *conn, const struct adit_hub_reply *reply)
{
    struct hub_conn *c = conn;
    char kind[640], header[512];

    (void)arg;
    snprintf(header, sizeof header, "%s", reply->header);
    header[strcspn(header, "\r")] = '\0';
    snprintf(kind, sizeof kind, "%d %s%s", reply->status, header, *header ? " | " : "");
    note(c, kind, reply->body, reply->n);
    c->client = NULL;
    c->open = false;
}

static void on_accept(void *arg, void *conn, bool bulk)
{
    struct hub_conn *c = conn;

    (void)arg;
    c->bulk = bulk;
    c->slow = false;
    c->waiting = 0;
    c->open = true;
    note(c, "101", "", 0);
}

static void on_send(void *arg, void *conn, bool binary, const void *bytes, size_t n)
{
    struct hub_conn *c = conn;

    (void)arg;
    assert_true(c->open && !c->closing);
    note(c, binary ? "BINARY " : "", bytes, n);
}

static bool on_carry(void *arg, void *conn, const void *bytes, size_t n)
{
    struct hub_conn *c = conn;
    struct adit_haul h;
    char text[512];

    (void)arg;
    assert_true(c->open && !c->closing);
    assert_int_equal(adit_haul_read(&h, bytes, n), 0);
    if (c->slow)
        return false;
    snprintf(text, sizeof text, "%s %.8s %.8s %.*s", h.name, (char *)h.to, (char *)h.from,
             h.packet.len < 200 ? (int)h.packet.len : 200, (const char *)h.packet.data);
    note(c, "CARRY ", text, strlen(text));
    return true;
}

static size_t on_waiting(void *arg, void *conn)
{
    const struct hub_conn *c = conn;

    (void)arg;
    assert_true(c->bulk);
    return c->waiting;
}

static void on_pause(void *arg, void *conn, bool paused)
{
    struct hub_conn *c = conn;

    (void)arg;
    assert_true(c->bulk && !c->closing);
    note(c, paused ? "PAUSE" : "RESUME", "", 0);
}

static void on_close(void *arg, void *conn, unsigned code, const char *reason)
{
    struct hub_conn *c = conn;
    char kind[32];

    (void)arg;
    if (c->closing)
        return;
    c->closing = true;
    snprintf(kind, sizeof kind, "CLOSE %u ", code);
    note(c, kind, reason, strlen(reason));
}

static int on_keep(void *arg, const char *state, size_t n)
{
    struct hub_world *w = arg;

    if (w->full_disk)
        return -ENOSPC;
    free(w->kept);
    w->kept = strndup(state, n);
    w->keeps++;
    return 0;
}

static void on_event(void *arg, const struct adit_hub_event *e)
{
    static const char *const words[] = { "joined", "left", "met", "refused", "carried" };
    struct hub_world *w = arg;
    size_t n = strlen(w->events);

    snprintf(w->events + n, sizeof w->events - n, "%s %s %s %s\n", e->dialect, words[e->what], e->a,
             e->b);
}

static int64_t on_wall(void *arg)
{
    struct hub_world *w = arg;

    return w->wall + (int64_t)(w->now / ADIT_SEC);
}

static const struct adit_hub_ops ops = {
    .reply = on_reply,
    .accept = on_accept,
    .send = on_send,
    .carry = on_carry,
    .waiting = on_waiting,
    .pause = on_pause,
    .close = on_close,
    .keep = on_keep,
    .event = on_event,
    .wall = on_wall,
};

/* ---- the world ------------------------------------------------------------------------------- */

void hub_world_init(struct hub_world *w)
{
    *w = (struct hub_world){ .now = ADIT_SEC, .wall = HUB_WALL - 1, .conf.anonymous = true };
    adit_rng_init_seed(&w->rng, 1);
    assert_int_equal(adit_addr_parse_port(&w->remote, "192.0.2.7", 9, 4711), 0);
    for (int i = 0; i < HUB_CLIENTS; i++) {
        w->conns[i].world = w;
        w->conns[i].name = (char)('a' + i);
    }
}

void hub_world_start(struct hub_world *w)
{
    w->hub = adit_hub_new(&w->conf, &ops, w, &w->rng);
    assert_non_null(w->hub);
}

static void hang_up(struct hub_world *w)
{
    for (int i = 0; i < HUB_CLIENTS; i++) {
        struct hub_conn *c = &w->conns[i];
        if (c->client)
            adit_hub_closed(c->client, w->now);
        c->client = NULL;
        c->open = c->closing = false;
    }
}

void hub_world_restart(struct hub_world *w)
{
    struct adit_cause cause;

    adit_hub_shutdown(w->hub, w->now);
    hub_forget(w);
    hang_up(w);
    w->hub = adit_hub_free(w->hub);
    w->wall += 2;
    hub_world_start(w);
    if (w->kept)
        assert_int_equal(adit_hub_load(w->hub, w->kept, strlen(w->kept), w->now, &cause), 0);
}

void hub_forget(struct hub_world *w)
{
    while (w->looked != w->logged)
        free(w->log[w->looked++ % HUB_LOG]);
}

void hub_world_done(struct hub_world *w)
{
    hang_up(w);
    hub_forget(w);
    w->hub = adit_hub_free(w->hub);
    for (size_t i = 0; i < ADIT_LEN(w->values); i++)
        free(w->values[i]);
    free(w->kept);
}

void hub_sleep(struct hub_world *w, adit_time time)
{
    adit_time until = w->now + time;

    for (adit_time at; (at = adit_hub_deadline(w->hub)) <= until;) {
        w->now = adit_time_max(w->now, at);
        adit_hub_tick(w->hub, w->now);
    }
    w->now = until;
}

const char *hub_value(const struct hub_world *w, char name)
{
    return w->values[(unsigned char)name];
}

/* ---- scripts --------------------------------------------------------------------------------- */

/* The text with the values of all $X; for free. */
static char *fill(const struct hub_world *w, const char *text)
{
    size_t room = strlen(text) + 16384;
    char *out = malloc(room), *p = out;

    for (; *text; text++) {
        if (*text != '$') {
            *p++ = *text;
            continue;
        }
        text++;
        if (!hub_value(w, *text))
            fail_msg("$%c has no value", *text);
        p += sprintf(p, "%s", hub_value(w, *text));
        assert_true((size_t)(p - out) < room);
    }
    *p = '\0';
    return out;
}

/* Does what came fit? $X without a value takes one. */
static bool fits(struct hub_world *w, const char *want, const char *got)
{
    for (; *want; want++) {
        if (*want != '$') {
            if (*want != *got++)
                return false;
            continue;
        }
        char **value = &w->values[(unsigned char)*++want];
        if (!*value)
            *value = strndup(got, strcspn(got, "\" |}"));
        if (strncmp(got, *value, strlen(*value)) != 0)
            return false;
        got += strlen(*value);
    }
    return *got == '\0';
}

static void expect(struct hub_world *w, const char *want)
{
    char *got;

    if (w->looked == w->logged)
        fail_msg("nothing came for: %s", want);
    got = w->log[w->looked++ % HUB_LOG];
    if (!fits(w, want, got))
        fail_msg("want %s\n       got  %s", want, got);
    free(got);
}

/* "METHOD /path?query | Name: value | … <- body" */
static void request(struct hub_conn *c, char *text)
{
    struct adit_hub_header headers[8];
    struct adit_hub_request r = { .headers = headers, .remote = c->world->remote, .body = "" };
    char *body = strstr(text, " <- "), *rest, *query;

    if (body) {
        *body = '\0';
        r.body = body + 4;
        r.body_len = strlen(r.body);
    }
    r.method = strtok_r(text, " ", &rest);
    r.path = strtok_r(NULL, " ", &rest);
    r.websocket = strcmp(r.method, "OPEN") == 0;
    r.method = r.websocket ? "GET" : r.method;
    query = strchr(r.path, '?');
    r.query = query ? query + 1 : "";
    if (query)
        *query = '\0';
    for (char *h = rest; h && (h = strstr(h, "| ")) != NULL;) {
        char *colon = strstr(h, ": "), *end = strstr(h + 1, " | ");
        headers[r.header_count++] = (struct adit_hub_header){ h + 2, colon + 2 };
        *colon = '\0';
        h = end ? end + 1 : NULL;
        if (end)
            *end = '\0';
    }
    assert_null(c->client);
    c->open = c->closing = false;
    struct adit_hub_client *client = adit_hub_open(c->world->hub, &r, c, c->world->now);
    c->client = client;
}

void hub_raw(struct hub_world *w, char name, const void *bytes, size_t n)
{
    struct hub_conn *c = &w->conns[name - 'a'];
    char *copy = malloc(n + !n); /* so that a byte too far is seen */

    memcpy(copy, bytes, n);
    adit_hub_message(c->client, true, copy, n, w->now);
    free(copy);
}

/* "bob 11111111 22222222 packet" */
static void send_packet(struct hub_world *w, struct hub_conn *c, const char *text)
{
    struct adit_haul h = { 0 };
    uint8_t out[ADIT_HAUL_MAX];
    char to[9], from[9];
    int at = 0;
    size_t n;

    assert_int_equal(sscanf(text, "%128s %8s %8s %n", h.name, to, from, &at), 3);
    memcpy(h.to, to, 8);
    memcpy(h.from, from, 8);
    h.packet = (struct adit_span){ (const uint8_t *)text + at, strlen(text + at) };
    n = adit_haul_write(out, &h);
    assert_int_not_equal(n, 0);
    hub_raw(w, c->name, out, n);
}

static void act(struct hub_world *w, struct hub_conn *c, char *text)
{
    static const char *const methods[] = { "OPEN ", "GET ",     "POST ", "PUT ",  "DELETE ",
                                           "HEAD ", "OPTIONS ", "BREW ", "PATCH " };

    for (size_t i = 0; i < ADIT_LEN(methods); i++) {
        if (strncmp(text, methods[i], strlen(methods[i])) == 0) {
            request(c, text);
            return;
        }
    }
    if (strcmp(text, "GONE") == 0) {
        adit_hub_closed(c->client, w->now);
        c->client = NULL;
        return;
    }
    assert_non_null(c->client);
    if (strncmp(text, "CARRY ", 6) == 0) {
        send_packet(w, c, text + 6);
    } else if (strcmp(text, "DRAINED") == 0) {
        c->waiting = 0;
        adit_hub_drained(c->client, w->now);
    } else if (strncmp(text, "LONG ", 5) == 0) {
        size_t n = strtoul(text + 5, NULL, 10);
        char *bytes = malloc(n);
        memset(bytes, 'x', n);
        bytes[0] = bytes[n - 1] = '"';
        adit_hub_message(c->client, false, bytes, n, w->now);
        free(bytes);
    } else {
        bool binary = strncmp(text, "BINARY ", 7) == 0;
        const char *bytes = text + (binary ? 7 : 0);
        char *copy = malloc(strlen(bytes)); /* without a zero byte behind it */
        memcpy(copy, bytes, strlen(bytes));
        adit_hub_message(c->client, binary, copy, strlen(bytes), w->now);
        free(copy);
    }
}

void hub_step(struct hub_world *w, const char *line)
{
    char *text;

    if (line[1] == '<') {
        expect(w, line);
        return;
    }
    if (w->looked != w->logged)
        fail_msg("before %s\n       came %s", line, w->log[w->looked % HUB_LOG]);
    if (line[0] == '+') {
        hub_sleep(w, strtoull(line + 1, NULL, 10) * ADIT_MS);
        return;
    }
    text = fill(w, line + 3);
    act(w, &w->conns[line[0] - 'a'], text);
    free(text);
}

void hub_run(struct hub_world *w, const char *const *script)
{
    for (; *script; script++)
        hub_step(w, *script);
    if (w->looked != w->logged)
        fail_msg("at the end came %s", w->log[w->looked % HUB_LOG]);
}
