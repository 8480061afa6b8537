#include "app/fwd_flow.h"

#include "app/fwd_inner.h"
#include "base/alloc.h"
#include "base/log.h"

adit_time adit_flow_idle(const struct adit_forwards *f)
{
    return f->conf.udp_idle ? f->conf.udp_idle : ADIT_FORWARDS_UDP_IDLE;
}

void adit_flow_put(struct adit_forwards *f, struct adit_mux_stream *s, const uint8_t *bytes,
                   size_t n)
{
    int err = adit_mux_datagram(s, bytes, n);

    if (err)
        f->stats.datagrams_dropped++;
    else
        f->stats.datagrams_out++;
    if (err == -EMSGSIZE && !f->told_too_long) {
        f->told_too_long = true;
        adit_log(
            ADIT_LOG_WARN, "forward",
            "a datagram of %zu bytes is longer than the tunnel's messages: dropped, continuing", n);
    }
}

/* ---- one flow -------------------------------------------------------------------------------- */

static void drop(struct adit_flow *flow)
{
    struct adit_flows *flows = flow->flows;

    if (flow->stream)
        adit_mux_reset(flow->stream, ADIT_MUX_DONE, NULL);
    adit_timer_stop(&flow->timer);
    adit_map_remove(&flows->map, &flow->node);
    adit_list_del(&flow->link);
    flows->count--;
    flows->f->flows--;
    adit_free(flow);
}

static void touch(struct adit_flow *flow, adit_time now)
{
    flow->used_at = now;
    adit_list_del(&flow->link);
    adit_list_add(&flow->flows->by_use, &flow->link);
}

/* The timer is not moved for each datagram: it looks again when it fires. */
static void on_timer(struct adit_timer *timer, adit_time now)
{
    struct adit_flow *flow = adit_container_of(timer, struct adit_flow, timer);
    adit_time until = flow->used_at + adit_flow_idle(flow->flows->f);

    if (now < until)
        adit_timer_set(timer, until);
    else
        drop(flow);
}

static void on_head(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_flow *flow = arg;
    struct adit_end from = { .kind = ADIT_END_UDP };
    struct adit_addr addr;
    char ip[ADIT_ADDR_STR];

    (void)now;
    if (flow->flows->ops->told)
        flow->flows->ops->told(flow->flows->arg, ADIT_MUX_DONE);
    if (n < 2 || bytes[0] != 0 ||
        adit_addr_parse_port(&addr, (const char *)bytes + 1, n - 1, 0) < 0 || !addr.port)
        return;
    adit_addr_str_ip(&addr, ip);
    memcpy(from.name, ip, strlen(ip));
    from.port = addr.port;
    flow->from = from;
}

static void on_datagram(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_flow *flow = arg;
    struct adit_flows *flows = flow->flows;

    touch(flow, now);
    flows->f->stats.datagrams_in++;
    flows->ops->datagram(flows->arg, flow, bytes, n);
}

static void on_end(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    (void)bytes, (void)n, (void)now;
    drop(arg);
}

static void on_closed(void *arg, enum adit_mux_code code, const char *text, adit_time now)
{
    struct adit_flow *flow = arg;
    struct adit_flows *flows = flow->flows;

    (void)text, (void)now;
    flow->stream = NULL;
    drop(flow);
    if (code == ADIT_MUX_DONE || code == ADIT_MUX_LOST)
        return;
    flows->f->stats.failed++;
    if (flows->ops->told)
        flows->ops->told(flows->arg, code);
}

static const struct adit_mux_stream_ops ops = {
    .head = on_head, .datagram = on_datagram, .end = on_end, .closed = on_closed
};

/* ---- all of them ----------------------------------------------------------------------------- */

void adit_flows_init(struct adit_flows *flows, struct adit_forwards *f, unsigned max,
                     const struct adit_flows_ops *flows_ops, void *arg)
{
    *flows = (struct adit_flows){ .f = f, .ops = flows_ops, .arg = arg, .max = max };
    adit_map_init(&flows->map, &f->rng);
    adit_list_init(&flows->by_use);
}

void adit_flows_done(struct adit_flows *flows)
{
    while (!adit_list_empty(&flows->by_use))
        drop(adit_container_of(flows->by_use.next, struct adit_flow, link));
    adit_map_done(&flows->map);
}

/* NULL: no memory, or the other side takes no more streams. */
static struct adit_flow *add(struct adit_flows *flows, const void *key, size_t key_n,
                             const struct adit_end *to, adit_time now)
{
    struct adit_forwards *f = flows->f;
    struct adit_flow *flow;
    char target[ADIT_END_STR];

    if (flows->count == flows->max)
        drop(adit_container_of(flows->by_use.next, struct adit_flow, link));
    flow = adit_zalloc(sizeof *flow + key_n);
    if (!flow)
        return NULL;
    flow->flows = flows;
    flow->from = *to;
    flow->key_n = key_n;
    memcpy(flow->key, key, key_n);
    adit_end_str(to, target);
    if (adit_map_add(&flows->map, &flow->node, flow->key, key_n) < 0) {
        adit_free(flow);
        return NULL;
    }
    adit_list_add(&flows->by_use, &flow->link);
    adit_timer_init(&flow->timer, f->conf.loop, on_timer, "flow");
    flows->count++;
    f->flows++;
    if (adit_mux_open(&flow->stream, f->mux, ADIT_MUX_DATAGRAMS, target, strlen(target), &ops,
                      flow) < 0) {
        drop(flow);
        return NULL;
    }
    f->stats.flows_total++;
    adit_timer_set(&flow->timer, now + adit_flow_idle(f));
    return flow;
}

void adit_flows_send(struct adit_flows *flows, const void *key, size_t key_n,
                     const struct adit_end *to, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_map_node *node = adit_map_find(&flows->map, key, key_n);
    struct adit_flow *flow = node ? adit_container_of(node, struct adit_flow, node) : NULL;

    if (!flow && flows->f->mux)
        flow = add(flows, key, key_n, to, now);
    if (!flow) {
        flows->f->stats.datagrams_dropped++;
        return;
    }
    touch(flow, now);
    adit_flow_put(flows->f, flow->stream, bytes, n);
}
