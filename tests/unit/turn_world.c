#include "unit/turn_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "relay/credentials.h"

struct adit_addr turn_addr(const char *text)
{
    struct adit_addr a;

    assert_int_equal(adit_addr_parse_port(&a, text, strlen(text), 0), 0);
    return a;
}

/* ---- the owner of the sockets ---------------------------------------------------------------- */

static void on_send(void *arg, const struct adit_turnd_flow *flow, const uint8_t *bytes, size_t n,
                    bool data)
{
    struct turn_world *w = arg;

    assert_in_range(n, 1, sizeof w->sent);
    memcpy(w->sent, bytes, n);
    w->sent_n = n;
    w->sent_to = *flow;
    w->sent_data = data;
    w->sends++;
}

static int on_open(void *arg, struct adit_turnd_port *port, const struct adit_turnd_wish *wish)
{
    struct turn_world *w = arg;
    struct adit_addr a = turn_addr(wish->family == ADIT_FAMILY_V6 ? TURN_RELAY_V6 : TURN_RELAY_V4);

    if (wish->family == ADIT_FAMILY_V6 && w->no_v6)
        return -EAFNOSUPPORT;
    if (w->no_ports)
        return -EMFILE;
    a.port = wish->exact ? wish->exact : w->next_port++;
    if (wish->even && a.port % 2)
        a.port = w->next_port++;
    if (a.port == w->taken)
        return -EADDRINUSE;
    for (size_t i = 0; i < TURN_PORTS_MAX; i++) {
        if (w->ports[i].port)
            continue;
        w->ports[i] = (struct turn_port){ port, a };
        port->owner = &w->ports[i];
        port->addr = a;
        if (w->next_port <= a.port)
            w->next_port = (uint16_t)(a.port + 1);
        return 0;
    }
    return -EMFILE;
}

static void on_close(void *arg, struct adit_turnd_port *port)
{
    struct turn_port *p = port->owner;

    (void)arg;
    assert_ptr_equal(p->port, port);
    p->port = NULL;
}

static void on_emit(void *arg, struct adit_turnd_port *port, const struct adit_addr *peer,
                    const uint8_t *bytes, size_t n, bool whole)
{
    struct turn_world *w = arg;

    assert_in_range(n, 0, sizeof w->emitted);
    if (n)
        memcpy(w->emitted, bytes, n);
    w->emitted_n = n;
    w->emitted_to = *peer;
    w->emitted_from = port;
    w->emitted_whole = whole;
    w->emits++;
}

static bool on_own(void *arg, const struct adit_addr *addr)
{
    struct adit_addr own[] = { turn_addr(TURN_RELAY_V4), turn_addr(TURN_RELAY_V6),
                               turn_addr("198.51.100.2"), turn_addr("2001:db8:5::2") };

    (void)arg;
    for (size_t i = 0; i < ADIT_LEN(own); i++)
        if (adit_addr_equal_ip(addr, &own[i]))
            return true;
    return false;
}

static void on_event(void *arg, const struct adit_turnd_event *e)
{
    struct turn_world *w = arg;

    w->begun += e->what == ADIT_TURND_ALLOCATED;
    w->ended += e->what == ADIT_TURND_ENDED;
    w->refused += e->what == ADIT_TURND_REFUSED;
    w->last = *e;
    snprintf(w->last_user, sizeof w->last_user, "%s", e->user);
}

static int64_t on_wall(void *arg)
{
    struct turn_world *w = arg;

    return w->wall;
}

static const struct adit_turnd_ops ops = { .send = on_send,
                                           .open = on_open,
                                           .close = on_close,
                                           .emit = on_emit,
                                           .own = on_own,
                                           .event = on_event,
                                           .wall = on_wall };

/* ---- life ------------------------------------------------------------------------------------ */

void turn_world_init(struct turn_world *w)
{
    memset(w, 0, sizeof *w);
    adit_rng_init_seed(&w->rng, 7);
    w->now = 1000 * ADIT_SEC;
    w->wall = TURN_WALL;
    w->next_port = 50001;
    w->conf = (struct adit_turnd_conf){ .turn = true, .secret = TURN_SECRET };
    w->flow = (struct adit_turnd_flow){ .path = &w->path,
                                        .client = turn_addr("192.0.2.10:5000"),
                                        .local = turn_addr("198.51.100.1:3478") };
    snprintf(w->user, sizeof w->user, "%s", TURN_USER);
    snprintf(w->secret, sizeof w->secret, "%s", TURN_SECRET);
}

