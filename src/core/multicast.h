/* multicast.h - a UDP socket in a multicast group of the local links, its port shared with other
 * programs of this host.
 *
 * Joined interface by interface; each datagram is told with the interface that it came in on, and
 * sent on one that is named. Its TTL is 255 (RFC 6762 section 11). */
#ifndef ADIT_MULTICAST_H
#define ADIT_MULTICAST_H

#include "base/addr.h"
#include "core/reactor.h"

#define ADIT_MULTICAST_MAX   9000 /* bytes; larger ones are dropped */
#define ADIT_MULTICAST_JOINS 24

struct adit_multicast_ops {
    /* The bytes live until the callback returns. May call anything, adit_multicast_close on this
     * socket included. */
    void (*packet)(void *arg, uint32_t index, const struct adit_addr *from, const uint8_t *bytes,
                   size_t n, adit_time now);
};

/* Embedded by the owner; all zero = closed. */
struct adit_multicast {
    struct adit_io io;
    const struct adit_multicast_ops *ops;
    void *arg;
    struct adit_addr group;
    uint32_t joined[ADIT_MULTICAST_JOINS]; /* interfaces; 0 = free */
};

/* group: address and port. A port that somebody does not share is no reason to fail: then the
 * socket has another one, hears nothing that goes to the group, and gets what is sent to itself.
 * -errno. */
ADIT_MUST_USE int adit_multicast_open(struct adit_multicast *m, struct adit_loop *loop,
                                      const struct adit_addr *group,
                                      const struct adit_multicast_ops *ops, void *arg);
void adit_multicast_close(struct adit_multicast *m); /* may be repeated */

/* To be in the group on these interfaces and on no others. One that is gone, or has no multicast,
 * is passed over. */
void adit_multicast_join(struct adit_multicast *m, const uint32_t *indexes, size_t count);

/* to NULL: the group. What does not leave is lost, as a network may lose it. */
void adit_multicast_send(struct adit_multicast *m, uint32_t index, const struct adit_addr *to,
                         const void *bytes, size_t n);

static inline bool adit_multicast_is_open(const struct adit_multicast *m)
{
    return m->io.loop != NULL;
}

#endif
