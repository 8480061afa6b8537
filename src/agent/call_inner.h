/* call_inner.h - the inside of `struct adit_call`. */
#ifndef ADIT_CALL_INNER_H
#define ADIT_CALL_INNER_H

#include "agent/call.h"
#include "agent/inner.h"
#include "peer/pairtext.h"

#define ADIT_CALL_EARLY_MAX 32 /* candidates that came before they could be used */

struct adit_call {
    struct adit_loop *loop;
    const struct adit_call_conf *conf;
    const struct adit_call_ops *ops;
    void *arg;
    char name[ADIT_SIGNAL_PEER_MAX + 1];
    enum adit_call_state state;
    adit_time since;

    struct adit_peer *peer;
    struct adit_lanes lanes;
    struct adit_timer limit; /* of the state we are in */
    struct adit_task tell;   /* our description, when what is known now is in it */
    struct adit_task bury;
    bool offering, gathered, told, accepted;
    struct adit_pairtext *theirs; /* their description, found in what came */
    char *early[ADIT_CALL_EARLY_MAX];
    size_t early_count;
    bool early_end;

    int exit_code; /* of a connection that ends */
    bool finished;
    struct adit_cause cause;
};

/* call.c */
void adit_call_set_state(struct adit_call *call, enum adit_call_state state);
/* The connection is over, whatever it was; the first cause counts. */
void adit_call_end(struct adit_call *call, int exit_code, const struct adit_cause *cause);
void adit_call_end_because(struct adit_call *call, int exit_code, enum adit_reason reason,
                           const char *text);
/* 0, or an exit code after it was logged. */
ADIT_MUST_USE int adit_call_start_peer(struct adit_call *call);
void adit_call_drop_peer(struct adit_call *call);

/* call_desc.c */
void adit_call_on_tell(struct adit_task *task, adit_time now);
/* As soon as there is something to tell: an answer not before its offer has been taken. */
void adit_call_tell_soon(struct adit_call *call);
void adit_call_forget_theirs(struct adit_call *call);

#endif
