/* fuzz_relay.c - a STUN and TURN server with clients of all kinds. The input is a series of steps,
 * each a letter, a number, a length and so many bytes:
 *
 *   d a datagram        s bytes of a stream: messages in it are found by frame.h
 *   q a request with method `number`, these attributes and right credentials
 *   i the same as an indication, without
 *   p a packet of a peer to relayed address `number`; the first six bytes say from where
 *   t time passes       c another client from here on        g the stream is gone */
#include <stdlib.h>

#include "ice/stun.h"
#include "relay/credentials.h"
#include "relay/deny.h"
#include "relay/frame.h"
#include "relay/turnd.h"

#define PORTS_MAX   64
#define ALLOCATIONS 8
#define USER        "2000:x"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
    struct adit_turnd *relay;
    adit_time now;
    struct adit_turnd_port *ports[PORTS_MAX];
    uint16_t next_port;
    struct adit_turnd_flow flow;
    char nonce[32];
    bool begun[4]; /* which streams there are */
    uint8_t stream[2 * ADIT_TURND_FRAME_MAX];
    size_t stream_n,
        request_n; /* request_n: of the Binding request that is answered now; 0 = none */
};

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void on_send(void *arg, const struct adit_turnd_flow *flow, const uint8_t *bytes, size_t n,
                    bool data)
{
    struct world *w = arg;
    struct adit_stun_head head;
    struct adit_span nonce;

    must(n >= 4 && n <= ADIT_STUN_OUT_MAX && flow->client.family);
    must(!flow->stream || adit_turnd_frame(bytes, n) == (int)n);
    if (data)
        return;
    must(adit_stun_peek(&head, bytes, n));
    must(head.class == ADIT_STUN_SUCCESS || head.class == ADIT_STUN_ERROR);
    if (head.method == ADIT_STUN_BINDING && head.class == ADIT_STUN_SUCCESS && !flow->stream)
        must(2 * (n + 28) <= 3 * (w->request_n + 28));
    nonce = adit_stun_find(bytes, n, ADIT_STUN_NONCE);
    if (nonce.len == sizeof w->nonce)
        memcpy(w->nonce, nonce.data, nonce.len);
}

static int on_open(void *arg, struct adit_turnd_port *port, const struct adit_turnd_wish *wish)
{
    struct world *w = arg;

    for (size_t i = 0; i < PORTS_MAX; i++) {
        if (w->ports[i])
            continue;
        port->addr = (struct adit_addr){ .family = wish->family, .ip = { 198, 51, 100, 1 } };
        port->addr.port = wish->exact ? wish->exact : w->next_port++;
        if (wish->even && port->addr.port % 2)
            port->addr.port = w->next_port++;
        if (wish->exact && w->next_port == wish->exact)
            w->next_port++;
        w->ports[i] = port;
        port->owner = &w->ports[i];
        return 0;
    }
    return -EMFILE;
}

static void on_close(void *arg, struct adit_turnd_port *port)
{
    struct adit_turnd_port **place = port->owner;

    (void)arg;
    must(*place == port);
    *place = NULL;
}

/* Whatever was asked for: nothing goes where nobody may be reached, or to ourselves. */
static void on_emit(void *arg, struct adit_turnd_port *port, const struct adit_addr *peer,
                    const uint8_t *bytes, size_t n, bool whole)
{
    (void)arg;
    (void)bytes;
    (void)whole;
    must(n <= ADIT_TURND_PACKET_MAX && port->addr.family == peer->family);
    must(!adit_turnd_denied(peer) && !adit_addr_equal_ip(peer, &port->addr));
}

static bool on_own(void *arg, const struct adit_addr *addr)
{
    (void)arg;
    return addr->family == ADIT_FAMILY_V4 && memcmp(addr->ip, "\xc6\x33\x64", 3) == 0;
}

static void on_event(void *arg, const struct adit_turnd_event *e)
{
    (void)arg;
    must(e->user && e->flow);
}

static int64_t on_wall(void *arg)
{
    (void)arg;
    return 1000;
}

static const struct adit_turnd_ops ops = { .send = on_send,
                                           .open = on_open,
                                           .close = on_close,
                                           .emit = on_emit,
                                           .own = on_own,
                                           .event = on_event,
                                           .wall = on_wall };

static void feed(struct world *w, const uint8_t *bytes, size_t n)
{
    w->request_n = n;
    adit_turnd_feed(w->relay, &w->flow, bytes, n, w->now);
    must(adit_turnd_count(w->relay) <= ALLOCATIONS);
}

