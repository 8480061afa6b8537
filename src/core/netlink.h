/* netlink.h - questions and orders to the kernel's routing netlink, and the bytes of its messages.
 *
 * Requests are synchronous: rtnetlink answers from inside the system call, so nothing is waited
 * for. A message is composed in place with a latched error: one check at the end, in
 * adit_netlink_do. */
#ifndef ADIT_NETLINK_H
#define ADIT_NETLINK_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "base/addr.h"

#define ADIT_NETLINK_MSG_MAX 1024

struct adit_netlink {
    int fd; /* -1 = closed */
    uint32_t seq;
    char text[96]; /* what the kernel said about the last refusal, or "" */
};

/* A request. Zero it or start with adit_nlmsg_init. */
struct adit_nlmsg {
    union {
        struct nlmsghdr hdr;
        uint8_t bytes[ADIT_NETLINK_MSG_MAX];
    };
    bool full; /* something did not fit; the request will fail with -EMSGSIZE */
};

/* groups: a mask of RTMGRP_*; 0 for requests. -errno. */
ADIT_MUST_USE int adit_netlink_open(struct adit_netlink *nl, uint32_t groups);
void adit_netlink_close(struct adit_netlink *nl);

/* Begins a request with its fixed part: `head` of n bytes (struct ifinfomsg, ifaddrmsg, rtmsg …).
 */
void adit_nlmsg_init(struct adit_nlmsg *m, uint16_t type, uint16_t flags, const void *head,
                     size_t n);
void adit_nlmsg_attr(struct adit_nlmsg *m, uint16_t type, const void *data, size_t n);
void adit_nlmsg_attr32(struct adit_nlmsg *m, uint16_t type, uint32_t v); /* host byte order */
void adit_nlmsg_attr_ip(struct adit_nlmsg *m, uint16_t type, const struct adit_addr *addr);

/* Sends and waits for the kernel's acknowledgement: 0 or the kernel's -errno. */
ADIT_MUST_USE int adit_netlink_do(struct adit_netlink *nl, struct adit_nlmsg *m);
/* The same for a question with one answer (RTM_GETROUTE of one destination), which is handed up. */
ADIT_MUST_USE int adit_netlink_ask(struct adit_netlink *nl, struct adit_nlmsg *m,
                                   int (*each)(void *arg, const struct nlmsghdr *msg), void *arg);
/* Asks for a list (RTM_GETLINK, RTM_GETADDR …) and hands up each entry; `each` may stop it with a
 * negative value, which is returned. A list that changed under the kernel's hands is asked for
 * again from its start, `restart` is called first. */
ADIT_MUST_USE int adit_netlink_dump(struct adit_netlink *nl, uint16_t type,
                                    int (*each)(void *arg, const struct nlmsghdr *msg),
                                    void (*restart)(void *arg), void *arg);

/* Sorts the attributes of a message by type: table[0..max], NULL where absent. `head` is the size
 * of the message's fixed part. False if the message is too short for it. */
bool adit_netlink_attrs(const struct nlmsghdr *msg, size_t head, const struct rtattr **table,
                        uint16_t max);
/* The same for what lies inside an attribute. */
void adit_netlink_nested(const struct rtattr *outer, const struct rtattr **table, uint16_t max);
/* An attribute's number or address; a missing or short one gives 0 or family NONE. */
uint32_t adit_netlink_u32(const struct rtattr *attr);
struct adit_addr adit_netlink_ip(const struct rtattr *attr, int family);

#endif
