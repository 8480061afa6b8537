/* door.h - who calls a public listener: the one check that a stranger must get right.
 *
 * A call by a public ticket (docs/ticket.md) begins with a connectivity check that is named
 * "LISTENER:CALLER" and has the integrity of the listener's password, which follows from the
 * ticket's secret. It names the caller's certificate, so who has passed here is a peer like one
 * whose offer came through signaling. Whatever does not verify is dropped without an answer and
 * without a trace but a number.
 *
 * Without I/O, in fixed memory. Integrity is worked out at most ADIT_DOOR_RATE times a second, and
 * only of checks that name this listener. A check that is recorded and sent again opens nothing:
 * the last ADIT_DOOR_SEEN calls are known by their random part. */
#ifndef ADIT_DOOR_H
#define ADIT_DOOR_H

#include "base/addr.h"
#include "peer/ticket.h"

#define ADIT_DOOR_RATE 1000
#define ADIT_DOOR_SEEN 1024

enum adit_door_verdict {
    ADIT_DOOR_NOT_OURS, /* no check, or not for this listener */
    ADIT_DOOR_LIMITED,  /* too many in this second: it is not even looked at */
    ADIT_DOOR_FORGED,   /* it does not know the secret, or is no check of an offerer */
    ADIT_DOOR_REPEATED, /* that call was answered already */
    ADIT_DOOR_CALLER,
    ADIT_DOOR_VERDICTS
};

struct adit_door {
    uint8_t secret[ADIT_TICKET_NONCE];
    struct adit_caller own; /* ours: ufrag and pwd, the rest is unused */
    uint64_t seen[ADIT_DOOR_SEEN];
    unsigned next_seen;
    unsigned tokens; /* left in this second */
    adit_time since;
    uint64_t counts[ADIT_DOOR_VERDICTS];
};

void adit_door_init(struct adit_door *d, const uint8_t secret[ADIT_TICKET_NONCE],
                    const uint8_t fingerprint[32]);
/* A STUN request that no peer is named in. *ret_caller is set for CALLER. */
enum adit_door_verdict adit_door_knock(struct adit_door *d, struct adit_caller *ret_caller,
                                       const void *bytes, size_t n, adit_time now);
/* The caller has been let in, or turned away for good: that call is not answered again. */
void adit_door_done(struct adit_door *d, const struct adit_caller *caller);

#endif
