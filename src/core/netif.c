#include "core/netif.h"

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/alloc.h"

#define LINKS_MAX 4096
#define DEBOUNCE  (250 * ADIT_MS)
#define READS_MAX 64 /* notifications in one wake */

struct link {
    uint32_t index, mtu;
    unsigned flags;
    char name[ADIT_IFNAME_MAX];
};

struct reader {
    struct link *links;
    size_t link_count, link_cap;
    struct adit_netif_list *list;
};

/* ---- reading --------------------------------------------------------------------------------- */

static int grow(void **array, size_t *cap, size_t count, size_t size)
{
    if (count < *cap)
        return 0;
    size_t wish = *cap ? *cap * 2 : 16;
    void *more = adit_realloc(*array, wish * size);
    if (!more)
        return -ENOMEM;
    *array = more;
    *cap = wish;
    return 0;
}

static void copy_name(char *out, const struct rtattr *attr)
{
    snprintf(out, ADIT_IFNAME_MAX, "%.*s", attr ? (int)RTA_PAYLOAD(attr) : 0,
             attr ? (const char *)RTA_DATA(attr) : "");
}

static unsigned link_flags(const struct ifinfomsg *info, const struct rtattr *linkinfo,
                           const char *name)
{
    const struct rtattr *inside[IFLA_INFO_KIND + 1];
    char kind[ADIT_IFNAME_MAX];
    unsigned flags = 0;

    if (info->ifi_flags & IFF_UP && info->ifi_flags & IFF_RUNNING)
        flags |= ADIT_NETIF_RUNNING;
    if (info->ifi_flags & IFF_LOOPBACK)
        flags |= ADIT_NETIF_LOOPBACK;
    if (info->ifi_flags & IFF_POINTOPOINT)
        flags |= ADIT_NETIF_POINTOPOINT;
    adit_netlink_nested(linkinfo, inside, IFLA_INFO_KIND);
    copy_name(kind, inside[IFLA_INFO_KIND]);
    return flags | adit_netif_kind_flags(kind, name);
}

static int on_link(void *arg, const struct nlmsghdr *msg)
{
    const struct ifinfomsg *info = NLMSG_DATA(msg);
    const struct rtattr *attrs[IFLA_LINKINFO + 1];
    struct reader *r = arg;

    if (msg->nlmsg_type != RTM_NEWLINK || r->link_count == LINKS_MAX ||
        !adit_netlink_attrs(msg, sizeof *info, attrs, IFLA_LINKINFO))
        return 0;
    int err = grow((void **)&r->links, &r->link_cap, r->link_count, sizeof *r->links);
    if (err)
        return err;
    struct link *l = &r->links[r->link_count++];
    l->index = (uint32_t)info->ifi_index;
    copy_name(l->name, attrs[IFLA_IFNAME]);
    l->mtu = adit_netlink_u32(attrs[IFLA_MTU]);
    l->flags = link_flags(info, attrs[IFLA_LINKINFO], l->name);
    return 0;
}

static const struct link *find_link(const struct reader *r, uint32_t index)
{
    for (size_t i = 0; i < r->link_count; i++)
        if (r->links[i].index == index)
            return &r->links[i];
    return NULL;
}

static unsigned addr_flags(int family, uint32_t kernel)
{
    unsigned flags = 0;

    /* The same bit says "secondary" of an IPv4 address. */
    if (family == AF_INET6 && kernel & IFA_F_TEMPORARY)
        flags |= ADIT_NETIF_TEMPORARY;
    if (kernel & IFA_F_DEPRECATED)
        flags |= ADIT_NETIF_DEPRECATED;
    if (kernel & IFA_F_TENTATIVE && !(kernel & IFA_F_OPTIMISTIC)) /* RFC 4429 */
        flags |= ADIT_NETIF_TENTATIVE;
    if (kernel & IFA_F_DADFAILED)
        flags |= ADIT_NETIF_DUPLICATE;
    return flags;
}

