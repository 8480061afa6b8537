/* nat.h - a NAT box between two segments, with the behaviours of RFC 4787.
 *
 * Mapping says which public port a private one gets, by whom it talks to; filtering says who may
 * answer. */
#ifndef SIM_NAT_H
#define SIM_NAT_H

#include "sim/net.h"

enum sim_nat_by { SIM_BY_NOTHING, SIM_BY_ADDRESS, SIM_BY_ADDRESS_AND_PORT };

struct sim_nat_conf {
    enum sim_nat_by mapping, filtering;
    bool hairpin;        /* inside hosts reach each other by public addresses (RFC 4787 REQ-9) */
    adit_time timeout;   /* of a mapping without outgoing packets; 0 = 30 s */
    bool inbound_renews; /* incoming packets count, too */
    bool keep_port;      /* the public port is the private one if it is free */
    unsigned step; /* else it is the one given last, and so many more; 0 = at random. With keep_port
                    * it is counted from the private one. */
};

#define SIM_NAT_MAPPINGS 256
#define SIM_NAT_PERMITS  64

struct sim_nat_permit {
    struct adit_addr remote;
    adit_time until;
};

struct sim_nat_mapping {
    struct adit_addr inner, remote; /* remote: port, or all of it, 0 where mapping does not look */
    uint16_t port;
    adit_time until;
    struct sim_nat_permit permits[SIM_NAT_PERMITS];
};

struct sim_nat {
    struct sim_net *net;
    struct sim_nat_conf conf;
    struct sim_iface *inner, *outer;
    uint64_t filtered, translated;
    uint16_t last_port; /* given by `step` */
    struct sim_nat_mapping mappings[SIM_NAT_MAPPINGS];
};

/* Becomes the gateway of `inner`. */
struct sim_nat *sim_nat(const struct sim_nat_conf *conf, struct sim_segment *inner,
                        const char *inner_ip, struct sim_segment *outer, const char *outer_ip);
/* A new start: every mapping is gone. */
void sim_nat_forget(struct sim_nat *nat);
/* Another public address, as after a dial-in; mappings go, too. */
void sim_nat_readdress(struct sim_nat *nat, const char *outer_ip);

#endif