void turn_world_start(struct turn_world *w)
{
    w->relay = adit_turnd_new(&w->conf, &ops, w, &w->rng);
    assert_non_null(w->relay);
}

unsigned turn_open_ports(const struct turn_world *w)
{
    unsigned n = 0;

    for (size_t i = 0; i < TURN_PORTS_MAX; i++)
        n += w->ports[i].port != NULL;
    return n;
}

void turn_world_done(struct turn_world *w)
{
    w->relay = adit_turnd_free(w->relay);
    assert_int_equal(turn_open_ports(w), 0);
}

void turn_wait(struct turn_world *w, adit_time span)
{
    adit_time end = w->now + span, at;

    while ((at = adit_turnd_deadline(w->relay)) <= end) {
        w->now = at > w->now ? at : w->now;
        adit_turnd_tick(w->relay, w->now);
    }
    w->now = end;
}

/* ---- the client ------------------------------------------------------------------------------ */

void turn_begin(struct turn_world *w, enum adit_stun_method method)
{
    uint8_t id[ADIT_STUN_ID_SIZE];

    adit_rng_bytes(&w->rng, id, sizeof id);
    adit_stun_begin(&w->request, ADIT_STUN_REQUEST, method, id);
}

void turn_add_family(struct turn_world *w, uint16_t type, uint8_t family)
{
    adit_stun_add32(&w->request, type, (uint32_t)family << 24);
}

/* By hand, because "::ffff:192.0.2.1" has to stay IPv6. */
void turn_add_peer(struct turn_world *w, const char *peer)
{
    static const char mapped[] = "[::ffff:";
    uint8_t value[20] = { 0, 2 };
    struct adit_addr a;
    char v4[80];

    if (strncmp(peer, mapped, sizeof mapped - 1) != 0 || !strchr(peer, '.')) {
        a = turn_addr(peer);
        adit_stun_add_xor(&w->request, ADIT_STUN_XOR_PEER_ADDRESS, &a);
        return;
    }
    snprintf(v4, sizeof v4, "%s", peer + sizeof mapped - 1);
    *strchr(v4, ']') = '\0';
    a = turn_addr(v4);
    adit_put16(value + 2, 9 ^ 0x2112);
    value[4 + 10] = value[4 + 11] = 0xff;
    memcpy(value + 4 + 12, a.ip, 4);
    for (int i = 0; i < 16; i++)
        value[4 + i] ^= w->request.bytes[4 + i];
    adit_stun_add(&w->request, ADIT_STUN_XOR_PEER_ADDRESS, value, sizeof value);
}

/* An answer of the same transaction, and of nobody else's. */
static int outcome(const struct turn_world *w, unsigned before)
{
    struct adit_stun_head head;
    struct adit_span error;

    if (w->sends == before)
        return -1;
    assert_int_equal(w->sends, before + 1);
    assert_true(adit_stun_peek(&head, w->sent, w->sent_n));
    assert_memory_equal(head.id, w->request.bytes + 8, ADIT_STUN_ID_SIZE);
    assert_false(w->sent_data);
    if (head.class == ADIT_STUN_SUCCESS)
        return 0;
    assert_int_equal(head.class, ADIT_STUN_ERROR);
    error = turn_answer(w, ADIT_STUN_ERROR_CODE);
    assert_in_range(error.len, 4, 60);
    return error.data[2] * 100 + error.data[3];
}

int turn_repeat(struct turn_world *w)
{
    unsigned before = w->sends;

    adit_turnd_feed(w->relay, &w->flow, w->request.bytes, w->request.len, w->now);
    return outcome(w, before);
}

int turn_ask_bare(struct turn_world *w)
{
    assert_true(adit_stun_finish_bare(&w->request) > 0);
    return turn_repeat(w);
}

