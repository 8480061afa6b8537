/* session.h - one pairing by copy and paste, from the first line printed to the exit code.
 *
 *   offer    prints a description, reads the answer, opens the channel
 *   answer   reads the offer, prints the answer, takes the channel
 *   pair     both sides print and read in any order; the fingerprints decide who opens the channel
 *
 * It owns the peer, the reader of the other side's text and what travels over the channel.
 * Descriptions and payload go where the configuration says; everything for people goes to the log.
 */
#ifndef ADIT_SESSION_H
#define ADIT_SESSION_H

#include "agent/exit.h"
#include "agent/lanes.h"

enum adit_session_role { ADIT_SESSION_OFFER, ADIT_SESSION_ANSWER, ADIT_SESSION_PAIR };

/* Borrowed until the session has ended. */
struct adit_session_conf {
    enum adit_session_role role;
    bool form_given; /* an answer comes in the form of its offer unless told otherwise */
    enum adit_form form;
    int text_in, text_out; /* descriptions */
    bool qr;
    adit_time timeout;          /* until the channel is open; 0 = none */
    struct adit_peer_conf peer; /* callbacks are the session's */
    struct adit_lanes_conf lanes;
};

struct adit_session;

/* NULL, and *ret_exit, after a line for the user was logged. `ended` is called once, from the loop,
 * with the exit code; the session may be freed then. */
struct adit_session *adit_session_new(struct adit_loop *loop, const struct adit_session_conf *conf,
                                      void (*ended)(void *arg, int exit_code), void *arg,
                                      int *ret_exit);
void adit_session_report(struct adit_session *s); /* counters, to the log */
/* ^Z: the terminal is given back. And when we go on, in front or not. */
void adit_session_suspend(struct adit_session *s);
void adit_session_continue(struct adit_session *s);
struct adit_session *adit_session_free(struct adit_session *s); /* returns NULL */
/* The user wants to stop: says goodbye first; the second time it does not wait for the peer, and
 * while apps wind up (--down) not for them either. */
void adit_session_stop(struct adit_session *s);

#endif
