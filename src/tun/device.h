/* device.h - a TUN or TAP device on the reactor: packets out of it, packets into it.
 *
 * A device of that name which exists already (persistent, made by an administrator) is attached to
 * and stays when we close it; any other is made by us and goes with us. Reading is bounded in each
 * turn of the loop; a write that the kernel does not take is dropped and counted. Between us and
 * the kernel packets go joined where it can do that (cut.h, join.h); nobody above sees it. */
#ifndef ADIT_DEVICE_H
#define ADIT_DEVICE_H

#include "core/netif.h"
#include "core/reactor.h"
#include "tun/trouble.h"

#define ADIT_DEVICE_PACKET_MAX 65535 /* a TAP frame has 14 bytes more */

struct adit_device_conf {
    const char *name; /* may have one %d; NULL or "" = "adit%d" */
    bool tap;
    enum adit_offload offload; /* joined packets between us and the kernel */
};

struct adit_device_stats {
    uint64_t read_packets, read_bytes, written_packets, written_bytes;
    uint64_t reads, writes;  /* system calls that moved them */
    uint64_t read_malformed; /* joined in a way that we do not know */
    uint64_t write_dropped;  /* the device is down or its queue full, or it is no packet */
};

struct adit_device_ops {
    /* A packet from the kernel; it lives until the callback returns and may be changed in place.
     * May call anything, adit_device_close included. */
    void (*packet)(void *arg, uint8_t *bytes, size_t n, adit_time now);
    /* So many packets, with so many bytes, were taken by adit_device_write and then dropped. */
    void (*lost)(void *arg, unsigned count, size_t bytes);
    /* The device was removed by somebody. Nothing more comes; it is still to be closed. */
    void (*gone)(void *arg, adit_time now);
};

/* Embedded by the owner; all zero = closed. */
struct adit_device {
    struct adit_io io;
    const struct adit_device_ops *ops; /* borrowed, outlives us */
    void *arg;
    char name[ADIT_IFNAME_MAX];
    uint32_t index;
    bool tap;
    bool found; /* it was there before us, and stays */
    bool uso;   /* datagrams are joined, too, and not only segments of TCP */
    struct adit_device_stats stats;
    uint8_t *buffer;
    struct adit_join *join; /* NULL = one packet at a time */
    struct adit_task flush;
    bool wrote;   /* since the last look at what the kernel has for us */
    bool answers; /* what was written last was answered while we looked on */
};

/* -errno, and *ret_trouble is filled. -EBUSY: another program has it. One that was killed has not:
 * the kernel closes its descriptors before anybody can see it dead. */
ADIT_MUST_USE int adit_device_open(struct adit_device *device, struct adit_loop *loop,
                                   const struct adit_device_conf *conf,
                                   const struct adit_device_ops *ops, void *arg,
                                   struct adit_trouble *ret_trouble);
/* May be repeated. */
void adit_device_close(struct adit_device *device);

/* 0: written, or waiting for the end of this turn; -EAGAIN: dropped and counted, which may be
 * ignored. */
int adit_device_write(struct adit_device *device, const void *bytes, size_t n);

static inline bool adit_device_is_open(const struct adit_device *device)
{
    return device->buffer != NULL;
}

/* Fills in who we are, for adit_trouble_set: the program's path and the user's name, both static.
 */
void adit_device_who_we_are(struct adit_trouble_facts *facts);

#endif
