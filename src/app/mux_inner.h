/* mux_inner.h - the inside of `struct adit_mux`; only for mux*.c.
 *
 * mux.c      streams and their lives
 * mux_in.c   frames that come in, and what they may do
 * mux_out.c  turns, messages, windows that are given */
#ifndef ADIT_MUX_INNER_H
#define ADIT_MUX_INNER_H

#include "app/mux.h"
#include "app/pace.h"
#include "base/list.h"

enum adit_mux_type {
    ADIT_MUX_OPEN = 32,
    ADIT_MUX_DATA,
    ADIT_MUX_END,
    ADIT_MUX_RESET,
    ADIT_MUX_WINDOW,
    ADIT_MUX_HEAD,
    ADIT_MUX_DATAGRAM,
    ADIT_MUX_PACK,
    ADIT_MUX_TYPE_LAST = 63, /* of ours; what lies above is for others */
};

#define ADIT_MUX_HEADER     5 /* u8 type, u32 stream */
#define ADIT_MUX_PART       2 /* u16 length, in a PACK */
#define ADIT_MUX_SLOTS      256
#define ADIT_MUX_QUEUE_MAX  (64 * 1024)  /* bytes of one stream that wait for their turn */
#define ADIT_MUX_FIRST      (128 * 1024) /* a window's first step, if there is memory */
/* Frames that wait outside of windows: a stream's heads and datagrams, and everybody's resets. */
#define ADIT_MUX_FRAMES_MAX (256 * 1024)

struct adit_mux_stream {
    struct adit_mux *m;
    uint32_t id;
    enum adit_mux_kind kind;
    const struct adit_mux_stream_ops *ops; /* NULL: not taken yet */
    void *arg;
    struct adit_mux_stream *next; /* in its slot */
    struct adit_link all;         /* m->streams */
    struct adit_link turn;        /* m->fresh or m->old */
    struct adit_link wanting;     /* m->wanting or telling: to be told when there is room */
    struct adit_link granting;    /* m->granting: `give` is to be told */
    struct adit_link done;        /* m->done: both sides have ended */
    bool ours;                    /* we opened it */
    bool open_sent;               /* the other side knows of it */
    bool want_end, end_sent, end_got;
    bool left; /* whoever had it does not care any more */
    /* out */
    struct adit_buf frames; /* parts for a PACK that go before the data: OPEN, HEAD, DATAGRAM */
    struct adit_buf out;    /* data, from out_at on */
    struct adit_buf tail;   /* of END */
    size_t out_at;
    uint64_t credit; /* bytes that may be sent */
    long deficit;    /* bytes left of its turn */
    /* in */
    size_t window; /* = what the other side may send + held + give */
    size_t held;   /* told, not consumed */
    size_t give;   /* consumed, not granted again */
    adit_time granted_at;
};

struct adit_mux {
    struct adit_mux_conf conf;
    const struct adit_mux_ops *ops;
    void *arg;
    bool lost;
    const char *broken; /* why it cannot go on; told by adit_mux_feed and adit_mux_flush */
    size_t piece;       /* bytes of a turn, and of a message if nothing larger has to go */
    uint32_t next_id, last_theirs;
    unsigned ours, theirs; /* open streams */
    struct adit_mux_stream *slots[ADIT_MUX_SLOTS];
    struct adit_link streams, fresh, old, wanting, telling, granting, done;
    struct adit_buf urgent;  /* RESETs: parts for a PACK */
    struct adit_buf message; /* being built, or refused by the channel */
    unsigned parts;          /* in it */
    bool refused;
    size_t queued;        /* bytes in streams' out */
    size_t framed;        /* and in their frames */
    size_t held;          /* sum of theirs */
    size_t windows;       /* sum of theirs */
    size_t windows_max;   /* their limit */
    size_t grown_max;     /* what windows may have beyond their minimum, together */
    unsigned grown_count; /* streams that have more than that */
    size_t grown;         /* sum of window - ADIT_MUX_WINDOW_MIN */
    struct adit_pace pace;
};

/* mux.c */
struct adit_mux_stream *adit_mux_find(const struct adit_mux *m, uint32_t id);
/* NULL without memory. In no list but m->streams. */
struct adit_mux_stream *adit_mux_add(struct adit_mux *m, uint32_t id, enum adit_mux_kind kind,
                                     size_t window);
void adit_mux_drop(struct adit_mux_stream *s);
/* The last call of a stream, and its end. */
void adit_mux_tell_closed(struct adit_mux_stream *s, enum adit_mux_code code, const char *text,
                          adit_time now);
void adit_mux_tell_done(struct adit_mux *m, adit_time now);
void adit_mux_set_window(struct adit_mux_stream *s, size_t window);
void adit_mux_put_reset(struct adit_mux *m, uint32_t id, enum adit_mux_code code, const char *text);

/* mux_out.c */
/* One part of a PACK. */
void adit_mux_put_part(struct adit_buf *out, enum adit_mux_type type, uint32_t id,
                       const void *fixed, size_t fixed_n, const void *bytes, size_t n);
/* The stream has something to send. */
void adit_mux_activate(struct adit_mux_stream *s);
bool adit_mux_is_room(struct adit_mux_stream *s); /* worth telling */

#endif
