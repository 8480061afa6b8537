#include "app/vpn.h"

#include <stdio.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/log.h"
#include "core/spawn.h"
#include "tun/filter.h"

#define SMALL         512  /* any path carries that (RFC 791: 576), with what is put around it */
#define MTU_DEFAULT   1280 /* any path carries it, and IPv6 asks for no less */
#define PROGRAM_TIME  (60 * ADIT_SEC)      /* for --up and --down */
#define TOLD_INTERVAL (10 * ADIT_MS)       /* RFC 1812 section 4.3.2.8, RFC 4443 section 2.4 (f): */
#define TOLD_BURST    (20 * TOLD_INTERVAL) /* 100 ICMP messages a second, 20 at once */

enum phase { PHASE_OPEN, PHASE_CLOSING, PHASE_CLOSED };

struct adit_vpn {
    const struct adit_vpn_ops *ops;
    void *arg;
    struct adit_loop *loop;
    enum phase phase;
    struct adit_device device;
    struct adit_link_state link;
    struct adit_filter filter;
    struct adit_vpn_stats stats;
    adit_time told_until; /* the theoretical arrival time of GCRA */
    bool warned_source, routes_follow, mtu_follows;
    char *down;
    struct adit_buf env; /* "NAME=value" strings, one after the other, each with its zero byte */
    struct adit_child child;
    bool down_ran;
    struct adit_task task; /* the next step of closing */
};

/* ---- packets --------------------------------------------------------------------------------- */

static bool may_tell(struct adit_vpn *vpn, adit_time now)
{
    adit_time at = adit_time_max(vpn->told_until, now);

    if (at - now > TOLD_BURST)
        return false;
    vpn->told_until = at + TOLD_INTERVAL;
    return true;
}

static void tell_too_big(struct adit_vpn *vpn, const uint8_t *bytes, size_t n, adit_time now)
{
    uint8_t out[ADIT_FILTER_ANSWER_MAX];
    size_t len = adit_filter_answer(&vpn->filter, out, bytes, n);

    if (len > 0 && may_tell(vpn, now) && adit_device_write(&vpn->device, out, len) == 0)
        vpn->stats.too_big_told++;
}

static enum adit_drop why_not_sent(int err)
{
    switch (err) {
    case 0:
        return ADIT_DROP_NONE;
    case -EAGAIN:
        return ADIT_DROP_FULL;
    case -EMSGSIZE:
        return ADIT_DROP_TOO_BIG;
    default:
        return ADIT_DROP_CLOSED;
    }
}

/* What is too large for a datagram, and what no "too big" can make smaller, has the channel, which
 * cuts it. */
static int carry(struct adit_vpn *vpn, const uint8_t *bytes, size_t n)
{
    size_t ip = vpn->filter.tap ? adit_packet_network(bytes, n) : 0;
    int err = -EOPNOTSUPP;

    if (vpn->ops
            ->datagram) /* RFC 6040 section 4.1: the datagram says of ECN what the packet says */
        err = vpn->ops->datagram(vpn->arg, bytes, n, adit_packet_ecn(bytes + ip, n - ip));

    return err == -EOPNOTSUPP || err == -EMSGSIZE ? vpn->ops->send(vpn->arg, bytes, n) : err;
}

static void on_packet(void *arg, uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_vpn *vpn = arg;
    size_t len = 0;
    enum adit_drop drop;

    if (n > SMALL)
        vpn->filter.path = vpn->ops->packet_max(vpn->arg);
    drop = adit_filter_out(&vpn->filter, bytes, n, &len);
    if (drop == ADIT_DROP_NONE)
        drop = why_not_sent(carry(vpn, bytes, len));
    if (drop == ADIT_DROP_NONE) {
        vpn->stats.out_packets++;
        vpn->stats.out_bytes += len;
        return;
    }
    vpn->stats.out_dropped[drop]++;
    if (drop == ADIT_DROP_TOO_BIG)
        tell_too_big(vpn, bytes, n, now);
    adit_trace("vpn", "out: dropped %zu bytes: %s", n, adit_drop_name(drop));
}

/* RFC 6040 section 4.2: a mark that the datagram got on its way is the packet's, which without ECN
 * would have been dropped there. */
