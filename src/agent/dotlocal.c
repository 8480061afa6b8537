#include "agent/dotlocal.h"

#include <strings.h>

#include "base/alloc.h"
#include "base/log.h"
#include "core/multicast.h"
#include "lan/mdns.h"
#include "lan/mdns_msg.h"

struct adit_dotlocal {
    struct adit_peer *peer;
    struct adit_mdns *mdns;
    struct adit_multicast sockets[2]; /* of IPv4, of IPv6 */
    struct adit_timer timer;
    struct adit_cand *waiting[ADIT_MDNS_ASK_MAX]; /* for their addresses */
    size_t waiting_count, taken;
    bool end; /* no more will come */
};

/* 224.0.0.251 and ff02::fb (RFC 6762 section 3). */
static const struct adit_addr groups[2] = {
    { .family = ADIT_FAMILY_V4, .port = ADIT_MDNS_PORT, .ip = { 224, 0, 0, 251 } },
    { .family = ADIT_FAMILY_V6, .port = ADIT_MDNS_PORT, .ip = { 0xff, 0x02, [15] = 0xfb } },
};

/* ---- sockets --------------------------------------------------------------------------------- */

static void settle(struct adit_dotlocal *d)
{
    if (!d->peer->freed)
        adit_timer_set(&d->timer, adit_mdns_deadline(d->mdns));
}

static void on_packet(void *arg, uint32_t index, const struct adit_addr *from, const uint8_t *bytes,
                      size_t n, adit_time now)
{
    struct adit_dotlocal *d = arg;

    adit_mdns_feed(d->mdns, index, from, bytes, n, now);
    adit_dotlocal_update(d->peer);
}

static const struct adit_multicast_ops socket_ops = { .packet = on_packet };

static void open_sockets(struct adit_dotlocal *d)
{
    for (size_t i = 0; i < ADIT_LEN(groups); i++) {
        int err = 0;

        if (!adit_multicast_is_open(&d->sockets[i]))
            err = adit_multicast_open(&d->sockets[i], d->peer->loop, &groups[i], &socket_ops, d);
        if (err)
            adit_debug("agent", "no multicast DNS over IPv%d: %s", groups[i].family,
                       strerror(-err));
    }
}

static void close_sockets(struct adit_dotlocal *d)
{
    for (size_t i = 0; i < ADIT_LEN(d->sockets); i++)
        adit_multicast_close(&d->sockets[i]);
}

void adit_dotlocal_update(struct adit_peer *peer)
{
    struct adit_dotlocal *d = peer->dotlocal;
    struct adit_mdns_link links[BASES_MAX];
    uint32_t indexes[BASES_MAX];
    size_t count = 0;

    if (!d || peer->freed)
        return;
    for (size_t i = 0; i < BASES_MAX; i++) {
        const struct base *b = &peer->bases[i];
        if (!b->peer)
            continue;
        indexes[count] = b->index;
        links[count++] = (struct adit_mdns_link){ .index = b->index,
                                                  .addr = b->ip,
                                                  .prefix_len = b->prefix_len };
    }
    adit_mdns_set_links(d->mdns, links, count);
    if (adit_mdns_idle(d->mdns)) {
        close_sockets(d);
    } else {
        open_sockets(d);
        for (size_t i = 0; i < ADIT_LEN(d->sockets); i++)
            if (adit_multicast_is_open(&d->sockets[i]))
                adit_multicast_join(&d->sockets[i], indexes, count);
    }
    settle(d);
}

static void on_send(void *arg, uint32_t index, enum adit_family family, const struct adit_addr *to,
                    const void *bytes, size_t n)
{
    struct adit_dotlocal *d = arg;
    struct adit_multicast *m = &d->sockets[family == ADIT_FAMILY_V6];

    if (adit_multicast_is_open(m))
        adit_multicast_send(m, index, to, bytes, n);
}

/* ---- theirs ---------------------------------------------------------------------------------- */

static void finish_if_done(struct adit_dotlocal *d, adit_time now)
{
    if (!d->end || d->waiting_count || d->peer->freed)
        return;
    d->end = false;
    adit_engine_candidates_done(d->peer->engine, now);
    adit_peer_touch(d->peer);
}

static void on_answer(void *arg, const char *name, const struct adit_addr *addr, adit_time now)
{
    struct adit_dotlocal *d = arg;
    size_t i = 0;

    adit_debug("agent", "%s: %s", name, addr ? "answered" : "nobody answers");
    while (i < d->waiting_count && !d->peer->freed) {
        struct adit_cand *c = d->waiting[i];

        if (strcasecmp(c->name, name) != 0) {
            i++;
            continue;
        }
        d->waiting[i] = d->waiting[--d->waiting_count];
        if (addr) {
            uint16_t port = c->addr.port;

            c->addr = *addr;
            c->addr.port = port;
            c->name[0] = '\0';
            if (adit_engine_add_candidate(d->peer->engine, c, now) < 0)
                adit_debug("agent", "%s is of no use", name);
            adit_peer_touch(d->peer);
        }
        adit_free(c);
    }
    finish_if_done(d, now);
}

