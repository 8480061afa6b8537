/* call.h - a peer that signaling named, and our connection with it: one after the other.
 *
 * A call is told what signaling hears (a description, a candidate) and tells what signaling is to
 * say. It asks before it answers anybody (ops->admit), opens or takes the channel, and ends for
 * good or bad with ops->ended, never inside another call of this header; after that it may begin
 * again. Its lanes may outlive the connection (lanes.h). */
#ifndef ADIT_CALL_H
#define ADIT_CALL_H

#include "agent/lanes.h"
#include "peer/desc.h"
#include "signal/event.h"

struct adit_peer_way;

enum adit_call_state {
    ADIT_CALL_IDLE,       /* no connection, none under way */
    ADIT_CALL_CALLING,    /* we make an offer and wait for its answer */
    ADIT_CALL_ASKING,     /* an offer came; whether it is answered is not decided */
    ADIT_CALL_CONNECTING, /* both descriptions are known */
    ADIT_CALL_UP,         /* the channel is open */
    ADIT_CALL_SILENT,     /* it is, but the other side does not answer now */
    ADIT_CALL_ENDING,     /* goodbye has been said, or there is nothing to say */
};

const char *adit_call_state_name(enum adit_call_state state);

/* Borrowed as long as the call lives. */
struct adit_call_conf {
    struct adit_peer_conf peer;      /* callbacks are the call's */
    const struct adit_peer_way *way; /* see inner.h; may be NULL */
    struct adit_lanes_conf lanes;
    bool complete;         /* descriptions wait until all candidates are known */
    bool trickle;          /* candidates found later are told */
    adit_time answer_max;  /* how long we wait for the answer to our offer */
    adit_time connect_max; /* and for the channel when both descriptions are known */
};

enum adit_call_admit { ADIT_CALL_YES, ADIT_CALL_NO, ADIT_CALL_LATER };

struct adit_call;

struct adit_call_ops {
    /* May it be connected? LATER: adit_call_admit follows. NO has been logged. */
    enum adit_call_admit (*admit)(void *arg, struct adit_call *call, const struct adit_desc *desc);
    /* For signaling. Queue or send, nothing else. */
    void (*describe)(void *arg, struct adit_call *call, enum adit_signal_type type, const char *sdp,
                     size_t n);
    void (*candidate)(void *arg, struct adit_call *call, const char *candidate); /* NULL: the end */
    /* May call anything but adit_call_free. */
    void (*state)(void *arg, struct adit_call *call);
    /* The connection is over, the state IDLE. `finished`: the app has come to its end. Last thing
     * of a round; may call anything, adit_call_free included. */
    void (*ended)(void *arg, struct adit_call *call, int exit_code, bool finished,
                  const struct adit_cause *cause);
    /* adit_call_wind_up is over. As `ended`. */
    void (*gone)(void *arg, struct adit_call *call);
};

/* The name is copied; NULL if it is too long, or without memory. */
struct adit_call *adit_call_new(struct adit_loop *loop, const char *name,
                                const struct adit_call_conf *conf, const struct adit_call_ops *ops,
                                void *arg);
/* At once and silently. Returns NULL; call may be NULL. */
struct adit_call *adit_call_free(struct adit_call *call);

/* Makes now what a mode needs before there is a channel (a device), which otherwise comes with the
 * first connection. An exit code other than 0 was logged. */
ADIT_MUST_USE int adit_call_prepare(struct adit_call *call);
/* Only when IDLE: the call was made before it was known with whom. */
ADIT_MUST_USE int adit_call_rename(struct adit_call *call, const char *name);
const char *adit_call_name(const struct adit_call *call);
const char *adit_call_device(const struct adit_call *call); /* that its app has made; "" = none */
enum adit_call_state adit_call_state(const struct adit_call *call);
adit_time adit_call_since(const struct adit_call *call);        /* when it came into this state */
struct adit_peer *adit_call_peer(const struct adit_call *call); /* NULL when IDLE */
const struct adit_desc *adit_call_remote(const struct adit_call *call); /* NULL: not known */
/* Of the device of its app; false: there is none. */
bool adit_call_offloads(const struct adit_call *call, bool *ret_tcp, bool *ret_udp);
/* Of the connection's sockets: packets leave, and come in, in runs. */
void adit_call_runs(const struct adit_call *call, bool *ret_send, bool *ret_receive);
const char *adit_call_carrier(const struct adit_call *call); /* see adit_lanes_carrier */

/* We call: makes an offer. Only when IDLE. An exit code other than 0 was logged. */
ADIT_MUST_USE int adit_call_offer(struct adit_call *call);
/* Our description need not be complete: the other side takes candidates that come later. */
void adit_call_hurry(struct adit_call *call);
/* Our description once more: signaling may have lost it. Nothing when it is not due or has done
 * its work. */
void adit_call_repeat(struct adit_call *call);
/* Theirs. An offer when IDLE, an answer when CALLING; both when UP or SILENT, if they restart the
 * ICE of this connection, otherwise -EALREADY. In other states it is passed over. -EINVAL and
 * *ret_cause: it is no usable description; the call is as it was. */
ADIT_MUST_USE int adit_call_description(struct adit_call *call, enum adit_signal_type type,
                                        const char *text, size_t n, struct adit_cause *ret_cause);
/* An offer of ours to restart ICE is not answered yet. */
bool adit_call_restarting(const struct adit_call *call);
/* Our addresses may have changed: see adit_engine_restart. */
void adit_call_restart(struct adit_call *call);
/* Somebody sees us at this address. Where no candidate of ours is, a restart is begun: true. */
bool adit_call_seen_at(struct adit_call *call, const struct adit_addr *ip);
/* Who is there now is not who we are connected with: it ends, to begin anew, if it is SILENT or as
 * soon as it is. */
void adit_call_give_up(struct adit_call *call);
void adit_call_candidate(struct adit_call *call, const char *candidate); /* NULL: the end */
void adit_call_admit(struct adit_call *call, bool yes);

void adit_call_report(struct adit_call *call); /* counters, to the log */
/* Says goodbye if there is somebody to say it to; ops->ended follows unless IDLE. The second time
 * at once. */
void adit_call_hang_up(struct adit_call *call, int exit_code);
/* The lanes wind up; ops->gone follows. Only when IDLE. */
void adit_call_wind_up(struct adit_call *call);

#endif
