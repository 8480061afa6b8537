/* gate.h - a public listener: its ticket, and what becomes of who calls by it.
 *
 * One peer (the porter) is never connected: it keeps the sockets of the port open, finds out where
 * they are reached from outside, and its candidates are those of the ticket. Packets that no peer
 * is named in come to the door (peer/door.h); who passes it is called by a name, admitted like
 * everybody (admit.c), and answered as if an offer had come. The secret lives in a file, so that
 * the ticket stays the same; who deletes the file and starts again has a new one. */
#ifndef ADIT_GATE_H
#define ADIT_GATE_H

#include "peer/door.h"

struct adit_agent;
struct adit_gate;

/* All borrowed as long as the agent lives. */
struct adit_gate_conf {
    const char *secret_path; /* made when it is not there, mode 0600 */
    adit_time lifetime;      /* of a ticket that is made now; 0 = for ever */
    bool ticket_suffices;    /* who has the ticket is let in, whatever trust.h says of the others */
    bool port_given;         /* by the user; else the port is kept with the secret */
    int out;                 /* the ticket is printed there */
    bool qr;
};

/* Before any peer of the agent is made; opens its port. 0, or an exit code after it was logged. */
ADIT_MUST_USE int adit_gate_new(struct adit_gate **ret_gate, struct adit_agent *a);
struct adit_gate *adit_gate_free(struct adit_gate *g); /* returns NULL; may be NULL */
/* No more calls. */
void adit_gate_close(struct adit_gate *g);
/* How many checks of strangers came to which end, by enum adit_door_verdict. */
const uint64_t *adit_gate_counts(const struct adit_gate *g);

/* gate_secret.c: what the file holds. */
struct adit_gate_secret {
    uint8_t bytes[ADIT_TICKET_NONCE];
    int64_t end;   /* seconds since 1970; 0 = never */
    uint16_t port; /* 0 = none yet */
};

/* Reads the file; makes a new secret if there is none, or it has ended. -errno; -EINVAL: the file
 * is something else. */
ADIT_MUST_USE int adit_gate_secret_load(struct adit_gate_secret *ret_secret, const char *path,
                                        int64_t wall, int64_t lifetime, struct adit_rng *rng);
ADIT_MUST_USE int adit_gate_secret_save(const struct adit_gate_secret *secret, const char *path);

#endif
