#include "tun/link.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/log.h"
#include "core/netlink.h"

#define JOINED_MAX 65000 /* bytes that leave in one piece, see core/udp_batch.c */
#define AROUND     29    /* bytes around a packet in its datagram, docs/datagram.md */
#define HEADERS    72    /* the longest usual ones: IPv6, TCP with timestamps */

struct setup {
    struct adit_link_state *link;
    struct adit_netlink nl;
    struct adit_trouble *trouble;
    struct adit_netif_list present; /* all addresses of this host, from before */
};

static int fail(struct setup *s, enum adit_trouble_at at, int err, const char *what,
                const char *who)
{
    struct adit_trouble_facts facts = { .at = at,
                                        .err = err,
                                        .device = s->link->name,
                                        .tap = s->link->tap,
                                        .what = what,
                                        .who = who,
                                        .kernel = s->nl.text };

    adit_device_who_we_are(&facts);
    adit_trouble_set(s->trouble, &facts);
    return err;
}

/* ---- up and MTU ------------------------------------------------------------------------------ */

struct present {
    uint32_t index;
    unsigned flags, mtu;
    bool found;
};

static int on_link(void *arg, const struct nlmsghdr *msg)
{
    const struct ifinfomsg *info = NLMSG_DATA(msg);
    const struct rtattr *attrs[IFLA_MTU + 1];
    struct present *p = arg;

    if (msg->nlmsg_type != RTM_NEWLINK || !adit_netlink_attrs(msg, sizeof *info, attrs, IFLA_MTU) ||
        (uint32_t)info->ifi_index != p->index)
        return 0;
    p->found = true;
    p->flags = info->ifi_flags;
    p->mtu = adit_netlink_u32(attrs[IFLA_MTU]);
    return 0;
}

static void on_restart(void *arg)
{
    ((struct present *)arg)->found = false;
}

static int change(struct adit_netlink *nl, uint32_t index, unsigned flags, unsigned mask,
                  unsigned mtu)
{
    struct ifinfomsg info = { .ifi_index = (int)index, .ifi_flags = flags, .ifi_change = mask };
    struct adit_nlmsg m;

    adit_nlmsg_init(&m, RTM_NEWLINK, 0, &info, sizeof info);
    if (mtu)
        adit_nlmsg_attr32(&m, IFLA_MTU, mtu);
    return adit_netlink_do(nl, &m);
}

/* How much of one flow the kernel may give us at once: as many packets as the network takes in one
 * piece when each is in a datagram of its own. A kernel that cannot be told so gives 64 KiB. */
static void limit_joined(struct adit_netlink *nl, uint32_t index, unsigned mtu)
{
    struct ifinfomsg info = { .ifi_index = (int)index };
    struct adit_nlmsg m;

    adit_nlmsg_init(&m, RTM_NEWLINK, 0, &info, sizeof info);
    adit_nlmsg_attr32(&m, IFLA_GSO_MAX_SIZE, JOINED_MAX / (mtu + AROUND) * (mtu - HEADERS));
    if (adit_netlink_do(nl, &m) < 0)
        adit_debug("link", "joined packets have any size: %s", nl->text);
}

/* A TUN device makes itself a link-local address and speaks IPv6 with it to a peer who did not ask.
 * Failure is no matter: the kernel has no IPv6, or we have no rights and find that out next. */
static void no_link_local(struct adit_netlink *nl, uint32_t index)
{
    struct ifinfomsg info = { .ifi_index = (int)index };
    struct adit_nlmsg m, spec, inet6;
    uint8_t none = IN6_ADDR_GEN_MODE_NONE;

    adit_nlmsg_init(&inet6, 0, 0, "", 0);
    adit_nlmsg_attr(&inet6, IFLA_INET6_ADDR_GEN_MODE, &none, sizeof none);
    adit_nlmsg_init(&spec, 0, 0, "", 0);
    adit_nlmsg_attr(&spec, AF_INET6, NLMSG_DATA(&inet6.hdr), inet6.hdr.nlmsg_len - NLMSG_HDRLEN);
    adit_nlmsg_init(&m, RTM_NEWLINK, 0, &info, sizeof info);
    adit_nlmsg_attr(&m, IFLA_AF_SPEC, NLMSG_DATA(&spec.hdr), spec.hdr.nlmsg_len - NLMSG_HDRLEN);
    if (adit_netlink_do(nl, &m) < 0)
        adit_debug("link", "link-local addresses stay as they are: %s", nl->text);
}

static int set_link(struct setup *s, unsigned mtu)
{
    struct adit_link_state *link = s->link;
    struct present p = { .index = link->index };
    char text[16] = "";

    int err = adit_netlink_dump(&s->nl, RTM_GETLINK, on_link, on_restart, &p);
    if (!err && !p.found)
        err = -ENODEV;
    if (err)
        return fail(s, ADIT_TROUBLE_LINK, err, NULL, NULL);
    bool up = p.flags & IFF_UP, other_mtu = mtu && mtu != p.mtu;
    link->mtu_before = p.mtu;
    if (up && !other_mtu)
        return 0;
    if (!up && !link->tap)
        no_link_local(&s->nl, link->index);
    err = change(&s->nl, link->index, IFF_UP, IFF_UP, other_mtu ? mtu : 0);
    if (err) {
        snprintf(text, sizeof text, "%u", mtu);
        return fail(s, ADIT_TROUBLE_LINK, err, mtu ? text : NULL, NULL);
    }
    link->changed_up = !up;
    link->changed_mtu = other_mtu;
    limit_joined(&s->nl, link->index, mtu ? mtu : p.mtu);
    return 0;
}

