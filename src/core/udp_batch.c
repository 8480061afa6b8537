#include "core/udp_batch.h"

#include <netinet/udp.h>

#define SEGMENTS  64 /* packets of one send: what every kernel takes (UDP_MAX_SEGMENTS) */
#define RUN_BYTES 65000

void adit_batch_add(struct adit_batch *b, const struct adit_dest *dest, const uint8_t *bytes)
{
    unsigned i = b->n++;

    b->dests[i] = *dest;
    b->packets[i] = 1;
    b->iov[i] = (struct iovec){ .iov_base = (void *)bytes, .iov_len = dest->len };
    b->msgs[i].msg_hdr = (struct msghdr){ .msg_name = &b->dests[i].sa,
                                          .msg_namelen = dest->sa_len,
                                          .msg_iov = &b->iov[i],
                                          .msg_iovlen = 1 };
}

bool adit_batch_join(struct adit_batch *b, const struct adit_dest *dest, const uint8_t *bytes)
{
    unsigned i = b->n - 1;

    if (!b->n)
        return false;
    struct iovec *v = &b->iov[i];
    const struct adit_dest *first = &b->dests[i];
    bool whole = v->iov_len == (size_t)b->packets[i] * first->len; /* no shorter one was last */
    bool follows = (const uint8_t *)v->iov_base + v->iov_len == bytes;
    bool fits = b->packets[i] < SEGMENTS && v->iov_len + dest->len <= RUN_BYTES;

    if (!whole || !follows || !fits || dest->len > first->len || dest->ecn != first->ecn ||
        dest->sa_len != first->sa_len || memcmp(&dest->sa, &first->sa, dest->sa_len) != 0)
        return false;
    v->iov_len += dest->len;
    b->packets[i]++;
    return true;
}

/* In the message's own room, behind what is there. */
static void say(struct msghdr *h, union adit_control *room, int level, int type, const void *value,
                size_t n)
{
    struct cmsghdr *c;

    h->msg_control = room->bytes;
    memset(room->bytes + h->msg_controllen, 0, CMSG_SPACE(n)); /* musl has padding in there */
    c = (struct cmsghdr *)(void *)(room->bytes + h->msg_controllen);
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(n);
    memcpy(CMSG_DATA(c), value, n);
    h->msg_controllen += CMSG_SPACE(n);
}

void adit_batch_finish(struct adit_batch *b)
{
    for (unsigned i = 0; i < b->n; i++) {
        struct msghdr *h = &b->msgs[i].msg_hdr;
        const struct adit_dest *d = &b->dests[i];
        bool v6 = d->sa.sin6_family == AF_INET6;
        uint16_t size = (uint16_t)d->len;
        int ecn = d->ecn;

        if (b->packets[i] > 1)
            say(h, &b->control[i], SOL_UDP, UDP_SEGMENT, &size, sizeof size);
        if (ecn)
            say(h, &b->control[i], v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TCLASS : IP_TOS, &ecn,
                sizeof ecn);
    }
}

size_t adit_control_read(struct mmsghdr *m, uint8_t *ret_ecn)
{
    size_t size = m->msg_len;
    int value;

    *ret_ecn = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m->msg_hdr); c; c = CMSG_NXTHDR(&m->msg_hdr, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
            *ret_ecn = *CMSG_DATA(c) & 3;
            continue;
        }
        if (c->cmsg_len < CMSG_LEN(sizeof value))
            continue;
        memcpy(&value, CMSG_DATA(c), sizeof value);
        if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO && value > 0)
            size = (size_t)value;
        else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS)
            *ret_ecn = value & 3;
    }
    return size;
}
