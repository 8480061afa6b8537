#include "core/udp.h"

#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "core/udp_hub.h"

/* Enough for the processor to be away for some milliseconds, and no more: what waits here delays
 * all that comes after it. 2 MiB carry nothing more (tests/bench/vpn-time), and a ping beside a
 * full stream takes twice as long. */
#define BUFFER_BYTES (512 * 1024)

static int set_int(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) < 0 ? -errno : 0;
}

/* More than net.core.*mem_max needs CAP_NET_ADMIN; without it the kernel cuts silently. What it
 * gives is twice what it counts with, for its own needs (socket(7)). */
static void set_buffers(int fd, unsigned bytes)
{
    int value = (int)(bytes ? bytes : BUFFER_BYTES), got = 0;
    socklen_t len = sizeof got;

    if (set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, value) < 0)
        (void)!set_int(fd, SOL_SOCKET, SO_RCVBUF, value);
    if (set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, value) < 0)
        (void)!set_int(fd, SOL_SOCKET, SO_SNDBUF, value);
    (void)!getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &len);
    adit_debug("udp", "a socket's receive buffer has %d KiB of %d%s", got / 2048, value / 1024,
               got / 2 < value ? ": net.core.rmem_max allows no more" : "");
}

/* May routers and the kernel cut our datagrams? */
static int set_fragments(int fd, enum adit_family family, bool allowed)
{
    if (family == ADIT_FAMILY_V6)
        return set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER,
                       allowed ? IPV6_PMTUDISC_DONT : IPV6_PMTUDISC_PROBE);
    return set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, allowed ? IP_PMTUDISC_DONT : IP_PMTUDISC_PROBE);
}

/* Fragments allowed: what we send without measuring (at most 1200 bytes, RFC 8261 section 5) must
 * get through a path with a smaller MTU even where ICMP does not. ICMP errors are not asked for
 * (IP_RECVERR): anybody can forge them, and a port that answers "unreachable" today may belong to a
 * peer that starts in a second. */
static int set_options(int fd, const struct adit_udp_conf *conf)
{
    int err;

    err = set_fragments(fd, (enum adit_family)conf->addr.family, true);
    if (!err && conf->addr.family == ADIT_FAMILY_V6)
        err = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (err)
        return err;
    /* Without it the kernel says nothing of ECN, and nothing is lost by that. */
    (void)!(conf->addr.family == ADIT_FAMILY_V6 ? set_int(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1)
                                                : set_int(fd, IPPROTO_IP, IP_RECVTOS, 1));
    if (conf->device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, conf->device,
                                   (socklen_t)strlen(conf->device)) < 0)
        return -errno;
    if (conf->mark)
        err = set_int(fd, SOL_SOCKET, SO_MARK, (int)conf->mark);
    set_buffers(fd, conf->buffer_bytes);
    return err;
}

int adit_udp_try_mark(uint32_t mark)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

    if (fd < 0)
        return -errno;
    err = set_int(fd, SOL_SOCKET, SO_MARK, (int)mark);
    close(fd);
    return err;
}

/* Packets in runs: those sent (Linux 4.18) and those received (5.0). */
static int set_runs(struct adit_udp *udp, int fd, enum adit_offload offload)
{
    if (offload == ADIT_OFFLOAD_OFF)
        return 0;
    udp->runs = set_int(fd, SOL_UDP, UDP_SEGMENT, 0) == 0;
    udp->joins = set_int(fd, SOL_UDP, UDP_GRO, 1) == 0;
    return offload == ADIT_OFFLOAD_ON && !(udp->runs && udp->joins) ? -EOPNOTSUPP : 0;
}

void adit_udp_offers(bool *ret_runs, bool *ret_joins)
{
    struct adit_udp udp = { 0 };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd >= 0) {
        (void)!set_runs(&udp, fd, ADIT_OFFLOAD_AUTO);
        close(fd);
    }
    *ret_runs = udp.runs;
    *ret_joins = udp.joins;
}

static int bind_to(int fd, struct adit_addr addr, unsigned port)
{
    struct sockaddr_storage sa;

    addr.port = (uint16_t)port;
    unsigned len = adit_addr_to_sockaddr(&addr, (struct sockaddr *)&sa);
    return bind(fd, (struct sockaddr *)&sa, len) < 0 ? -errno : 0;
}

static int bind_port(int fd, const struct adit_udp_conf *conf)
{
    unsigned first = conf->addr.port ? conf->addr.port : conf->port_min;
    unsigned last = conf->addr.port ? conf->addr.port : conf->port_max;
    int err = -EINVAL; /* of an empty range */

    for (unsigned port = first; port <= last; port++) {
        err = bind_to(fd, conf->addr, port);
        if (err != -EADDRINUSE && err != -EACCES) /* EACCES: a port that is reserved for root */
            break;
    }
    return err;
}

static int bound_to(int fd, struct adit_addr *ret_addr)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;

    if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
        return -errno;
    return adit_addr_from_sockaddr(ret_addr, (struct sockaddr *)&sa);
}

