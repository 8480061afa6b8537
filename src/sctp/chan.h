/* chan.h - what sctp.c and chan.c share: the association and its channels from inside.
 *
 * sctp.c moves packets, time and news and owns the association; chan.c opens and closes channels,
 * send.c and recv.c are their two directions. A channel is in s->channels from adit_channel_open
 * (or the peer's OPEN) until its CLOSED event. While its id is taken, adit_chan_at finds it.
 *
 * Closing (RFC 8831 section 6.7) is our outgoing stream reset, asked for once, sent by usrsctp
 * after the stream's data has left. When it is confirmed the channel is done; if the peer has not
 * reset its own direction by then, the id rests until it does (ADIT_MARK_RESTING). A peer that
 * has done so may open the id again at once: what comes before our own reset is confirmed waits in
 * s->late (late.c). */
#ifndef ADIT_SCTP_CHAN_H
#define ADIT_SCTP_CHAN_H

#include "base/buf.h"
#include "base/list.h"
#include "sctp/order.h"
#include "sctp/sctp.h"
#include "sctp/usr.h"

/* What a peer can make us keep for it, all channels together: labels and protocols of channels that
 * it opened, messages in deprecated fragments that have not ended, and what is in s->late. */
#define ADIT_CHAN_HELD_MAX (4 * 1024 * 1024)

struct adit_channel {
    struct adit_sctp *s;
    struct adit_link link;         /* s->channels, later s->closed */
    struct adit_link waiting;      /* s->waiting: was told -EAGAIN, first come first served */
    struct adit_link above;        /* s->above: more buffered than the low mark */
    struct adit_channel_conf conf; /* label and protocol are ours, in one block */
    enum adit_channel_state state;
    uint16_t id;
    bool announced; /* nothing is left to be done at start */
    bool settled;   /* the peer has seen our OPEN: unordered messages are allowed */
    bool reset_asked, reset_in;
    bool in_turn;               /* see adit_channel_set_in_turn */
    uint64_t given, given_user; /* bytes handed to usrsctp, with and without DCEP */
    uint64_t left_before;       /* what had left the stream before this channel */
    size_t early;               /* bytes in s->early */
    size_t wanted;              /* the size that was refused */
    size_t low;
    size_t held;        /* counted in s->held, beside what is in `in` */
    struct adit_buf in; /* a message in deprecated fragments (PPID 52, 54) */
    struct adit_cause cause;
    void *user;
};

/* A bit for each stream. */
enum adit_mark {
    ADIT_MARK_RESTING, /* the peer's direction is not reset: not ours to open */
    ADIT_MARK_ASKED,   /* our reset is not answered: nothing can be sent */
    ADIT_MARK_OWED,    /* ... and when it is, an OPEN has to be refused that came since */
    ADIT_MARKS,
};

#define ID_PAGE_SIZE 256
#define ID_PAGES     (65536 / ID_PAGE_SIZE)

struct adit_sctp {
    struct adit_sctp_conf conf;
    struct adit_sctp_peer peer;
    const struct adit_sctp_ops *ops;
    void *arg;
    struct adit_usr usr;
    bool started, up, ended, told_down, paused, shutting, settling;
    bool pending; /* an event waits for the next tick */
    struct adit_link channels, waiting, above, closed, early, late;
    unsigned late_count; /* ids in s->late, at most conf.channels_max */
    size_t waiting_count;
    size_t early_bytes;
    size_t held; /* at most ADIT_CHAN_HELD_MAX */
    unsigned channel_count;
    uint16_t streams;
    struct adit_channel **by_id[ID_PAGES]; /* pages of ID_PAGE_SIZE, made when they are needed */
    uint8_t *marks;                        /* ADIT_MARKS rows of mark_bytes */
    size_t mark_bytes;
    uint8_t *piece;          /* where usrsctp puts what it has */
    struct adit_buf whole;   /* a message that came in pieces */
    bool skipping;           /* the rest of a message that is too large */
    uint32_t tsn;            /* of the message that is being looked at */
    struct adit_order order; /* messages that wait for others */
    struct adit_cause cause;
    struct adit_sctp_stats stats;
    adit_time bye_at; /* the peer's goodbye is taken for complete */
    adit_time now;
};

/* The channel that has this id, or NULL. */
static inline struct adit_channel *adit_chan_at(const struct adit_sctp *s, uint16_t id)
{
    struct adit_channel **page = s->by_id[id / ID_PAGE_SIZE];

    return page ? page[id % ID_PAGE_SIZE] : NULL;
}

static inline bool adit_chan_marked(const struct adit_sctp *s, uint16_t id, enum adit_mark m)
{
    return s->marks[m * s->mark_bytes + id / 8] >> id % 8 & 1;
}