static int write_in(struct adit_vpn *vpn, const uint8_t *bytes, size_t n, uint8_t ecn)
{
    uint8_t copy[ADIT_ETHER_LEN + 2048];
    size_t ip = vpn->filter.tap ? adit_packet_network(bytes, n) : 0;

    if (ecn != ADIT_ECN_CE)
        return adit_device_write(&vpn->device, bytes, n);
    if (n > sizeof copy || adit_packet_ecn(bytes + ip, n - ip) == ADIT_ECN_NONE)
        return -EAGAIN;
    memcpy(copy, bytes, n);
    adit_packet_mark(copy + ip);
    return adit_device_write(&vpn->device, copy, n);
}

void adit_vpn_feed(struct adit_vpn *vpn, const void *bytes, size_t n, uint8_t ecn)
{
    size_t len = 0;
    enum adit_drop drop = adit_filter_in(&vpn->filter, bytes, n, &len);

    if (drop == ADIT_DROP_NONE && write_in(vpn, bytes, len, ecn) < 0)
        drop = ADIT_DROP_DEVICE;
    if (drop == ADIT_DROP_NONE) {
        vpn->stats.in_packets++;
        vpn->stats.in_bytes += len;
        return;
    }
    vpn->stats.in_dropped[drop]++;
    if (drop == ADIT_DROP_SOURCE && !vpn->warned_source) {
        vpn->warned_source = true;
        adit_log(
            ADIT_LOG_WARN, "vpn",
            "the peer sends from addresses that it may not use (see --allowed-ips): dropped and "
            "counted, continuing");
    }
    adit_trace("vpn", "in: dropped %zu bytes: %s", n, adit_drop_name(drop));
}

static void on_gone(void *arg, adit_time now)
{
    struct adit_vpn *vpn = arg;

    if (vpn->phase == PHASE_OPEN)
        vpn->ops->gone(vpn->arg, now);
}

static void on_lost(void *arg, unsigned count, size_t bytes)
{
    struct adit_vpn *vpn = arg;

    vpn->stats.in_packets -= count;
    vpn->stats.in_bytes -= bytes;
    vpn->stats.in_dropped[ADIT_DROP_DEVICE] += count;
}

static const struct adit_device_ops device_ops = { .packet = on_packet,
                                                   .lost = on_lost,
                                                   .gone = on_gone };

/* ---- who may use which address --------------------------------------------------------------- */

static int allow_around(struct adit_filter *f, const struct adit_link_address *a)
{
    struct adit_prefix around = a->own;

    if (a->peer.family)
        around.addr = a->peer;
    around = adit_prefix_network(&around);
    return adit_filter_allow(f, &around);
}

/* Also those that an administrator gave to the device before us. */
static int learn_own(struct adit_vpn *vpn, bool allow)
{
    struct adit_netif_list list;
    int err = adit_netif_read(&list);

    for (size_t i = 0; !err && i < list.count; i++) {
        struct adit_link_address a = { .own = { list.addrs[i].addr, list.addrs[i].prefix_len } };

        if (list.addrs[i].index != vpn->device.index)
            continue;
        err = adit_filter_own(&vpn->filter, &a.own.addr);
        if (!err && allow && adit_addr_scope(&a.own.addr) != ADIT_SCOPE_LINK)
            err = allow_around(&vpn->filter, &a);
    }
    adit_netif_list_done(&list);
    return err;
}

static int set_filter(struct adit_vpn *vpn, const struct adit_vpn_conf *conf, unsigned mtu)
{
    struct adit_filter *f = &vpn->filter;
    bool derive = conf->allowed_count == 0;
    int err = 0;

    *f = (struct adit_filter){ .tap = conf->tap, .strict = !derive, .mtu = mtu };
    for (size_t i = 0; !err && i < conf->allowed_count; i++)
        err = adit_filter_allow(f, &conf->allowed[i]);
    for (size_t i = 0; !err && derive && i < conf->address_count; i++)
        if (conf->addresses[i].peer.family) /* the rest is learned from the device */
            err = allow_around(f, &conf->addresses[i]);
    for (size_t i = 0; !err && derive && i < conf->route_count; i++)
        err = adit_filter_allow(f, &conf->routes[i]);
    if (!err)
        err = learn_own(vpn, derive);
    if (!err && !f->tap && f->allowed_count == 0)
        adit_log(
            ADIT_LOG_WARN, "vpn",
            "nothing says which addresses the peer may use (--address, --route, --allowed-ips): "
            "all its packets will be dropped, continuing");
    return err;
}

