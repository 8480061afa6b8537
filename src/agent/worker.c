#include "agent/worker.h"

#include "agent/inner.h"
#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "signal/client.h"

#define STUN_PORT   3478
#define STUN_COOKIE 0x2112a442u
#define STUN_HEADER 20
#define TRIES       7               /* RFC 8489 section 6.2.1 */
#define RTO         (500 * ADIT_MS) /* of the first; doubles */
#define AGAIN       (60 * ADIT_SEC) /* when nobody has answered */

struct adit_worker {
    struct adit_loop *loop;
    struct adit_signal **signal;
    const struct adit_peer_conf *conf; /* borrowed: STUN servers */
    struct adit_udp udp;               /* closed while the port is lent */
    struct adit_peer *lent;
    uint16_t port;
    struct adit_resolve *resolve;
    struct adit_addr server;
    struct adit_timer timer;
    struct adit_rng rng;
    uint8_t id[12]; /* of the STUN request under way */
    unsigned tries; /* 0 = none is */
    bool told;
};

/* ---- our address, as seen from outside ------------------------------------------------------- */

static void found(struct adit_worker *w, const struct adit_addr *addr)
{
    adit_timer_stop(&w->timer);
    w->tries = 0;
    if (*w->signal)
        (void)adit_signal_endpoint(*w->signal, addr); /* when it is there again, it asks again */
}

static void not_found(struct adit_worker *w, const char *why)
{
    struct adit_addr here = { .family = ADIT_FAMILY_V4, .port = w->port, .ip = { 127, 0, 0, 1 } };

    w->tries = 0;
    if (w->conf->loopback) {
        found(w, &here);
        return;
    }
    if (!w->told)
        adit_log(ADIT_LOG_WARN, "worker",
                 "our public address is not known, so nobody can be sent to us: %s (see --stun), "
                 "continuing",
                 why);
    w->told = true;
    adit_timer_set(&w->timer, adit_loop_now(w->loop) + AGAIN);
}

static void request(struct adit_worker *w, adit_time now)
{
    uint8_t packet[STUN_HEADER] = { 0, 1 }; /* Binding request, no attributes */

    adit_put32(packet + 4, STUN_COOKIE);
    memcpy(packet + 8, w->id, sizeof w->id);
    adit_worker_send(w, &w->server, packet, sizeof packet);
    adit_timer_set(&w->timer, now + (RTO << w->tries));
    w->tries++;
}

static void on_timer(struct adit_timer *timer, adit_time now)
{
    struct adit_worker *w = adit_container_of(timer, struct adit_worker, timer);

    if (w->tries == 0)
        adit_worker_ask(w);
    else if (w->tries < TRIES)
        request(w, now);
    else
        not_found(w, "no STUN server answers");
}

static void on_resolved(void *arg, int err, const struct adit_addr *addrs, size_t count,
                        adit_time now)
{
    struct adit_worker *w = arg;
    size_t i = 0;

    while (!err && i < count && addrs[i].family != ADIT_FAMILY_V4)
        i++;
    if (err || i == count) {
        not_found(w, err ? adit_resolve_error(err) : "the STUN server has no IPv4 address");
    } else {
        w->server = addrs[i];
        adit_rng_bytes(&w->rng, w->id, sizeof w->id);
        request(w, now);
    }
    w->resolve = adit_resolve_free(w->resolve);
}

/* "stun:host:port", "host", "192.0.2.1:3478": adit_peer_new has refused what is none of these. */
void adit_worker_ask(struct adit_worker *w)
{
    const char *text = w->conf->stun_count ? w->conf->stun[0] : "";
    const char *host = adit_str_starts(text, "stun:") ? text + 5 : text;
    size_t len = strcspn(host, ":?");
    struct adit_resolve_conf conf = { .port = STUN_PORT };
    char name[256];
    uint64_t port;

    adit_timer_stop(&w->timer);
    w->tries = 0;
    w->resolve = adit_resolve_free(w->resolve);
    if (host[len] == ':' &&
        adit_str_u64(&port, host + len + 1, strcspn(host + len + 1, "?"), 1, UINT16_MAX) == 0)
        conf.port = (uint16_t)port;
    conf.host = name;
    if (len == 0 || adit_str_copy(name, sizeof name, host, len) < 0)
        not_found(w, "there is no STUN server");
    else if (adit_resolve_start(&w->resolve, w->loop, &conf, on_resolved, w) < 0)
        not_found(w, "the STUN server's name is none");
}

