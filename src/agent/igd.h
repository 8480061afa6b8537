/* igd.h - a port at the gateway by UPnP: when to ask, when to renew, when to give up.
 *
 * An engine without I/O, one for each socket, beside lan/portmap.h and after it: started when
 * neither PCP nor NAT-PMP was answered. It says which errand is to be run (core/igd.h), one at a
 * time, and hears what became of it. */
#ifndef ADIT_AGENT_IGD_H
#define ADIT_AGENT_IGD_H

#include "core/igd.h"
#include "lan/portmap.h"

/* Begins it; the answer comes by adit_igd_answered. Negative: cannot now. Calls nothing. */
typedef int adit_igd_run(void *arg, const struct adit_igd_errand *errand);

enum adit_igd_state {
    ADIT_IGD_OFF,
    ADIT_IGD_DUE,    /* to be asked for at `next` */
    ADIT_IGD_ASKING, /* an errand is under way */
    ADIT_IGD_HELD,   /* until `expires`, to be renewed at `next` */
};

/* All zero = OFF. */
struct adit_igd {
    adit_igd_run *run;
    void *arg;
    struct adit_igd_errand errand;
    enum adit_igd_state state;
    bool decided, permanent;
    struct adit_addr external; /* family NONE: none */
    adit_time next, expires;
};

/* IPv4 alone. gateway: without a port. */
void adit_igd_begin(struct adit_igd *g, const struct adit_addr *internal,
                    const struct adit_addr *gateway, adit_igd_run *run, void *arg,
                    struct adit_rng *rng, adit_time now);
/* What is open is closed, by an errand whose answer nobody waits for. May be repeated. */
void adit_igd_end(struct adit_igd *g);
/* Has something become known, or changed? `external` is there if the news is OPEN. */
ADIT_MUST_USE bool adit_igd_answered(struct adit_igd *g, const struct adit_igd_answer *answer,
                                     enum adit_portmap_news *ret_news, adit_time now);
adit_time adit_igd_deadline(const struct adit_igd *g);
void adit_igd_tick(struct adit_igd *g, adit_time now);

#endif
