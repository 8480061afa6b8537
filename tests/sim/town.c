#include "sim/town.h"

#include <stdio.h>
#include <stdlib.h>

const struct sim_nat_conf sim_nat_kinds[SIM_NAT_KINDS] = {
    [SIM_FULL_CONE] = { SIM_BY_NOTHING, SIM_BY_NOTHING, .keep_port = true },
    [SIM_RESTRICTED] = { SIM_BY_NOTHING, SIM_BY_ADDRESS, .keep_port = true },
    [SIM_PORT_RESTRICTED] = { SIM_BY_NOTHING, SIM_BY_ADDRESS_AND_PORT },
    [SIM_SYMMETRIC] = { SIM_BY_ADDRESS_AND_PORT, SIM_BY_ADDRESS_AND_PORT },
    [SIM_SYMMETRIC_LOOSE] = { SIM_BY_ADDRESS, SIM_BY_ADDRESS },
};

const char *const sim_nat_names[SIM_NAT_KINDS] = {
    "open", "full cone", "restricted", "port restricted", "symmetric", "symmetric loose",
};

/* Whoever has the same port for everybody can be called by whoever he has called, port included
 * unless he does not look at it. */
bool sim_can_meet(enum sim_nat_kind a, enum sim_nat_kind b)
{
    const struct sim_nat_conf *x = &sim_nat_kinds[a], *y = &sim_nat_kinds[b];

    if (x->mapping == SIM_BY_NOTHING && y->mapping == SIM_BY_NOTHING)
        return true;
    if (x->mapping != SIM_BY_NOTHING && y->mapping != SIM_BY_NOTHING)
        return false;
    return (x->mapping == SIM_BY_NOTHING ? x : y)->filtering != SIM_BY_ADDRESS_AND_PORT;
}

struct sim_town *sim_town(uint64_t seed, enum sim_nat_kind a, enum sim_nat_kind b, adit_time delay)
{
    static const char *const outer[2] = { "198.51.100.1", "203.0.113.1" };
    static const char *const inner[2] = { "192.168.1.10", "10.0.0.10" };
    static const char *const router[2] = { "192.168.1.1", "10.0.0.1" };
    static const char *const names[2] = { "alice", "bob" };
    struct sim_town *t = calloc(1, sizeof *t);

    t->net = sim_net_new(seed);
    t->internet = sim_segment(t->net);
    t->stun = sim_stun(t->internet, "192.0.2.53:3478");
    t->stun_addrs[0] = t->stun->addr;
    for (int i = 0; i < 2; i++) {
        enum sim_nat_kind kind = i ? b : a;

        t->peer[i] = sim_peer(t->net, names[i], i);
        t->peer[i]->conf.stun = t->stun_addrs;
        t->peer[i]->conf.stun_count = 1;
        t->home[i] = kind == SIM_OPEN ? t->internet : sim_segment(t->net);
        t->iface[i] =
            sim_peer_attach(t->peer[i], t->home[i], kind == SIM_OPEN ? outer[i] : inner[i]);
        if (kind != SIM_OPEN)
            t->nat[i] = sim_nat(&sim_nat_kinds[kind], t->home[i], router[i], t->internet, outer[i]);
        sim_set_links(t->iface[i], &(struct sim_link){ .delay = delay / 2 });
    }
    sim_pair(t->peer[0], t->peer[1]);
    return t;
}

void sim_town_second_stun(struct sim_town *t)
{
    t->stun2 = sim_stun(t->internet, "192.0.2.54:3478");
    t->stun_addrs[1] = t->stun2->addr;
    for (int i = 0; i < 2; i++)
        t->peer[i]->conf.stun_count = 2;
}

struct sim_town *sim_town_free(struct sim_town *t)
{
    sim_net_free(t->net);
    free(t);
    return NULL;
}

bool sim_town_meet(struct sim_town *t, adit_time within)
{
    sim_peer_start(t->peer[0]);
    sim_peer_start(t->peer[1]);
    return sim_run(t->net, within, sim_pair_open, t->peer[0]);
}

static double seconds(const struct sim_town *t, adit_time at)
{
    return at ? (double)(at - t->net->start) / 1e9 : -1;
}

void sim_town_print(const struct sim_town *t)
{
    static const char *const names[] = { "new",          "connecting", "connected",
                                         "disconnected", "failed",     "closed" };

    for (int i = 0; i < 2; i++) {
        const struct sim_peer *p = t->peer[i];
        struct adit_engine_stats s = { 0 };

        if (p->engine)
            adit_engine_stats(p->engine, &s);
        fprintf(stderr,
                "# %s: %s %s\n#   started %.3f gathered %.3f remote %.3f ice %.3f dtls %.3f "
                "sctp %.3f\n#   checks sent %u received %u answers %u\n",
                p->name, names[p->state], p->cause.text, seconds(t, s.times.started),
                seconds(t, s.times.gathered), seconds(t, p->remote_at),
                seconds(t, s.times.ice_valid), seconds(t, s.times.dtls_up),
                seconds(t, s.times.sctp_up), (unsigned)s.ice.checks_sent,
                (unsigned)s.ice.checks_received, (unsigned)s.ice.responses_received);
        for (int k = ADIT_PEER_CONNECTING; k <= ADIT_PEER_CLOSED; k++)
            if (p->state_at[k])
                fprintf(stderr, "#   %s at %.3f\n", names[k], seconds(t, p->state_at[k]));
        fprintf(stderr, "#   link up: delay %u ms, loss %u, %u packets, %u lost; carries %.0f s\n",
                (unsigned)(t->iface[i]->up.delay / ADIT_MS), t->iface[i]->up.loss,
                (unsigned)t->iface[i]->up.packets, (unsigned)t->iface[i]->up.lost,
                (double)p->carry / 1e9);
    }
}

struct await {
    struct sim_peer *peer[2];
    uint64_t messages[2];
};

static bool both_heard(void *arg)
{
    struct await *w = arg;

    return w->peer[0]->messages > w->messages[0] && w->peer[1]->messages > w->messages[1];
}

bool sim_town_talks(struct sim_town *t)
{
    struct await w = { { t->peer[0], t->peer[1] }, { t->peer[0]->messages, t->peer[1]->messages } };

    if (!sim_pair_open(t->peer[0]))
        return false;
    sim_peer_send(t->peer[0], "hello", 5);
    sim_peer_send(t->peer[1], "world", 5);
    return sim_run(t->net, 20 * ADIT_SEC, both_heard, &w);
}
