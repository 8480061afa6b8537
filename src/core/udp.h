/* udp.h - UDP sockets, one per local address, that receive and send in batches.
 *
 * Received packets are called up one by one out of buffers which all sockets of a loop share; sent
 * ones are copied to a queue of the loop and leave together before it sleeps, or earlier when the
 * queue is full. Nothing is called back from inside adit_udp_send. When the kernel's buffer is
 * full, a bounded backlog waits for room; past it packets are dropped and counted, as a network
 * would. */
#ifndef ADIT_UDP_H
#define ADIT_UDP_H

#include "base/addr.h"
#include "core/reactor.h"

#define ADIT_UDP_PACKET_MAX  2048         /* larger ones are dropped, in either direction */
#define ADIT_UDP_BACKLOG_MAX (256 * 1024) /* bytes waiting for one socket's buffer */

struct adit_udp_conf {
    struct adit_addr addr; /* where to bind; port 0 = see port_min */
    uint16_t port_min,
        port_max;       /* tried in turn when addr.port is 0; both 0 = the kernel chooses */
    const char *device; /* SO_BINDTODEVICE; NULL = any */
    uint32_t mark;      /* SO_MARK, which needs CAP_NET_ADMIN; 0 = none */
    enum adit_offload
        offload; /* runs of packets between us and the kernel; ON: -EOPNOTSUPP if it has none */
    unsigned buffer_bytes; /* of the socket, each way; 0 = 512 KiB or what the system allows */
};

struct adit_udp_stats {
    uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
    uint64_t rx_dropped; /* larger than ADIT_UDP_PACKET_MAX */
    uint64_t tx_dropped; /* backlog full, too large, or the device's queue was */
    uint64_t tx_errors;  /* the kernel refused: no route, a firewall, the interface is gone */
};

struct adit_udp_ops {
    /* A packet. It lives until the callback returns and may be changed in place. May call anything,
     * adit_udp_close on this socket included. */
    void (*packet)(void *arg, const struct adit_addr *from, uint8_t *bytes, size_t n,
                   adit_time now);
    /* A packet towards `to` was refused with a positive errno: ENETUNREACH, EHOSTUNREACH, EPERM and
     * EACCES (a firewall, a prohibited route), EINVAL and EADDRNOTAVAIL (our address is gone),
     * ENETDOWN, ENODEV, EMSGSIZE. At most once per round and destination; may call anything. */
    void (*error)(void *arg, const struct adit_addr *to, int err, adit_time now);
};

/* Embedded by the owner; all zero = closed. */
struct adit_udp {
    struct adit_io io;
    const struct adit_udp_ops *ops; /* borrowed, outlives us */
    void *arg;
    struct adit_udp_hub *hub;
    struct adit_addr local;
    struct adit_udp_stats stats;
    struct adit_udp_backlog *backlog; /* NULL = nothing waits */
    uint8_t tx_ecn; /* RFC 3168, of packets to be sent from now on; the owner's to set */
    uint8_t rx_ecn; /* of the packet that ops->packet is told */
    bool runs;      /* packets of one size to one place leave in one piece, which the kernel cuts */
    bool joins;     /* and so they come in */
    struct adit_udp *line; /* where adit_udp_prefer leads; NULL = nowhere */
    struct adit_udp *of;   /* this one is a line, beside that one */
    struct adit_addr to;   /* of a line: the other end */
    struct adit_udp_conf conf;
    char device[16]; /* conf.device; IF_NAMESIZE */
};

/* Opens and binds. -EADDRINUSE: the port, or all of the range; -EADDRNOTAVAIL: not our address, or
 * an IPv6 one whose duplicate detection is not over; -EMFILE, -EPERM (device, low port), -ENODEV …
 */
ADIT_MUST_USE int adit_udp_open(struct adit_udp *udp, struct adit_loop *loop,
                                const struct adit_udp_conf *conf, const struct adit_udp_ops *ops,
                                void *arg);
/* May we mark packets (SO_MARK)? -EPERM: CAP_NET_ADMIN is missing. */
ADIT_MUST_USE int adit_udp_try_mark(uint32_t mark);
/* What is queued leaves if it can at once. May be repeated. */
void adit_udp_close(struct adit_udp *udp);

/* Queues a copy. 0; -EAGAIN or -EMSGSIZE: dropped and counted, which may be ignored. */
int adit_udp_send(struct adit_udp *udp, const struct adit_addr *to, const void *bytes, size_t n);

/* Most of what is sent goes to this address: it gets a socket of its own, which is connected,
 * beside the first and at its port. The kernel then keeps the way, and finds the socket for what
 * comes from there, without looking either up for each packet. For the owner all is as before.
 * Where it cannot be had (no descriptors), nothing changes. Another address takes its place. */
void adit_udp_prefer(struct adit_udp *udp, const struct adit_addr *to);

/* At once, and whole or not at all (DF): a probe of the path MTU. Nobody is told if it does not
 * leave. */
void adit_udp_send_whole(struct adit_udp *udp, const struct adit_addr *to, const void *bytes,
                         size_t n);

/* Which of the two this kernel has. */
void adit_udp_offers(bool *ret_runs, bool *ret_joins);

static inline bool adit_udp_is_open(const struct adit_udp *udp)
{
    return udp->hub != NULL;
}

/* The address bound to, with the port that was found. */
static inline const struct adit_addr *adit_udp_local(const struct adit_udp *udp)
{
    return &udp->local;
}

/* For adit_loop_free. hub may be NULL; no socket is open. */
void adit_udp_hub_free(struct adit_udp_hub *hub);

#endif