/* ---- addresses ------------------------------------------------------------------------------- */

static int address(struct adit_netlink *nl, uint32_t index, uint16_t type, uint16_t flags,
                   const struct adit_link_address *a)
{
    bool v6 = a->own.addr.family == ADIT_FAMILY_V6;
    struct ifaddrmsg info = { .ifa_family = v6 ? AF_INET6 : AF_INET,
                              .ifa_prefixlen = a->own.len,
                              .ifa_index = index };
    const struct adit_addr *around = a->peer.family ? &a->peer : &a->own.addr;
    struct adit_nlmsg m;

    adit_nlmsg_init(&m, type, flags, &info, sizeof info);
    adit_nlmsg_attr_ip(&m, IFA_LOCAL, &a->own.addr);
    adit_nlmsg_attr_ip(&m, IFA_ADDRESS, around);
    if (v6) /* nobody else is on this link, and it must be usable at once */
        adit_nlmsg_attr32(&m, IFA_FLAGS, IFA_F_NODAD);
    return adit_netlink_do(nl, &m);
}

/* Who has this address already; and a word about a network that is here twice. */
static const struct adit_netif_addr *holder(const struct setup *s, const struct adit_prefix *prefix)
{
    const struct adit_netif_addr *found = NULL;

    for (size_t i = 0; i < s->present.count; i++) {
        const struct adit_netif_addr *a = &s->present.addrs[i];
        struct adit_prefix other = { .addr = a->addr, .len = a->prefix_len };

        if (adit_addr_equal_ip(&a->addr, &prefix->addr)) {
            if (!found || a->index == s->link->index)
                found = a;
        } else if (a->index != s->link->index && adit_prefix_overlap(&other, prefix)) {
            adit_log(ADIT_LOG_WARN, "link", "the network of %s is also that of %s, continuing",
                     s->link->name, a->name);
        }
    }
    return found;
}

static int add_address(struct setup *s, const struct adit_link_address *a)
{
    struct adit_link_state *link = s->link;
    char text[ADIT_PREFIX_STR];
    const struct adit_netif_addr *has = holder(s, &a->own);
    int err = 0;

    adit_prefix_str(&a->own, text);
    if (link->added_count == ADIT_LINK_ADDRESSES_MAX)
        return fail(s, ADIT_TROUBLE_ADDRESS, -E2BIG, text, NULL);
    if (has && has->index != link->index)
        return fail(s, ADIT_TROUBLE_ADDRESS, -EEXIST, text, has->name);
    if (has && has->prefix_len == a->own.len && !a->peer.family)
        return 0;
    err = address(&s->nl, link->index, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, a);
    if (err == -EEXIST) /* on our own device: as wished */
        return 0;
    if (err)
        return fail(s, ADIT_TROUBLE_ADDRESS, err, text, NULL);
    link->added[link->added_count++] = *a;
    return 0;
}

/* ---- routes ---------------------------------------------------------------------------------- */

static int route(struct adit_netlink *nl, uint32_t index, uint16_t type, uint16_t flags,
                 const struct adit_prefix *to)
{
    struct adit_prefix net = adit_prefix_network(to);
    bool v6 = net.addr.family == ADIT_FAMILY_V6;
    struct rtmsg info = { .rtm_family = v6 ? AF_INET6 : AF_INET,
                          .rtm_dst_len = net.len,
                          .rtm_table = RT_TABLE_MAIN,
                          .rtm_protocol = RTPROT_STATIC,
                          .rtm_scope = v6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
                          .rtm_type = RTN_UNICAST };
    struct adit_nlmsg m;

    adit_nlmsg_init(&m, type, flags, &info, sizeof info);
    adit_nlmsg_attr_ip(&m, RTA_DST, &net.addr);
    adit_nlmsg_attr32(&m, RTA_OIF, index);
    return adit_netlink_do(nl, &m);
}

struct find_route {
    struct adit_prefix net;
    uint32_t index; /* of the device that has it; 0 = not found */
};

static int on_route(void *arg, const struct nlmsghdr *msg)
{
    const struct rtmsg *info = NLMSG_DATA(msg);
    const struct rtattr *attrs[RTA_OIF + 1];
    struct find_route *f = arg;

    if (msg->nlmsg_type != RTM_NEWROUTE || !adit_netlink_attrs(msg, sizeof *info, attrs, RTA_OIF) ||
        info->rtm_table != RT_TABLE_MAIN || info->rtm_dst_len != f->net.len)
        return 0;
    struct adit_addr dst = adit_netlink_ip(attrs[RTA_DST], info->rtm_family);
    bool same = f->net.len == 0 && !attrs[RTA_DST] &&
                (info->rtm_family == AF_INET6) == (f->net.addr.family == ADIT_FAMILY_V6);
    if (same || adit_addr_equal_ip(&dst, &f->net.addr))
        f->index = adit_netlink_u32(attrs[RTA_OIF]);
    return 0;
}

