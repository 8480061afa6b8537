/* portmap.h - a port at the gateway that leads to a socket of ours: PCP (RFC 6887), else NAT-PMP
 * (RFC 6886).
 *
 * An engine without I/O, one for each socket. It asks quickly and not for long, because somebody
 * may be waiting, renews at half of the lifetime, asks anew when the gateway says that it has
 * forgotten everything (its epoch went back, or does not fit the time that has passed), and now and
 * then where nobody answered. What is told may be a lie of whoever else is on the link, as in any
 * network: it is one more candidate, and checks decide. */
#ifndef ADIT_PORTMAP_H
#define ADIT_PORTMAP_H

#include "base/addr.h"
#include "base/base.h"
#include "lan/portmap_msg.h"

struct adit_rng;

enum adit_portmap_news {
    ADIT_PORTMAP_OPEN,    /* external leads to the socket; again when it has become another one */
    ADIT_PORTMAP_SILENT,  /* nobody answered */
    ADIT_PORTMAP_REFUSED, /* the gateway does not want to */
};

struct adit_portmap_ops {
    /* To the gateway, from the socket that the port is for. May queue or send, nothing else. */
    void (*send)(void *arg, const struct adit_addr *to, const void *bytes, size_t n);
    /* When it has become known, and when it changed. external is NULL unless OPEN: what was told
     * before does not lead here any more. Last thing in feed or tick; may call anything. */
    void (*news)(void *arg, enum adit_portmap_news news, const struct adit_addr *external,
                 adit_time now);
};

enum adit_portmap_state {
    ADIT_PORTMAP_OFF,
    ADIT_PORTMAP_PCP,
    ADIT_PORTMAP_PMP_ADDRESS,
    ADIT_PORTMAP_PMP_MAP,
    ADIT_PORTMAP_HELD,
    ADIT_PORTMAP_RESTING, /* asks again later */
};

/* All zero = OFF. */
struct adit_portmap {
    const struct adit_portmap_ops *ops; /* borrowed */
    void *arg;
    struct adit_rng *rng;
    struct adit_addr gateway; /* with its port */
    struct adit_portmap_request request;
    enum adit_portmap_state state;
    bool pcp;                  /* what was spoken last */
    bool decided;              /* news was told at least once */
    bool asked;                /* a mapping may be there */
    struct adit_addr address;  /* the gateway's, by NAT-PMP */
    struct adit_addr external; /* family NONE: none */
    adit_time next, gap, expires;
    unsigned sends;
    bool epoch_known;
    uint32_t epoch;
    adit_time epoch_at;
};

/* gateway: without a port. PCP speaks of IPv6 too (where there is no NAT, the external address is
 * our own, and what was opened is the firewall), NAT-PMP of IPv4 alone. */
void adit_portmap_start(struct adit_portmap *p, const struct adit_addr *internal,
                        const struct adit_addr *gateway, const struct adit_portmap_ops *ops,
                        void *arg, struct adit_rng *rng, adit_time now);
/* The mapping is given back, as far as one packet can do that. May be repeated. */
void adit_portmap_stop(struct adit_portmap *p);

/* Does it come from where the gateway answers? Then it is not for anybody else, and was dealt with.
 * Announcements, which come to another socket, are fed here as well. */
bool adit_portmap_feed(struct adit_portmap *p, const struct adit_addr *from, const void *bytes,
                       size_t n, adit_time now);
adit_time adit_portmap_deadline(const struct adit_portmap *p);
void adit_portmap_tick(struct adit_portmap *p, adit_time now);

#endif
