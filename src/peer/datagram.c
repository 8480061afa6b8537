/* datagram.c - packets in DTLS records of their own, beside SCTP; docs/datagram.md has every byte.
 */
#include "peer/inner.h"

#define SCTP_PORT 5000

void adit_engine_take_datagrams(struct adit_engine *e)
{
    e->datagrams = true;
}

/* A peer that uses another SCTP port is not one of us. */
bool adit_engine_datagrams(const struct adit_engine *e)
{
    return e->datagrams && e->remote && e->remote->datagram && e->remote->sctp_port == SCTP_PORT;
}

size_t adit_engine_datagram_max(const struct adit_engine *e, bool *ret_sure)
{
    (void)adit_engine_packet_max(e, ret_sure);
    return adit_dtls_direct_for(adit_parts_mtu(e));
}

/* Nothing of this changes what the engine would do next, so there is nothing to settle. */
int adit_engine_datagram(struct adit_engine *e, const uint8_t *bytes, size_t n)
{
    int err;

    if (!adit_engine_datagrams(e))
        return -EOPNOTSUPP;
    if (adit_engine_ended(e) || e->closing)
        return -EPIPE;
    if (!e->dtls)
        return -ENOTCONN;
    if (n > adit_dtls_direct_for(adit_parts_mtu(e)))
        return -EMSGSIZE;
    err = adit_dtls_write_direct(e->dtls, bytes, n);
    if (err)
        return err;
    adit_again_keep(e, bytes, n);
    e->datagrams_sent++;
    e->datagram_bytes_sent += n;
    return 0;
}

void adit_datagram_start(struct adit_engine *e)
{
    struct adit_cause cause;
    int err = adit_engine_datagrams(e) ? adit_dtls_start_direct(e->dtls) : 0;

    if (!err)
        return;
    adit_cause_set(&cause, err == -ENOMEM ? ADIT_REASON_RESOURCE : ADIT_REASON_PROTOCOL, -err,
                   err == -ENOMEM ? "no memory for DTLS"
                                  : "DTLS agreed on nothing that packets beside it can use");
    adit_engine_end(e, &cause);
}

void adit_datagram_feed(struct adit_engine *e, const uint8_t *bytes, size_t n)
{
    e->datagrams_received++;
    e->datagram_bytes_received += n;
    adit_engine_tell(
        e, &(struct adit_engine_event){ .type = ADIT_ENGINE_EV_DATAGRAM, .bytes = bytes, .n = n });
}
