/* mdns.h - names under ".local": those of others asked for, ours answered (RFC 6762, and
 * draft-ietf-mmusic-mdns-ice-candidates for what WebRTC does with them).
 *
 * An engine without I/O. The owner has a socket in the group on each link and says which addresses
 * this host has there; what comes from elsewhere is dropped (section 11). Bounded whatever is
 * asked: 16 names at a time, together in one packet at 0, 1 and 3 s, of which at most ten leave in
 * a second, and no more than 64 names ever. A link hears one of our records at most once a second
 * (section 6). */
#ifndef ADIT_MDNS_H
#define ADIT_MDNS_H

#include "base/addr.h"
#include "base/base.h"

#define ADIT_MDNS_LINKS_MAX  24
#define ADIT_MDNS_ASK_MAX    64 /* names, in all */
#define ADIT_MDNS_ACTIVE_MAX 16 /* at a time */
#define ADIT_MDNS_PATIENCE   (5 * ADIT_SEC)
#define ADIT_MDNS_TTL        120 /* seconds, section 10: of a host's address */

struct adit_rng;
struct adit_mdns;

/* An address of ours, and the interface that it is on. */
struct adit_mdns_link {
    uint32_t index;
    struct adit_addr addr;
    uint8_t prefix_len;
};

struct adit_mdns_ops {
    /* To be sent on this interface; `to` NULL: to the group of this family. May queue or send,
     * nothing else. */
    void (*send)(void *arg, uint32_t index, enum adit_family family, const struct adit_addr *to,
                 const void *bytes, size_t n);
    /* A name that was asked for has this address; NULL: nobody says so. Once for each name, last
     * thing in feed or tick; may call anything but adit_mdns_free. */
    void (*answer)(void *arg, const char *name, const struct adit_addr *addr, adit_time now);
};

/* NULL without memory. ops is borrowed. */
struct adit_mdns *adit_mdns_new(const struct adit_mdns_ops *ops, void *arg);
struct adit_mdns *adit_mdns_free(struct adit_mdns *m); /* returns NULL */

/* The addresses that this host has, in place of those before; more than fit are left out. */
void adit_mdns_set_links(struct adit_mdns *m, const struct adit_mdns_link *links, size_t count);

/* --- ours. A random name of version 4 (RFC 9562), 36 characters and ".local": nobody else has it,
 * so it is neither probed for nor announced (RFC 6762 section 8 is about names that people choose).
 */
#define ADIT_MDNS_OWN_STR 43
void adit_mdns_random_name(struct adit_rng *rng, char ret_name[ADIT_MDNS_OWN_STR]);
/* It is answered for on the interface that has the address, with that address alone. -ENOSPC. */
ADIT_MUST_USE int adit_mdns_own(struct adit_mdns *m, const char *name, uint32_t index,
                                const struct adit_addr *addr);
void adit_mdns_disown(struct adit_mdns *m, const char *name);

/* --- theirs. Who asked before waits for the same answer, or has it at once by tick. -EINVAL: no
 * name under ".local"; -ENOSPC: too many; -ENOMEM. */
ADIT_MUST_USE int adit_mdns_ask(struct adit_mdns *m, const char *name, adit_time now);

/* Nothing is asked and no name is ours: no socket is needed. */
bool adit_mdns_idle(const struct adit_mdns *m);

/* What came in on an interface, from whom. */
void adit_mdns_feed(struct adit_mdns *m, uint32_t index, const struct adit_addr *from,
                    const void *bytes, size_t n, adit_time now);
adit_time adit_mdns_deadline(const struct adit_mdns *m);
void adit_mdns_tick(struct adit_mdns *m, adit_time now);

#endif
