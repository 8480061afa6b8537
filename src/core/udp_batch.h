/* udp_batch.h - messages for one sendmmsg(2), and what they say to the kernel beside their bytes.
 * Private to core/udp*.c. */
#ifndef ADIT_UDP_BATCH_H
#define ADIT_UDP_BATCH_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/base.h"

#define ADIT_BATCH 128 /* messages, and packets: two joined ones of a device */

struct adit_dest {
    struct sockaddr_in6 sa; /* large enough for IPv4 too */
    socklen_t sa_len;
    uint32_t len; /* of the packet */
    uint8_t ecn;  /* RFC 3168 */
};

/* Room for two control messages, each with a number: the size of the packets that are joined, and
 * their ECN. */
union adit_control {
    struct cmsghdr align;
    char bytes[2 * CMSG_SPACE(sizeof(int))];
};

/* Messages for one sendmmsg. One of them is a packet, or a run of packets of one size (the last may
 * be shorter) that lie one behind the other. */
struct adit_batch {
    struct mmsghdr msgs[ADIT_BATCH];
    struct iovec iov[ADIT_BATCH];
    struct adit_dest dests[ADIT_BATCH]; /* len: of the first packet */
    unsigned packets[ADIT_BATCH];
    union adit_control control[ADIT_BATCH];
    unsigned n;
};

void adit_batch_add(struct adit_batch *b, const struct adit_dest *dest, const uint8_t *bytes);
/* The packet goes on the end of the last message, if that can be. */
bool adit_batch_join(struct adit_batch *b, const struct adit_dest *dest, const uint8_t *bytes);
/* The last thing: says to the kernel where runs are to be cut, and of ECN. */
void adit_batch_finish(struct adit_batch *b);

/* What the kernel says of a message that came: how large its packets are (the last may be shorter),
 * and their ECN. */
size_t adit_control_read(struct mmsghdr *m, uint8_t *ret_ecn);

#endif
