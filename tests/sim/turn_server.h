/* turn_server.h - a TURN server, ours, as a host of the simulated network. */
#ifndef SIM_TURN_SERVER_H
#define SIM_TURN_SERVER_H

#include "relay/turnd.h"
#include "sim/net.h"

#define SIM_TURN_PORTS 64

struct sim_turn {
    struct sim_net *net;
    struct sim_iface *iface;
    struct adit_addr addr;
    struct adit_turnd *relay;
    struct adit_rng rng;
    struct sim_actor actor;
    struct adit_turnd_port *ports[SIM_TURN_PORTS];
    uint16_t next_port;
    bool silent;                 /* hears and says nothing, forwards nothing */
    char user[32], password[64]; /* good for it */
};

struct sim_turn *sim_turn(struct sim_segment *segment, const char *addr); /* with port */
/* A new start: it knows nobody any more. */
void sim_turn_forget(struct sim_turn *t);

#endif
