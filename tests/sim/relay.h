/* relay.h - a relay that a peer has an address at: what TURN does, without its messages. Between
 * client and relay each packet has eight bytes before it: a mark, the client's number, and the IPv4
 * address and port of who is talked to. */
#ifndef SIM_RELAY_H
#define SIM_RELAY_H

#include "sim/net.h"

#define SIM_RELAY_CLIENTS 4
#define SIM_RELAY_HEAD    8

struct sim_relay {
    struct sim_iface *iface;
    struct adit_addr addr;
    struct adit_addr client[SIM_RELAY_CLIENTS]; /* where its last packet came from */
    unsigned clients;
    uint64_t forwarded;
};

struct sim_relay *sim_relay(struct sim_segment *segment, const char *addr); /* with port */
/* A number for one more client, and the address that it has here. */
unsigned sim_relay_lend(struct sim_relay *r, struct adit_addr *ret_addr);
/* For the client: wraps; out has room for SIM_RELAY_HEAD + n bytes. */
void sim_relay_wrap(uint8_t *out, unsigned client, const struct adit_addr *to, const void *bytes,
                    size_t n);
/* For the client: false: nothing that the relay sent. */
bool sim_relay_unwrap(const struct sim_packet *p, struct adit_addr *ret_from);

#endif
