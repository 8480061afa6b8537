/* mux_pair.h - two muxes on one real loop, joined in memory: for what has sockets at its ends. */
#ifndef ADIT_TEST_MUX_PAIR_H
#define ADIT_TEST_MUX_PAIR_H

#include "app/mux.h"
#include "base/list.h"
#include "core/reactor.h"

struct pair_end {
    struct mux_pair *pair;
    struct pair_end *peer;
    struct adit_mux *mux;
    struct adit_task flush;
    struct adit_link on_way; /* messages to the peer */
    size_t buffered;
    /* Of adit_mux_ops; arg goes with it. */
    void (*opened)(void *arg, struct adit_mux_stream *s, enum adit_mux_kind kind,
                   const uint8_t *target, size_t n, adit_time now);
    void *arg;
};

/* Zero but for the loop is a good start. */
struct mux_pair {
    struct adit_loop *loop;
    struct pair_end a, b;
    struct adit_timer deliver;
    size_t buffer;    /* bytes below each mux; 0 = 256 KiB */
    unsigned carried; /* messages that arrived, both ways */
    unsigned cut_at;  /* when so many have, the tunnel ends; 0 = never */
    bool is_cut, held_up;
    bool may_break; /* a mux that cannot go on ends the tunnel, and does not fail the test */
};

/* Conf NULL: zero. Frames that break the rules fail the test. */
void mux_pair_start(struct mux_pair *p, struct adit_loop *loop, const struct adit_mux_conf *a,
                    const struct adit_mux_conf *b);
void mux_pair_cut(struct mux_pair *p); /* the tunnel ends, for both */
void mux_pair_stop(struct mux_pair *p);
/* Nothing arrives until held_up is false again and this is called. */
void mux_pair_go_on(struct mux_pair *p);

#endif
