/* data.c - packets: Send and Data indications (RFC 8656 section 11), ChannelData (12).
 *
 * A packet for another of our relayed addresses goes there without leaving: a peer behind the same
 * relay is reached also where this host's own address is refused, and nothing else of this host is.
 * Whatever is wrong with a packet, that packet is dropped and nothing else happens. */
#include "relay/inner.h"

#define CHANNEL_HEAD 4
#define HEADERS      28 /* of IPv4 and UDP */

/* A bucket of one second, both ways together. Headers count, so that empty packets cost something.
 */
static bool pay(struct adit_turnd *r, struct adit_turnd_allocation *a, size_t n, adit_time now)
{
    adit_time cost = (n + HEADERS) * ADIT_SEC / r->conf.limits.bandwidth;
    adit_time next = adit_time_max(a->level, now) + cost;

    if (next > now + ADIT_SEC) {
        a->lost_bytes += n;
        r->stats.over_rate++;
        return false;
    }
    a->level = next;
    a->bytes += n;
    return true;
}

/* ---- to the client --------------------------------------------------------------------------- */

static void send_channel(struct adit_turnd *r, const struct adit_turnd_allocation *a,
                         uint16_t number, const uint8_t *bytes, size_t n)
{
    uint8_t out[CHANNEL_HEAD + ADIT_TURND_PACKET_MAX + 3];
    size_t whole = CHANNEL_HEAD + n;

    adit_put16(out, number);
    adit_put16(out + 2, (uint16_t)n);
    memcpy(out + CHANNEL_HEAD, bytes, n);
    while (a->flow.stream && whole % 4) /* section 12.5 */
        out[whole++] = 0;
    r->ops->send(r->arg, &a->flow, out, whole, true);
}

static void send_data(struct adit_turnd *r, const struct adit_turnd_allocation *a,
                      const struct adit_addr *peer, const uint8_t *bytes, size_t n)
{
    uint8_t id[ADIT_STUN_ID_SIZE];
    struct adit_stun_out out;

    adit_rng_bytes(r->rng, id, sizeof id);
    adit_stun_begin(&out, ADIT_STUN_INDICATION, ADIT_STUN_DATA, id);
    adit_stun_add_xor(&out, ADIT_STUN_XOR_PEER_ADDRESS, peer);
    adit_stun_add(&out, ADIT_STUN_DATA_VALUE, bytes, n);
    if (adit_stun_finish_bare(&out))
        r->ops->send(r->arg, &a->flow, out.bytes, out.len, true);
}

void adit_turnd_heard(struct adit_turnd *r, struct adit_turnd_port *port,
                      const struct adit_addr *peer, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_turnd_allocation *a =
        adit_container_of(port, struct adit_turnd_socket, port)->allocation;
    const struct adit_turnd_channel *c;

    if (!a || n > ADIT_TURND_PACKET_MAX)
        return; /* reserved: nobody listens yet */
    if (!adit_turnd_permitted(a, peer, now)) {
        r->stats.no_permission++;
        return;
    }
    if (!pay(r, a, n, now))
        return;
    r->stats.to_client_packets++;
    r->stats.to_client_bytes += n;
    c = adit_turnd_channel_by_peer(a, peer, now);
    if (c)
        send_channel(r, a, c->number, bytes, n);
    else
        send_data(r, a, peer, bytes, n);
}

/* ---- to the peer ----------------------------------------------------------------------------- */

static struct adit_turnd_socket *find_socket(struct adit_turnd *r, const struct adit_addr *addr)
{
    uint8_t key[ADIT_TURND_ADDR_KEY];
    struct adit_map_node *n;

    adit_turnd_addr_key(key, addr);
    n = adit_map_find(&r->sockets, key, sizeof key);
    return n ? adit_container_of(n, struct adit_turnd_socket, node) : NULL;
}

static void to_peer(struct adit_turnd *r, struct adit_turnd_allocation *a,
                    const struct adit_addr *peer, const uint8_t *bytes, size_t n, bool whole,
                    adit_time now)
{
    struct adit_turnd_socket *from = a->sockets[adit_turnd_index(peer)];
    struct adit_turnd_socket *ours = find_socket(r, peer);

    if (!from || n > ADIT_TURND_PACKET_MAX || !pay(r, a, n, now))
        return;
    if (!ours && adit_addr_equal_ip(peer, &from->port.addr) && !adit_turnd_allowed(r, peer)) {
        r->stats.forbidden++;
        return;
    }
    r->stats.to_peer_packets++;
    r->stats.to_peer_bytes += n;
    if (ours)
        adit_turnd_heard(r, &ours->port, &from->port.addr, bytes, n, now);
    else
        r->ops->emit(r->arg, &from->port, peer, bytes, n, whole);
}

void adit_turnd_send_indication(struct adit_turnd_call *call)
{
    struct adit_span value = adit_turnd_attribute(call, ADIT_STUN_XOR_PEER_ADDRESS);
    struct adit_span data = adit_turnd_attribute(call, ADIT_STUN_DATA_VALUE);
    struct adit_stun msg;
    struct adit_addr peer;

    /* With an attribute that we would have to understand it is dropped (RFC 8489 section 6.3.2). */
    if (adit_stun_decode(&msg, call->bytes, call->n, &(struct adit_stun_auth){ 0 }) !=
            ADIT_STUN_OK ||
        !data.data || !value.data || adit_stun_get_xor(&peer, value, call->head.id) < 0)
        return;
    if (!adit_turnd_permitted(call->allocation, &peer, call->now)) {
        call->relay->stats.no_permission++;
        return;
    }
    to_peer(call->relay, call->allocation, &peer, data.data, data.len,
            adit_turnd_attribute(call, ADIT_STUN_DONT_FRAGMENT).data != NULL, call->now);
}

/* Bytes behind the length are padding (section 12.6). */
void adit_turnd_channel_data(struct adit_turnd *r, struct adit_turnd_allocation *a,
                             const uint8_t *bytes, size_t n, adit_time now)
{
    const struct adit_turnd_channel *c;

    if (n < CHANNEL_HEAD || (size_t)adit_get16(bytes + 2) > n - CHANNEL_HEAD)
        return;
    c = adit_turnd_channel_by_number(a, adit_get16(bytes), now);
    if (c)
        to_peer(r, a, &c->peer, bytes + CHANNEL_HEAD, adit_get16(bytes + 2), false, now);
    else
        r->stats.no_permission++;
}
