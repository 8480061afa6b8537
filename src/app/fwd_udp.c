/* fwd_udp - -U: datagrams of ours, a stream for each who sends them. */
#include <stdio.h>

#include "app/fwd_flow.h"
#include "app/fwd_inner.h"
#include "base/alloc.h"
#include "core/dgram.h"

#define SOCKETS_MAX 2 /* both families */
#define BOTH_TRIES  8 /* to find a port that is free in both */
#define KEY_BYTES   24

struct udp_socket {
    struct adit_fwd_udp_door *owner;
    struct adit_dgram dgram;
    char at[ADIT_ADDR_STR];
};

struct adit_fwd_udp_door {
    struct adit_fwd_door *door;
    struct adit_flows flows;
    struct udp_socket sockets[SOCKETS_MAX];
    unsigned count;
};

/* ---- datagrams ------------------------------------------------------------------------------- */

/* Which socket, and who; read back by on_datagram. */
static void put_key(uint8_t key[KEY_BYTES], unsigned socket, const struct adit_addr *from)
{
    key[0] = (uint8_t)socket;
    key[1] = from->family;
    adit_put16(key + 2, from->port);
    adit_put32(key + 4, from->scope);
    memcpy(key + 8, from->ip, 16);
}

static void on_packet(void *arg, const struct adit_addr *from, const uint8_t *bytes, size_t n,
                      adit_time now)
{
    struct udp_socket *s = arg;
    struct adit_fwd_udp_door *u = s->owner;
    uint8_t key[KEY_BYTES];

    if (!u->door->f->mux)
        adit_fwd_tell_no_tunnel(u->door->f);
    put_key(key, (unsigned)(s - u->sockets), from);
    adit_flows_send(&u->flows, key, sizeof key, &u->door->fwd->to, bytes, n, now);
}

static const struct adit_dgram_ops dgram_ops = { .packet = on_packet };

static void on_datagram(void *arg, struct adit_flow *flow, const uint8_t *bytes, size_t n)
{
    struct adit_fwd_udp_door *u = arg;
    struct adit_addr to = { .family = flow->key[1],
                            .port = adit_get16(flow->key + 2),
                            .scope = adit_get32(flow->key + 4) };

    memcpy(to.ip, flow->key + 8, 16);
    if (adit_dgram_send(&u->sockets[flow->key[0]].dgram, &to, bytes, n) < 0)
        u->door->f->stats.datagrams_dropped++;
}

static void on_told(void *arg, enum adit_mux_code code)
{
    struct adit_fwd_udp_door *u = arg;

    adit_fwd_door_tell(u->door, code);
}

static const struct adit_flows_ops flows_ops = { .datagram = on_datagram, .told = on_told };

/* ---- sockets --------------------------------------------------------------------------------- */

static int bind_one(struct adit_fwd_udp_door *u, const char *ip, uint16_t port)
{
    struct udp_socket *s = &u->sockets[u->count];
    struct adit_addr at;

    if (adit_addr_parse(&at, ip, strlen(ip)) < 0)
        return -EINVAL;
    at.port = port;
    s->owner = u;
    int err = adit_dgram_bind(&s->dgram, u->door->f->conf.loop, &at, &dgram_ops, s);
    if (err)
        return err;
    adit_addr_str(&s->dgram.local, s->at);
    u->count++;
    return 0;
}

/* One family is enough on a host that has only one. */
static int bind_both(struct adit_fwd_udp_door *u, const char *v4, const char *v6, uint16_t port)
{
    int err = 0;

    for (int tries = BOTH_TRIES; tries; tries--) {
        int err4 = bind_one(u, v4, port);

        if (err4 && err4 != -EADDRNOTAVAIL && err4 != -EAFNOSUPPORT)
            return err4;
        err = bind_one(u, v6, err4 ? port : u->sockets[0].dgram.local.port);
        if (!err || (!err4 && (err == -EADDRNOTAVAIL || err == -EAFNOSUPPORT)))
            return 0;
        if (port || err4 || err != -EADDRINUSE)
            break;
        adit_dgram_close(&u->sockets[--u->count].dgram);
    }
    return err;
}

struct adit_fwd_udp_door *adit_fwd_udp_stop(struct adit_fwd_udp_door *u)
{
    if (!u)
        return NULL;
    adit_flows_done(&u->flows);
    while (u->count)
        adit_dgram_close(&u->sockets[--u->count].dgram);
    adit_free(u);
    return NULL;
}

int adit_fwd_udp_listen(struct adit_fwd_door *door, struct adit_cause *ret_cause)
{
    const struct adit_end *at = &door->fwd->at;
    struct adit_forwards *f = door->f;
    struct adit_fwd_udp_door *u = adit_zalloc(sizeof *u);
    char text[ADIT_END_STR];
    int err;

    if (!u) {
        adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, ENOMEM, "out of memory");
        return -ENOMEM;
    }
    u->door = door;
    adit_flows_init(&u->flows, f, f->conf.flows_max ? f->conf.flows_max : ADIT_FORWARDS_FLOWS_MAX,
                    &flows_ops, u);
    if (strcmp(at->name, "localhost") == 0)
        err = bind_both(u, "127.0.0.1", "::1", at->port);
    else if (strcmp(at->name, "*") == 0)
        err = bind_both(u, "0.0.0.0", "::", at->port);
    else
        err = bind_one(u, at->name, at->port);
    if (err) {
        adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, -err, "cannot listen at \"%.48s\": %s",
                       adit_end_show(at, text), strerror(-err));
        adit_fwd_udp_stop(u);
        return err;
    }
    door->udp = u;
    f->stats.listens += u->count;
    return 0;
}

const char *adit_fwd_udp_at(const struct adit_fwd_udp_door *u, size_t i)
{
    return i < u->count ? u->sockets[i].at : NULL;
}
