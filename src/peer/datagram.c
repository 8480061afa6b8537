/* datagram.c - packets in DTLS records of their own, beside SCTP; docs/datagram.md has every byte.
 *
 *     type  one byte, 1
 *     rest  the packet
 *
 * The first byte of an SCTP packet is the upper half of its source port: 0x13 of 5000. */
#include "base/log.h"
#include "peer/inner.h"

#define TYPE_PACKET 0x01
#define TYPE_SCTP   0x13
#define SCTP_PORT   5000

_Static_assert(SCTP_PORT >> 8 == TYPE_SCTP && TYPE_SCTP != TYPE_PACKET,
               "what the first byte tells apart");

void adit_engine_take_datagrams(struct adit_engine *e)
{
    e->datagrams = true;
}

/* A peer that uses another SCTP port is not one of us, and the first byte would tell nothing. */
bool adit_engine_datagrams(const struct adit_engine *e)
{
    return e->datagrams && e->remote && e->remote->datagram && e->remote->sctp_port == SCTP_PORT;
}

static size_t record_max(const struct adit_engine *e)
{
    return adit_dtls_payload_for(adit_parts_mtu(e)) - ADIT_DATAGRAM_HEADROOM;
}

size_t adit_engine_datagram_max(const struct adit_engine *e, bool *ret_sure)
{
    (void)adit_engine_packet_max(e, ret_sure);
    return record_max(e);
}

/* Nothing of this changes what the engine would do next, so there is nothing to settle. */
int adit_engine_datagram(struct adit_engine *e, uint8_t *bytes, size_t n)
{
    int err;

    if (!adit_engine_datagrams(e))
        return -EOPNOTSUPP;
    if (adit_engine_ended(e) || e->closing)
        return -EPIPE;
    if (!e->dtls)
        return -ENOTCONN;
    if (n > record_max(e)) /* DTLS itself never takes less than it once did, see set_mtu */
        return -EMSGSIZE;
    bytes[-1] = TYPE_PACKET;
    err = adit_dtls_write(e->dtls, bytes - 1, n + 1);
    if (err)
        return err;
    e->datagrams_sent++;
    e->datagram_bytes_sent += n;
    return 0;
}

bool adit_datagram_feed(struct adit_engine *e, const uint8_t *bytes, size_t n)
{
    if (!adit_engine_datagrams(e) || (n && bytes[0] == TYPE_SCTP))
        return false;
    if (n <= ADIT_DATAGRAM_HEADROOM || bytes[0] != TYPE_PACKET) {
        e->datagrams_dropped++;
        adit_trace("peer", "a record of %zu bytes that is neither SCTP nor a packet", n);
        return true;
    }
    e->datagrams_received++;
    e->datagram_bytes_received += n - ADIT_DATAGRAM_HEADROOM;
    adit_engine_tell(e, &(struct adit_engine_event){ .type = ADIT_ENGINE_EV_DATAGRAM,
                                                     .bytes = bytes + ADIT_DATAGRAM_HEADROOM,
                                                     .n = n - ADIT_DATAGRAM_HEADROOM });
    return true;
}
