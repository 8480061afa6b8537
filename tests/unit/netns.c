#include "netns.h"

#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        close(fd);
    return ok;
}

static bool enter_as_user(void)
{
    char uid[32], gid[32];

    snprintf(uid, sizeof uid, "0 %u 1", (unsigned)getuid());
    snprintf(gid, sizeof gid, "0 %u 1", (unsigned)getgid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 &&
           write_file("/proc/self/setgroups", "deny") && write_file("/proc/self/uid_map", uid) &&
           write_file("/proc/self/gid_map", gid);
}

bool netns_enter(void)
{
    bool ok = geteuid() == 0 ? unshare(CLONE_NEWNET) == 0 : enter_as_user();

    if (!ok || netns_up("lo", true) != 0) {
        printf("# no network namespace to be had: %s\n", strerror(errno));
        return false;
    }
    return true;
}

static int request(struct adit_nlmsg *m)
{
    struct adit_netlink nl;
    int err = adit_netlink_open(&nl, 0);

    if (err)
        return err;
    err = adit_netlink_do(&nl, m);
    adit_netlink_close(&nl);
    return err;
}

int netns_add_veth(const char *name, const char *peer)
{
    struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
    struct adit_nlmsg m, in, data, other;

    adit_nlmsg_init(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof info);
    adit_nlmsg_attr(&m, IFLA_IFNAME, name, strlen(name) + 1);
    adit_nlmsg_init(&in, 0, 0, "", 0);
    adit_nlmsg_attr(&in, IFLA_INFO_KIND, "veth", 4);
    adit_nlmsg_init(&other, 0, 0, &info, sizeof info);
    adit_nlmsg_attr(&other, IFLA_IFNAME, peer, strlen(peer) + 1);
    adit_nlmsg_init(&data, 0, 0, "", 0);
    adit_nlmsg_attr(&data, VETH_INFO_PEER, NLMSG_DATA(&other.hdr),
                    other.hdr.nlmsg_len - NLMSG_HDRLEN);
    adit_nlmsg_attr(&in, IFLA_INFO_DATA, NLMSG_DATA(&data.hdr), data.hdr.nlmsg_len - NLMSG_HDRLEN);
    adit_nlmsg_attr(&m, IFLA_LINKINFO, NLMSG_DATA(&in.hdr), in.hdr.nlmsg_len - NLMSG_HDRLEN);
    return request(&m);
}

int netns_up(const char *name, bool up)
{
    struct ifinfomsg info = { .ifi_index = (int)if_nametoindex(name),
                              .ifi_flags = up ? IFF_UP : 0,
                              .ifi_change = IFF_UP };
    struct adit_nlmsg m;

    adit_nlmsg_init(&m, RTM_NEWLINK, 0, &info, sizeof info);
    return request(&m);
}

int netns_del(const char *name)
{
    struct ifinfomsg info = { .ifi_index = (int)if_nametoindex(name) };
    struct adit_nlmsg m;

    adit_nlmsg_init(&m, RTM_DELLINK, 0, &info, sizeof info);
    return info.ifi_index ? request(&m) : -ENODEV;
}

int netns_add_addr(const char *name, const char *ip, unsigned prefix_len, uint32_t flags)
{
    struct adit_addr addr;
    struct adit_nlmsg m;
    int err = adit_addr_parse(&addr, ip, strlen(ip));

    if (err)
        return err;
    struct ifaddrmsg info = { .ifa_family = addr.family == ADIT_FAMILY_V6 ? AF_INET6 : AF_INET,
                              .ifa_prefixlen = (uint8_t)prefix_len,
                              .ifa_index = if_nametoindex(name) };
    adit_nlmsg_init(&m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof info);
    adit_nlmsg_attr_ip(&m, IFA_LOCAL, &addr);
    adit_nlmsg_attr_ip(&m, IFA_ADDRESS, &addr);
    adit_nlmsg_attr32(&m, IFA_FLAGS, flags);
    return request(&m);
}
