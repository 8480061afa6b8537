/* A packet from a peer or from the device: taken apart, filtered, and answered. */
#include "tun/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void filter(const uint8_t *data, size_t size, bool tap)
{
    struct adit_filter f = {
        .tap = tap,
        .strict = true,
        .allowed = { { .addr = { .family = ADIT_FAMILY_V4 }, .len = 1 },
                     { .addr = { .family = ADIT_FAMILY_V6 }, .len = 3 } },
        .allowed_count = 2,
        .own = { { .family = ADIT_FAMILY_V4, .ip = { 10, 0, 0, 1 } } },
        .own_count = 1,
        .local = { .family = ADIT_FAMILY_V4, .port = 1000 },
        .remote = { .family = ADIT_FAMILY_V4, .port = 2000 },
        .mtu = 100,
    };
    uint8_t out[ADIT_FILTER_ANSWER_MAX];
    size_t len = 0;

    if (adit_filter_in(&f, data, size, &len) == ADIT_DROP_NONE)
        assert(len > 0 && len <= size);
    len = 0;
    if (adit_filter_out(&f, data, size, &len) == ADIT_DROP_NONE)
        assert(len > 0 && len <= size);
    else if (size >= (tap ? ADIT_ETHER_LEN : 0))
        assert(adit_filter_answer(&f, out, data, size) <= sizeof out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t out[ADIT_TOO_BIG_MAX];
    struct adit_packet p, answer;

    filter(data, size, false);
    filter(data, size, true);
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
