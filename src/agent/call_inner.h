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
    struct adit_timer again; /* an offer to restart ICE has not been answered */
    unsigned repeats;        /* of it */
    bool replaced;           /* who answers there is not who we are connected with */
    struct adit_task tell;   /* our description, when what is known now is in it */
    struct adit_task bury;
    bool offering, gathered, told, accepted, hurry;
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

/* call_restart.c: an ICE restart under a connection that is up. */
void adit_call_on_restart(void *arg);
void adit_call_on_again(struct adit_timer *timer, adit_time now);
void adit_call_restart_told(struct adit_call *call);
/* Their description, UP or SILENT. -EALREADY: it belongs to no connection of ours. */
ADIT_MUST_USE int adit_call_restarted(struct adit_call *call, enum adit_signal_type type,
                                      const char *text, size_t n, struct adit_cause *ret_cause);

/* call_desc.c */
/* Finds the description in what came; adit_pairtext_done and adit_free what is returned. NULL, and
 * *ret_cause. */
ADIT_MUST_USE struct adit_pairtext *adit_call_find(struct adit_call *call,
                                                   enum adit_signal_type type, const char *text,
                                                   size_t n, struct adit_cause *ret_cause);
void adit_call_on_tell(struct adit_task *task, adit_time now);
/* As soon as there is something to tell: an answer not before its offer has been taken. */
void adit_call_tell_soon(struct adit_call *call);
void adit_call_forget_theirs(struct adit_call *call);

#endif
