#include "core/udp_hub.h"
#include "core/udp_batch.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"

#define RX_BATCH    16
#define RX_BYTES    65536 /* of one receive: many packets in a row, where the kernel joins them */
#define RX_APART    1536  /* packets that come alone should not lie in the same lines of a cache */
#define RX_TURN     (256 * 1024) /* bytes of a socket in a turn; then others have theirs */
#define ARENA_BYTES (ADIT_BATCH * ADIT_UDP_PACKET_MAX)
#define REFUSED_MAX                                                              \
    16 /* destinations refused in one round that are told; more are only counted \
        */

struct entry {
    struct adit_udp *udp; /* NULL = its socket was closed */
    struct adit_dest dest;
    uint32_t off; /* in the arena */
};

struct refusal {
    struct adit_udp *udp; /* NULL = its socket was closed */
    struct adit_addr to;
    int err;
};

struct adit_udp_hub {
    struct adit_loop *loop;
    struct adit_task flush;

    struct entry queue[ADIT_BATCH];
    unsigned queued;
    uint32_t used; /* of the arena */
    struct refusal refused[REFUSED_MAX];
    unsigned refused_count;

    struct adit_udp *receiving; /* whose callback is running; NULL once it was closed there */
    struct mmsghdr rx[RX_BATCH];
    struct iovec rx_iov[RX_BATCH];
    struct sockaddr_storage rx_from[RX_BATCH];
    union adit_control rx_control[RX_BATCH];

    /* Last, and used from their start, so that an idle loop touches few of these pages. */
    uint8_t rx_bytes[RX_BATCH][RX_BYTES + RX_APART];
    uint8_t arena[ARENA_BYTES];
};

/* A queue of struct adit_dest, each followed by its packet. */
struct adit_udp_backlog {
    size_t head, tail;
    uint8_t bytes[ADIT_UDP_BACKLOG_MAX];
};

static void on_flush(struct adit_task *task, adit_time now);

struct adit_udp_hub *adit_udp_hub_get(struct adit_loop *loop)
{
    struct adit_udp_hub **slot = adit_loop_udp_hub(loop);

    if (!*slot && (*slot = adit_malloc(sizeof **slot))) {
        /* Not zeroed as a whole: that would touch every page of the buffers. */
        memset(*slot, 0, offsetof(struct adit_udp_hub, rx_bytes));
        (*slot)->loop = loop;
        adit_task_init(&(*slot)->flush, on_flush);
    }
    return *slot;
}

void adit_udp_hub_free(struct adit_udp_hub *hub)
{
    if (hub)
        adit_task_cancel(&hub->flush);
    adit_free(hub);
}

/* What a line does is done for the socket beside which it is. */
static struct adit_udp *owner(struct adit_udp *udp)
{
    return udp->of ? udp->of : udp;
}

static void count_sent(struct adit_udp *udp, unsigned packets, size_t bytes)
{
    owner(udp)->stats.tx_packets += packets;
    owner(udp)->stats.tx_bytes += bytes;
}

static socklen_t name_len(const struct adit_dest *dest)
{
    return dest->sa.sin6_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                            : sizeof(struct sockaddr_in);
}

/* ---- sending --------------------------------------------------------------------------------- */

/* Remembered, and told from on_flush: a sender does not expect to be called back. */
static void refuse(struct adit_udp *udp, const struct adit_dest *dest, int err)
{
    struct adit_udp_hub *hub = udp->hub;
    struct adit_addr to;

    udp = owner(udp);
    udp->stats.tx_errors++;
    if (hub->refused_count == REFUSED_MAX ||
        adit_addr_from_sockaddr(&to, (const struct sockaddr *)&dest->sa) < 0)
        return;
    for (unsigned i = 0; i < hub->refused_count; i++)
        if (hub->refused[i].udp == udp && adit_addr_equal(&hub->refused[i].to, &to))
            return;
    hub->refused[hub->refused_count++] = (struct refusal){ .udp = udp, .to = to, .err = err };
    adit_loop_at_last(hub->loop, &hub->flush);
}

