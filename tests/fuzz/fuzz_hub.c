/* fuzz_hub.c - a hub with clients of all dialects, and a script of what they do. Each line is a
 * client (a to h), what it does, and with what:
 *
 *   o PATH[?QUERY]   a handshake; the token is "t", and without one it is anybody's
 *   h METHOD PATH[?QUERY] BODY
 *   > TEXT     b BINARY     p NAME PACKET     d (what waited for it is read)     x (its connection
 * is lost)     t (a second passes) */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "signal/haul.h"
#include "signal/hub.h"

#define CONNS 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct conn {
    struct adit_hub_client *client;
    bool open, closing, asking, bulk, paused;
    size_t waiting;
};

static adit_time now;

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void on_reply(void *arg, void *conn, const struct adit_hub_reply *reply)
{
    struct conn *c = conn;

    (void)arg;
    must(c->asking && reply->status >= 200 && reply->type && reply->header);
    c->asking = false;
    c->client = NULL;
}

static void on_accept(void *arg, void *conn, bool bulk)
{
    struct conn *c = conn;

    (void)arg;
    must(c->asking);
    c->asking = false;
    c->open = true;
    c->bulk = bulk;
}

static void on_send(void *arg, void *conn, bool binary, const void *bytes, size_t n)
{
    const struct conn *c = conn;
    struct adit_cause cause;
    size_t at;

    (void)arg;
    must(c->open && !c->closing && binary == c->bulk);
    must(binary || adit_json_check(bytes, n, &at, &cause) == 0);
    ((struct conn *)conn)->waiting += n;
}

static bool on_carry(void *arg, void *conn, const void *bytes, size_t n)
{
    const struct conn *c = conn;
    struct adit_haul haul;

    (void)arg;
    must(c->open && !c->closing && !c->bulk);
    must(adit_haul_read(&haul, bytes, n) == 0);
    return n % 2;
}

static size_t on_waiting(void *arg, void *conn)
{
    const struct conn *c = conn;

    (void)arg;
    must(c->open && c->bulk);
    return c->waiting * 4096;
}

static void on_pause(void *arg, void *conn, bool paused)
{
    struct conn *c = conn;

    (void)arg;
    must(c->open && c->bulk && !c->closing && c->paused != paused);
    c->paused = paused;
}

static void on_close(void *arg, void *conn, unsigned code, const char *reason)
{
    struct conn *c = conn;

    (void)arg;
    must(c->open && code >= 1000 && strlen(reason) <= 123);
    c->closing = true;
}

static int on_keep(void *arg, const char *state, size_t n)
{
    (void)arg;
    (void)state;
    must(n <= ADIT_HUB_STATE_MAX);
    return 0;
}

static void on_event(void *arg, const struct adit_hub_event *e)
{
    (void)arg;
    must(e->dialect && e->account && e->a && e->b);
}

static int64_t on_wall(void *arg)
{
    (void)arg;
    return 1700000000 + (int64_t)(now / ADIT_SEC);
}

static void ask(struct adit_hub *hub, struct conn *c, const char *method, char *path,
                const char *body)
{
    char *query = strchr(path, '?');
    struct adit_hub_request r = { .method = method,
                                  .path = path,
                                  .query = query ? query + 1 : "",
                                  .body = body,
                                  .body_len = strlen(body),
                                  .websocket = strcmp(method, "ws") == 0,
                                  .remote = { .family = ADIT_FAMILY_V4, .ip = { 192, 0, 2, 1 } } };
    struct adit_hub_client *client;

    if (query)
        *query = '\0';
    c->asking = true;
    c->open = c->closing = c->bulk = c->paused = false;
    c->waiting = 0;
    client = adit_hub_open(hub, &r, c, now);
    must(!client == (!c->open && !c->asking));
    c->client = client;
}

