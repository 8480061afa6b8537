/* sctp_kill.h - kills an association as a peer's usrsctp does when it is confused: with an ABORT
 * that says "protocol violation", not goodbye. DTLS below stays. */
#ifndef TEST_SCTP_KILL_H
#define TEST_SCTP_KILL_H

#include "sctp/sctp.h"

struct sctp_spy {
    struct adit_sctp *s;
    void (*send)(void *arg, const void *bytes, size_t n);
    void *arg;
    uint32_t tag; /* what packets of s carry; 0 = none was sent yet */
};

/* Watches what s sends. */
void sctp_spy_on(struct sctp_spy *spy, struct adit_sctp *s);
/* The peer of s dies; ends the watching. */
void sctp_kill_peer(struct sctp_spy *spy, struct adit_sctp *peer, adit_time now);

#endif
