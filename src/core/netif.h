/* netif.h - which addresses this host has, in which order they serve ICE, and when that changes.
 *
 * Reading asks the kernel once; choosing is a pure function from that list to an ordered one;
 * watching says "something changed" and nothing more: read again, choose again, compare. An address
 * that is not usable yet (duplicate detection, no carrier) is left out and comes back by a change.
 */
#ifndef ADIT_NETIF_H
#define ADIT_NETIF_H

#include "base/addr.h"
#include "core/netlink.h"
#include "core/reactor.h"

#define ADIT_IFNAME_MAX 16  /* IFNAMSIZ */
#define ADIT_NETIF_MAX  256 /* addresses looked at; a host with more has its first ones tried */

enum adit_netif_flag {
    ADIT_NETIF_RUNNING = 1 << 0,  /* up, with a carrier */
    ADIT_NETIF_LOOPBACK = 1 << 1, /* the interface, not only the address */
    ADIT_NETIF_POINTOPOINT = 1 << 2,
    ADIT_NETIF_VPN = 1 << 3,   /* tun, wireguard, gre …: a path over another of our paths */
    ADIT_NETIF_INNER = 1 << 4, /* docker0, virbr0, veth …: leads to machines inside this one */
    ADIT_NETIF_TEMPORARY = 1 << 5, /* RFC 8981 */
    ADIT_NETIF_DEPRECATED = 1 << 6,
    ADIT_NETIF_TENTATIVE = 1 << 7, /* duplicate detection is not over: cannot be bound yet */
    ADIT_NETIF_DUPLICATE = 1 << 8, /* duplicate detection failed */
};

struct adit_netif_addr {
    struct adit_addr addr; /* port 0; scope set for link-local IPv6 */
    uint8_t prefix_len;
    uint32_t index;
    unsigned flags; /* enum adit_netif_flag */
    uint32_t mtu;   /* of the interface */
    char name[ADIT_IFNAME_MAX];
};

struct adit_netif_list {
    struct adit_netif_addr *addrs;
    size_t count, cap;
};

struct adit_netif_conf {
    const char *const *only; /* names of interfaces; NULL = all */
    size_t only_count;
    const char *const *ignore; /* names, our own tunnel device among them */
    size_t ignore_count;
    bool loopback; /* 127.0.0.1 and ::1 too: two programs on one host */
    bool no_ipv4, no_ipv6;
};

/* An address to use. Preference is RFC 8445 section 5.1.2.1's local preference: unique, falling. */
struct adit_netif_choice {
    const struct adit_netif_addr *addr; /* into the list chosen from */
    uint16_t preference;
};

/* Fills the list; free it with adit_netif_list_done, also after an error. */
ADIT_MUST_USE int adit_netif_read(struct adit_netif_list *list);
void adit_netif_list_done(struct adit_netif_list *list);

/* Picks and orders; returns how many, at most max. *ret_waiting (may be NULL): how many will become
 * usable by themselves soon, so that "none" need not mean "never". */
size_t adit_netif_choose(const struct adit_netif_list *list, const struct adit_netif_conf *conf,
                         struct adit_netif_choice *out, size_t max, unsigned *ret_waiting);
/* Is the address still on its interface, whatever became of the carrier? What is in use stays in
 * use through a moment without one: a new socket would be a new mapping in every NAT on the way. */
bool adit_netif_has(const struct adit_netif_list *list, uint32_t index,
                    const struct adit_addr *addr);
/* What an interface's kind ("bridge", "veth", "tun" …, may be NULL) and name tell: 0,
 * ADIT_NETIF_VPN or ADIT_NETIF_INNER. */
unsigned adit_netif_kind_flags(const char *kind, const char *name);

struct adit_netif_watch {
    struct adit_netlink nl;
    struct adit_io io;
    struct adit_timer timer;
    void (*changed)(void *arg, adit_time now);
    void *arg;
    bool routes;  /* a default route was among what changed; for `changed` */
    bool noticed; /* since then */
};

/* `changed` is called a quarter of a second after a link, an address or a default route changed,
 * once for all that happened meanwhile. It may stop the watch. -errno. */
ADIT_MUST_USE int adit_netif_watch_start(struct adit_netif_watch *w, struct adit_loop *loop,
                                         void (*changed)(void *arg, adit_time now), void *arg);
/* May be repeated; nothing for a watch that never started, if it is zeroed. */
void adit_netif_watch_stop(struct adit_netif_watch *w);

#endif