/* ---- programs -------------------------------------------------------------------------------- */

static void add_zero(struct adit_buf *b)
{
    adit_buf_add8(b, 0);
}

static int make_env(struct adit_vpn *vpn, const struct adit_vpn_conf *conf, unsigned mtu)
{
    struct adit_buf *b = &vpn->env;
    char text[ADIT_PREFIX_STR];

    adit_buf_printf(b, "ADIT_DEVICE=%s", vpn->device.name);
    add_zero(b);
    adit_buf_printf(b, "ADIT_MODE=%s", conf->tap ? "tap" : "tun");
    add_zero(b);
    adit_buf_printf(b, "ADIT_MTU=%u", mtu);
    add_zero(b);
    adit_buf_printf(b, "ADIT_ADDRESSES=");
    for (size_t i = 0; i < conf->address_count; i++)
        adit_buf_printf(b, "%s%s", i ? " " : "", adit_prefix_str(&conf->addresses[i].own, text));
    add_zero(b);
    adit_buf_printf(b, "ADIT_ROUTES=");
    for (size_t i = 0; i < conf->route_count; i++)
        adit_buf_printf(b, "%s%s", i ? " " : "", adit_prefix_str(&conf->routes[i], text));
    add_zero(b);
    return b->err;
}

static void on_ended(void *arg, int status, adit_time now);

/* 0 if it was started. */
static int run(struct adit_vpn *vpn, const char *command, const char *event)
{
    const char *env[8] = { event };
    const char *p = (const char *)vpn->env.data, *end = p + vpn->env.len;

    for (size_t n = 1; p < end && n < ADIT_LEN(env) - 1; p += strlen(p) + 1)
        env[n++] = p;
    int err = adit_child_start(&vpn->child, vpn->loop, command, env, PROGRAM_TIME, on_ended, vpn);
    if (err)
        adit_log(ADIT_LOG_WARN, "vpn", "cannot run '%s': %s, continuing", command, strerror(-err));
    return err;
}

