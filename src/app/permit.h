/* permit.h - what the far side may have opened here. Nothing, unless an entry names it.
 *
 *     host:port   host:*   *:port   host:1000-2000   10.0.0.0/8:*   [v6]:port   [v6/len]:port
 *     tcp:… udp:…          only that; without it both
 *     unix:/path serial:/dev/x   exactly that one; "*" in place of the path: any
 *     listen:[bind:]port   it may have us listen there; listen:unix:/path; without bind: loopback
 *     any                  whatever one can connect to;  listen:any: listen wherever it likes
 *     none                 nothing; stands alone
 *
 * A name permits that name, whatever its addresses are. An address permits addresses: a name is
 * resolved then, once, and only those of its addresses are connected to that are permitted
 * themselves. So a name cannot lead to where its owner was not let. */
#ifndef ADIT_PERMIT_H
#define ADIT_PERMIT_H

#include "app/fwd_end.h"

#define ADIT_PERMITS_MAX 256

/* All zero = nothing is permitted. */
struct adit_permits {
    struct adit_permit *list;
    size_t count;
    bool none; /* "none" was said */
};

/* -EINVAL, and *ret_cause has a sentence for who wrote it; -ENOMEM. */
ADIT_MUST_USE int adit_permits_add(struct adit_permits *p, const char *text,
                                   struct adit_cause *ret_cause);
void adit_permits_done(struct adit_permits *p);

enum adit_permitted {
    ADIT_PERMIT_NO,
    ADIT_PERMIT_YES,
    ADIT_PERMIT_BY_ADDR, /* resolve it, then ask adit_permit_addr about each */
};

/* TCP, UDP, UNIX or SERIAL; services are never permitted here: who offers them knows them. p may be
 * NULL, here and below. */
enum adit_permitted adit_permit_connect(const struct adit_permits *p, const struct adit_end *end);
/* kind: ADIT_END_TCP or _UDP. */
bool adit_permit_addr(const struct adit_permits *p, enum adit_end_kind kind,
                      const struct adit_addr *addr);
bool adit_permit_listen(const struct adit_permits *p, const struct adit_end *end);

#endif
