/* agent_inner.h - the inside of `struct adit_agent`: one signaling connection and its members. */
#ifndef ADIT_AGENT_INNER_AGENT_H
#define ADIT_AGENT_INNER_AGENT_H

#include "agent/agent.h"
#include "agent/ask.h"
#include "agent/gate.h"
#include "agent/inner.h"
#include "agent/tee.h"
#include "agent/worker.h"
#include "base/list.h"
#include "base/rng.h"
#include "core/netif.h"

#define ADIT_PENDING_CANDS_MAX 32
#define ADIT_NO_SECTION        "the configuration has no section for it under peers:"
#define ADIT_AGENT_STUN_MAX    8
#define ADIT_AGENT_TURN_MAX    4

/* An offer that came while its sender's call was not free. */
struct adit_pending {
    char *text;
    size_t len;
    char *cands[ADIT_PENDING_CANDS_MAX];
    size_t cand_count;
};

/* A peer that we know of: its call, and what becomes of it after the call. */
struct adit_member {
    struct adit_link link;
    struct adit_agent *agent;
    struct adit_call_conf conf;
    struct adit_call *call;
    struct adit_peer_way way;
    struct adit_caller caller; /* way.called points here, if it called by our ticket */
    struct adit_task answer;   /* way.calls: the ticket is the answer to our offer */
    int outlet;                /* of the agent's tee; -1 = none */
    char shown[ADIT_SIGNAL_PEER_MAX * 3 + 1]; /* its name, as a terminal may show it */
    struct adit_timer timer;                  /* until we call again, or forget what is pending */
    unsigned tries;
    struct adit_pending pending;
    struct adit_ask ask;
    bool we_call; /* the last offer was ours */
    bool leaving; /* its lanes wind up, and then it is gone */
    bool offers;  /* the server said that the offer is ours to make */
    bool sought;  /* the server was asked for it, and a call has not come of it yet */
    bool was_up;  /* this connection */
    bool silent;  /* now */
    bool gone;    /* from the server, since this connection began */
    bool again;   /* and came back: it is called when this connection has ended */
    char heir[ADIT_SIGNAL_PEER_MAX + 1]; /* who came back has this name now; "" = the same */
    bool relayable; /* the server hands on packets between it and us, said its last description */
    struct adit_timer detour; /* until we make use of that */
    bool remember;            /* its certificate is new, and is to be known when it is connected */
};

/* Interfaces that no connection may use: those that we were told, and the devices of our own. */
struct adit_avoid {
    const char *const *told; /* borrowed */
    size_t told_count;
    const char **all;
    char (*names)[ADIT_LANES_DEVICE_MAX]; /* our own */
};

struct adit_agent {
    struct adit_loop *loop;
    struct adit_agent_conf conf;
    void (*ended)(void *arg, int exit_code);
    void *arg;
    struct adit_rng rng;
    struct adit_signal *signal;
    struct adit_notify *notify;
    struct adit_netif_watch network;
    struct adit_timer greet;                    /* when a path has been punched */
    char worker_peer[ADIT_SIGNAL_PEER_MAX + 1]; /* whom we were introduced to */
    struct adit_worker *worker;                 /* NULL: this dialect has nothing to do with UDP */
    struct adit_port *port;                     /* of all peers; NULL: each has its own */
    struct adit_gate *gate;                     /* NULL: no public listener */
    struct adit_tee *tee; /* NULL: the mode has no lines that everybody gets */
    struct adit_link members;
    struct adit_timer timeout;
    struct adit_task bury;
    struct adit_member *asking; /* somebody at the terminal about this one; NULL = nobody */
    adit_time since;
    char fingerprint[ADIT_FINGERPRINT_STR]; /* of our certificate; "" = a new one for each call */
    bool stopping, was_up;
    int left_code;      /* connect: of the first peer that failed while others went on */
    bool signal_failed; /* it has been said, and not come back since */
    int exit_code;
    struct adit_avoid avoid;
    char *stun[ADIT_AGENT_STUN_MAX]; /* that the signaling server named */
    size_t stun_count;
    struct adit_turn_server turn[ADIT_AGENT_TURN_MAX];
    size_t turn_count;
};

/* agent.c */
void adit_agent_end(struct adit_agent *a, int exit_code);
void adit_agent_finish_if_done(struct adit_agent *a);
/* NULL without memory, or a name that is too long. */
struct adit_member *adit_agent_add(struct adit_agent *a, const char *name);
void adit_agent_call_out(struct adit_agent *a, struct adit_member *m);
void adit_agent_seek(struct adit_agent *a, struct adit_member *m);

