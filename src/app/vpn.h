/* vpn.h - IP packets or Ethernet frames between a device of this host and one peer.
 *
 * Knows nothing of channels: one packet is one message, handed to ops->datagram or ops->send and
 * taken by adit_vpn_feed. Nothing is queued here: what cannot go on now is dropped and counted by
 * its reason, as routers do. Closing takes the time of the --down program and ends with
 * ops->closed. */
#ifndef ADIT_VPN_H
#define ADIT_VPN_H

#include "core/reactor.h"
#include "tun/link.h"
#include "tun/packet.h"

struct adit_vpn;

struct adit_vpn_conf {
    const char *device; /* NULL = "adit%d" */
    bool tap;
    enum adit_offload offload; /* of the device */
    unsigned mtu;              /* of the device; 0 = 1280, and then what the path carries */
    const struct adit_link_address *addresses;
    size_t address_count;
    const struct adit_prefix *routes; /* networks behind the peer */
    size_t route_count;
    bool routes_follow; /* they are in force only while adit_vpn_set_up says so */
    /* Source addresses that the peer may use. None: those around the device's own addresses and
     * behind the routes; on TAP: any. */
    const struct adit_prefix *allowed;
    size_t allowed_count;
    const char *up, *down; /* command lines, see core/spawn.h; NULL = none; copied */
};

struct adit_vpn_stats {
    uint64_t out_packets, out_bytes; /* handed to the peer */
    uint64_t in_packets, in_bytes;   /* handed to the device */
    uint64_t out_dropped[ADIT_DROP_COUNT], in_dropped[ADIT_DROP_COUNT];
    uint64_t too_big_told; /* ICMP messages to senders */
};

struct adit_vpn_ops {
    /* One message for the peer. May queue or send, nothing else. 0; -EAGAIN: no room; -EMSGSIZE:
     * the peer takes no such messages; anything else: there is no channel now. */
    int (*send)(void *arg, const void *bytes, size_t n);
    /* The same beside the channel, in a datagram with this ECN. -EOPNOTSUPP or -EMSGSIZE: not this
     * way, it goes to `send`. May be NULL. */
    int (*datagram)(void *arg, const uint8_t *bytes, size_t n, uint8_t ecn);
    /* How large a message is carried well by the path at hand; SIZE_MAX: any. Asked for each packet
     * of the device: the senders of larger ones are told so. */
    size_t (*packet_max)(void *arg);
    /* Somebody removed the device. May call anything, adit_vpn_free included. */
    void (*gone)(void *arg, adit_time now);
    /* After adit_vpn_close: the last thing. May call anything, adit_vpn_free included. */
    void (*closed)(void *arg, adit_time now);
};

/* Makes the device, sets it up, starts the --up program. -errno and *ret_trouble. */
ADIT_MUST_USE int adit_vpn_new(struct adit_vpn **ret_vpn, struct adit_loop *loop,
                               const struct adit_vpn_conf *conf, const struct adit_vpn_ops *ops,
                               void *arg, struct adit_trouble *ret_trouble);
/* At once: the device goes, a program that runs is killed, --down is not run. Returns NULL. */
struct adit_vpn *adit_vpn_free(struct adit_vpn *vpn);
/* In order: --down, while the device is still there, then the device, then ops->closed, never from
 * inside this call. May be repeated. */
void adit_vpn_close(struct adit_vpn *vpn);

/* A message of the peer, or a datagram, and then its ECN. */
void adit_vpn_feed(struct adit_vpn *vpn, const void *bytes, size_t n, uint8_t ecn);

/* There is a peer now, or none: for routes that follow. */
void adit_vpn_set_up(struct adit_vpn *vpn, bool up);
/* ops->packet_max has changed: the device follows, if conf->mtu was 0. */
void adit_vpn_set_size(struct adit_vpn *vpn);
/* The addresses of the tunnel's own datagrams, so that they are kept out of it. */
void adit_vpn_set_path(struct adit_vpn *vpn, const struct adit_addr *local,
                       const struct adit_addr *remote);

const char *adit_vpn_device(const struct adit_vpn *vpn); /* its name */
/* Does the device take joined segments of TCP, and joined datagrams? */
void adit_vpn_offloads(const struct adit_vpn *vpn, bool *ret_tcp, bool *ret_udp);
void adit_vpn_stats(const struct adit_vpn *vpn, struct adit_vpn_stats *ret_stats);

#endif