static void on_ended(void *arg, int status, adit_time now)
{
    struct adit_vpn *vpn = arg;
    const char *which = vpn->down_ran ? "--down" : "--up";

    (void)now;
    if (WIFSIGNALED(status))
        adit_log(ADIT_LOG_WARN, "vpn", "the %s program ended by signal %d, continuing", which,
                 WTERMSIG(status));
    else if (WEXITSTATUS(status))
        adit_log(ADIT_LOG_WARN, "vpn", "the %s program failed with %d, continuing", which,
                 WEXITSTATUS(status));
    if (vpn->phase == PHASE_CLOSING)
        adit_loop_before_sleep(vpn->loop, &vpn->task);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void undo(struct adit_vpn *vpn)
{
    adit_child_stop(&vpn->child);
    adit_link_done(&vpn->link);
    adit_device_close(&vpn->device);
}

/* One step of closing: --down, then the end. */
static void on_task(struct adit_task *task, adit_time now)
{
    struct adit_vpn *vpn = adit_container_of(task, struct adit_vpn, task);

    if (adit_child_runs(&vpn->child)) /* --up: its end brings us back */
        return;
    if (vpn->down && !vpn->down_ran) {
        vpn->down_ran = true;
        if (run(vpn, vpn->down, "ADIT_EVENT=down") == 0)
            return;
    }
    undo(vpn);
    vpn->phase = PHASE_CLOSED;
    vpn->ops->closed(vpn->arg, now);
}

void adit_vpn_close(struct adit_vpn *vpn)
{
    if (vpn->phase != PHASE_OPEN)
        return;
    vpn->phase = PHASE_CLOSING;
    adit_loop_before_sleep(vpn->loop, &vpn->task);
}

struct adit_vpn *adit_vpn_free(struct adit_vpn *vpn)
{
    if (!vpn)
        return NULL;
    undo(vpn);
    adit_task_cancel(&vpn->task);
    adit_buf_done(&vpn->env);
    adit_free(vpn->down);
    adit_free(vpn);
    return NULL;
}

static int no_memory(struct adit_trouble *t, int err, const char *device)
{
    struct adit_trouble_facts facts = { .at = ADIT_TROUBLE_LINK, .err = err, .device = device };

    adit_trouble_set(t, &facts);
    return err;
}

int adit_vpn_new(struct adit_vpn **ret_vpn, struct adit_loop *loop,
                 const struct adit_vpn_conf *conf, const struct adit_vpn_ops *ops, void *arg,
                 struct adit_trouble *ret_trouble)
{
    struct adit_device_conf device = { .name = conf->device,
                                       .tap = conf->tap,
                                       .offload = conf->offload };
    unsigned mtu = conf->mtu ? conf->mtu : MTU_DEFAULT;
    struct adit_link_conf link = { .mtu = mtu,
                                   .addresses = conf->addresses,
                                   .address_count = conf->address_count,
                                   .routes = conf->routes,
                                   .route_count = conf->route_count };
    struct adit_vpn *vpn = adit_zalloc(sizeof *vpn);

    *ret_vpn = NULL;
    if (!vpn)
        return no_memory(ret_trouble, -ENOMEM, conf->device ? conf->device : "adit");
    vpn->ops = ops;
    vpn->arg = arg;
    vpn->loop = loop;
    adit_task_init(&vpn->task, on_task);
    adit_buf_init(&vpn->env, 16 * 1024);
    int err = adit_device_open(&vpn->device, loop, &device, &device_ops, vpn, ret_trouble);
    if (!err)
        err = adit_link_setup(&vpn->link, &vpn->device, &link, ret_trouble);
    if (!err) {
        if (conf->down && !(vpn->down = adit_strdup(conf->down)))
            err = -ENOMEM;
        if (!err)
            err = set_filter(vpn, conf, mtu);
        if (!err)
            err = make_env(vpn, conf, mtu);
        if (err)
            no_memory(ret_trouble, err, vpn->device.name);
    }
    if (err) {
        adit_vpn_free(vpn);
        return err;
    }
    vpn->routes_follow = conf->routes_follow;
    vpn->mtu_follows = conf->mtu == 0;
    adit_vpn_set_up(vpn, false);
    if (conf->up)
        (void)run(vpn, conf->up, "ADIT_EVENT=up");
    *ret_vpn = vpn;
    return 0;
}

void adit_vpn_set_up(struct adit_vpn *vpn, bool up)
{
    int err = vpn->routes_follow ? adit_link_set_routes(&vpn->link, up) : 0;

    if (err)
        adit_log(ADIT_LOG_WARN, "vpn", "cannot %s the routes: %s, continuing",
                 up ? "set" : "withdraw", strerror(-err));
}

/* Never below what any path carries: IPv6 wants it (RFC 8200 section 5), and the senders of what is
 * too large are told. */
void adit_vpn_set_size(struct adit_vpn *vpn)
{
    size_t head = vpn->filter.tap ? ADIT_ETHER_LEN : 0, most = vpn->ops->packet_max(vpn->arg);
    unsigned mtu = most > MTU_DEFAULT + head ? (unsigned)(most - head) : MTU_DEFAULT;
    int err;

    if (!vpn->mtu_follows || most == SIZE_MAX || mtu == vpn->filter.mtu)
        return;
    err = adit_link_set_mtu(&vpn->link, mtu);
    if (err) { /* a device of somebody else, who gave us no right to change it */
        vpn->mtu_follows = false;
        adit_log(ADIT_LOG_INFO, "vpn", "the MTU stays at %u: %s", vpn->filter.mtu, strerror(-err));
        return;
    }
    vpn->filter.mtu = mtu;
    adit_log(ADIT_LOG_INFO, "vpn", "the MTU is %u now, which is what the path carries", mtu);
}

void adit_vpn_set_path(struct adit_vpn *vpn, const struct adit_addr *local,
                       const struct adit_addr *remote)
{
    vpn->filter.local = *local;
    vpn->filter.remote = *remote;
}

const char *adit_vpn_device(const struct adit_vpn *vpn)
{
    return vpn->device.name;
}

void adit_vpn_offloads(const struct adit_vpn *vpn, bool *ret_tcp, bool *ret_udp)
{
    *ret_tcp = vpn->device.join != NULL;
    *ret_udp = *ret_tcp && vpn->device.uso;
}

void adit_vpn_stats(const struct adit_vpn *vpn, struct adit_vpn_stats *ret_stats)
{
    *ret_stats = vpn->stats;
}