static void send_packet(struct conn *c, const char *rest, size_t n)
{
    const char *space = memchr(rest, ' ', n);
    size_t name = space ? (size_t)(space - rest) : 0;
    struct adit_haul h = { .to = "to", .from = "from" };
    uint8_t out[ADIT_HAUL_MAX];

    if (name == 0 || name > ADIT_SIGNAL_PEER_MAX || n - name - 1 > ADIT_HAUL_PACKET_MAX)
        return;
    memcpy(h.name, rest, name);
    h.packet = (struct adit_span){ (const uint8_t *)space + 1, n - name - 1 };
    n = adit_haul_write(out, &h);
    if (n)
        adit_hub_message(c->client, true, (const char *)out, n, now);
}

static void act(struct adit_hub *hub, struct conn *c, char *line, size_t n)
{
    char *rest = line + 2, *path, *body;

    if (line[1] == 'x' && c->client) {
        adit_hub_closed(c->client, now);
        c->client = NULL;
    } else if ((line[1] == '>' || line[1] == 'b') && c->client) {
        adit_hub_message(c->client, line[1] == 'b', rest, n - 2, now);
    } else if (line[1] == 'd' && c->client) {
        c->waiting = 0;
        adit_hub_drained(c->client, now);
    } else if (line[1] == 'p' && c->client) {
        send_packet(c, rest, n - 2);
    } else if (line[1] == 'o' && !c->client) {
        ask(hub, c, "ws", rest, "");
    } else if (line[1] == 'h' && !c->client) {
        path = strchr(rest, ' ');
        body = path ? strchr(path + 1, ' ') : NULL;
        if (!body)
            return;
        *path++ = *body++ = '\0';
        ask(hub, c, rest, path, body);
    } else if (line[1] == 't') {
        now += ADIT_SEC;
        adit_hub_tick(hub, now);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct adit_hub_ops ops = { .reply = on_reply,
                                             .accept = on_accept,
                                             .send = on_send,
                                             .carry = on_carry,
                                             .waiting = on_waiting,
                                             .pause = on_pause,
                                             .close = on_close,
                                             .keep = on_keep,
                                             .event = on_event,
                                             .wall = on_wall };
    static const struct adit_hub_token tokens[] = { { "t", "team", NULL } };
    const struct adit_hub_conf conf = { .tokens = tokens,
                                        .token_count = 1,
                                        .anonymous = true,
                                        .registration = true,
                                        .carry = true,
                                        .limits = { .request_rate = 1000,
                                                    .request_burst = 1000,
                                                    .carry_rate = 4096,
                                                    .carry_mib = 1,
                                                    .carry_pairs = 2,
                                                    .sessions = 3,
                                                    .sessions_each = 2 } };
    struct conn conns[CONNS] = { { 0 } };
    struct adit_rng rng;
    struct adit_hub *hub;
    struct adit_cause cause;

    now = ADIT_SEC;
    adit_rng_init_seed(&rng, 1);
    hub = adit_hub_new(&conf, &ops, NULL, &rng);
    if (size > 0 && data[0] == '{') { /* what was kept */
        if (adit_hub_load(hub, (const char *)data, size, now, &cause) == 0)
            adit_hub_shutdown(hub, now);
        size = 0;
    }
    while (size > 0) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t n = end ? (size_t)(end - data) : size;
        /* As long as the line, so that a byte too far is seen; a message may hold zero bytes. */
        char *line = malloc(n + 1);
        memcpy(line, data, n);
        line[n] = '\0';
        if (n >= 2)
            act(hub, &conns[(unsigned char)line[0] % CONNS], line, n);
        free(line);
        n += end != NULL;
        data += n;
        size -= n;
    }
    if (now % 2)
        adit_hub_shutdown(hub, now);
    for (int i = 0; i < CONNS; i++)
        if (conns[i].client)
            adit_hub_closed(conns[i].client, now);
    must(adit_hub_count(hub) == 0);
    adit_hub_free(hub);
    return 0;
}
