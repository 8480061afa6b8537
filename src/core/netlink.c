#include "core/netlink.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/alloc.h"

#define REPLY_MAX   (32 * 1024) /* what the kernel packs into one datagram of a dump */
#define RESTART_MAX 10

int adit_netlink_open(struct adit_netlink *nl, uint32_t groups)
{
    struct sockaddr_nl sa = { .nl_family = AF_NETLINK, .nl_groups = groups };
    struct timeval patience = { .tv_sec = 2 }; /* never needed; better than hanging for ever */
    int on = 1;

    *nl = (struct adit_netlink){ .fd = -1 };
    int type = SOCK_RAW | SOCK_CLOEXEC | (groups ? SOCK_NONBLOCK : 0);
    int fd = socket(AF_NETLINK, type, NETLINK_ROUTE);
    if (fd < 0)
        return -errno;
    if (bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0) {
        int err = -errno;
        close(fd);
        return err;
    }
    /* Kernels before 4.12 do not have it; then errors come without words. */
    (void)!setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
    nl->fd = fd;
    return 0;
}

void adit_netlink_close(struct adit_netlink *nl)
{
    if (nl->fd >= 0)
        close(nl->fd);
    nl->fd = -1;
}

/* ---- composing ------------------------------------------------------------------------------- */

void adit_nlmsg_init(struct adit_nlmsg *m, uint16_t type, uint16_t flags, const void *head,
                     size_t n)
{
    memset(m, 0, sizeof *m);
    m->hdr.nlmsg_type = type;
    m->hdr.nlmsg_flags = NLM_F_REQUEST | flags;
    m->hdr.nlmsg_len = (uint32_t)NLMSG_LENGTH(n);
    memcpy(NLMSG_DATA(&m->hdr), head, n);
}

void adit_nlmsg_attr(struct adit_nlmsg *m, uint16_t type, const void *data, size_t n)
{
    size_t at = NLMSG_ALIGN(m->hdr.nlmsg_len);
    struct rtattr attr = { .rta_type = type, .rta_len = (uint16_t)RTA_LENGTH(n) };

    if (at + RTA_SPACE(n) > sizeof m->bytes) {
        m->full = true;
        return;
    }
    memcpy(m->bytes + at, &attr, sizeof attr);
    memcpy(m->bytes + at + RTA_LENGTH(0), data, n);
    m->hdr.nlmsg_len = (uint32_t)(at + RTA_LENGTH(n));
}

void adit_nlmsg_attr32(struct adit_nlmsg *m, uint16_t type, uint32_t v)
{
    adit_nlmsg_attr(m, type, &v, sizeof v);
}

void adit_nlmsg_attr_ip(struct adit_nlmsg *m, uint16_t type, const struct adit_addr *addr)
{
    adit_nlmsg_attr(m, type, addr->ip, addr->family == ADIT_FAMILY_V6 ? 16 : 4);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static int transmit(struct adit_netlink *nl, struct nlmsghdr *hdr)
{
    struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

    hdr->nlmsg_seq = ++nl->seq;
    ssize_t n = sendto(nl->fd, hdr, hdr->nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof kernel);
    return n < 0 ? -errno : 0;
}

static int receive(struct adit_netlink *nl, uint8_t *bytes)
{
    for (;;) {
        struct sockaddr_nl from;
        socklen_t len = sizeof from;
        ssize_t n = recvfrom(nl->fd, bytes, REPLY_MAX, 0, (struct sockaddr *)&from, &len);

        if (n < 0 && errno != EINTR)
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
        if (n >= 0 && from.nl_pid == 0) /* the kernel, not some other process */
            return (int)n;
    }
}

/* NLMSGERR_ATTR_MSG stands behind the error and, unless it is capped, behind a copy of the request.
 */
static void keep_text(struct adit_netlink *nl, const struct nlmsghdr *msg)
{
    const struct nlmsgerr *e = NLMSG_DATA(msg);
    size_t head = sizeof *e;
    const struct rtattr *table[NLMSGERR_ATTR_MSG + 1];

    if (!(msg->nlmsg_flags & NLM_F_ACK_TLVS))
        return;
    if (!(msg->nlmsg_flags & NLM_F_CAPPED) && e->msg.nlmsg_len >= sizeof e->msg)
        head += NLMSG_ALIGN(e->msg.nlmsg_len) - sizeof e->msg;
    if (adit_netlink_attrs(msg, head, table, NLMSGERR_ATTR_MSG) && table[NLMSGERR_ATTR_MSG])
        snprintf(nl->text, sizeof nl->text, "%.*s", (int)RTA_PAYLOAD(table[NLMSGERR_ATTR_MSG]),
                 (const char *)RTA_DATA(table[NLMSGERR_ATTR_MSG]));
}

/* 1: an answer to us and its end, *ret_err says how. 0: something else. */
static int read_end(struct adit_netlink *nl, const struct nlmsghdr *msg, int *ret_err)
{
    if (msg->nlmsg_seq != nl->seq)
        return 0;
    if (msg->nlmsg_type == NLMSG_DONE) {
        *ret_err = 0;
        return 1;
    }
    if (msg->nlmsg_type != NLMSG_ERROR || msg->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr)))
        return 0;
    *ret_err = ((const struct nlmsgerr *)NLMSG_DATA(msg))->error;
    if (*ret_err)
        keep_text(nl, msg);
    return 1;
}

