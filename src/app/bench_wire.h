/* bench_wire.h - the messages of a measurement, to the byte: docs/bench.md.
 *
 * Each is its type and then the fields of its row, big-endian, and nothing behind them but in DATA,
 * which is filled up to the size that is measured. */
#ifndef ADIT_BENCH_WIRE_H
#define ADIT_BENCH_WIRE_H

#include "base/base.h"

#define ADIT_BENCH_MAGIC       0x62656e63u /* "benc" */
#define ADIT_BENCH_VERSION     1
#define ADIT_BENCH_MESSAGE_MAX 40          /* bytes, of all but DATA */
#define ADIT_BENCH_DATA_MIN    6           /* of DATA: what its fields take */
#define ADIT_BENCH_DATA_MAX    (16 * 1024) /* what an ASK may ask for */
#define ADIT_BENCH_MS_MAX      60000
#define ADIT_BENCH_RATE_MAX    12500000000u /* bytes per second */

enum adit_bench_type {
    ADIT_BENCH_HELLO = 1, /* who asks: magic, version */
    ADIT_BENCH_WELCOME,   /* who answers: the same */
    ADIT_BENCH_PING,      /* number */
    ADIT_BENCH_PONG,      /* the same, the way it came */
    ADIT_BENCH_ASK,       /* send me a flow: flow, packets, size, ms, rate */
    ADIT_BENCH_DATA,      /* one of a flow: flow, number */
    ADIT_BENCH_END,       /* that was it: flow, number = how many were sent */
    ADIT_BENCH_COUNT,     /* what came of it: flow, number, late, bytes, span */
};

struct adit_bench_message {
    uint8_t type, version, flow, packets; /* packets: beside the channel */
    uint32_t magic, number, ms;
    uint32_t size;  /* of each DATA, all of it */
    uint32_t late;  /* came after one with a higher number */
    uint64_t rate;  /* bytes per second, of packets */
    uint64_t bytes; /* all but the first message, whose coming begins the span */
    uint64_t span;  /* nanoseconds from the first to the last */
};

/* How many bytes that are. */
size_t adit_bench_put(uint8_t out[ADIT_BENCH_MESSAGE_MAX], const struct adit_bench_message *m);
/* 0 or -EPROTO. */
ADIT_MUST_USE int adit_bench_get(struct adit_bench_message *ret_m, const uint8_t *bytes, size_t n);

#endif