/* One that is not bound yet, or -errno. */
static int make_socket(struct adit_udp *udp, const struct adit_udp_conf *conf)
{
    int family = conf->addr.family == ADIT_FAMILY_V6 ? AF_INET6 : AF_INET;
    int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err;

    if (fd < 0)
        return -errno;
    err = set_options(fd, conf);
    if (!err)
        err = set_runs(udp, fd, conf->offload);
    if (!err)
        return fd;
    close(fd);
    return err;
}

int adit_udp_open(struct adit_udp *udp, struct adit_loop *loop, const struct adit_udp_conf *conf,
                  const struct adit_udp_ops *ops, void *arg)
{
    struct adit_udp_hub *hub = adit_udp_hub_get(loop);

    if (!hub)
        return -ENOMEM;
    *udp = (struct adit_udp){ .ops = ops, .arg = arg, .conf = *conf };
    if (conf->device) {
        snprintf(udp->device, sizeof udp->device, "%s", conf->device);
        udp->conf.device = udp->device;
    }
    int fd = make_socket(udp, conf);
    if (fd < 0)
        return fd;
    int err = bind_port(fd, conf);
    if (!err)
        err = bound_to(fd, &udp->local);
    if (!err)
        err = adit_io_start(&udp->io, loop, fd, EPOLLIN, adit_udp_ready, "udp");
    if (err) {
        close(fd);
        return err;
    }
    udp->hub = hub;
    return 0;
}

void adit_udp_close(struct adit_udp *udp)
{
    int fd = udp->io.fd;

    if (!adit_udp_is_open(udp))
        return;
    if (udp->line)
        adit_udp_close(udp->line);
    adit_free(udp->line);
    udp->line = NULL;
    adit_udp_hub_forget(udp);
    adit_io_stop(&udp->io);
    close(fd);
    udp->hub = NULL;
}

/* ---- a line ---------------------------------------------------------------------------------- */

static int connect_to(int fd, const struct adit_addr *to)
{
    struct sockaddr_storage sa;
    unsigned len = adit_addr_to_sockaddr(to, (struct sockaddr *)&sa);

    return connect(fd, (struct sockaddr *)&sa, len) < 0 ? -errno : 0;
}

/* Two sockets at one port, for the moment of binding alone: afterwards the port is taken for
 * everybody else, as it was, and nothing is shared out between the two. What strangers send before
 * the second one is connected may come in by it, and is handed on as well. */
static int bind_beside(int fd, const struct adit_udp *first, const struct adit_addr *to)
{
    int err = set_int(first->io.fd, SOL_SOCKET, SO_REUSEPORT, 1);

    if (!err)
        err = set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (!err)
        err = bind_to(fd, first->local, first->local.port);
    (void)!set_int(fd, SOL_SOCKET, SO_REUSEPORT, 0);
    (void)!set_int(first->io.fd, SOL_SOCKET, SO_REUSEPORT, 0);
    return err ? err : connect_to(fd, to);
}

static int open_line(struct adit_udp *line, const struct adit_addr *to)
{
    struct adit_udp *of = line->of;
    int fd = make_socket(line, &of->conf), err;

    if (fd < 0)
        return fd;
    line->runs &= of->runs;
    err = bind_beside(fd, of, to);
    if (!err)
        err = adit_io_start(&line->io, of->io.loop, fd, EPOLLIN, adit_udp_ready, "udp line");
    if (err)
        close(fd);
    return err;
}

void adit_udp_prefer(struct adit_udp *udp, const struct adit_addr *to)
{
    struct adit_udp *line = udp->line;
    int err;

    if (!adit_udp_is_open(udp) || to->family != udp->local.family ||
        (line && adit_addr_equal(&line->to, to)))
        return;
    if (line) { /* what has come to it stays there */
        adit_udp_hub_flush(udp);
        err = connect_to(line->io.fd, to);
    } else {
        line = adit_malloc(sizeof *line);
        if (!line)
            return;
        *line = (struct adit_udp){ .of = udp, .local = udp->local };
        err = open_line(line, to);
        line->hub = err ? NULL : udp->hub;
    }
    if (err)
        adit_debug("udp", "no line of its own to the other end: %s", strerror(-err));
    if (err && !udp->line) {
        adit_free(line);
        return;
    }
    line->to = err ? (struct adit_addr){ 0 } : *to; /* what has come to it is read all the same */
    udp->line = line;
}

void adit_udp_send_whole(struct adit_udp *udp, const struct adit_addr *to, const void *bytes,
                         size_t n)
{
    enum adit_family family = (enum adit_family)udp->local.family;
    struct sockaddr_storage sa;
    unsigned len = adit_addr_to_sockaddr(to, (struct sockaddr *)&sa);

    if (!adit_udp_is_open(udp) || set_fragments(udp->io.fd, family, false) < 0)
        return;
    if (sendto(udp->io.fd, bytes, n, 0, (struct sockaddr *)&sa, len) == (ssize_t)n) {
        udp->stats.tx_packets++;
        udp->stats.tx_bytes += n;
    } else {
        udp->stats.tx_dropped++; /* it does not even fit our own interface: that is an answer */
    }
    /* It could be set, so it can be set back. */
    (void)!set_fragments(udp->io.fd, family, true);
}
