/* bench_flow.h - many messages of one size one way: who sends them, and who counts them.
 *
 * Over the channel as much is sent as pace.h lets, which keeps the path busy and its queues short.
 * Packets beside it have nobody who says when to stop, so they have a rate. */
#ifndef ADIT_BENCH_FLOW_H
#define ADIT_BENCH_FLOW_H

#include "app/app.h"
#include "app/bench_wire.h"
#include "app/pace.h"

struct adit_bench_source {
    const struct adit_app_conf *to; /* borrowed */
    bool active, packets;
    uint8_t flow;
    uint32_t sent;
    size_t size;
    uint64_t rate;
    adit_time until;
    adit_time paid; /* packets: what is due up to this time is in `owed` */
    uint64_t owed;  /* bytes */
    struct adit_pace pace;
    uint8_t bytes[ADIT_BENCH_DATA_MAX];
};

/* As an ASK says, whose limits were checked. */
void adit_bench_source_start(struct adit_bench_source *s, const struct adit_app_conf *to,
                             const struct adit_bench_message *ask, adit_time now);
/* Sends what may leave. When to be called again if the channel has not called before; 0: the time
 * is over, and END is due. */
adit_time adit_bench_source_run(struct adit_bench_source *s, adit_time now);

struct adit_bench_sink {
    struct adit_bench_message count; /* a COUNT */
    uint32_t highest;
    adit_time first;
};

/* One DATA or END of n bytes; what is of a flow before this one is dropped. */
void adit_bench_sink_take(struct adit_bench_sink *s, const struct adit_bench_message *m, size_t n,
                          adit_time now);

#endif
