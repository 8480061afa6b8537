/* fuzz_bench.c - what the other side of a measurement may say, to the end that asks and to the one
 * that answers. The first byte says to which; then messages, each with two bytes before it: how it
 * comes (bit 15: beside the channel; bit 14: as text; bit 13: there is no room meanwhile) and its
 * length. */
#include <stdlib.h>

#include "app/bench_inner.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct side {
    bool packets, ours, full;
    size_t buffered;
    unsigned done;
};

static void must(bool ok)
{
    if (!ok)
        abort();
}

static int on_send(void *arg, const void *bytes, size_t n, bool text)
{
    struct side *side = arg;

    must(!text && bytes && n > 0 && n <= ADIT_BENCH_DATA_MAX);
    if (side->full)
        return -EAGAIN;
    side->buffered += n;
    must(side->buffered <= 2 * ADIT_PACE_MAX); /* nothing is acknowledged */
    return 0;
}

static int on_datagram(void *arg, const uint8_t *bytes, size_t n, uint8_t ecn)
{
    (void)ecn;
    must(((struct side *)arg)->packets && bytes && n > 0 && n <= 1400);
    return 0;
}

static bool on_datagrams(void *arg)
{
    return ((struct side *)arg)->packets;
}

static size_t on_buffered(void *arg)
{
    return ((struct side *)arg)->buffered;
}

static size_t on_message_max(void *arg)
{
    (void)arg;
    return 65536;
}

static size_t on_packet_max(void *arg)
{
    (void)arg;
    return 1400;
}

static bool on_ours(void *arg)
{
    return ((struct side *)arg)->ours;
}

static void on_set_low(void *arg, size_t bytes)
{
    (void)arg;
    must(bytes <= ADIT_PACE_MAX);
}

static void on_flow(void *arg, size_t *ret_window, adit_time *ret_rtt)
{
    (void)arg;
    *ret_window = 1 << 20;
    *ret_rtt = ADIT_MS;
}

static void on_stats(void *arg, struct adit_peer_stats *s)
{
    (void)arg;
    *s = (struct adit_peer_stats){ 0 };
}

static void on_done(void *arg, const struct adit_cause *cause)
{
    struct side *side = arg;

    (void)cause;
    must(side->done++ == 0);
}

static const struct adit_app_ops ops = {
    .send = on_send,
    .datagram = on_datagram,
    .datagrams = on_datagrams,
    .buffered = on_buffered,
    .message_max = on_message_max,
    .packet_max = on_packet_max,
    .ours = on_ours,
    .set_low = on_set_low,
    .flow = on_flow,
    .stats = on_stats,
    .done = on_done,
};

static void feed(struct adit_app *app, const uint8_t *data, size_t size)
{
    struct side *side = app->conf.arg;

    while (size >= 2) {
        unsigned how = adit_get16(data);
        size_t n = how & 0x1fff;

        data += 2;
        size -= 2;
        n = n < size ? n : size;
        side->full = how & 0x2000;
        if (how & 0x8000 && side->packets)
            adit_app_datagram(app, data, n, 0);
        else
            adit_app_message(app, data, n, how & 0x4000);
        must(adit_container_of(app, struct bench, app)->queued <= ADIT_BENCH_QUEUE);
        if (!side->full)
            adit_app_writable(app);
        data += n;
        size -= n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct adit_bench_conf conf = { .each = ADIT_MS, .progress_fd = -1 };
    struct side side = { 0 };
    struct adit_loop *loop;
    struct adit_app *app;
    int err;

    if (size == 0)
        return 0;
    side.ours = data[0] & 1;
    side.packets = data[0] & 2;
    conf.json = data[0] & 4;
    loop = adit_loop_new();
    app = adit_app_new(
        &adit_app_bench,
        &(struct adit_app_conf){
            .loop = loop, .in = -1, .out = -1, .extra = &conf, .ops = &ops, .arg = &side },
        &err);
    must(loop && app);
    adit_app_open(app);
    feed(app, data + 1, size - 1);
    must(adit_loop_process(loop) == 0);
    adit_app_closed(app, &(struct adit_cause){ .reason = ADIT_REASON_REMOTE });
    must(side.done == 1);
    adit_app_free(app);
    adit_loop_free(loop);
    return 0;
}