static int on_addr(void *arg, const struct nlmsghdr *msg)
{
    const struct ifaddrmsg *info = NLMSG_DATA(msg);
    const struct rtattr *attrs[IFA_FLAGS + 1];
    struct reader *r = arg;

    if (msg->nlmsg_type != RTM_NEWADDR || r->list->count == ADIT_NETIF_MAX ||
        !adit_netlink_attrs(msg, sizeof *info, attrs, IFA_FLAGS))
        return 0;
    const struct link *link = find_link(r, info->ifa_index);
    /* IFA_ADDRESS is the other end's where there is a peer. */
    struct adit_addr addr =
        adit_netlink_ip(attrs[IFA_LOCAL] ? attrs[IFA_LOCAL] : attrs[IFA_ADDRESS], info->ifa_family);
    if (!link || addr.family == ADIT_FAMILY_NONE)
        return 0;
    int err = grow((void **)&r->list->addrs, &r->list->cap, r->list->count, sizeof *r->list->addrs);
    if (err)
        return err;
    uint32_t kernel = attrs[IFA_FLAGS] ? adit_netlink_u32(attrs[IFA_FLAGS]) : info->ifa_flags;
    struct adit_netif_addr *a = &r->list->addrs[r->list->count++];
    if (addr.family == ADIT_FAMILY_V6 && adit_addr_scope(&addr) == ADIT_SCOPE_LINK)
        addr.scope = info->ifa_index;
    *a = (struct adit_netif_addr){ .addr = addr,
                                   .prefix_len = info->ifa_prefixlen,
                                   .index = info->ifa_index,
                                   .mtu = link->mtu,
                                   .flags = link->flags | addr_flags(info->ifa_family, kernel) };
    memcpy(a->name, link->name, sizeof a->name);
    return 0;
}

static void forget_links(void *arg)
{
    ((struct reader *)arg)->link_count = 0;
}

static void forget_addrs(void *arg)
{
    ((struct reader *)arg)->list->count = 0;
}

int adit_netif_read(struct adit_netif_list *list)
{
    struct reader r = { .list = list };
    struct adit_netlink nl;

    *list = (struct adit_netif_list){ 0 };
    int err = adit_netlink_open(&nl, 0);
    if (err)
        return err;
    err = adit_netlink_dump(&nl, RTM_GETLINK, on_link, forget_links, &r);
    if (!err)
        err = adit_netlink_dump(&nl, RTM_GETADDR, on_addr, forget_addrs, &r);
    adit_free(r.links);
    adit_netlink_close(&nl);
    return err;
}

void adit_netif_list_done(struct adit_netif_list *list)
{
    adit_free(list->addrs);
    *list = (struct adit_netif_list){ 0 };
}

/* ---- watching -------------------------------------------------------------------------------- */

/* Of routes only the default ones: a router that speaks BGP has thousands of changes a minute. */
static bool is_default(const struct nlmsghdr *msg)
{
    const struct rtmsg *route = NLMSG_DATA(msg);

    return msg->nlmsg_len >= NLMSG_LENGTH(sizeof *route) && route->rtm_dst_len == 0 &&
           route->rtm_type == RTN_UNICAST;
}

static bool matters(struct adit_netif_watch *w, const struct nlmsghdr *msg)
{
    switch (msg->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
    case RTM_NEWADDR:
    case RTM_DELADDR:
        return true;
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
        w->noticed |= is_default(msg);
        return is_default(msg);
    }
    return false;
}

static void on_readable(struct adit_io *io, uint32_t events, adit_time now)
{
    struct adit_netif_watch *w = adit_container_of(io, struct adit_netif_watch, io);
    _Alignas(struct nlmsghdr) uint8_t bytes[8192]; /* the head is enough, so cut off is fine */
    bool changed = false;

    (void)events;
    for (int i = 0; i < READS_MAX; i++) {
        ssize_t n = recv(io->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n < 0) {
            changed |= errno == ENOBUFS; /* we were too slow: something happened that we missed */
            break;
        }
        unsigned left = (unsigned)n;
        for (struct nlmsghdr *h = (void *)bytes; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
            changed |= matters(w, h);
    }
    if (changed && !adit_heap_has(&w->timer.node))
        adit_timer_set(&w->timer, now + DEBOUNCE);
}

static void on_quiet(struct adit_timer *timer, adit_time now)
{
    struct adit_netif_watch *w = adit_container_of(timer, struct adit_netif_watch, timer);

    bool routes = w->noticed;

    w->noticed = false;
    w->routes = routes;
    w->changed(w->arg, now);
}

int adit_netif_watch_start(struct adit_netif_watch *w, struct adit_loop *loop,
                           void (*changed)(void *arg, adit_time now), void *arg)
{
    *w = (struct adit_netif_watch){ .changed = changed, .arg = arg };
    int err = adit_netlink_open(&w->nl, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
                                            RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE);
    if (!err) {
        err = adit_io_start(&w->io, loop, w->nl.fd, EPOLLIN, on_readable, "netif");
        if (err)
            adit_netlink_close(&w->nl);
    }
    if (!err)
        adit_timer_init(&w->timer, loop, on_quiet, "netif");
    return err;
}

void adit_netif_watch_stop(struct adit_netif_watch *w)
{
    if (!w->io.loop)
        return;
    adit_timer_stop(&w->timer);
    adit_io_stop(&w->io);
    adit_netlink_close(&w->nl);
}
