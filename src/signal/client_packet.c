#include "base/alloc.h"
#include "signal/client_inner.h"

struct packet {
    struct adit_link link;
    struct adit_haul carry;
    uint8_t bytes[];
};

static struct packet *take(struct adit_signal *s)
{
    struct packet *p;

    if (adit_list_empty(&s->packets))
        return NULL;
    p = adit_container_of(s->packets.next, struct packet, link);
    adit_list_del(&p->link);
    s->packet_bytes -= p->carry.packet.len;
    return p;
}

void adit_client_packet_keep(struct adit_signal *s, const struct adit_haul *carry)
{
    size_t n = carry->packet.len;
    bool fits = s->packet_bytes + n <= ADIT_CLIENT_PACKETS_MAX;
    struct packet *p = fits ? adit_zalloc(sizeof *p + n) : NULL;

    if (!p)
        return;
    p->carry = *carry;
    memcpy(p->bytes, carry->packet.data, n);
    p->carry.packet.data = p->bytes;
    adit_list_add(&s->packets, &p->link);
    s->packet_bytes += n;
    adit_loop_before_sleep(s->loop, &s->deliver);
}

void adit_client_packets_tell(struct adit_signal *s, adit_time now)
{
    struct packet *p;

    while (!s->freed && (p = take(s)) != NULL) {
        s->ops->packet(s->arg, &p->carry, now);
        adit_free(p);
    }
}

void adit_client_packets_drop(struct adit_signal *s)
{
    struct packet *p;

    while ((p = take(s)) != NULL)
        adit_free(p);
}
