#include "agent/port.h"

#include "agent/inner.h"
#include "agent/ports.h"
#include "base/alloc.h"
#include "lan/portmap_msg.h"

#define EARLY_MAX 4 /* packets, for each peer whose sockets are not attached yet */

struct early {
    struct adit_addr from;
    unsigned socket;
    size_t n;
    uint8_t *bytes;
};

/* A peer's part in it. */
struct adit_port_user {
    struct adit_share_peer share;
    struct adit_port *port;
    struct adit_peer *peer;
    struct adit_link link;
    int8_t base_of[BASES_MAX]; /* by socket; -1 = none */
    struct early early[EARLY_MAX];
    unsigned early_count;
};

struct adit_port {
    struct adit_loop *loop;
    struct adit_rng rng;
    struct adit_share share;
    struct adit_port_socket sockets[BASES_MAX];
    struct adit_link users;
    struct adit_link *next; /* to be told of an error; who leaves moves it on */
    uint16_t number;        /* tried first; `fixed`: a socket has it */
    bool fixed;
    unsigned receiving; /* the socket whose packet is being handled */
    void (*stranger)(void *arg, const struct adit_addr *from, const void *bytes, size_t n,
                     adit_time now);
    void *arg;
};

static unsigned index_of(const struct adit_port_socket *s)
{
    return (unsigned)(s - s->port->sockets);
}

/* ---- packets --------------------------------------------------------------------------------- */

static void keep(struct adit_port_user *u, unsigned socket, const struct adit_addr *from,
                 const void *bytes, size_t n)
{
    struct early *e = &u->early[u->early_count];

    if (u->early_count == EARLY_MAX)
        return;
    *e = (struct early){ .from = *from, .socket = socket, .n = n, .bytes = adit_memdup(bytes, n) };
    u->early_count += e->bytes != NULL;
}

/* An answer of a gateway is for whoever has asked it, and it knows by itself. */
static bool ask_all(struct adit_port *port, unsigned socket, const struct adit_addr *from,
                    const uint8_t *bytes, size_t n, adit_time now)
{
    bool ours = false;

    for (struct adit_link *it = port->users.next; it != &port->users && !ours; it = port->next) {
        struct adit_port_user *u = adit_container_of(it, struct adit_port_user, link);

        port->next = it->next;
        if (u->base_of[socket] >= 0 && u->peer->ports)
            ours = adit_ports_take(u->peer, (size_t)u->base_of[socket], from, bytes, n, now);
    }
    port->next = NULL;
    return ours;
}

static void on_packet(void *arg, const struct adit_addr *from, uint8_t *bytes, size_t n,
                      adit_time now)
{
    struct adit_port_socket *s = arg;
    struct adit_port *port = s->port;
    unsigned i = index_of(s);
    struct adit_share_peer *whose = adit_share_route(&port->share, i, from, bytes, n);

    if (whose) {
        struct adit_port_user *u = adit_container_of(whose, struct adit_port_user, share);

        if (u->base_of[i] >= 0)
            adit_bases_feed(u->peer, u->base_of[i], from, bytes, n, now);
        else
            keep(u, i, from, bytes, n);
    } else if (from->port == ADIT_PORTMAP_PORT && ask_all(port, i, from, bytes, n, now)) {
        return;
    } else if (port->stranger) {
        port->receiving = i;
        port->stranger(port->arg, from, bytes, n, now);
    }
}

/* Whoever sent it there: the others have no pair with that address. */
static void on_error(void *arg, const struct adit_addr *to, int err, adit_time now)
{
    struct adit_port_socket *s = arg;
    struct adit_port *port = s->port;
    unsigned i = index_of(s);

    for (struct adit_link *it = port->users.next; it != &port->users; it = port->next) {
        struct adit_port_user *u = adit_container_of(it, struct adit_port_user, link);

        port->next = it->next;
        if (u->base_of[i] >= 0)
            adit_bases_refused(u->peer, u->base_of[i], to, err, now);
    }
    port->next = NULL;
}

static const struct adit_udp_ops udp_ops = { .packet = on_packet, .error = on_error };

void adit_port_sent(struct adit_peer *peer, const struct adit_port_socket *socket,
                    const struct adit_addr *to, const void *bytes, size_t n)
{
    adit_share_sent(&peer->shared->share, index_of(socket), to, bytes, n);
}

void adit_port_keep(struct adit_peer *peer, const struct adit_addr *from, const void *bytes,
                    size_t n)
{
    if (peer->shared)
        keep(peer->shared, peer->shared->port->receiving, from, bytes, n);
}

