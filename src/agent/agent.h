/* agent.h - listen and connect: peers that find each other by name at a signaling server.
 *
 * An agent owns one signaling connection and its calls. `listen` answers whom it may; `connect`
 * calls the peers that it is told, each again after each loss. A connection that stands does not
 * depend on signaling any more. Whom to believe is trust.h's concern, and nobody is answered before
 * it has said yes.
 *
 * An offer from a peer that we are connected with restarts ICE under that connection if it has its
 * certificate and session; it is answered at once. Any other is kept until the old connection falls
 * silent: a peer that was started again comes back, and whoever only claims its name at the server
 * cannot end a connection that works. */
#ifndef ADIT_AGENT_H
#define ADIT_AGENT_H

#include "agent/call.h"
#include "agent/notify.h"
#include "agent/trust.h"
#include "peer/ticket.h"
#include "signal/client.h"

#define ADIT_AGENT_CALLS_MAX 64 /* peers at a time, unless configured otherwise */

/* A peer that has something of its own. */
struct adit_agent_peer {
    const char *name;
    const void *app_extra;                       /* for its lanes; NULL = what the others have */
    const struct adit_fingerprint *fingerprints; /* it must have one of these; else trust.h says */
    size_t fingerprint_count;
};

/* A listener that is called by its ticket. */
struct adit_agent_ticket {
    const char *name; /* among the targets */
    struct adit_ticket ticket;
};

struct adit_gate_conf;

/* All borrowed as long as the agent lives. */
struct adit_agent_conf {
    bool connect;               /* else listen */
    const char *const *targets; /* connect: whom; none where the dialect knows (vpn, room) */
    size_t target_count;        /* one at most if `single` */
    const struct adit_agent_ticket *tickets; /* of those targets that have one */
    size_t ticket_count;
    const struct adit_gate_conf *gate; /* listen: callable by a ticket (gate.h); NULL = not */
    bool one_port;   /* all peers at one UDP port, unless the dialect has a use for it itself */
    bool once;       /* end with the first connection that was up, with its exit code */
    bool until_done; /* end when an app has come to a good end, and with nothing less */
    bool exit_on_failure;
    bool single;        /* the mode serves one peer at a time */
    bool label_given;   /* else the channel is called what the dialect calls it */
    adit_time timeout;  /* connect: give up if there is no connection by then; 0 = never */
    bool ask;           /* somebody at a terminal may be asked whether a new peer is trusted */
    unsigned calls_max; /* 0 = ADIT_AGENT_CALLS_MAX */
    adit_time retry_first, retry_max; /* between two calls of one peer; 0 = 1 s, 60 s */
    const struct adit_agent_peer *peers;
    size_t peer_count;
    bool peers_only; /* nobody else is let in; what their modes need is there from the start */
    const char *worker_say; /* rendezvous: for whoever we are introduced to; NULL = nothing */
    uint64_t worker_bench;  /* bytes to send there; 0 = none */
    /* Told of every state that a call comes to, its peer still at hand. May be NULL; may call
     * nothing but what looks. */
    void (*watch)(void *arg, const struct adit_call *call);
    void *watch_arg;
    struct adit_signal_conf signal;
    struct adit_call_conf call;
    struct adit_trust_conf trust;
    struct adit_notify_conf notify;
};

struct adit_agent;

/* NULL, and *ret_exit, after a line for the user was logged. `ended` is called once, from the loop,
 * with the exit code; the agent may be freed then. */
struct adit_agent *adit_agent_new(struct adit_loop *loop, const struct adit_agent_conf *conf,
                                  void (*ended)(void *arg, int exit_code), void *arg,
                                  int *ret_exit);
struct adit_agent *adit_agent_free(struct adit_agent *a); /* returns NULL */
/* Says goodbye to everybody first; the second time at once. */
void adit_agent_stop(struct adit_agent *a);
/* The network may have changed: every connection looks for its best path, the server is called. */
void adit_agent_restart(struct adit_agent *a);

void adit_agent_report(struct adit_agent *a); /* counters of all calls, to the log */
/* For who shows the state of things: the calls in turn, NULL behind the last. */
const struct adit_call *adit_agent_call(const struct adit_agent *a, size_t i);
const struct adit_signal *adit_agent_signal(const struct adit_agent *a);
const struct adit_agent_conf *adit_agent_conf(const struct adit_agent *a);
adit_time adit_agent_since(const struct adit_agent *a);
/* Checks of strangers, by enum adit_door_verdict; NULL: no public listener. */
const uint64_t *adit_agent_strangers(const struct adit_agent *a);
/* Of our certificate: "sha-256 AB:CD:…"; "" as long as there is none. */
const char *adit_agent_fingerprint(const struct adit_agent *a);

#endif
