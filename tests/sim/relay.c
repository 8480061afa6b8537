#include "sim/relay.h"

#include <stdlib.h>

#define MARK       0xfe
#define FIRST_PORT 50000

void sim_relay_wrap(uint8_t *out, unsigned client, const struct adit_addr *to, const void *bytes,
                    size_t n)
{
    out[0] = MARK;
    out[1] = (uint8_t)client;
    memcpy(out + 2, to->ip, 4);
    out[6] = (uint8_t)(to->port >> 8);
    out[7] = (uint8_t)to->port;
    memcpy(out + SIM_RELAY_HEAD, bytes, n);
}

bool sim_relay_unwrap(const struct sim_packet *p, struct adit_addr *ret_from)
{
    if (p->n < SIM_RELAY_HEAD || p->bytes[0] != MARK)
        return false;
    *ret_from = (struct adit_addr){ .family = ADIT_FAMILY_V4,
                                    .port = (uint16_t)(p->bytes[6] << 8 | p->bytes[7]) };
    memcpy(ret_from->ip, p->bytes + 2, 4);
    return true;
}

static void from_client(struct sim_relay *r, const struct sim_packet *p)
{
    struct adit_addr to, own = r->addr;

    if (!sim_relay_unwrap(p, &to) || p->bytes[1] >= r->clients)
        return;
    r->client[p->bytes[1]] = p->from;
    r->forwarded++;
    own.port = (uint16_t)(FIRST_PORT + p->bytes[1]);
    sim_send(r->iface,
             &(struct sim_packet){ own, to, p->bytes + SIM_RELAY_HEAD, p->n - SIM_RELAY_HEAD });
}

static void to_client(struct sim_relay *r, const struct sim_packet *p)
{
    unsigned i = (unsigned)p->to.port - FIRST_PORT;
    uint8_t bytes[2048];

    if (i >= r->clients || !r->client[i].family || p->n + SIM_RELAY_HEAD > sizeof bytes)
        return;
    sim_relay_wrap(bytes, i, &p->from, p->bytes, p->n);
    r->forwarded++;
    sim_send(r->iface, &(struct sim_packet){ r->addr, r->client[i], bytes, p->n + SIM_RELAY_HEAD });
}

static void on_packet(void *arg, struct sim_iface *iface, const struct sim_packet *p)
{
    struct sim_relay *r = arg;

    (void)iface;
    if (p->to.port == r->addr.port)
        from_client(r, p);
    else
        to_client(r, p);
}

struct sim_relay *sim_relay(struct sim_segment *segment, const char *addr)
{
    struct adit_addr a = sim_addr(addr);
    char ip[ADIT_ADDR_STR];
    struct sim_iface *iface = sim_attach(segment, adit_addr_str_ip(&a, ip), on_packet, NULL);
    struct sim_relay *r = sim_net_alloc(iface->net, sizeof *r, NULL);

    r->iface = iface;
    r->addr = a;
    iface->arg = r;
    return r;
}

unsigned sim_relay_lend(struct sim_relay *r, struct adit_addr *ret_addr)
{
    unsigned i = r->clients++;

    if (i >= SIM_RELAY_CLIENTS)
        abort();
    *ret_addr = r->addr;
    ret_addr->port = (uint16_t)(FIRST_PORT + i);
    return i;
}
