/* mux_link.h - two muxes and the path between them, in simulated time: rate, delay, and a bounded
 * buffer below each mux, as a channel has it. */
#ifndef ADIT_TEST_MUX_LINK_H
#define ADIT_TEST_MUX_LINK_H

#include "app/mux.h"
#include "base/list.h"

struct link_end {
    struct mux_link *link;
    struct adit_mux *mux;
    struct link_end *peer;
    bool due;
    struct adit_link on_way; /* messages to the peer, and behind them their acknowledgements */
    size_t buffered, most;   /* not acknowledged; the most there was */
    adit_time free_at;       /* when the wire has sent what was handed to it */
    unsigned messages;
    size_t bytes;
    bool stuck;                /* the channel takes nothing */
    const char *why;           /* of a failure */
    struct adit_mux_stream *s; /* the last one that was opened by the peer */
    unsigned opened;
    enum adit_mux_kind kind;
    char target[64];
    const uint8_t *raw; /* the target as it came, during on_opened */
    size_t raw_n;
    /* What is done with a stream that the peer opens; NULL: as `ops` with `arg`. */
    void (*on_opened)(struct link_end *e, struct adit_mux_stream *s);
    const struct adit_mux_stream_ops *ops;
    void *arg;
};

struct mux_link {
    struct link_end a, b;
    adit_time now, delay; /* one way */
    uint64_t rate;        /* bytes a second; 0 = endless */
    size_t buffer;        /* bytes below a mux */
};

void mux_link_start(struct mux_link *l, const struct adit_mux_conf *a,
                    const struct adit_mux_conf *b);
void mux_link_stop(struct mux_link *l);
/* Until nothing is on its way and nobody has anything to say, or the time has come. */
void mux_link_run(struct mux_link *l, adit_time until);

/* A stream's end that writes down what it is told. */
struct note {
    struct adit_mux_stream *s; /* NULL when closed */
    size_t got, want, to_send; /* bytes; to_send is sent whenever there is room */
    uint32_t sum;              /* of what came, position and all */
    bool keep;                 /* do not consume */
    unsigned heads, datagrams, ends, writables, closed;
    char head[64], end[64], text[64];
    enum adit_mux_code code;
    adit_time got_at; /* when `want` was reached */
    bool reset_in_data, end_at_end;
};

extern const struct adit_mux_stream_ops note_ops;
void note_pump(struct note *n); /* sends of to_send what there is room for */
uint32_t note_sum(size_t bytes);

#endif