static inline void adit_chan_mark(struct adit_sctp *s, uint16_t id, enum adit_mark m, bool on)
{
    uint8_t *byte = &s->marks[m * s->mark_bytes + id / 8], bit = (uint8_t)(1 << id % 8);

    *byte = on ? *byte | bit : (uint8_t)(*byte & ~bit);
}

/* ---- chan.c ---- */

/* The association is about to begin: ids, OPENs and messages of before. */
void adit_chan_start_all(struct adit_sctp *s);
/* The association stands: what was negotiated is open, what waits to be closed is reset. */
void adit_chan_up_all(struct adit_sctp *s);
/* The peer has reset its stream, and all it sent before is here. */
void adit_chan_reset_in(struct adit_sctp *s, uint16_t sid);
/* Our reset is answered; done: the stream is reset. */
void adit_chan_reset_out(struct adit_sctp *s, uint16_t sid, bool done);
/* As adit_usr_reset; until the answer nobody can use the id. */
ADIT_MUST_USE int adit_chan_ask_reset(struct adit_sctp *s, uint16_t sid);
/* The association is gone; channels that were open get its cause. */
void adit_chan_end_all(struct adit_sctp *s);
void adit_chan_free_all(struct adit_sctp *s);
/* Tell what waits to be told; true if a handler was called. */
bool adit_chan_tell_opened(struct adit_sctp *s);
bool adit_chan_tell_closed(struct adit_sctp *s);

/* In s->channels, without an id. NULL without memory. */
struct adit_channel *adit_chan_new(struct adit_sctp *s, const struct adit_channel_conf *conf);
/* It never was: no event. */
void adit_chan_drop(struct adit_channel *c);
/* -ENOMEM. */
ADIT_MUST_USE int adit_chan_take_id(struct adit_channel *c, uint16_t id);
/* Drops the fragments of a message. */
void adit_chan_drop_in(struct adit_channel *c);
/* Queued messages leave, then the stream is reset. The first cause stays. */
void adit_chan_close(struct adit_channel *c, enum adit_reason reason, int err, const char *text);

/* ---- send.c ---- */

ADIT_MUST_USE int adit_chan_put(struct adit_channel *c, uint32_t ppid, const void *bytes, size_t n);
ADIT_MUST_USE int adit_chan_put_open(struct adit_channel *c);
/* Messages of before the association began: to usrsctp, or away. */
void adit_chan_flush_early(struct adit_sctp *s);
void adit_chan_drop_early(struct adit_channel *c);
void adit_chan_stop_waiting(struct adit_channel *c);
/* WRITABLE and LOW; true if a handler was called. */
bool adit_chan_tell_room(struct adit_sctp *s);

/* ---- recv.c ---- */

/* A whole message of stream sid. bytes are valid during the call. */
void adit_chan_message(struct adit_sctp *s, uint16_t sid, uint32_t ppid, const uint8_t *bytes,
                       size_t n);
/* Messages whose turn has come, or all that wait; true if a handler was called. */
bool adit_chan_tell_in_turn(struct adit_sctp *s, bool all);
/* A message of stream sid is larger than we said we take. */
void adit_chan_oversize(struct adit_sctp *s, uint16_t sid);
void adit_chan_now_open(struct adit_channel *c);
/* Nothing more is wanted on this stream: its channel is closed, or it is reset without one. */
void adit_chan_refuse(struct adit_sctp *s, uint16_t sid);
/* What adit_chan_message does when nothing has to wait. */
void adit_chan_message_now(struct adit_sctp *s, uint16_t sid, uint32_t ppid, const uint8_t *bytes,
                           size_t n);

/* ---- late.c ---- */

/* Has the peer reset its direction of an id whose reset we wait for? Then an OPEN is a new one. */
bool adit_late_new(const struct adit_sctp *s, uint16_t sid);
/* Does something wait for this id? */
bool adit_late_has(const struct adit_sctp *s, uint16_t sid);
/* Keeps an OPEN for which adit_late_new holds, or sees to it that it is refused. */
void adit_late_open(struct adit_sctp *s, uint16_t sid, const uint8_t *bytes, size_t n);
/* A message, a message that is too large, or a reset of a stream that has late ones: true if they
 * wait as well, or are gone with the others. */
bool adit_late_message(struct adit_sctp *s, uint16_t sid, uint32_t ppid, const uint8_t *bytes,
                       size_t n);
bool adit_late_oversize(struct adit_sctp *s, uint16_t sid);
bool adit_late_reset(struct adit_sctp *s, uint16_t sid);
/* What waits for this id is dropped; true if there was something. */
bool adit_late_drop(struct adit_sctp *s, uint16_t sid);
void adit_late_drop_all(struct adit_sctp *s);
/* What need not wait any longer happens now; true if there was something. */
bool adit_late_tell(struct adit_sctp *s);

/* ---- sctp.c, ---- */

void adit_sctp_tell(struct adit_sctp *s, const struct adit_sctp_event *ev);

#endif
