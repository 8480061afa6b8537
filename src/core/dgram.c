#include "core/dgram.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_BYTES (1024 * 1024)
#define READS_MAX    16 /* in one turn, so that others have theirs */

/* What refers to an earlier datagram of ours (a port that answers "unreachable") says nothing of
 * the next one. */
static bool is_of_the_past(int err)
{
    return err == ECONNREFUSED || err == EHOSTUNREACH || err == ENETUNREACH || err == EHOSTDOWN ||
           err == EPROTO || err == ENOPROTOOPT;
}

static void on_ready(struct adit_io *io, uint32_t events, adit_time now)
{
    struct adit_dgram *d = adit_container_of(io, struct adit_dgram, io);
    uint8_t bytes[ADIT_DGRAM_MAX + 29]; /* IPv6 carries 20 more */

    (void)events;
    for (int i = 0; i < READS_MAX; i++) {
        struct sockaddr_storage sa = { 0 };
        socklen_t len = sizeof sa;
        struct adit_addr from;
        ssize_t n =
            recvfrom(io->fd, bytes, sizeof bytes, MSG_DONTWAIT, (struct sockaddr *)&sa, &len);

        if (n < 0 && (errno == EINTR || is_of_the_past(errno)))
            continue;
        if (n < 0)
            break;
        if ((size_t)n <= ADIT_DGRAM_MAX &&
            adit_addr_from_sockaddr(&from, (struct sockaddr *)&sa) == 0)
            d->ops->packet(d->arg, &from, bytes, (size_t)n, now);
    }
}

/* Fragments allowed: a datagram may be larger than what a path carries in one piece. */
static int set_options(int fd, enum adit_family family)
{
    int buffer = BUFFER_BYTES, one = 1;
    int v4 = IP_PMTUDISC_DONT, v6 = IPV6_PMTUDISC_DONT;

    (void)!setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    (void)!setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    if (family == ADIT_FAMILY_V6) {
        (void)!setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &v6, sizeof v6);
        return setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) < 0 ? -errno : 0;
    }
    (void)!setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &v4, sizeof v4);
    return 0;
}

static int start(struct adit_dgram *d, struct adit_loop *loop, const struct adit_addr *addr,
                 int (*attach)(int, const struct sockaddr *, socklen_t),
                 const struct adit_dgram_ops *ops, void *arg)
{
    struct sockaddr_storage sa;
    unsigned len = adit_addr_to_sockaddr(addr, (struct sockaddr *)&sa);
    socklen_t local_len = sizeof sa;
    int fd = len ? socket(sa.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;

    if (fd < 0)
        return len ? -errno : -EAFNOSUPPORT;
    *d = (struct adit_dgram){ .ops = ops, .arg = arg };
    int err = set_options(fd, (enum adit_family)addr->family);
    if (!err && (attach(fd, (struct sockaddr *)&sa, len) < 0 ||
                 getsockname(fd, (struct sockaddr *)&sa, &local_len) < 0))
        err = -errno;
    if (!err)
        err = adit_addr_from_sockaddr(&d->local, (struct sockaddr *)&sa);
    if (!err)
        err = adit_io_start(&d->io, loop, fd, EPOLLIN, on_ready, "dgram");
    if (err)
        close(fd);
    return err;
}

int adit_dgram_bind(struct adit_dgram *d, struct adit_loop *loop, const struct adit_addr *at,
                    const struct adit_dgram_ops *ops, void *arg)
{
    return start(d, loop, at, bind, ops, arg);
}

int adit_dgram_connect(struct adit_dgram *d, struct adit_loop *loop, const struct adit_addr *to,
                       const struct adit_dgram_ops *ops, void *arg)
{
    return start(d, loop, to, connect, ops, arg);
}

void adit_dgram_close(struct adit_dgram *d)
{
    int fd = d->io.fd;

    if (!adit_dgram_is_open(d))
        return;
    adit_io_stop(&d->io);
    close(fd);
}

int adit_dgram_send(struct adit_dgram *d, const struct adit_addr *to, const void *bytes, size_t n)
{
    struct sockaddr_storage sa;
    unsigned len = to ? adit_addr_to_sockaddr(to, (struct sockaddr *)&sa) : 0;

    /* An error of the past is told to the next who sends: that one goes out all the same. */
    for (int tries = 0; tries < 2; tries++) {
        if (sendto(d->io.fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL,
                   len ? (struct sockaddr *)&sa : NULL, len) >= 0)
            return 0;
        if (!is_of_the_past(errno))
            break;
    }
    return errno == EWOULDBLOCK || errno == ENOBUFS ? -EAGAIN : -errno;
}