static void sign(struct turn_world *w)
{
    struct adit_span user = { (uint8_t *)w->user, strlen(w->user) };
    char password[ADIT_TURND_PASSWORD_SIZE];
    uint8_t key[ADIT_TURND_KEY_SIZE];

    adit_turnd_password(password, w->secret, user);
    assert_int_equal(adit_turnd_key(key, user, "adit", password), 0);
    adit_stun_add(&w->request, ADIT_STUN_USERNAME, user.data, user.len);
    adit_stun_add(&w->request, ADIT_STUN_REALM, "adit", 4);
    adit_stun_add(&w->request, ADIT_STUN_NONCE, w->nonce, strlen(w->nonce));
    assert_true(adit_stun_finish(&w->request, (struct adit_span){ key, sizeof key }) > 0);
}

int turn_ask(struct turn_world *w)
{
    struct adit_stun_out unsigned_request = w->request;
    struct adit_span nonce;
    int code;

    sign(w);
    code = turn_repeat(w);
    if (code != 438)
        return code;
    nonce = turn_answer(w, ADIT_STUN_NONCE);
    assert_in_range(nonce.len, 1, sizeof w->nonce - 1);
    memcpy(w->nonce, nonce.data, nonce.len);
    w->nonce[nonce.len] = 0;
    w->request = unsigned_request;
    sign(w);
    return turn_repeat(w);
}

struct adit_span turn_answer(const struct turn_world *w, enum adit_stun_attribute type)
{
    return adit_stun_find(w->sent, w->sent_n, type);
}

struct adit_addr turn_answer_addr(const struct turn_world *w, enum adit_stun_attribute type)
{
    struct adit_addr a;

    assert_int_equal(adit_stun_get_xor(&a, turn_answer(w, type), w->sent + 8), 0);
    return a;
}

int turn_allocate(struct turn_world *w)
{
    turn_begin(w, ADIT_STUN_ALLOCATE);
    adit_stun_add32(&w->request, ADIT_STUN_REQUESTED_TRANSPORT, TURN_UDP << 24);
    return turn_ask(w);
}

int turn_permit(struct turn_world *w, const char *peer)
{
    turn_begin(w, ADIT_STUN_CREATE_PERMISSION);
    turn_add_peer(w, peer);
    return turn_ask(w);
}

int turn_bind(struct turn_world *w, uint16_t number, const char *peer)
{
    turn_begin(w, ADIT_STUN_CHANNEL_BIND);
    adit_stun_add32(&w->request, ADIT_STUN_CHANNEL_NUMBER, (uint32_t)number << 16);
    turn_add_peer(w, peer);
    return turn_ask(w);
}

int turn_refresh(struct turn_world *w, uint32_t lifetime)
{
    turn_begin(w, ADIT_STUN_REFRESH);
    adit_stun_add32(&w->request, ADIT_STUN_LIFETIME, lifetime);
    return turn_ask(w);
}

unsigned turn_send(struct turn_world *w, const char *peer, const void *bytes, size_t n)
{
    unsigned before = w->emits;

    turn_begin(w, ADIT_STUN_SEND);
    w->request.bytes[0] = 0; /* an indication */
    w->request.bytes[1] = 0x10 | ADIT_STUN_SEND;
    turn_add_peer(w, peer);
    adit_stun_add(&w->request, ADIT_STUN_DATA_VALUE, bytes, n);
    assert_true(adit_stun_finish_bare(&w->request) > 0);
    adit_turnd_feed(w->relay, &w->flow, w->request.bytes, w->request.len, w->now);
    return w->emits - before;
}

unsigned turn_channel(struct turn_world *w, uint16_t number, const void *bytes, size_t n)
{
    uint8_t out[4 + 2100];
    unsigned before = w->emits;

    adit_put16(out, number);
    adit_put16(out + 2, (uint16_t)n);
    if (n)
        memcpy(out + 4, bytes, n);
    adit_turnd_feed(w->relay, &w->flow, out, 4 + n, w->now);
    return w->emits - before;
}

unsigned turn_hear(struct turn_world *w, const struct adit_addr *relayed, const char *peer,
                   const void *bytes, size_t n)
{
    struct adit_addr from = turn_addr(peer);
    unsigned before = w->sends;

    for (size_t i = 0; i < TURN_PORTS_MAX; i++)
        if (w->ports[i].port && adit_addr_equal(&w->ports[i].addr, relayed))
            adit_turnd_heard(w->relay, w->ports[i].port, &from, bytes, n, w->now);
    return w->sends - before;
}
