#include "sim/stun_server.h"

#include "ice/stun.h"

static void on_packet(void *arg, struct sim_iface *iface, const struct sim_packet *p)
{
    struct sim_stun *s = arg;
    struct adit_stun_out out;
    struct adit_stun msg;

    if (p->to.port != s->addr.port ||
        adit_stun_decode(&msg, p->bytes, p->n, &(struct adit_stun_auth){ 0 }) != ADIT_STUN_OK ||
        msg.head.class != ADIT_STUN_REQUEST || msg.head.method != ADIT_STUN_BINDING)
        return;
    s->requests++;
    if (s->silent)
        return;
    adit_stun_begin(&out, ADIT_STUN_SUCCESS, ADIT_STUN_BINDING, msg.head.id);
    adit_stun_add_mapped(&out, s->lie.family ? &s->lie : &p->from);
    size_t n = adit_stun_finish(&out, (struct adit_span){ 0 });
    sim_send(iface, &(struct sim_packet){ s->addr, p->from, out.bytes, n });
}

struct sim_stun *sim_stun(struct sim_segment *segment, const char *addr)
{
    struct adit_addr a = sim_addr(addr);
    char ip[ADIT_ADDR_STR];
    struct sim_iface *iface = sim_attach(segment, adit_addr_str_ip(&a, ip), on_packet, NULL);
    struct sim_stun *s = sim_net_alloc(iface->net, sizeof *s, NULL);

    s->iface = iface;
    s->addr = a;
    iface->arg = s;
    return s;
}
