#include "agent/tunnel.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/log.h"

struct tunnel {
    struct adit_app app;
    struct adit_vpn *vpn;
};

static struct tunnel *tunnel_of(struct adit_app *app)
{
    return adit_container_of(app, struct tunnel, app);
}

static int vpn_send(void *arg, const void *bytes, size_t n)
{
    struct tunnel *t = arg;

    return t->app.is_open ? t->app.conf.ops->send(t->app.conf.arg, bytes, n, false) : -ENOTCONN;
}

static int vpn_datagram(void *arg, const uint8_t *bytes, size_t n, uint8_t ecn)
{
    struct tunnel *t = arg;

    return t->app.is_open ? t->app.conf.ops->datagram(t->app.conf.arg, bytes, n, ecn) : -ENOTCONN;
}

static size_t vpn_packet_max(void *arg)
{
    struct tunnel *t = arg;

    return t->app.is_open ? t->app.conf.ops->packet_max(t->app.conf.arg) : SIZE_MAX;
}

static void vpn_gone(void *arg, adit_time now)
{
    struct tunnel *t = arg;
    char text[96];

    (void)now;
    snprintf(text, sizeof text, "the device %s was removed", adit_vpn_device(t->vpn));
    adit_app_done(&t->app, ADIT_REASON_RESOURCE, text);
}

static void vpn_closed(void *arg, adit_time now)
{
    struct tunnel *t = arg;

    (void)now;
    t->app.conf.ops->ended(t->app.conf.arg);
}

static const struct adit_vpn_ops vpn_ops = {
    .send = vpn_send,
    .datagram = vpn_datagram,
    .packet_max = vpn_packet_max,
    .gone = vpn_gone,
    .closed = vpn_closed,
};

static int init(struct adit_app *app)
{
    struct tunnel *t = tunnel_of(app);
    struct adit_trouble trouble;
    int err = adit_vpn_new(&t->vpn, app->conf.loop, app->conf.extra, &vpn_ops, t, &trouble);

    if (err) {
        adit_log(ADIT_LOG_ERROR, "tun", "%s", trouble.text);
        if (trouble.help[0])
            adit_log(ADIT_LOG_ERROR, "tun", "%s", trouble.help);
        return trouble.permission ? -EPERM : err == -EPERM ? -EACCES : err;
    }
    return app->conf.ops->device(app->conf.arg, adit_vpn_device(t->vpn));
}

static void done(struct adit_app *app)
{
    struct tunnel *t = tunnel_of(app);

    t->vpn = adit_vpn_free(t->vpn);
}

static void sized(struct adit_app *app)
{
    adit_vpn_set_size(tunnel_of(app)->vpn);
}

static void opened(struct adit_app *app)
{
    adit_vpn_set_up(tunnel_of(app)->vpn, true);
    sized(app);
    adit_log(ADIT_LOG_INFO, "tun", "the tunnel is up: device %s, carrier %s",
             adit_vpn_device(tunnel_of(app)->vpn),
             app->conf.ops->datagrams(app->conf.arg) ? "datagram" : "channel");
}

static void message(struct adit_app *app, const void *bytes, size_t n, bool text)
{
    (void)text; /* a packet is a packet */
    adit_vpn_feed(tunnel_of(app)->vpn, bytes, n, ADIT_ECN_NONE);
}

static void datagram(struct adit_app *app, const void *bytes, size_t n, uint8_t ecn)
{
    adit_vpn_feed(tunnel_of(app)->vpn, bytes, n, ecn);
}

static void lost(struct adit_app *app)
{
    adit_vpn_set_up(tunnel_of(app)->vpn, false);
    adit_log(ADIT_LOG_INFO, "tun", "the tunnel is down: device %s stays",
             adit_vpn_device(tunnel_of(app)->vpn));
}

static void path(struct adit_app *app, const struct adit_addr *local,
                 const struct adit_addr *remote)
{
    adit_vpn_set_path(tunnel_of(app)->vpn, local, remote);
}

/* What was carried, and what was not and why: one line each way. */
static void report(struct adit_app *app)
{
    const struct tunnel *t = tunnel_of(app);
    struct adit_vpn_stats stats;
    struct adit_buf text;

    adit_vpn_stats(t->vpn, &stats);
    for (int out = 0; out < 2; out++) {
        const uint64_t *dropped = out ? stats.out_dropped : stats.in_dropped;
        const char *sign = ", dropped: ";

        adit_buf_init(&text, 1024);
        for (int i = 0; i < ADIT_DROP_COUNT; i++) {
            if (!dropped[i])
                continue;
            adit_buf_printf(&text, "%s%llu %s", sign, (unsigned long long)dropped[i],
                            adit_drop_name((enum adit_drop)i));
            sign = ", ";
        }
        adit_log(ADIT_LOG_INFO, "tun", "%s %llu packets, %llu bytes%s", out ? "sent" : "received",
                 (unsigned long long)(out ? stats.out_packets : stats.in_packets),
                 (unsigned long long)(out ? stats.out_bytes : stats.in_bytes), adit_buf_str(&text));
        adit_buf_done(&text);
    }
}

static void end(struct adit_app *app)
{
    report(app);
    adit_vpn_close(tunnel_of(app)->vpn);
}

/* The channel is gone for good: somebody said goodbye. */
static void closed(struct adit_app *app, const struct adit_cause *cause)
{
    bool normal = cause->reason == ADIT_REASON_LOCAL || cause->reason == ADIT_REASON_REMOTE;

    if (cause->reason == ADIT_REASON_REMOTE)
        adit_log(ADIT_LOG_INFO, "tun", "the other side ended the tunnel");
    adit_app_done(app, cause->reason, normal ? NULL : cause->text);
}

static void offloads(const struct adit_app *app, bool *ret_tcp, bool *ret_udp)
{
    const struct tunnel *t = adit_container_of(app, const struct tunnel, app);

    adit_vpn_offloads(t->vpn, ret_tcp, ret_udp);
}

const struct adit_app_class adit_app_tunnel = {
    .name = "tun",
    .size = sizeof(struct tunnel),
    .in_turn = true,
    .persistent = true,
    .init = init,
    .free = done,
    .open = opened,
    .message = message,
    .datagram = datagram,
    .lost = lost,
    .report = report,
    .path = path,
    .sized = sized,
    .offloads = offloads,
    .end = end,
    .closed = closed,
};