static void feed_stream(struct world *w, const uint8_t *bytes, size_t n)
{
    int len = 0;

    if (n > sizeof w->stream - w->stream_n)
        n = sizeof w->stream - w->stream_n;
    if (n)
        memcpy(w->stream + w->stream_n, bytes, n);
    w->stream_n += n;
    w->flow.stream = true;
    while ((len = adit_turnd_frame(w->stream, w->stream_n)) > 0) {
        feed(w, w->stream, (size_t)len);
        w->stream_n -= (size_t)len;
        memmove(w->stream, w->stream + len, w->stream_n);
    }
    if (len < 0)
        w->stream_n = 0;
    w->flow.stream = false;
}

static void request(struct world *w, bool indication, uint8_t method, const uint8_t *attributes,
                    size_t n)
{
    static const struct adit_span user = { (const uint8_t *)USER, sizeof USER - 1 };
    uint8_t id[ADIT_STUN_ID_SIZE] = { [11] = method >> 4 }, key[ADIT_TURND_KEY_SIZE];
    char password[ADIT_TURND_PASSWORD_SIZE];
    struct adit_stun_out out;

    adit_stun_begin(&out, indication ? ADIT_STUN_INDICATION : ADIT_STUN_REQUEST, method & 15, id);
    n = n / 4 * 4; /* as they are: they may be anything */
    memcpy(out.bytes + 20, attributes, n);
    adit_put16(out.bytes + 2, (uint16_t)n);
    if (indication) {
        feed(w, out.bytes, 20 + n);
        return;
    }
    adit_turnd_password(password, "north", user);
    must(adit_turnd_key(key, user, "adit", password) == 0);
    adit_stun_add(&out, ADIT_STUN_USERNAME, user.data, user.len);
    adit_stun_add(&out, ADIT_STUN_REALM, "adit", 4);
    adit_stun_add(&out, ADIT_STUN_NONCE, w->nonce, sizeof w->nonce);
    feed(w, out.bytes, adit_stun_finish(&out, (struct adit_span){ key, sizeof key }));
}

static void step(struct world *w, uint8_t what, uint8_t number, const uint8_t *bytes, size_t n)
{
    struct adit_addr from = { .family = ADIT_FAMILY_V4 };

    switch (what) {
    case 'd':
        feed(w, bytes, n);
        break;
    case 's':
        feed_stream(w, bytes, n);
        break;
    case 'q':
    case 'i':
        request(w, what == 'i', number, bytes, n);
        break;
    case 'p':
        if (n < 6 || !w->ports[number % PORTS_MAX])
            break;
        memcpy(from.ip, bytes, 4);
        from.port = adit_get16(bytes + 4);
        adit_turnd_heard(w->relay, w->ports[number % PORTS_MAX], &from, bytes + 6, n - 6, w->now);
        break;
    case 't':
        w->now += number * 10 * ADIT_SEC;
        adit_turnd_tick(w->relay, w->now);
        must(adit_turnd_deadline(w->relay) > w->now);
        break;
    case 'c':
        w->flow.client.port = number;
        w->flow.path = &w->begun[number % ADIT_LEN(w->begun)];
        break;
    case 'g':
        if (number & 1)
            adit_turnd_path_gone(w->relay, w->flow.path, w->now);
        else
            adit_turnd_gone(w->relay, &w->flow, w->now);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct adit_addr primary = { ADIT_FAMILY_V4, 3478, 0, { 198, 51, 100, 1 } };
    static const struct adit_addr other = { ADIT_FAMILY_V4, 3479, 0, { 198, 51, 100, 2 } };
    const struct adit_turnd_conf conf = {
        .turn = true,
        .secret = "north",
        .others = { { primary, other } },
        .limits = { .allocations = ALLOCATIONS, .permissions = 6, .channels = 6 }
    };
    struct world w = { .now = ADIT_SEC, .next_port = 50000 };
    struct adit_rng rng;

    adit_rng_init_seed(&rng, 1);
    w.flow = (struct adit_turnd_flow){ .path = &w.begun[0], .client = other, .local = primary };
    w.relay = adit_turnd_new(&conf, &ops, &w, &rng);
    must(w.relay != NULL);
    request(&w, false, ADIT_STUN_REFRESH, data, 0); /* for a nonce */
    while (size >= 3) {
        size_t n = data[2] < size - 3 ? data[2] : size - 3;
        step(&w, data[0], data[1], data + 3, n);
        data += 3 + n;
        size -= 3 + n;
    }
    adit_turnd_free(w.relay);
    for (size_t i = 0; i < PORTS_MAX; i++)
        must(!w.ports[i]);
    return 0;
}