/* admit.c: for the operation of call.h; and what to do when the peer is connected. */
enum adit_call_admit adit_member_admit(void *arg, struct adit_call *call,
                                       const struct adit_desc *desc);
void adit_member_remember(struct adit_member *m);
void adit_member_stop_asking(struct adit_member *m);

/* own.c: what a peer has of its own; NULL = nothing. */
const struct adit_agent_peer *adit_agent_own(const struct adit_agent *a, const char *name);
/* The members that are known from the start, and what their mode needs. 0, or an exit code after it
 * was logged. */
ADIT_MUST_USE int adit_agent_prepare(struct adit_agent *a);
/* No connection may go through a tunnel of ours: to be called when a device was made. */
void adit_agent_avoid_devices(struct adit_agent *a);
void adit_agent_forget_devices(struct adit_agent *a);

/* members.c */
struct adit_member *adit_member_new(struct adit_agent *a, const char *name,
                                    const struct adit_call_ops *ops);
struct adit_member *adit_member_free(struct adit_member *m); /* returns NULL */
/* by_ticket.c */
/* The port of all peers, if they have one, and the gate. 0, or an exit code after it was logged. */
ADIT_MUST_USE int adit_agent_open_port(struct adit_agent *a);
/* Nobody has to be asked where they are: calls them with the next turn of the loop. */
void adit_agent_call_by_tickets(struct adit_agent *a);
void adit_member_set_way(struct adit_member *m, const char *name);
/* From its next connection on: who it is by our ticket, with whose secret; NULL: signaling says. */
void adit_member_set_caller(struct adit_member *m, const struct adit_caller *caller,
                            const uint8_t *secret);
/* By a ticket, one way or the other: signaling knows nothing of it. */
static inline bool adit_member_is_by_ticket(const struct adit_member *m)
{
    return m->way.calls || m->way.called;
}
/* What the user types, from when the channel is open. 0 or -errno. */
ADIT_MUST_USE int adit_member_open_input(struct adit_member *m);
void adit_member_close_input(struct adit_member *m);
/* The peer of this name; a mode for one peer at a time has one member, which takes the name of who
 * comes when it is free. NULL: there is none, and *ret_why says why none was made. */
struct adit_member *adit_agent_find(struct adit_agent *a, const char *name);
struct adit_member *adit_agent_find_or_add(struct adit_agent *a, const char *name,
                                           const char **ret_why);
void adit_member_keep_pending(struct adit_member *m, const char *text, size_t n);
void adit_member_pending_candidate(struct adit_member *m, const char *candidate);
void adit_member_forget_pending(struct adit_member *m);
void adit_pending_done(struct adit_pending *p);
/* A peer that had left is back, and the offer is ours: as with a pending offer, what we have with
 * it ends now if it is not up, or when it falls silent soon. */
void adit_member_keep_again(struct adit_member *m);
/* A mode for one peer at a time: its peer has left the server and another name has come, which will
 * be that peer once more, or who takes its place. It is a member's heir until what we have with
 * the old name has ended. NULL: nobody left. */
struct adit_member *adit_agent_inherit(struct adit_agent *a, const char *name);
/* What it is called at the server now. */
const char *adit_member_name(const struct adit_member *m);
/* By its name, or that of its heir. */
struct adit_member *adit_agent_find_heir(struct adit_agent *a, const char *name);
/* Its call is IDLE: takes an offer that came while it was not, or calls a peer that has come back.
 * False: nothing was waiting. */
bool adit_member_resume(struct adit_member *m);
/* connect: after a pause that grows with each attempt. */
void adit_member_call_later(struct adit_member *m);
/* The server says that whom we seek is not there. */
void adit_member_missing(struct adit_member *m, const struct adit_cause *cause);

/* hear_worker.c */
void adit_agent_stop_greeting(struct adit_agent *a);
void adit_hear_endpoint(struct adit_agent *a, const struct adit_signal_event *ev);
void adit_hear_word(const struct adit_signal_event *ev);

/* hear.c */
extern const struct adit_signal_ops adit_agent_signal_ops;
/* hear_servers.c. Those that we were told to use count for more. */
void adit_agent_take_servers(struct adit_agent *a, const struct adit_signal_event *ev);
void adit_agent_forget_servers(struct adit_agent *a);
/* The network is not what it was: if the server cannot be reached that way, it is called anew. */
void adit_agent_hurry(struct adit_agent *a);
/* The server is called as soon as there may be a way to it. */
void adit_agent_watch_network(struct adit_agent *a);

#endif
