#include "core/defroute.h"

#include <net/if.h>
#include <stdlib.h>
#include <sys/socket.h>

struct reader {
    struct adit_defroute *out;
    size_t count, max;
};

static void add(struct reader *r, const struct rtattr *oif, const struct rtattr *gateway,
                const struct adit_defroute *like)
{
    struct adit_defroute *d = &r->out[r->count];
    char name[IF_NAMESIZE] = "";

    if (r->count == r->max || !oif)
        return;
    *d = *like;
    d->index = adit_netlink_u32(oif);
    d->gateway = adit_netlink_ip(gateway, like->family == ADIT_FAMILY_V6 ? AF_INET6 : AF_INET);
    if (d->gateway.family == ADIT_FAMILY_V6 && adit_addr_scope(&d->gateway) == ADIT_SCOPE_LINK)
        d->gateway.scope = d->index;
    if_indextoname(d->index, name);
    memcpy(d->name, name, sizeof d->name);
    r->count++;
}

/* RTA_MULTIPATH: several ways, each with its interface. */
static void add_each(struct reader *r, const struct rtattr *multipath,
                     const struct adit_defroute *like)
{
    int left = (int)RTA_PAYLOAD(multipath);
    const struct rtnexthop *hop = RTA_DATA(multipath);

    for (; left >= (int)sizeof *hop && RTNH_OK(hop, left);
         left -= (int)RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop)) {
        const struct rtattr *gateway = NULL, *attr = RTNH_DATA(hop);
        int room = hop->rtnh_len - (int)sizeof *hop;
        struct {
            struct rtattr head;
            int index;
        } oif = { { RTA_LENGTH(sizeof(int)), RTA_OIF }, hop->rtnh_ifindex };

        for (; RTA_OK(attr, room); attr = RTA_NEXT(attr, room))
            if (attr->rta_type == RTA_GATEWAY)
                gateway = attr;
        add(r, &oif.head, gateway, like);
    }
}

static int on_route(void *arg, const struct nlmsghdr *msg)
{
    const struct rtmsg *route = NLMSG_DATA(msg);
    const struct rtattr *attrs[RTA_TABLE + 1];
    struct reader *r = arg;

    if (msg->nlmsg_type != RTM_NEWROUTE ||
        !adit_netlink_attrs(msg, sizeof *route, attrs, RTA_TABLE))
        return 0;
    if (route->rtm_dst_len || route->rtm_type != RTN_UNICAST || route->rtm_table != RT_TABLE_MAIN ||
        (route->rtm_family != AF_INET && route->rtm_family != AF_INET6))
        return 0;
    struct adit_defroute like = { .family = route->rtm_family == AF_INET6 ? ADIT_FAMILY_V6
                                                                          : ADIT_FAMILY_V4,
                                  .metric = adit_netlink_u32(attrs[RTA_PRIORITY]) };
    if (attrs[RTA_MULTIPATH])
        add_each(r, attrs[RTA_MULTIPATH], &like);
    else
        add(r, attrs[RTA_OIF], attrs[RTA_GATEWAY], &like);
    return 0;
}

static void forget(void *arg)
{
    ((struct reader *)arg)->count = 0;
}

static int by_metric(const void *a, const void *b)
{
    const struct adit_defroute *x = a, *y = b;

    return x->metric < y->metric ? -1 : x->metric > y->metric;
}

int adit_defroutes_read(struct adit_defroute *out, size_t max)
{
    struct reader r = { .out = out, .max = max };
    struct adit_netlink nl;
    int err = adit_netlink_open(&nl, 0);

    if (err)
        return err;
    err = adit_netlink_dump(&nl, RTM_GETROUTE, on_route, forget, &r);
    adit_netlink_close(&nl);
    if (err)
        return err;
    qsort(out, r.count, sizeof *out, by_metric);
    return (int)r.count;
}
