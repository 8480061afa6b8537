/* checksum.h - the checksum of the internet (RFC 1071), fast enough for every byte of a tunnel. */
#ifndef ADIT_CHECKSUM_H
#define ADIT_CHECKSUM_H

#include "base/base.h"

/* The one's complement sum of n <= 2^20 bytes, taken as 16-bit words in network order (an odd last
 * byte is the upper half of a word), added to `sum`. Not folded: further sums may be added, up to
 * 2^32 words in all. */
uint64_t adit_sum(uint64_t sum, const uint8_t *bytes, size_t n);

/* Down to 16 bits; not complemented. */
static inline uint16_t adit_sum_fold(uint64_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* RFC 1071 over n bytes, begun with `sum`; the result is ready to be stored. */
static inline uint16_t adit_checksum(const uint8_t *bytes, size_t n, uint64_t sum)
{
    return (uint16_t)~adit_sum_fold(adit_sum(sum, bytes, n));
}

/* Of TCP and UDP: addresses, protocol, and the length of header and data (RFC 9293 section 3.1, RFC
 * 8200 section 8.1). `ip` is the IP header. */
uint64_t adit_sum_pseudo(const uint8_t *ip, bool v6, uint8_t proto, size_t n);

#endif
