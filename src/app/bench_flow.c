#include "app/bench_flow.h"

#define BURST      (128 * 1024)  /* bytes of packets in one round of the loop */
#define PACKETS_AT ADIT_MS       /* they leave that often */
#define CATCH_UP   (5 * ADIT_MS) /* what falls due while the loop is busy for longer is left out */

void adit_bench_source_start(struct adit_bench_source *s, const struct adit_app_conf *to,
                             const struct adit_bench_message *ask, adit_time now)
{
    assert(ask->size >= ADIT_BENCH_DATA_MIN && ask->size <= ADIT_BENCH_DATA_MAX);
    s->to = to;
    s->active = true;
    s->packets = ask->packets;
    s->flow = ask->flow;
    s->sent = 0;
    s->size = ask->size;
    s->rate = ask->rate;
    s->until = now + ask->ms * ADIT_MS;
    s->paid = now;
    s->owed = ask->size;
    adit_pace_start(&s->pace);
    memset(s->bytes, 0, sizeof s->bytes);
}

static const uint8_t *next(struct adit_bench_source *s)
{
    (void)adit_bench_put(s->bytes, &(struct adit_bench_message){ .type = ADIT_BENCH_DATA,
                                                                 .flow = s->flow,
                                                                 .number = s->sent });
    return s->bytes;
}

static adit_time run_packets(struct adit_bench_source *s, adit_time now)
{
    const struct adit_app_conf *to = s->to;
    uint64_t left = BURST;

    s->owed += s->rate * adit_time_min(now - s->paid, CATCH_UP) / ADIT_SEC;
    s->paid = now;
    while (s->owed >= s->size && left >= s->size) {
        /* What the path does not take is lost, here as later. */
        (void)to->ops->datagram(to->arg, next(s), s->size, 0);
        s->sent++;
        s->owed -= s->size;
        left -= s->size;
    }
    return adit_time_min(s->owed >= s->size ? now : now + PACKETS_AT, s->until);
}

/* Where nothing waits one message may always go, however small the limit is. */
static adit_time run_channel(struct adit_bench_source *s, adit_time now)
{
    const struct adit_app_conf *to = s->to;
    size_t buffered = to->ops->buffered(to->arg), window, room, most;
    adit_time rtt;

    to->ops->flow(to->arg, &window, &rtt);
    adit_pace_flow(&s->pace, buffered, window, rtt, now);
    room = adit_pace_room(&s->pace, buffered);
    if (buffered == 0 && room < s->size)
        room = s->size;
    for (; room >= s->size; room -= s->size) {
        if (to->ops->send(to->arg, next(s), s->size, false) < 0)
            break;
        adit_pace_sent(&s->pace, s->size);
        s->sent++;
    }
    s->pace.limited = true; /* there is always more */
    most = s->pace.limit > s->size ? s->pace.limit - s->size : 0;
    to->ops->set_low(to->arg, most < s->pace.limit / 2 ? most : s->pace.limit / 2);
    return s->until;
}

adit_time adit_bench_source_run(struct adit_bench_source *s, adit_time now)
{
    if (now >= s->until)
        return 0;
    return s->packets ? run_packets(s, now) : run_channel(s, now);
}

void adit_bench_sink_take(struct adit_bench_sink *s, const struct adit_bench_message *m, size_t n,
                          adit_time now)
{
    struct adit_bench_message *c = &s->count;

    if (m->flow != c->flow) {
        if ((uint8_t)(m->flow - c->flow) > 127)
            return;
        *s = (struct adit_bench_sink){ .count = { .type = ADIT_BENCH_COUNT, .flow = m->flow },
                                       .first = now };
    }
    if (m->type == ADIT_BENCH_END)
        return;
    if (c->number++ == 0)
        s->first = now;
    else
        c->bytes += n;
    c->size = (uint32_t)n;
    c->span = now - s->first;
    if (m->number < s->highest)
        c->late++;
    else
        s->highest = m->number;
}