static const struct adit_mdns_ops mdns_ops = { .send = on_send, .answer = on_answer };

static void on_timer(struct adit_timer *timer, adit_time now)
{
    struct adit_dotlocal *d = adit_container_of(timer, struct adit_dotlocal, timer);

    adit_mdns_tick(d->mdns, now);
    adit_dotlocal_update(d->peer);
}

static struct adit_dotlocal *need(struct adit_peer *peer)
{
    struct adit_dotlocal *d = peer->dotlocal;

    if (d || peer->freed)
        return d;
    d = adit_zalloc(sizeof *d);
    if (!d)
        return NULL;
    d->peer = peer;
    d->mdns = adit_mdns_new(&mdns_ops, d);
    if (!d->mdns) {
        adit_free(d);
        return NULL;
    }
    adit_timer_init(&d->timer, peer->loop, on_timer, "mdns");
    return peer->dotlocal = d;
}

static bool waits(const struct adit_dotlocal *d, const struct adit_cand *cand)
{
    for (size_t i = 0; i < d->waiting_count; i++)
        if (d->waiting[i]->addr.port == cand->addr.port &&
            strcasecmp(d->waiting[i]->name, cand->name) == 0)
            return true;
    return false;
}

void adit_dotlocal_ask(struct adit_peer *peer, const struct adit_cand *cand, adit_time now)
{
    struct adit_dotlocal *d = need(peer);
    struct adit_cand *copy;

    if (!d || d->taken == ADIT_MDNS_ASK_MAX || waits(d, cand) ||
        adit_mdns_ask(d->mdns, cand->name, now) < 0)
        return;
    copy = adit_memdup(cand, sizeof *cand);
    if (copy) {
        d->taken++;
        d->waiting[d->waiting_count++] = copy;
    }
    adit_dotlocal_update(peer);
}

void adit_dotlocal_end(struct adit_peer *peer, adit_time now)
{
    if (peer->dotlocal) {
        peer->dotlocal->end = true;
        finish_if_done(peer->dotlocal, now);
    } else {
        adit_engine_candidates_done(peer->engine, now);
    }
}

/* ---- ours ------------------------------------------------------------------------------------ */

bool adit_dotlocal_hide(struct adit_peer *peer, struct base *b)
{
    struct adit_dotlocal *d = need(peer);

    if (!d)
        return false;
    adit_mdns_random_name(&peer->rng, b->name);
    if (adit_mdns_own(d->mdns, b->name, b->index, &b->ip) == 0)
        return true;
    b->name[0] = '\0';
    return false;
}

void adit_dotlocal_unhide(struct adit_peer *peer, struct base *b)
{
    if (peer->dotlocal && b->name[0])
        adit_mdns_disown(peer->dotlocal->mdns, b->name);
    b->name[0] = '\0';
}

/* draft-ietf-mmusic-mdns-ice-candidates section 3.1.2.2: 0.0.0.0 and port 9 as related address. */
void adit_dotlocal_cover(const struct adit_peer *peer, struct adit_cand *cand)
{
    if (!peer->hide)
        return;
    if (cand->type != ADIT_CAND_HOST) {
        cand->related = (struct adit_addr){ .family = cand->addr.family, .port = 9 };
        return;
    }
    for (size_t i = 0; i < BASES_MAX; i++) {
        const struct base *b = &peer->bases[i];
        if (b->peer && b->name[0] && adit_addr_equal_ip(&b->ip, &cand->addr))
            memcpy(cand->name, b->name, sizeof b->name);
    }
    cand->addr = (struct adit_addr){ .port = cand->addr.port };
}

/* ---- life ------------------------------------------------------------------------------------ */

void adit_dotlocal_close(struct adit_peer *peer)
{
    if (!peer->dotlocal)
        return;
    adit_timer_stop(&peer->dotlocal->timer);
    close_sockets(peer->dotlocal);
}

void adit_dotlocal_free(struct adit_peer *peer)
{
    struct adit_dotlocal *d = peer->dotlocal;

    if (!d)
        return;
    while (d->waiting_count)
        adit_free(d->waiting[--d->waiting_count]);
    adit_mdns_free(d->mdns);
    adit_free(d);
    peer->dotlocal = NULL;
}
