/* dgram.h - a UDP socket for datagrams of any size: a few at a time, as forwards need it.
 *
 * Each is sent at once, whole, or not at all; each that comes is called up by itself, never
 * clipped. For packets at speed there is udp.h. */
#ifndef ADIT_DGRAM_H
#define ADIT_DGRAM_H

#include "base/addr.h"
#include "core/reactor.h"

#define ADIT_DGRAM_MAX 65507 /* bytes: what IPv4 can carry */

struct adit_dgram_ops {
    /* The bytes live until the callback returns. May call anything but adit_dgram_close on this
     * socket. */
    void (*packet)(void *arg, const struct adit_addr *from, const uint8_t *bytes, size_t n,
                   adit_time now);
};

/* Embedded by the owner; all zero = closed. */
struct adit_dgram {
    struct adit_io io;
    const struct adit_dgram_ops *ops;
    void *arg;
    struct adit_addr local;
};

/* Port 0: the kernel chooses. -errno of bind. */
ADIT_MUST_USE int adit_dgram_bind(struct adit_dgram *d, struct adit_loop *loop,
                                  const struct adit_addr *at, const struct adit_dgram_ops *ops,
                                  void *arg);
/* Only that address is sent to and heard. -errno of connect: no route … */
ADIT_MUST_USE int adit_dgram_connect(struct adit_dgram *d, struct adit_loop *loop,
                                     const struct adit_addr *to, const struct adit_dgram_ops *ops,
                                     void *arg);
void adit_dgram_close(struct adit_dgram *d); /* may be repeated */

/* to NULL: where it is connected. -EMSGSIZE: too long; -EAGAIN: the kernel's buffer is full; others
 * of send(2). Then the datagram is lost, as a network may lose it. */
int adit_dgram_send(struct adit_dgram *d, const struct adit_addr *to, const void *bytes, size_t n);

static inline bool adit_dgram_is_open(const struct adit_dgram *d)
{
    return d->io.loop != NULL;
}

#endif
