/* The decisions of netif.h, without a system call: what to use, and in which order. */
#include <stdlib.h>

#include "base/str.h"
#include "core/netif.h"

enum class { CLASS_DIRECT, CLASS_VPN, CLASS_INNER, CLASS_LOOPBACK };

unsigned adit_netif_kind_flags(const char *kind, const char *name)
{
    static const char *const vpn[] = { "tun",  "wireguard", "gre", "gretap", "ip6gre", "ip6gretap",
                                       "ipip", "ip6tnl",    "sit", "vti",    "vti6",   "xfrm" };
    /* Bridges are told apart by name: br-lan of a router is its local network. */
    static const char *const inner[] = { "docker", "virbr", "lxcbr",   "lxdbr", "incusbr",
                                         "podman", "cni",   "vboxnet", "vmnet" };

    for (size_t i = 0; kind && i < ADIT_LEN(vpn); i++)
        if (strcmp(kind, vpn[i]) == 0)
            return ADIT_NETIF_VPN;
    for (size_t i = 0; i < ADIT_LEN(inner); i++)
        if (adit_str_starts(name, inner[i]))
            return ADIT_NETIF_INNER;
    if (kind && strcmp(kind, "veth") == 0)
        return ADIT_NETIF_INNER;
    /* "br-" and 12 digits: how docker names the bridge of a network. */
    if (adit_str_starts(name, "br-") && strlen(name) == 15 &&
        strspn(name + 3, "0123456789abcdef") == 12)
        return ADIT_NETIF_INNER;
    return 0;
}

static bool named(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool wanted(const struct adit_netif_addr *a, const struct adit_netif_conf *conf)
{
    if (a->addr.family == ADIT_FAMILY_V6 ? conf->no_ipv6 : conf->no_ipv4)
        return false;
    if (conf->only && !named(a->name, conf->only, conf->only_count))
        return false;
    if (named(a->name, conf->ignore, conf->ignore_count))
        return false;
    switch (adit_addr_scope(&a->addr)) {
    case ADIT_SCOPE_LOOPBACK:
        return conf->loopback;
    case ADIT_SCOPE_UNSPECIFIED:
    case ADIT_SCOPE_MULTICAST:
    case ADIT_SCOPE_RESERVED:
        return false;
    case ADIT_SCOPE_LINK:
    case ADIT_SCOPE_PRIVATE:
    case ADIT_SCOPE_GLOBAL:
        break;
    }
    return true;
}

static bool usable(const struct adit_netif_addr *a, const struct adit_netif_conf *conf)
{
    return wanted(a, conf) && a->flags & ADIT_NETIF_RUNNING &&
           !(a->flags & (ADIT_NETIF_TENTATIVE | ADIT_NETIF_DUPLICATE));
}

static bool link_local(const struct adit_netif_addr *a)
{
    return adit_addr_scope(&a->addr) == ADIT_SCOPE_LINK;
}

/* A link-local address serves where its interface has nothing else (two hosts and a cable); a
 * deprecated one where its interface has no other of the family (RFC 4862 section 5.5.4). */
static bool outdone(const struct adit_netif_list *list, const struct adit_netif_addr *a,
                    const struct adit_netif_conf *conf)
{
    bool deprecated = a->flags & ADIT_NETIF_DEPRECATED;

    if (!link_local(a) && !deprecated)
        return false;
    for (size_t i = 0; i < list->count; i++) {
        const struct adit_netif_addr *b = &list->addrs[i];

        if (b == a || b->index != a->index || !usable(b, conf) || link_local(b))
            continue;
        if (link_local(a))
            return true;
        if (b->addr.family == a->addr.family && !(b->flags & ADIT_NETIF_DEPRECATED))
            return true;
    }
    return false;
}

static enum class class_of(const struct adit_netif_addr *a) {
    if (adit_addr_scope(&a->addr) == ADIT_SCOPE_LOOPBACK) return CLASS_LOOPBACK;
    if (a->flags & ADIT_NETIF_INNER) return CLASS_INNER;
    return a->flags & ADIT_NETIF_VPN ? CLASS_VPN : CLASS_DIRECT;
}

static int scope_rank(const struct adit_netif_addr *a)
{
    enum adit_scope_kind scope = adit_addr_scope(&a->addr);

    return scope == ADIT_SCOPE_GLOBAL ? 0 : scope == ADIT_SCOPE_PRIVATE ? 1 : 2;
}

static int compare(const void *pa, const void *pb)
{
    const struct adit_netif_addr *a = *(const struct adit_netif_addr *const *)pa;
    const struct adit_netif_addr *b = *(const struct adit_netif_addr *const *)pb;

    if (class_of(a) != class_of(b))
        return class_of(a) < class_of(b) ? -1 : 1;
    if (scope_rank(a) != scope_rank(b))
        return scope_rank(a) - scope_rank(b);
    if ((a->flags ^ b->flags) & ADIT_NETIF_TEMPORARY) /* RFC 6724 section 5, rule 7 */
        return a->flags & ADIT_NETIF_TEMPORARY ? -1 : 1;
    if (a->index != b->index)
        return a->index < b->index ? -1 : 1;
    return memcmp(a->addr.ip, b->addr.ip, sizeof a->addr.ip);
}

size_t adit_netif_choose(const struct adit_netif_list *list, const struct adit_netif_conf *conf,
                         struct adit_netif_choice *out, size_t max, unsigned *ret_waiting)
{
    const struct adit_netif_addr *six[ADIT_NETIF_MAX], *four[ADIT_NETIF_MAX];
    size_t sixes = 0, fours = 0, n = 0;
    unsigned waiting = 0;

    for (size_t i = 0; i < list->count && i < ADIT_NETIF_MAX; i++) {
        const struct adit_netif_addr *a = &list->addrs[i];

        if (wanted(a, conf) && a->flags & ADIT_NETIF_TENTATIVE &&
            !(a->flags & ADIT_NETIF_DUPLICATE))
            waiting++;
        if (!usable(a, conf) || outdone(list, a, conf))
            continue;
        if (a->addr.family == ADIT_FAMILY_V6)
            six[sixes++] = a;
        else
            four[fours++] = a;
    }
    qsort(six, sixes, sizeof six[0], compare);
    qsort(four, fours, sizeof four[0], compare);
    /* RFC 8421 section 4: IPv6 first, and the families by turns, so that a family which does not
     * work costs every second check and not the first half of them. */
    for (size_t s = 0, f = 0; n < max && (s < sixes || f < fours); n++) {
        bool take_six = s < sixes && (f == fours || class_of(six[s]) < class_of(four[f]) ||
                                      (class_of(six[s]) == class_of(four[f]) && s <= f));

        out[n].addr = take_six ? six[s++] : four[f++];
        out[n].preference = (uint16_t)(65535 - n);
    }
    if (ret_waiting)
        *ret_waiting = waiting;
    return n;
}

bool adit_netif_has(const struct adit_netif_list *list, uint32_t index,
                    const struct adit_addr *addr)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->addrs[i].index == index && adit_addr_equal_ip(&list->addrs[i].addr, addr) &&
            !(list->addrs[i].flags & ADIT_NETIF_DUPLICATE))
            return true;
    return false;
}
