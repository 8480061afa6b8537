#include "core/gateway.h"

#include <sys/socket.h>

#include "core/netlink.h"

/* a.root-servers.net: an address that is out there for certain. Nothing is sent to it. */
static const struct adit_addr far_away[2] = {
    { .family = ADIT_FAMILY_V4, .ip = { 198, 41, 0, 4 } },
    { .family = ADIT_FAMILY_V6, .ip = { 0x20, 1, 5, 3, 0xba, 0x3e, [13] = 2, [15] = 0x30 } },
};

static int on_route(void *arg, const struct nlmsghdr *msg)
{
    const struct rtmsg *route = NLMSG_DATA(msg);
    const struct rtattr *attrs[RTA_GATEWAY + 1];
    struct adit_addr *gateway = arg;

    if (msg->nlmsg_type == RTM_NEWROUTE &&
        adit_netlink_attrs(msg, sizeof *route, attrs, RTA_GATEWAY))
        *gateway = adit_netlink_ip(attrs[RTA_GATEWAY], route->rtm_family);
    return 0;
}

int adit_gateway_find(struct adit_addr *ret_gateway, uint32_t index, const struct adit_addr *local)
{
    const struct adit_addr *to = &far_away[local->family == ADIT_FAMILY_V6];
    uint8_t bits = local->family == ADIT_FAMILY_V6 ? 128 : 32;
    struct rtmsg head = { .rtm_family = local->family == ADIT_FAMILY_V6 ? AF_INET6 : AF_INET,
                          .rtm_dst_len = bits,
                          .rtm_src_len = bits };
    struct adit_addr gateway = { .family = ADIT_FAMILY_NONE };
    struct adit_netlink nl;
    struct adit_nlmsg m;
    int err = adit_netlink_open(&nl, 0);

    if (err)
        return err;
    adit_nlmsg_init(&m, RTM_GETROUTE, 0, &head, sizeof head);
    adit_nlmsg_attr_ip(&m, RTA_DST, to);
    adit_nlmsg_attr_ip(&m, RTA_SRC, local);
    adit_nlmsg_attr32(&m, RTA_OIF, index);
    err = adit_netlink_ask(&nl, &m, on_route, &gateway);
    adit_netlink_close(&nl);
    if (err == -ENETUNREACH || err == -EHOSTUNREACH)
        err = -ENOENT;
    if (err)
        return err;
    if (gateway.family == ADIT_FAMILY_NONE)
        return -ENOENT;
    if (gateway.family == ADIT_FAMILY_V6 && adit_addr_scope(&gateway) == ADIT_SCOPE_LINK)
        gateway.scope = index;
    *ret_gateway = gateway;
    return 0;
}