void adit_port_ready(struct adit_peer *peer, adit_time now)
{
    struct adit_port_user *u = peer->shared;

    for (unsigned i = 0; i < u->early_count; i++) {
        struct early *e = &u->early[i];

        if (!peer->freed && u->base_of[e->socket] >= 0)
            adit_bases_feed(peer, u->base_of[e->socket], &e->from, e->bytes, e->n, now);
        if (peer->freed)
            return; /* and what was kept is gone */
        adit_free(e->bytes);
        e->bytes = NULL;
    }
    u->early_count = 0;
}

/* ---- sockets --------------------------------------------------------------------------------- */

struct adit_port_socket *adit_port_attach(struct adit_peer *peer, int base,
                                          const struct adit_addr *ip)
{
    struct adit_port *port = peer->shared->port;
    struct adit_port_socket *s = NULL;

    for (size_t i = 0; i < BASES_MAX; i++) {
        struct adit_port_socket *at = &port->sockets[i];

        if (at->users && adit_addr_equal(&at->ip, ip)) {
            s = at;
            break;
        }
        if (!at->users && !s)
            s = at;
    }
    if (!s || peer->shared->base_of[s - port->sockets] >= 0) /* two interfaces with one address */
        return NULL;
    if (!s->users)
        *s = (struct adit_port_socket){ .port = port, .ip = *ip };
    s->users++;
    peer->shared->base_of[index_of(s)] = (int8_t)base;
    return s;
}

int adit_port_open(struct adit_port_socket *socket, struct adit_loop *loop,
                   const struct adit_udp_conf *conf)
{
    struct adit_udp_conf c = *conf;
    struct adit_port *port = socket->port;
    int err = -EADDRINUSE;

    c.addr.port = port->number;
    if (port->number)
        err = adit_udp_open(&socket->udp, loop, &c, &udp_ops, socket);
    c.addr.port = 0;
    if (err == -EADDRINUSE)
        err = adit_udp_open(&socket->udp, loop, &c, &udp_ops, socket);
    if (!err && !port->fixed)
        port->number = adit_udp_local(&socket->udp)->port;
    port->fixed |= !err;
    return err;
}

void adit_port_prefer(struct adit_port *port, uint16_t number)
{
    if (!port->fixed)
        port->number = number;
}

void adit_port_detach(struct adit_peer *peer, struct adit_port_socket *socket)
{
    peer->shared->base_of[index_of(socket)] = -1;
    if (--socket->users == 0)
        adit_udp_close(&socket->udp);
}

uint16_t adit_port_number(const struct adit_port *port)
{
    return port->number;
}

/* ---- life ------------------------------------------------------------------------------------ */

struct adit_port *adit_port_new(struct adit_loop *loop)
{
    struct adit_port *port = adit_zalloc(sizeof *port);

    if (!port)
        return NULL;
    port->loop = loop;
    adit_rng_init(&port->rng);
    adit_share_init(&port->share, &port->rng);
    adit_list_init(&port->users);
    return port;
}

struct adit_port *adit_port_free(struct adit_port *port)
{
    if (!port)
        return NULL;
    assert(adit_list_empty(&port->users));
    adit_share_done(&port->share);
    adit_free(port);
    return NULL;
}

void adit_port_set_stranger(struct adit_port *port,
                            void (*stranger)(void *arg, const struct adit_addr *from,
                                             const void *bytes, size_t n, adit_time now),
                            void *arg)
{
    port->stranger = stranger;
    port->arg = arg;
}

int adit_port_join(struct adit_port *port, struct adit_peer *peer, const char *name)
{
    struct adit_port_user *u = adit_zalloc(sizeof *u);
    int err = u ? adit_share_join(&port->share, &u->share) : -ENOMEM;

    if (!err)
        err = adit_share_name(&u->share, name, strlen(name));
    if (err) {
        if (u)
            adit_share_leave(&u->share);
        adit_free(u);
        return err;
    }
    memset(u->base_of, -1, sizeof u->base_of);
    u->port = port;
    u->peer = peer;
    adit_list_add(&port->users, &u->link);
    peer->shared = u;
    return 0;
}

void adit_port_leave(struct adit_peer *peer)
{
    struct adit_port_user *u = peer->shared;

    if (!u)
        return;
    if (u->port->next == &u->link)
        u->port->next = u->link.next;
    while (u->early_count)
        adit_free(u->early[--u->early_count].bytes);
    adit_share_leave(&u->share);
    adit_list_del(&u->link);
    peer->shared = NULL;
    adit_free(u);
}
