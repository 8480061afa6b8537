/* fwd_flow.h - datagrams that go to the other side: a stream for each who sends, or for each they
 * are sent to, found by a key.
 *
 * A flow that is idle ends; one too many ends the one that has been idle longest. Datagrams leave
 * at once, before the stream is answered: whole, or they are dropped and counted. */
#ifndef ADIT_FWD_FLOW_H
#define ADIT_FWD_FLOW_H

#include "app/forwards.h"
#include "base/list.h"
#include "base/map.h"

struct adit_flow;

struct adit_flows_ops {
    /* One came back. May call anything, adit_flows_done included. */
    void (*datagram)(void *arg, struct adit_flow *flow, const uint8_t *bytes, size_t n);
    /* The other side would not have it; DONE: it has. May be NULL; calls nothing here. */
    void (*told)(void *arg, enum adit_mux_code code);
};

struct adit_flows {
    struct adit_forwards *f;
    const struct adit_flows_ops *ops;
    void *arg;
    unsigned max, count;
    struct adit_map map;
    struct adit_link by_use; /* the longest idle first */
};

struct adit_flow {
    struct adit_flows *flows;
    struct adit_mux_stream *stream;
    struct adit_map_node node;
    struct adit_link link;
    struct adit_timer timer;
    adit_time used_at;
    struct adit_end from; /* whom they come back from: what was asked for, or what became of it */
    size_t key_n;
    uint8_t key[];
};

void adit_flows_init(struct adit_flows *flows, struct adit_forwards *f, unsigned max,
                     const struct adit_flows_ops *ops, void *arg);
void adit_flows_done(struct adit_flows *flows); /* ends them all */
void adit_flows_send(struct adit_flows *flows, const void *key, size_t key_n,
                     const struct adit_end *to, const uint8_t *bytes, size_t n, adit_time now);

/* For both directions. */
adit_time adit_flow_idle(const struct adit_forwards *f);
/* Sends, counts, and tells once what is too long. */
void adit_flow_put(struct adit_forwards *f, struct adit_mux_stream *s, const uint8_t *bytes,
                   size_t n);

#endif
