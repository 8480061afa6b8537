/* lanes_app - what an app may ask of its lane. */
#include <stdio.h>

#include "agent/exit.h"
#include "agent/lanes_inner.h"
#include "base/log.h"

static int app_send(void *arg, const void *bytes, size_t n, bool text)
{
    struct lane *lane = arg;

    text = text && !lane->lanes->conf->text_as_binary;
    return lane->dc ? adit_dc_send(lane->dc, bytes, n, text ? ADIT_TEXT : ADIT_BINARY) : -EPIPE;
}

static int app_datagram(void *arg, const uint8_t *bytes, size_t n, uint8_t ecn)
{
    struct lane *lane = arg;
    struct adit_peer *peer = lane->lanes->peer;
    int err = -EPIPE;

    if (lane->dc) {
        peer->tx_ecn = ecn;
        err = adit_engine_datagram(peer->engine, bytes, n);
        peer->tx_ecn = 0;
    }
    if (!err && adit_engine_datagram_deadline(peer->engine) < adit_timer_at(&peer->timer))
        adit_peer_touch(peer);
    return err;
}

static bool app_datagrams(void *arg)
{
    struct lane *lane = arg;

    return lane->dc && adit_engine_datagrams(lane->lanes->peer->engine);
}

static size_t app_buffered(void *arg)
{
    struct lane *lane = arg;

    return lane->dc ? adit_dc_buffered(lane->dc) : 0;
}

/* A message that may be given up has to fit one packet, docs/decisions.md. */
static size_t app_message_max(void *arg)
{
    struct lane *lane = arg;
    size_t most = lane->dc ? adit_dc_message_max(lane->dc) : 0, packet;
    bool sure;

    if (!most || !adit_dc_is_lossy(lane->dc))
        return most;
    packet = adit_engine_packet_max(lane->lanes->peer->engine, &sure);
    return most < packet ? most : packet;
}

static size_t app_packet_max(void *arg)
{
    struct lane *lane = arg;
    const struct adit_engine *engine = lane->dc ? lane->lanes->peer->engine : NULL;
    bool sure, beside = engine && adit_engine_datagrams(engine);
    size_t most;

    if (!engine || (!beside && !adit_dc_is_lossy(lane->dc)))
        return SIZE_MAX;
    most = beside ? adit_engine_datagram_max(engine, &sure) : adit_engine_packet_max(engine, &sure);
    return sure ? most : SIZE_MAX;
}

static bool app_lossy(void *arg)
{
    struct lane *lane = arg;

    return lane->dc && adit_dc_is_lossy(lane->dc);
}

static bool app_ours(void *arg)
{
    struct lane *lane = arg;

    return lane->ours;
}

static void app_label(void *arg, char *out, size_t size)
{
    struct lane *lane = arg;

    out[0] = '\0';
    if (lane->dc)
        adit_dc_label(lane->dc, out, size);
}

static void app_set_low(void *arg, size_t bytes)
{
    struct lane *lane = arg;

    if (lane->dc)
        adit_dc_set_low(lane->dc, bytes);
}

static void app_flow(void *arg, size_t *ret_window, adit_time *ret_rtt)
{
    struct lane *lane = arg;
    uint32_t window = 0;

    *ret_rtt = 0;
    if (lane->dc)
        adit_engine_flow(lane->lanes->peer->engine, &window, ret_rtt);
    *ret_window = window;
}

static void app_stats(void *arg, struct adit_peer_stats *ret_stats)
{
    struct lane *lane = arg;

    *ret_stats = (struct adit_peer_stats){ 0 };
    if (lane->lanes->peer)
        adit_peer_stats(lane->lanes->peer, ret_stats, sizeof *ret_stats);
}

static void app_pause(void *arg)
{
    struct lane *lane = arg;

    if (lane->paused)
        return;
    lane->paused = true;
    if (lane->lanes->paused++ == 0)
        adit_peer_pause(lane->lanes->peer);
}

/* All channels of a peer are paused together, until nobody asks for it any more. */
void adit_lane_resume(struct lane *lane)
{
    if (!lane->paused)
        return;
    lane->paused = false;
    if (--lane->lanes->paused == 0)
        adit_peer_resume(lane->lanes->peer);
}

static void app_resume(void *arg)
{
    adit_lane_resume(arg);
}

static int app_device(void *arg, const char *name)
{
    struct lane *lane = arg;
    struct adit_lanes *l = lane->lanes;

    snprintf(l->device, sizeof l->device, "%s", name);
    return l->peer ? adit_peer_ignore_device(l->peer, name) : 0;
}

static void app_done(void *arg, const struct adit_cause *cause)
{
    struct lane *lane = arg;
    struct adit_lanes *l = lane->lanes;

    lane->done = true;
    lane->exit_code = adit_exit_of(cause);
    if (lane->exit_code)
        adit_log(ADIT_LOG_ERROR, "session", "%s", cause->text);
    adit_lanes_closing(l);
    if (lane->dc)
        adit_dc_close(lane->dc); /* on_closed goes on */
    else
        l->ops->done(l->arg, lane->exit_code);
}

static void app_ended(void *arg)
{
    struct lane *lane = arg;

    adit_lanes_end(lane->lanes);
}

const struct adit_app_ops adit_lane_app_ops = {
    .send = app_send,
    .datagram = app_datagram,
    .datagrams = app_datagrams,
    .buffered = app_buffered,
    .message_max = app_message_max,
    .packet_max = app_packet_max,
    .lossy = app_lossy,
    .ours = app_ours,
    .label = app_label,
    .set_low = app_set_low,
    .flow = app_flow,
    .stats = app_stats,
    .pause = app_pause,
    .resume = app_resume,
    .device = app_device,
    .done = app_done,
    .ended = app_ended,
};
