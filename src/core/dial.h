/* dial.h - from a name to a connected TCP socket (RFC 8305), or to a local one.
 *
 * Names are resolved, the families take turns, a new attempt starts every 250 ms or as soon as one
 * has failed; the first that stands wins and the others are closed. One object is one call:
 * answered once, within its time, never from inside adit_dial_start. Freeing it withdraws the call.
 */
#ifndef ADIT_DIAL_H
#define ADIT_DIAL_H

#include "base/addr.h"
#include "core/reactor.h"

#define ADIT_DIAL_STAGGER (250 * ADIT_MS) /* RFC 8305 section 5, Connection Attempt Delay */
#define ADIT_DIAL_TIMEOUT (15 * ADIT_SEC)

struct adit_dial;

struct adit_dial_conf {
    const char *host; /* a name, an address ("::1" or "[::1]"), or "unix:PATH"; copied */
    uint16_t port;
    const struct adit_addr *addrs; /* in place of the host, in the order of preference; copied */
    size_t addr_count;
    const char *servers; /* name servers, as in resolve.h */
    uint32_t mark;       /* SO_MARK; 0 = none */
    /* To call from there: an address of ours, with a port several calls may leave from, or 0; and
     * an interface (SO_BINDTODEVICE). NULL = the kernel's choice. Copied. */
    const struct adit_addr *from;
    const char *device;
    adit_time timeout; /* for all of it; 0 = ADIT_DIAL_TIMEOUT */
};

/* The socket, non-blocking and now the callee's, with the address that it leads to (family NONE:
 * local); or fd -1 and *cause, whose err is ENOENT (no such name), ECONNREFUSED, ETIMEDOUT,
 * ENETUNREACH, EHOSTUNREACH, EMFILE … May call anything, adit_dial_free included. */
typedef void adit_dial_done(void *arg, int fd, const struct adit_addr *addr,
                            const struct adit_cause *cause, adit_time now);

/* -EINVAL: neither a name nor an address; -ENAMETOOLONG; -ENOMEM. */
ADIT_MUST_USE int adit_dial_start(struct adit_dial **ret_dial, struct adit_loop *loop,
                                  const struct adit_dial_conf *conf, adit_dial_done *done,
                                  void *arg);
/* Returns NULL. dial may be NULL. */
struct adit_dial *adit_dial_free(struct adit_dial *dial);

/* Puts the addresses in the order of attempts: the families take turns, the first one's begins. */
void adit_dial_order(struct adit_addr *addrs, size_t count);

#endif
