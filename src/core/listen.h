/* listen.h - sockets on which others call us: TCP on several addresses, local ones, and those that
 * systemd has opened for us.
 *
 * Calls are taken in batches, so that a flood leaves time for others. Without descriptors, taking
 * pauses for a moment, the log says so once, and callers wait in the kernel's queue. */
#ifndef ADIT_LISTEN_H
#define ADIT_LISTEN_H

#include <sys/types.h>

#include "base/addr.h"
#include "core/reactor.h"

#define ADIT_LISTEN_MAX     16  /* sockets of one object */
#define ADIT_LISTEN_BACKLOG 128 /* calls waiting in the kernel, for each socket */
#define ADIT_LISTEN_BATCH   16  /* calls taken in one go, from each socket */

struct adit_listen;

struct adit_listen_conf {
    /* Where: "192.0.2.1:8080", "[::1]:8080", ":8080" or "8080" (both families), "localhost:8080"
     * (both again), "unix:PATH", "unix:@NAME" (no file), "systemd" (all passed sockets), or
     * "systemd:NAME" (those with FileDescriptorName=NAME). Port 0: the kernel chooses. */
    const char *const *at;
    size_t count;
    uint16_t port_default; /* for addresses without one; 0 = they are refused */
    mode_t unix_mode;      /* of the socket's file; 0 = 0600 */
    int backlog;           /* 0 = ADIT_LISTEN_BACKLOG */
};

struct adit_listen_ops {
    /* Somebody called. fd is non-blocking and now the callee's; from is family NONE for a local
     * caller. May call anything, adit_listen_free included. */
    void (*accepted)(void *arg, int fd, const struct adit_addr *from, adit_time now);
};

/* All or nothing. -errno, and *ret_cause (may be NULL) says what could not be done: -EINVAL: the
 * spelling; -EADDRINUSE; -EACCES (a low port); -EADDRNOTAVAIL; -ENOENT: nothing was passed … */
ADIT_MUST_USE int adit_listen_open(struct adit_listen **ret_listen, struct adit_loop *loop,
                                   const struct adit_listen_conf *conf,
                                   const struct adit_listen_ops *ops, void *arg,
                                   struct adit_cause *ret_cause);
/* Removes the files of local sockets, but not of those that were passed to us. Returns NULL;
 * l may be NULL. */
struct adit_listen *adit_listen_free(struct adit_listen *l);

/* For a server that is full: callers wait in the kernel's queue. Both may be repeated. */
void adit_listen_pause(struct adit_listen *l);
void adit_listen_resume(struct adit_listen *l);

/* SO_MARK on all of its sockets and, from now on, on the connections that are taken. */
ADIT_MUST_USE int adit_listen_mark(struct adit_listen *l, uint32_t mark);

size_t adit_listen_count(const struct adit_listen *l);
/* "192.0.2.1:8080", "[::1]:8080" or "unix:PATH": where the i-th really listens. */
const char *adit_listen_at(const struct adit_listen *l, size_t i);
/* The same as an address; family NONE for local sockets. */
const struct adit_addr *adit_listen_addr(const struct adit_listen *l, size_t i);

#endif