int adit_netlink_do(struct adit_netlink *nl, struct adit_nlmsg *m)
{
    return adit_netlink_ask(nl, m, NULL, NULL);
}

int adit_netlink_ask(struct adit_netlink *nl, struct adit_nlmsg *m,
                     int (*each)(void *arg, const struct nlmsghdr *msg), void *arg)
{
    uint8_t *bytes = adit_malloc(REPLY_MAX);
    int err = -ENOMEM;

    nl->text[0] = '\0';
    if (!bytes)
        return err;
    m->hdr.nlmsg_flags |= NLM_F_ACK;
    err = m->full ? -EMSGSIZE : transmit(nl, &m->hdr);
    while (!err) {
        int n = receive(nl, bytes);
        if (n < 0) {
            err = n;
            break;
        }
        unsigned left = (unsigned)n;
        for (struct nlmsghdr *h = (void *)bytes; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
            if (read_end(nl, h, &err))
                goto out;
            if (each && h->nlmsg_seq == nl->seq)
                err = each(arg, h);
        }
    }
out:
    adit_free(bytes);
    return err;
}

/* 1: to be asked again, because the list changed meanwhile. */
static int dump_once(struct adit_netlink *nl, uint16_t type, uint8_t *bytes,
                     int (*each)(void *arg, const struct nlmsghdr *msg), void *arg)
{
    struct adit_nlmsg m;
    struct rtgenmsg any = { .rtgen_family = AF_UNSPEC };
    bool interrupted = false;
    int stop = 0;

    adit_nlmsg_init(&m, type, NLM_F_DUMP, &any, sizeof any);
    /* RTM_GETLINK wants its whole head, and zeros behind the family. */
    m.hdr.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg));
    int err = transmit(nl, &m.hdr);
    while (!err) {
        int n = receive(nl, bytes);
        if (n < 0)
            return n;
        unsigned left = (unsigned)n;
        for (struct nlmsghdr *h = (void *)bytes; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
            if (h->nlmsg_seq == nl->seq && h->nlmsg_flags & NLM_F_DUMP_INTR)
                interrupted = true;
            if (read_end(nl, h, &err))
                return stop ? stop : err ? err : interrupted;
            if (h->nlmsg_seq == nl->seq && !stop)
                stop = each(arg, h);
        }
    }
    return err;
}

int adit_netlink_dump(struct adit_netlink *nl, uint16_t type,
                      int (*each)(void *arg, const struct nlmsghdr *msg),
                      void (*restart)(void *arg), void *arg)
{
    uint8_t *bytes = adit_malloc(REPLY_MAX);
    int err = 1;

    if (!bytes)
        return -ENOMEM;
    for (int i = 0; i < RESTART_MAX && err > 0; i++) {
        if (i > 0)
            restart(arg);
        err = dump_once(nl, type, bytes, each, arg);
    }
    adit_free(bytes);
    return err > 0 ? 0 : err; /* it never stands still: the last list is as good as any */
}

/* ---- reading --------------------------------------------------------------------------------- */

static void sort_attrs(const uint8_t *p, size_t left, const struct rtattr **table, uint16_t max)
{
    for (unsigned i = 0; i <= max; i++)
        table[i] = NULL;
    while (left >= sizeof(struct rtattr)) {
        const struct rtattr *a = (const void *)p;
        size_t step = RTA_ALIGN(a->rta_len);
        uint16_t type = a->rta_type & NLA_TYPE_MASK;

        if (a->rta_len < sizeof *a || a->rta_len > left)
            return;
        if (type <= max)
            table[type] = a;
        if (step > left)
            return;
        p += step;
        left -= step;
    }
}

bool adit_netlink_attrs(const struct nlmsghdr *msg, size_t head, const struct rtattr **table,
                        uint16_t max)
{
    size_t skip = NLMSG_LENGTH(NLMSG_ALIGN(head));

    if (msg->nlmsg_len < NLMSG_LENGTH(head)) {
        sort_attrs(NULL, 0, table, max);
        return false;
    }
    size_t left = msg->nlmsg_len > skip ? msg->nlmsg_len - skip : 0;
    sort_attrs((const uint8_t *)msg + skip, left, table, max);
    return true;
}

void adit_netlink_nested(const struct rtattr *outer, const struct rtattr **table, uint16_t max)
{
    sort_attrs(outer ? RTA_DATA(outer) : NULL, outer ? RTA_PAYLOAD(outer) : 0, table, max);
}

uint32_t adit_netlink_u32(const struct rtattr *attr)
{
    uint32_t v = 0;

    if (attr && RTA_PAYLOAD(attr) >= sizeof v)
        memcpy(&v, RTA_DATA(attr), sizeof v);
    return v;
}

struct adit_addr adit_netlink_ip(const struct rtattr *attr, int family)
{
    struct adit_addr a = { 0 };
    size_t n = family == AF_INET6 ? 16 : family == AF_INET ? 4 : 0;

    if (!attr || n == 0 || RTA_PAYLOAD(attr) < n)
        return a;
    a.family = n == 16 ? ADIT_FAMILY_V6 : ADIT_FAMILY_V4;
    memcpy(a.ip, RTA_DATA(attr), n);
    return a;
}
