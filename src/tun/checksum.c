#include "tun/checksum.h"

#define BLOCK 32

/* Four lanes, each the sum of 16-bit words: a mebibyte before one of them overflows. */
typedef uint32_t lanes __attribute__((vector_size(16)));

static inline void add_block(lanes *low, lanes *high, const uint8_t *bytes)
{
    lanes v[2];

    memcpy(v, bytes, BLOCK);
    *low += (v[0] & 0xffff) + (v[1] & 0xffff);
    *high += (v[0] >> 16) + (v[1] >> 16);
}

/* Sums words in the byte order of the machine: RFC 1071 section 2 (B). */
uint64_t adit_sum(uint64_t sum, const uint8_t *bytes, size_t n)
{
    lanes low = { 0 }, high = { 0 };
    uint8_t rest[BLOCK] = { 0 };
    uint16_t folded;

    for (; n >= BLOCK; bytes += BLOCK, n -= BLOCK)
        add_block(&low, &high, bytes);
    if (n) {
        memcpy(rest, bytes, n);
        add_block(&low, &high, rest);
    }
    low += high;
    folded = adit_sum_fold((uint64_t)low[0] + low[1] + low[2] + low[3]);
    return sum + adit_get16((const uint8_t *)&folded);
}

uint64_t adit_sum_pseudo(const uint8_t *ip, bool v6, uint8_t proto, size_t n)
{
    return adit_sum(proto + (uint64_t)(n & 0xffff) + (n >> 16), ip + (v6 ? 8 : 12), v6 ? 32 : 8);
}