/* A connected socket is told of what ICMP says, which may be forged; so the other one has the last
 * word. And somebody may have disconnected it (ss -K). */
static bool send_beside(struct adit_udp *line, struct adit_batch *b, unsigned i)
{
    struct msghdr *h = &b->msgs[i].msg_hdr;

    if (errno == EDESTADDRREQ)
        line->to = (struct adit_addr){ 0 };
    h->msg_name = &b->dests[i].sa;
    h->msg_namelen = name_len(&b->dests[i]);
    if (sendmsg(line->of->io.fd, h, MSG_DONTWAIT) < 0)
        return false;
    count_sent(line, b->packets[i], b->iov[i].iov_len);
    return true;
}

/* Returns how many messages are done with: sent, refused or dropped. Less than all: the buffer is
 * full, or the one that follows is a run that cannot be sent as such; then *ret_run. */
static unsigned batch_send(struct adit_udp *udp, struct adit_batch *b, bool *ret_run)
{
    unsigned done = 0;

    *ret_run = false;
    adit_batch_finish(b);
    while (done < b->n) {
        /* Not sendmmsg(3): musl's sends one by one, for fear of padding, which ours has zeroed. */
        int n = (int)syscall(SYS_sendmmsg, udp->io.fd, b->msgs + done, b->n - done, MSG_DONTWAIT);

        for (int i = 0; i < n; i++, done++)
            count_sent(udp, b->packets[done], b->iov[done].iov_len);
        if (n > 0 || errno == EINTR)
            continue;
        if (udp->of && errno != EAGAIN && errno != ENOBUFS && send_beside(udp, b, done)) {
            done++;
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            break;
        if (errno == ENOBUFS) { /* the device's queue; EPOLLOUT knows nothing of it */
            owner(udp)->stats.tx_dropped += b->packets[done];
        } else if (b->packets[done] > 1) {
            *ret_run = true;
            break;
        } else {
            refuse(udp, &b->dests[done], errno);
        }
        done++;
    }
    return done;
}

static int backlog_add(struct adit_udp *udp, const struct adit_dest *dest, const uint8_t *bytes)
{
    struct adit_udp_backlog *log = udp->backlog;
    size_t need = sizeof *dest + dest->len;
    struct adit_dest d = *dest;

    if (udp->of) /* which may lead elsewhere when there is room */
        d.sa_len = name_len(&d);

    if (!log) {
        udp->backlog = log = adit_malloc(sizeof *log);
        if (!log)
            return -EAGAIN;
        log->head = log->tail = 0;
        adit_io_want(&udp->io, EPOLLIN | EPOLLOUT);
    }
    if (log->tail + need > sizeof log->bytes) {
        memmove(log->bytes, log->bytes + log->head, log->tail - log->head);
        log->tail -= log->head;
        log->head = 0;
        if (log->tail + need > sizeof log->bytes)
            return -EAGAIN;
    }
    memcpy(log->bytes + log->tail, &d, sizeof d);
    memcpy(log->bytes + log->tail + sizeof *dest, bytes, dest->len);
    log->tail += need;
    return 0;
}

/* One batch; the rest waits for the next EPOLLOUT. */
static void backlog_send(struct adit_udp *udp)
{
    struct adit_udp_backlog *log = udp->backlog;
    struct adit_batch b;

    b.n = 0;
    for (size_t at = log->head; at < log->tail && b.n < ADIT_BATCH;) {
        struct adit_dest dest;
        memcpy(&dest, log->bytes + at, sizeof dest);
        adit_batch_add(&b, &dest, log->bytes + at + sizeof dest);
        at += sizeof dest + dest.len;
    }
    bool run;
    unsigned done = batch_send(udp, &b, &run);
    for (unsigned i = 0; i < done; i++)
        log->head += sizeof(struct adit_dest) + b.dests[i].len;
    if (log->head == log->tail) {
        udp->backlog = NULL;
        adit_free(log);
        adit_io_want(&udp->io, EPOLLIN);
    }
}

/* Sends queue[first..end), all of one socket that has no backlog. How many packets are done with.
 */
static unsigned send_some(struct adit_udp_hub *hub, unsigned first, unsigned end, bool *ret_run)
{
    struct adit_udp *udp = hub->queue[first].udp;
    unsigned packets = 0, done;
    struct adit_batch b;

    b.n = 0;
    for (unsigned i = first; i < end; i++) {
        const struct entry *e = &hub->queue[i];

        if (!udp->runs || !adit_batch_join(&b, &e->dest, hub->arena + e->off))
            adit_batch_add(&b, &e->dest, hub->arena + e->off);
    }
    done = batch_send(udp, &b, ret_run);
    for (unsigned i = 0; i < done; i++)
        packets += b.packets[i];
    return packets;
}

/* What leaves alone, by a line: nothing has to be said to the kernel but the bytes. */
static bool send_single(const struct adit_udp_hub *hub, const struct entry *e)
{
    struct adit_udp *line = e->udp;

    if (!line->of || line->backlog || e->dest.ecn ||
        send(line->io.fd, hub->arena + e->off, e->dest.len, MSG_DONTWAIT) < 0)
        return false;
    count_sent(line, 1, e->dest.len);
    return true;
}

static void send_run(struct adit_udp_hub *hub, unsigned first, unsigned end)
{
    struct adit_udp *udp = hub->queue[first].udp;
    bool run = false;

    if (end == first + 1 && send_single(hub, &hub->queue[first]))
        return;
    if (!udp->backlog)
        first += send_some(hub, first, end, &run);
    if (run) { /* a device or kernel that cannot cut: never again, and nothing is lost */
        udp->runs = owner(udp)->runs = false;
        first += send_some(hub, first, end, &run);
    }
    for (unsigned i = first; i < end; i++)
        if (backlog_add(udp, &hub->queue[i].dest, hub->arena + hub->queue[i].off) < 0)
            owner(udp)->stats.tx_dropped++;
}

static void send_queue(struct adit_udp_hub *hub)
{
    for (unsigned i = 0, end; i < hub->queued; i = end) {
        for (end = i + 1; end < hub->queued && hub->queue[end].udp == hub->queue[i].udp; end++)
            ;
        if (hub->queue[i].udp)
            send_run(hub, i, end);
    }
    hub->queued = 0;
    hub->used = 0;
}

static void on_flush(struct adit_task *task, adit_time now)
{
    struct adit_udp_hub *hub = adit_container_of(task, struct adit_udp_hub, flush);
    struct refusal told[REFUSED_MAX];

    send_queue(hub);
    unsigned n = hub->refused_count;
    for (unsigned i = 0; i < n; i++)
        told[i] = hub->refused[i];
    for (unsigned i = 0; i < n; i++)
        if (hub->refused[i].udp) /* a callback before this one may have closed it */
            told[i].udp->ops->error(told[i].udp->arg, &told[i].to, told[i].err, now);
    /* What callbacks had refused meanwhile stays for the next pass. */
    hub->refused_count -= n;
    memmove(hub->refused, hub->refused + n, hub->refused_count * sizeof hub->refused[0]);
}

int adit_udp_send(struct adit_udp *udp, const struct adit_addr *to, const void *bytes, size_t n)
{
    struct adit_udp_hub *hub = udp->hub;
    struct sockaddr_storage sa;

    if (!hub)
        return -ECANCELED;
    if (n > ADIT_UDP_PACKET_MAX || to->family != udp->local.family) {
        udp->stats.tx_dropped++;
        return n > ADIT_UDP_PACKET_MAX ? -EMSGSIZE : -EAFNOSUPPORT;
    }
    if (hub->queued == ADIT_BATCH)
        send_queue(hub);
    bool lined = udp->line && adit_addr_equal(to, &udp->line->to);

    struct entry *e = &hub->queue[hub->queued++];
    e->udp = lined ? udp->line : udp;
    e->off = hub->used;
    e->dest.len = (uint32_t)n;
    e->dest.ecn = udp->tx_ecn;
    e->dest.sa_len = adit_addr_to_sockaddr(to, (struct sockaddr *)&sa);
    memcpy(&e->dest.sa, &sa, sizeof e->dest.sa);
    if (lined)
        e->dest.sa_len = 0; /* it is connected */
    memcpy(hub->arena + e->off, bytes, n);
    hub->used += (uint32_t)n;
    adit_loop_at_last(hub->loop, &hub->flush);
    return 0;
}

void adit_udp_hub_flush(struct adit_udp *udp)
{
    send_queue(udp->hub);
}

void adit_udp_hub_forget(struct adit_udp *udp)
{
    struct adit_udp_hub *hub = udp->hub;

    send_queue(hub);
    if (udp->backlog)
        backlog_send(udp);
    adit_free(udp->backlog);
    udp->backlog = NULL;
    for (unsigned i = 0; i < hub->refused_count; i++)
        if (hub->refused[i].udp == udp)
            hub->refused[i].udp = NULL;
    if (hub->receiving == udp)
        hub->receiving = NULL;
}

/* ---- receiving ------------------------------------------------------------------------------- */

static int fetch(struct adit_udp_hub *hub, int fd)
{
    unsigned most = adit_loop_rested(hub->loop) ? 1 : RX_BATCH;

    for (unsigned i = 0; i < most; i++) {
        hub->rx_iov[i] = (struct iovec){ hub->rx_bytes[i], RX_BYTES };
        hub->rx[i].msg_hdr = (struct msghdr){ .msg_name = &hub->rx_from[i],
                                              .msg_namelen = sizeof hub->rx_from[i],
                                              .msg_iov = &hub->rx_iov[i],
                                              .msg_iovlen = 1,
                                              .msg_control = hub->rx_control[i].bytes,
                                              .msg_controllen = sizeof hub->rx_control[i] };
    }
    return recvmmsg(fd, hub->rx, most, MSG_DONTWAIT, NULL);
}

static void call_up(struct adit_udp *udp, struct mmsghdr *m, const struct adit_addr *from,
                    uint8_t *bytes, adit_time now)
{
    struct adit_udp_hub *hub = udp->hub;
    size_t n, size;

    udp = owner(udp);
    size = adit_control_read(m, &udp->rx_ecn);

    for (size_t at = 0; at < m->msg_len && hub->receiving; at += n) {
        n = m->msg_len - at < size ? m->msg_len - at : size;
        if (n > ADIT_UDP_PACKET_MAX) {
            udp->stats.rx_dropped++;
            continue;
        }
        udp->stats.rx_packets++;
        udp->stats.rx_bytes += n;
        udp->ops->packet(udp->arg, from, bytes + at, n, now);
    }
}

/* Returns how many bytes; 0: that was all there is. */
static size_t receive(struct adit_udp *udp, adit_time now)
{
    struct adit_udp_hub *hub = udp->hub;
    int n = fetch(hub, udp->io.fd);
    size_t bytes = 0;

    hub->receiving = udp;
    for (int i = 0; i < n && hub->receiving; i++) {
        struct mmsghdr *m = &hub->rx[i];
        struct adit_addr from;

        bytes += m->msg_len;
        if (m->msg_hdr.msg_flags & MSG_TRUNC || m->msg_len == 0 ||
            adit_addr_from_sockaddr(&from, (struct sockaddr *)&hub->rx_from[i]) < 0)
            owner(udp)->stats.rx_dropped++;
        else
            call_up(udp, m, &from, hub->rx_bytes[i], now);
    }
    if (!hub->receiving) /* closed, and perhaps freed */
        return 0;
    hub->receiving = NULL;
    return n == RX_BATCH ? bytes : 0;
}

void adit_udp_ready(struct adit_io *io, uint32_t events, adit_time now)
{
    struct adit_udp *udp = adit_container_of(io, struct adit_udp, io);

    if (events & EPOLLERR) { /* level-triggered: read it, or it comes back for ever */
        int err;
        socklen_t len = sizeof err;
        (void)!getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &err, &len);
    }
    if (events & EPOLLOUT && udp->backlog)
        backlog_send(udp);
    for (size_t bytes = 0, n; bytes < RX_TURN && (n = receive(udp, now)); bytes += n)
        ;
}