static void on_route_restart(void *arg)
{
    ((struct find_route *)arg)->index = 0;
}

static int add_route(struct setup *s, const struct adit_prefix *to)
{
    struct adit_link_state *link = s->link;
    struct find_route f = { .net = adit_prefix_network(to) };
    char text[ADIT_PREFIX_STR], name[IF_NAMESIZE] = "";

    adit_prefix_str(&f.net, text);
    if (link->routed_count == ADIT_LINK_ROUTES_MAX)
        return fail(s, ADIT_TROUBLE_ROUTE, -E2BIG, text, NULL);
    int err = route(&s->nl, link->index, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, to);
    if (err && (err == -EEXIST || err == -EPERM)) {
        /* Is it there as wished: by us, by an address, by an administrator? */
        if (adit_netlink_dump(&s->nl, RTM_GETROUTE, on_route, on_route_restart, &f) == 0 &&
            f.index == link->index)
            return 0;
        if_indextoname(f.index, name);
    }
    if (err)
        return fail(s, ADIT_TROUBLE_ROUTE, err, text, name);
    link->routed[link->routed_count++] = *to;
    return 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int check(struct setup *s, const struct adit_link_conf *conf)
{
    char text[ADIT_PREFIX_STR];

    for (size_t i = 0; i < conf->address_count; i++)
        if (conf->addresses[i].own.addr.family == ADIT_FAMILY_V6 && conf->mtu && conf->mtu < 1280)
            return fail(s, ADIT_TROUBLE_ADDRESS, -ERANGE,
                        adit_prefix_str(&conf->addresses[i].own, text), NULL);
    return 0;
}

int adit_link_setup(struct adit_link_state *link, const struct adit_device *device,
                    const struct adit_link_conf *conf, struct adit_trouble *ret_trouble)
{
    struct setup s = { .link = link, .trouble = ret_trouble };

    *link = (struct adit_link_state){ .index = device->index, .tap = device->tap };
    memcpy(link->name, device->name, sizeof link->name);
    int err = adit_netlink_open(&s.nl, 0);
    if (err)
        return fail(&s, ADIT_TROUBLE_LINK, err, NULL, NULL);
    err = adit_netif_read(&s.present);
    if (err)
        err = fail(&s, ADIT_TROUBLE_LINK, err, NULL, NULL);
    if (!err)
        err = check(&s, conf);
    if (!err)
        err = set_link(&s, conf->mtu);
    for (size_t i = 0; !err && i < conf->address_count; i++)
        err = add_address(&s, &conf->addresses[i]);
    for (size_t i = 0; !err && i < conf->route_count; i++)
        err = add_route(&s, &conf->routes[i]);
    adit_netif_list_done(&s.present);
    adit_netlink_close(&s.nl);
    if (err)
        adit_link_done(link);
    return err;
}

void adit_link_done(struct adit_link_state *link)
{
    struct adit_netlink nl;

    if (link->index == 0)
        return;
    /* Errors are no news: the device may be gone, and all of this with it. */
    if (adit_netlink_open(&nl, 0) == 0) {
        if (link->routes_down)
            link->routed_count = 0;
        while (link->routed_count)
            (void)!route(&nl, link->index, RTM_DELROUTE, 0, &link->routed[--link->routed_count]);
        while (link->added_count)
            (void)!address(&nl, link->index, RTM_DELADDR, 0, &link->added[--link->added_count]);
        if (link->changed_up || link->changed_mtu)
            (void)!change(&nl, link->index, 0, link->changed_up ? IFF_UP : 0,
                          link->changed_mtu ? link->mtu_before : 0);
        adit_netlink_close(&nl);
    }
    *link = (struct adit_link_state){ 0 };
}

int adit_link_set_routes(struct adit_link_state *link, bool up)
{
    struct adit_netlink nl;
    int err = 0;

    if (link->routes_down == !up || link->routed_count == 0)
        return 0;
    err = adit_netlink_open(&nl, 0);
    if (err)
        return err;
    for (size_t i = 0; i < link->routed_count; i++) {
        int failed = route(&nl, link->index, up ? RTM_NEWROUTE : RTM_DELROUTE,
                           up ? NLM_F_CREATE | NLM_F_EXCL : 0, &link->routed[i]);

        if (failed && failed != -EEXIST && failed != -ESRCH && !err)
            err = failed;
    }
    link->routes_down = !up;
    adit_netlink_close(&nl);
    return err;
}

int adit_link_set_mtu(struct adit_link_state *link, unsigned mtu)
{
    struct adit_netlink nl;
    int err = adit_netlink_open(&nl, 0);

    if (err)
        return err;
    err = change(&nl, link->index, 0, 0, mtu);
    if (!err)
        limit_joined(&nl, link->index, mtu);
    adit_netlink_close(&nl);
    if (!err)
        link->changed_mtu = true;
    return err;
}
