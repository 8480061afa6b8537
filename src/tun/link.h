/* link.h - what a device needs to carry traffic: up, an MTU, addresses, routes. Netlink alone.
 *
 * What is already as wished is left alone, so a device prepared by an administrator works without
 * rights. What we did is remembered and undone by adit_link_done, which matters for devices that
 * stay; the kernel undoes the rest with the device. */
#ifndef ADIT_LINK_H
#define ADIT_LINK_H

#include "tun/device.h"
#include "tun/prefix.h"

#define ADIT_LINK_ADDRESSES_MAX 16
#define ADIT_LINK_ROUTES_MAX    64

struct adit_link_address {
    struct adit_prefix own;
    struct adit_addr peer; /* point-to-point: the other end's; family NONE = a network around us */
};

struct adit_link_conf {
    unsigned mtu; /* 0 = as it is */
    const struct adit_link_address *addresses;
    size_t address_count;
    const struct adit_prefix *routes; /* through the device */
    size_t route_count;
};

/* Named so because adit_link is the link of a list. All zero = nothing was done. */
struct adit_link_state {
    char name[ADIT_IFNAME_MAX];
    uint32_t index;
    bool tap, changed_up, changed_mtu;
    unsigned mtu_before;
    struct adit_link_address added[ADIT_LINK_ADDRESSES_MAX];
    size_t added_count;
    struct adit_prefix routed[ADIT_LINK_ROUTES_MAX];
    size_t routed_count;
    bool routes_down; /* those of `routed` are not in force now */
};

/* Sets the device up as conf says. -errno and *ret_trouble, and then nothing stays changed.
 * -EEXIST: an address is in use on another interface, or a route leads elsewhere. -ERANGE: IPv6
 * with an MTU below 1280. -E2BIG: more addresses or routes than the limits. */
ADIT_MUST_USE int adit_link_setup(struct adit_link_state *link, const struct adit_device *device,
                                  const struct adit_link_conf *conf,
                                  struct adit_trouble *ret_trouble);
/* Takes back what adit_link_setup did, as far as the device still exists. May be repeated. */
void adit_link_done(struct adit_link_state *link);
/* Another MTU. -errno. */
ADIT_MUST_USE int adit_link_set_mtu(struct adit_link_state *link, unsigned mtu);
/* The routes that adit_link_setup made, out of force and back in: where the other end is gone they
 * would lead nowhere. -errno of the first that failed. */
ADIT_MUST_USE int adit_link_set_routes(struct adit_link_state *link, bool up);

#endif
