/* A packet from a peer: taken apart, and answered. */
#include "tun/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t out[ADIT_TOO_BIG_MAX];
    struct adit_packet p, answer;

    if (adit_packet_parse(&p, data, size) != ADIT_DROP_NONE)
        return 0;
    assert(p.len <= size && p.head <= p.len);
    size_t n = adit_packet_too_big(out, &p, data, ADIT_IPV6_MTU);
    assert(n <= sizeof out);
    /* What we say is a whole packet, and nobody answers it. */
    if (n > 0) {
        assert(adit_packet_parse(&answer, out, n) == ADIT_DROP_NONE && answer.len == n);
        assert(adit_packet_too_big(out, &answer, out, ADIT_IPV6_MTU) == 0);
    }
    return 0;
}