/* XOR-MAPPED-ADDRESS (RFC 8489 section 14.2) of a success response to our request. */
static bool mapped(struct adit_worker *w, const uint8_t *p, size_t n, struct adit_addr *ret_addr)
{
    struct adit_cursor c = adit_cursor(p, n);

    if (adit_cursor_get16(&c) != 0x0101 || adit_cursor_get16(&c) != n - STUN_HEADER ||
        adit_cursor_get32(&c) != STUN_COOKIE)
        return false;
    adit_cursor_take(&c, sizeof w->id);
    while (adit_cursor_left(&c) >= 4) {
        uint16_t type = adit_cursor_get16(&c), len = adit_cursor_get16(&c);
        const uint8_t *value = adit_cursor_take(&c, (size_t)(len + 3) & ~(size_t)3);
        if (!value || type != 0x0020 || len != 8 || value[1] != 1)
            continue;
        *ret_addr = (struct adit_addr){
            .family = ADIT_FAMILY_V4,
            .port = adit_get16(value + 2) ^ (STUN_COOKIE >> 16),
        };
        adit_put32(ret_addr->ip, adit_get32(value + 4) ^ STUN_COOKIE);
        return true;
    }
    return false;
}

/* ---- packets --------------------------------------------------------------------------------- */

static bool is_answer(const struct adit_worker *w, const struct adit_addr *from, const uint8_t *p,
                      size_t n)
{
    return w->tries && n >= STUN_HEADER && memcmp(p + 8, w->id, sizeof w->id) == 0 &&
           adit_addr_equal(from, &w->server);
}

static bool take(void *arg, const struct adit_addr *from, const void *bytes, size_t n)
{
    struct adit_worker *w = arg;
    struct adit_addr addr;

    if (is_answer(w, from, bytes, n)) {
        if (mapped(w, bytes, n, &addr))
            found(w, &addr);
        return true;
    }
    return *w->signal && adit_signal_datagram(*w->signal, from, bytes, n);
}

static void on_packet(void *arg, const struct adit_addr *from, uint8_t *bytes, size_t n,
                      adit_time now)
{
    (void)now;
    (void)take(arg, from, bytes, n); /* a connection that is over, or none of ours */
}

static void on_error(void *arg, const struct adit_addr *to, int err, adit_time now)
{
    (void)arg, (void)to, (void)err, (void)now; /* what is lost is sent again */
}

static const struct adit_udp_ops udp_ops = { .packet = on_packet, .error = on_error };

void adit_worker_send(struct adit_worker *w, const struct adit_addr *to, const void *bytes,
                      size_t n)
{
    if (w->lent)
        adit_bases_send_any(w->lent, to, bytes, n);
    else if (adit_udp_is_open(&w->udp))
        adit_udp_send(&w->udp, to, bytes, n);
}

/* ---- the port -------------------------------------------------------------------------------- */

static int open_port(struct adit_worker *w, uint16_t min, uint16_t max)
{
    struct adit_udp_conf conf = { .addr = { .family = ADIT_FAMILY_V4 },
                                  .port_min = min,
                                  .port_max = max };

    return adit_udp_open(&w->udp, w->loop, &conf, &udp_ops, w);
}

void adit_worker_lend(struct adit_worker *w, struct adit_peer *peer)
{
    int err = 0;

    if (!w || peer == w->lent)
        return;
    w->lent = peer;
    if (peer) {
        adit_udp_close(&w->udp);
        adit_peer_tap(peer, take, w);
    } else {
        err = open_port(w, w->port, w->port);
    }
    if (err)
        adit_log(ADIT_LOG_WARN, "worker", "UDP port %u is not ours any more: %s, continuing",
                 w->port, strerror(-err));
}

int adit_worker_new(struct adit_worker **ret_worker, struct adit_loop *loop,
                    struct adit_peer_conf *peer, struct adit_signal **signal)
{
    struct adit_worker *w = adit_zalloc(sizeof *w);
    int err;

    if (!w)
        return -ENOMEM;
    w->loop = loop;
    w->signal = signal;
    w->conf = peer;
    adit_rng_init(&w->rng);
    adit_timer_init(&w->timer, loop, on_timer, "worker");
    err = open_port(w, peer->port_min, peer->port_max);
    if (err) {
        adit_free(w);
        return err;
    }
    w->port = adit_udp_local(&w->udp)->port;
    peer->port_min = peer->port_max = w->port;
    *ret_worker = w;
    return 0;
}

struct adit_worker *adit_worker_free(struct adit_worker *w)
{
    if (!w)
        return NULL;
    adit_timer_stop(&w->timer);
    adit_resolve_free(w->resolve);
    adit_udp_close(&w->udp);
    adit_free(w);
    return NULL;
}
