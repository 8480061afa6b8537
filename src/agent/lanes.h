/* lanes.h - the channels of a session, each with the app that uses it.
 *
 * A lane is made when its channel is opened or accepted; for a mode that needs a device it is made
 * before there is anybody to talk to, so that what cannot work fails before anything is pasted. */
#ifndef ADIT_LANES_H
#define ADIT_LANES_H

#include "app/app.h"
#include "base/list.h"

#define ADIT_LANES_DEVICE_MAX 16 /* bytes of the name of an interface, with its zero byte */

/* Borrowed as long as the lanes live. */
struct adit_lanes_conf {
    const struct adit_app_class *app; /* one for each channel */
    const void *app_extra;            /* see app.h */
    int in, out;                      /* descriptors of the payload */
    bool input;                       /* `in` is read, see app.h */
    struct adit_dc_conf channel;      /* of the one we open; callbacks are the lanes' */
    bool text_as_binary;              /* what the other ends of a dialect are used to */
    bool lossy_between_adits; /* an adit at the other end takes packets unordered, each sent once */
    bool channel_only;        /* packets never go beside the channel */
    const char *keepalive;    /* a binary message sent every so often, and swallowed; NULL = none */
    adit_time keepalive_every;
    const char *keepalive_answer; /* said to who sends it clearly more often; NULL = to nobody */
    bool stays; /* a persistent app outlives its peer: it, or another one, will come back */
};

struct adit_lanes_ops {
    /* The first channel is open. */
    void (*opened)(void *arg);
    /* An app came to its end, or all channels were closed by the peer: time to say goodbye. */
    void (*done)(void *arg, int exit_code);
    /* An app could not be started, or its channel not opened; it has been logged. */
    void (*failed)(void *arg, int exit_code);
    /* adit_lanes_end is over. */
    void (*ended)(void *arg);
};

struct adit_lanes {
    struct adit_loop *loop;
    const struct adit_lanes_conf *conf; /* borrowed */
    const struct adit_lanes_ops *ops;
    void *arg;
    struct adit_peer *peer;             /* NULL: none now */
    char device[ADIT_LANES_DEVICE_MAX]; /* the interface that an app has made; "" = none */
    bool peer_is_adit, was_open, closing;
    struct adit_link list;
    size_t paused;           /* lanes that want nothing more for now */
    struct adit_task reopen; /* the channel of a lane that outlived an association */
    struct adit_timer keepalive;
    adit_time kept_at;      /* when the peer's last keepalive came; 0 = none yet */
    struct adit_timer idle; /* a mode with many channels waits for another one before it ends */
};

void adit_lanes_init(struct adit_lanes *l, struct adit_loop *loop,
                     const struct adit_lanes_conf *conf, const struct adit_lanes_ops *ops,
                     void *arg);
void adit_lanes_done(struct adit_lanes *l);

/* Starts the app of a mode that needs no channel to begin, unless it waits already. An exit code
 * other than 0 was logged. */
ADIT_MUST_USE int adit_lanes_prepare(struct adit_lanes *l);
/* This is the peer now; it has not begun to gather. */
void adit_lanes_attach(struct adit_lanes *l, struct adit_peer *peer);
void adit_lanes_open(struct adit_lanes *l);                       /* our channel */
void adit_lanes_accept(struct adit_lanes *l, struct adit_dc *dc); /* theirs */
void adit_lanes_path(struct adit_lanes *l, const struct adit_addr *local,
                     const struct adit_addr *remote);
void adit_lanes_report(struct adit_lanes *l); /* counters of the peer and of each app, to the log */
/* Would a connection of this configuration take packets in datagrams? */
bool adit_lanes_takes_datagrams(const struct adit_lanes_conf *conf);
/* How packets travel: "datagram" or "channel"; NULL if this mode has none, or before it is known.
 */
const char *adit_lanes_carrier(const struct adit_lanes *l);
bool adit_lanes_empty(const struct adit_lanes *l);
/* The peer is gone, or about to be freed: what has to outlive it waits for the next one. */
void adit_lanes_detach(struct adit_lanes *l);
/* No new channels, and nothing is reopened: the session is closing. */
void adit_lanes_closing(struct adit_lanes *l);
/* Apps wind up, one after the other; ops->ended follows, perhaps at once. */
void adit_lanes_end(struct adit_lanes *l);

#endif
