#include "core/multicast.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define READS_MAX 16 /* in one turn, so that others have theirs */
#define TTL       255

union control {
    struct cmsghdr align;
    uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* The interface that a datagram came in on, or 0. */
static uint32_t index_of(struct msghdr *msg)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            return (uint32_t)info.ipi_ifindex;
        }
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            return info.ipi6_ifindex;
        }
    }
    return 0;
}

static void on_ready(struct adit_io *io, uint32_t events, adit_time now)
{
    struct adit_multicast *m = adit_container_of(io, struct adit_multicast, io);
    uint8_t bytes[ADIT_MULTICAST_MAX];

    (void)events;
    for (int i = 0; i < READS_MAX && adit_multicast_is_open(m); i++) {
        struct sockaddr_storage sa = { 0 };
        union control control;
        struct iovec iov = { .iov_base = bytes, .iov_len = sizeof bytes };
        struct msghdr msg = { .msg_name = &sa,
                              .msg_namelen = sizeof sa,
                              .msg_iov = &iov,
                              .msg_iovlen = 1,
                              .msg_control = &control,
                              .msg_controllen = sizeof control };
        struct adit_addr from;
        ssize_t n = recvmsg(io->fd, &msg, MSG_DONTWAIT);

        if (n < 0 && errno == EAGAIN)
            return;
        if (n >= 0 && !(msg.msg_flags & MSG_TRUNC) &&
            adit_addr_from_sockaddr(&from, (struct sockaddr *)&sa) == 0)
            m->ops->packet(m->arg, index_of(&msg), &from, bytes, (size_t)n, now);
    }
}

static int set_int(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) < 0 ? -errno : 0;
}

/* Only the groups that this socket is in (IP_MULTICAST_ALL, IPV6_MULTICAST_ALL; the latter since
 * Linux 4.20: whoever sees more looks at where it came from). */
static int set_options(int fd, enum adit_family family)
{
    int err = set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);

    if (!err) /* what some programs set, and want of others */
        err = set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (!err && family == ADIT_FAMILY_V6) {
        (void)!set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
        err = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
        if (!err)
            err = set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
        if (!err)
            err = set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, TTL);
        if (!err)
            err = set_int(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, TTL);
    } else if (!err) {
        (void)!set_int(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
        err = set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
        if (!err)
            err = set_int(fd, IPPROTO_IP, IP_MULTICAST_TTL, TTL);
        if (!err)
            err = set_int(fd, IPPROTO_IP, IP_TTL, TTL);
    }
    return err;
}

static int bind_to(int fd, const struct adit_addr *addr)
{
    struct sockaddr_storage sa;
    unsigned len = adit_addr_to_sockaddr(addr, (struct sockaddr *)&sa);

    return bind(fd, (struct sockaddr *)&sa, len) < 0 ? -errno : 0;
}

int adit_multicast_open(struct adit_multicast *m, struct adit_loop *loop,
                        const struct adit_addr *group, const struct adit_multicast_ops *ops,
                        void *arg)
{
    struct adit_addr any = { .family = group->family, .port = group->port };
    int fd = socket(group->family == ADIT_FAMILY_V6 ? AF_INET6 : AF_INET,
                    SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int err;

    if (fd < 0)
        return -errno;
    *m = (struct adit_multicast){ .ops = ops, .arg = arg, .group = *group };
    err = set_options(fd, (enum adit_family)group->family);
    if (!err)
        err = bind_to(fd, &any);
    if (err == -EADDRINUSE || err == -EACCES) {
        any.port = 0;
        err = bind_to(fd, &any);
    }
    if (!err)
        err = adit_io_start(&m->io, loop, fd, EPOLLIN, on_ready, "multicast");
    if (err)
        close(fd);
    return err;
}

void adit_multicast_close(struct adit_multicast *m)
{
    int fd = m->io.fd;

    if (!adit_multicast_is_open(m))
        return;
    adit_io_stop(&m->io);
    close(fd);
}

/* ---- membership ------------------------------------------------------------------------------ */

static int change(struct adit_multicast *m, uint32_t index, bool join)
{
    if (m->group.family == ADIT_FAMILY_V6) {
        struct ipv6_mreq six = { .ipv6mr_interface = index };
        memcpy(&six.ipv6mr_multiaddr, m->group.ip, 16);
        return setsockopt(m->io.fd, IPPROTO_IPV6, join ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP, &six,
                          sizeof six);
    }
    struct ip_mreqn four = { .imr_ifindex = (int)index };
    memcpy(&four.imr_multiaddr, m->group.ip, 4);
    return setsockopt(m->io.fd, IPPROTO_IP, join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &four,
                      sizeof four);
}

static bool among(const uint32_t *list, size_t count, uint32_t index)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == index)
            return true;
    return false;
}

void adit_multicast_join(struct adit_multicast *m, const uint32_t *indexes, size_t count)
{
    for (size_t i = 0; i < ADIT_MULTICAST_JOINS; i++) {
        if (!m->joined[i] || among(indexes, count, m->joined[i]))
            continue;
        (void)!change(m, m->joined[i], false);
        m->joined[i] = 0;
    }
    for (size_t k = 0; k < count; k++) {
        size_t i = 0;

        while (i < ADIT_MULTICAST_JOINS && m->joined[i])
            i++;
        if (i == ADIT_MULTICAST_JOINS)
            return;
        if (!among(m->joined, ADIT_MULTICAST_JOINS, indexes[k]) && change(m, indexes[k], true) == 0)
            m->joined[i] = indexes[k];
    }
}

/* ---- sending --------------------------------------------------------------------------------- */

static void name_interface(struct msghdr *msg, enum adit_family family, uint32_t index)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(msg);

    if (family == ADIT_FAMILY_V6) {
        struct in6_pktinfo info = { .ipi6_ifindex = index };
        c->cmsg_level = IPPROTO_IPV6;
        c->cmsg_type = IPV6_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof info);
        memcpy(CMSG_DATA(c), &info, sizeof info);
        msg->msg_controllen = CMSG_SPACE(sizeof info);
    } else {
        struct in_pktinfo info = { .ipi_ifindex = (int)index };
        c->cmsg_level = IPPROTO_IP;
        c->cmsg_type = IP_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof info);
        memcpy(CMSG_DATA(c), &info, sizeof info);
        msg->msg_controllen = CMSG_SPACE(sizeof info);
    }
}

void adit_multicast_send(struct adit_multicast *m, uint32_t index, const struct adit_addr *to,
                         const void *bytes, size_t n)
{
    struct sockaddr_storage sa;
    union control control = { 0 };
    struct iovec iov = { .iov_base = (void *)bytes, .iov_len = n };
    struct msghdr msg = { .msg_name = &sa,
                          .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = &control,
                          .msg_controllen = sizeof control };

    msg.msg_namelen = adit_addr_to_sockaddr(to ? to : &m->group, (struct sockaddr *)&sa);
    name_interface(&msg, (enum adit_family)m->group.family, index);
    (void)!sendmsg(m->io.fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}
