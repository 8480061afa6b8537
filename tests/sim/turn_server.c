#include "sim/turn_server.h"

#include <stdlib.h>

#include "relay/credentials.h"

#define SECRET "a secret of the simulated operator's"
#define USER   "2000000000:sim"

static void on_send(void *arg, const struct adit_turnd_flow *flow, const uint8_t *bytes, size_t n,
                    bool data)
{
    struct sim_turn *t = arg;

    (void)data;
    if (!t->silent)
        sim_send(t->iface, &(struct sim_packet){ t->addr, flow->client, bytes, n });
}

static int on_open(void *arg, struct adit_turnd_port *port, const struct adit_turnd_wish *wish)
{
    struct sim_turn *t = arg;

    if (wish->family != t->addr.family)
        return -EAFNOSUPPORT;
    for (int i = 0; i < SIM_TURN_PORTS; i++) {
        if (t->ports[i])
            continue;
        t->ports[i] = port;
        port->owner = t;
        port->addr = t->addr;
        port->addr.port = t->next_port++;
        return 0;
    }
    return -EMFILE;
}

static void on_close(void *arg, struct adit_turnd_port *port)
{
    struct sim_turn *t = arg;

    for (int i = 0; i < SIM_TURN_PORTS; i++)
        if (t->ports[i] == port)
            t->ports[i] = NULL;
}

static void on_emit(void *arg, struct adit_turnd_port *port, const struct adit_addr *peer,
                    const uint8_t *bytes, size_t n, bool whole)
{
    struct sim_turn *t = arg;

    (void)whole;
    if (!t->silent)
        sim_send(t->iface, &(struct sim_packet){ port->addr, *peer, bytes, n });
}

static bool on_own(void *arg, const struct adit_addr *addr)
{
    struct sim_turn *t = arg;

    return adit_addr_equal_ip(&t->addr, addr);
}

static void on_event(void *arg, const struct adit_turnd_event *event)
{
    (void)arg, (void)event;
}

static int64_t on_wall(void *arg)
{
    struct sim_turn *t = arg;

    return 1000000000 + (int64_t)((t->net->now - t->net->start) / ADIT_SEC);
}

static const struct adit_turnd_ops ops = { on_send, on_open,  on_close, on_emit,
                                           on_own,  on_event, on_wall };

static void on_packet(void *arg, struct sim_iface *iface, const struct sim_packet *p)
{
    struct sim_turn *t = arg;
    struct adit_turnd_flow flow = { .client = p->from, .local = t->addr };

    (void)iface;
    if (t->silent)
        return;
    if (p->to.port == t->addr.port) {
        adit_turnd_feed(t->relay, &flow, p->bytes, p->n, t->net->now);
        return;
    }
    for (int i = 0; i < SIM_TURN_PORTS; i++)
        if (t->ports[i] && t->ports[i]->addr.port == p->to.port) {
            adit_turnd_heard(t->relay, t->ports[i], &p->from, p->bytes, p->n, t->net->now);
            return;
        }
}

static adit_time on_deadline(void *arg)
{
    struct sim_turn *t = arg;

    return adit_turnd_deadline(t->relay);
}

static void on_tick(void *arg, adit_time now)
{
    struct sim_turn *t = arg;

    adit_turnd_tick(t->relay, now);
}

static void begin(struct sim_turn *t)
{
    t->relay = adit_turnd_new(&(struct adit_turnd_conf){ .turn = true, .secret = SECRET }, &ops, t,
                              &t->rng);
    if (!t->relay)
        abort();
}

void sim_turn_forget(struct sim_turn *t)
{
    adit_turnd_free(t->relay);
    begin(t);
}

static void done(void *arg)
{
    struct sim_turn *t = arg;

    sim_actor_remove(t->net, &t->actor);
    adit_turnd_free(t->relay);
}

struct sim_turn *sim_turn(struct sim_segment *segment, const char *addr)
{
    struct adit_addr a = sim_addr(addr);
    char ip[ADIT_ADDR_STR];
    struct sim_iface *iface = sim_attach(segment, adit_addr_str_ip(&a, ip), on_packet, NULL);
    struct sim_turn *t = sim_net_alloc(iface->net, sizeof *t, done);

    t->net = iface->net;
    t->iface = iface;
    t->addr = a;
    t->next_port = 50000;
    adit_rng_init_seed(&t->rng, adit_rng_u64(&t->net->rng));
    iface->arg = t;
    strcpy(t->user, USER);
    adit_turnd_password(t->password, SECRET,
                        (struct adit_span){ (const uint8_t *)USER, strlen(USER) });
    begin(t);
    t->actor = (struct sim_actor){ on_deadline, on_tick, t, NULL };
    sim_actor_add(t->net, &t->actor);
    return t;
}
