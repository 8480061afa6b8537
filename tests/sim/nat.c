#include "sim/nat.h"

#define TIMEOUT_DEFAULT (30 * ADIT_SEC)

/* The part of a remote address that counts. */
static struct adit_addr key_of(const struct adit_addr *remote, enum sim_nat_by by)
{
    struct adit_addr key = *remote;

    if (by == SIM_BY_NOTHING)
        return (struct adit_addr){ 0 };
    if (by == SIM_BY_ADDRESS)
        key.port = 0;
    return key;
}

static bool alive(const struct sim_nat *nat, const struct sim_nat_mapping *m)
{
    return m->port && m->until > nat->net->now;
}

static struct sim_nat_mapping *by_port(struct sim_nat *nat, uint16_t port)
{
    for (struct sim_nat_mapping *m = nat->mappings; m < nat->mappings + SIM_NAT_MAPPINGS; m++)
        if (alive(nat, m) && m->port == port)
            return m;
    return NULL;
}

#define PORT_MIN 20000
#define PORTS    40000

static uint16_t free_port(struct sim_nat *nat, uint16_t wanted)
{
    uint16_t port = nat->conf.keep_port ? wanted : nat->last_port;

    if (nat->conf.keep_port && !by_port(nat, port))
        return port;
    do
        if (nat->conf.step)
            port = (uint16_t)(port + nat->conf.step);
        else
            port = (uint16_t)(PORT_MIN + adit_rng_below(&nat->net->rng, PORTS));
    while (port == 0 || by_port(nat, port));
    nat->last_port = port;
    return port;
}

static struct sim_nat_mapping *map(struct sim_nat *nat, const struct adit_addr *inner,
                                   const struct adit_addr *remote)
{
    struct adit_addr key = key_of(remote, nat->conf.mapping);
    struct sim_nat_mapping *unused = NULL;

    for (struct sim_nat_mapping *m = nat->mappings; m < nat->mappings + SIM_NAT_MAPPINGS; m++) {
        if (!alive(nat, m))
            unused = m;
        else if (adit_addr_equal(&m->inner, inner) && adit_addr_equal(&m->remote, &key))
            return m;
    }
    if (unused)
        *unused = (struct sim_nat_mapping){ .inner = *inner,
                                            .remote = key,
                                            .port = free_port(nat, inner->port) };
    return unused;
}

static void permit(struct sim_nat *nat, struct sim_nat_mapping *m, const struct adit_addr *remote)
{
    struct adit_addr key = key_of(remote, nat->conf.filtering);
    struct sim_nat_permit *oldest = m->permits;

    for (struct sim_nat_permit *p = m->permits; p < m->permits + SIM_NAT_PERMITS; p++) {
        if (p->until && adit_addr_equal(&p->remote, &key)) {
            oldest = p;
            break;
        }
        if (p->until < oldest->until)
            oldest = p;
    }
    *oldest = (struct sim_nat_permit){ key, nat->net->now + nat->conf.timeout };
}

static bool permitted(struct sim_nat *nat, struct sim_nat_mapping *m,
                      const struct adit_addr *remote)
{
    struct adit_addr key = key_of(remote, nat->conf.filtering);

    for (struct sim_nat_permit *p = m->permits; p < m->permits + SIM_NAT_PERMITS; p++)
        if (p->until > nat->net->now && adit_addr_equal(&p->remote, &key)) {
            if (nat->conf.inbound_renews)
                p->until = nat->net->now + nat->conf.timeout;
            return true;
        }
    return false;
}

static void inbound(struct sim_nat *nat, const struct sim_packet *p)
{
    struct sim_nat_mapping *m = by_port(nat, p->to.port);

    if (!m || !permitted(nat, m, &p->from)) {
        nat->filtered++;
        return;
    }
    if (nat->conf.inbound_renews)
        m->until = nat->net->now + nat->conf.timeout;
    struct sim_packet in = *p;
    in.to = m->inner;
    sim_send(nat->inner, &in);
}

static void on_outer(void *arg, struct sim_iface *iface, const struct sim_packet *p)
{
    struct sim_nat *nat = arg;

    (void)iface;
    if (adit_addr_equal_ip(&p->to, &nat->outer->ip))
        inbound(nat, p);
}

static void on_inner(void *arg, struct sim_iface *iface, const struct sim_packet *p)
{
    struct sim_nat *nat = arg;
    struct sim_nat_mapping *m = map(nat, &p->from, &p->to);
    struct sim_packet out = *p;

    if (!m || adit_addr_equal_ip(&p->to, &iface->ip))
        return; /* table full, or for the box itself */
    m->until = nat->net->now + nat->conf.timeout;
    permit(nat, m, &p->to);
    nat->translated++;
    out.from = nat->outer->ip;
    out.from.port = m->port;
    if (!adit_addr_equal_ip(&p->to, &nat->outer->ip))
        sim_send(nat->outer, &out);
    else if (nat->conf.hairpin)
        inbound(nat, &out);
}

struct sim_nat *sim_nat(const struct sim_nat_conf *conf, struct sim_segment *inner,
                        const char *inner_ip, struct sim_segment *outer, const char *outer_ip)
{
    struct sim_iface *out = sim_attach(outer, outer_ip, on_outer, NULL);
    struct sim_nat *nat = sim_net_alloc(out->net, sizeof *nat, NULL);

    nat->net = out->net;
    nat->conf = *conf;
    nat->last_port = PORT_MIN;
    if (!nat->conf.timeout)
        nat->conf.timeout = TIMEOUT_DEFAULT;
    nat->outer = out;
    nat->outer->arg = nat;
    nat->inner = sim_attach(inner, inner_ip, on_inner, nat);
    sim_gateway(inner, nat->inner);
    return nat;
}

void sim_nat_forget(struct sim_nat *nat)
{
    memset(nat->mappings, 0, sizeof nat->mappings);
}

void sim_nat_readdress(struct sim_nat *nat, const char *outer_ip)
{
    sim_nat_forget(nat);
    nat->outer->ip = sim_addr(outer_ip);
}
