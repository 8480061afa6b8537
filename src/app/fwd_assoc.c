/* fwd_assoc - UDP ASSOCIATE: one socket for the datagrams of one client, a stream for each place
 * they go to. It lives as long as the client's connection. Who sends the first datagram from the
 * client's address is the client; nobody else is heard. */
#include "app/fwd_flow.h"
#include "app/fwd_inner.h"
#include "app/socks.h"
#include "base/alloc.h"
#include "core/dgram.h"

#define FLOWS_MAX 64 /* of one client */

struct adit_fwd_assoc {
    struct adit_forwards *f;
    struct adit_dgram dgram;
    struct adit_flows flows;
    struct adit_addr client; /* port 0: it has sent nothing yet; family NONE: a local client */
};

static bool is_client(struct adit_fwd_assoc *a, const struct adit_addr *from)
{
    if (!a->client.family && adit_addr_scope(from) == ADIT_SCOPE_LOOPBACK)
        a->client = *from;
    else if (!a->client.port && adit_addr_equal_ip(&a->client, from))
        a->client = *from;
    return adit_addr_equal(&a->client, from);
}

static void on_packet(void *arg, const struct adit_addr *from, const uint8_t *bytes, size_t n,
                      adit_time now)
{
    struct adit_fwd_assoc *a = arg;
    struct adit_end to;
    char key[ADIT_END_STR];
    ssize_t header = is_client(a, from) ? adit_socks_udp_decode(&to, bytes, n) : -EPROTO;

    if (header < 0) {
        a->f->stats.datagrams_dropped++;
        return;
    }
    adit_end_str(&to, key);
    adit_flows_send(&a->flows, key, strlen(key), &to, bytes + header, n - (size_t)header, now);
}

static const struct adit_dgram_ops dgram_ops = { .packet = on_packet };

static void on_datagram(void *arg, struct adit_flow *flow, const uint8_t *bytes, size_t n)
{
    struct adit_fwd_assoc *a = arg;
    uint8_t packet[ADIT_SOCKS_UDP_MAX + ADIT_DGRAM_MAX];
    size_t header = adit_socks_udp_encode(packet, &flow->from);

    if (n <= ADIT_DGRAM_MAX) {
        memcpy(packet + header, bytes, n);
        if (adit_dgram_send(&a->dgram, &a->client, packet, header + n) == 0)
            return;
    }
    a->f->stats.datagrams_dropped++;
}

static const struct adit_flows_ops flows_ops = { .datagram = on_datagram };

int adit_fwd_assoc_new(struct adit_fwd_assoc **ret_assoc, struct adit_forwards *f,
                       const struct adit_addr *local, const struct adit_addr *peer)
{
    struct adit_fwd_assoc *a = adit_zalloc(sizeof *a);
    struct adit_addr at = *local;

    if (!a)
        return -ENOMEM;
    a->f = f;
    a->client = *peer;
    a->client.port = 0;
    if (!at.family)
        at = (struct adit_addr){ .family = ADIT_FAMILY_V4, .ip = { 127, 0, 0, 1 } };
    at.port = 0;
    adit_flows_init(&a->flows, f, FLOWS_MAX, &flows_ops, a);
    int err = adit_dgram_bind(&a->dgram, f->conf.loop, &at, &dgram_ops, a);
    if (err)
        adit_fwd_assoc_free(a);
    else
        *ret_assoc = a;
    return err;
}

struct adit_fwd_assoc *adit_fwd_assoc_free(struct adit_fwd_assoc *a)
{
    if (!a)
        return NULL;
    adit_flows_done(&a->flows);
    adit_dgram_close(&a->dgram);
    adit_free(a);
    return NULL;
}

const struct adit_addr *adit_fwd_assoc_at(const struct adit_fwd_assoc *a)
{
    return &a->dgram.local;
}
