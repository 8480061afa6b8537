/* resolve.h - from a name to addresses, without blocking (c-ares on the reactor).
 *
 * One object is one question: A and AAAA, /etc/hosts included, answered once or timed out. Freeing
 * it withdraws the question. The system's servers are read anew for each, so a network that changed
 * is no concern. An address in place of a name is answered without asking anybody, and so is
 * "localhost". */
#ifndef ADIT_RESOLVE_H
#define ADIT_RESOLVE_H

#include "base/addr.h"
#include "core/reactor.h"

#define ADIT_RESOLVE_MAX 16 /* addresses; a name with more gives its first ones */

struct adit_resolve;

struct adit_resolve_conf {
    const char *host;    /* copied */
    uint16_t port;       /* put into every address */
    adit_time timeout;   /* 0 = 10 s */
    const char *servers; /* "192.0.2.1:53,192.0.2.2"; NULL = the system's */
};

/* addrs is in the order of RFC 6724 and lives until the callback returns. err: 0; -ENOENT: no such
 * name, or no address; -ETIMEDOUT; -EHOSTUNREACH: no name server can be reached, or all refuse;
 * -EPROTO: they answer nonsense; -ENOMEM; -ENOSYS: built without c-ares. Called once, from the
 * loop; may call anything, adit_resolve_free included. */
typedef void adit_resolve_done(void *arg, int err, const struct adit_addr *addrs, size_t count,
                               adit_time now);

/* -EINVAL: no host name; -ENOMEM. */
ADIT_MUST_USE int adit_resolve_start(struct adit_resolve **ret_resolve, struct adit_loop *loop,
                                     const struct adit_resolve_conf *conf, adit_resolve_done *done,
                                     void *arg);
/* Returns NULL. resolve may be NULL. */
struct adit_resolve *adit_resolve_free(struct adit_resolve *resolve);

/* For people: "no such name", … */
const char *adit_resolve_error(int err);

#endif
