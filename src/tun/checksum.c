#include "tun/checksum.h"

#define BLOCK 64

/* Sums words in the byte order of the machine, wide: RFC 1071 section 2 (B) and (C). */
uint64_t adit_sum(uint64_t sum, const uint8_t *bytes, size_t n)
{
    uint64_t a = 0, b = 0, c = 0, d = 0;
    uint32_t word[BLOCK / 4];
    uint8_t rest[BLOCK] = { 0 };
    uint16_t folded;

    for (; n >= BLOCK; bytes += BLOCK, n -= BLOCK) {
        memcpy(word, bytes, BLOCK);
        for (size_t i = 0; i < BLOCK / 4; i += 4) {
            a += word[i];
            b += word[i + 1];
            c += word[i + 2];
            d += word[i + 3];
        }
    }
    if (n) {
        memcpy(rest, bytes, n);
        memcpy(word, rest, BLOCK);
        for (size_t i = 0; i < BLOCK / 4; i++)
            a += word[i];
    }
    folded = adit_sum_fold(a + b + c + d);
    return sum + adit_get16((const uint8_t *)&folded);
}

uint64_t adit_sum_pseudo(const uint8_t *ip, bool v6, uint8_t proto, size_t n)
{
    return adit_sum(proto + (uint64_t)(n & 0xffff) + (n >> 16), ip + (v6 ? 8 : 12), v6 ? 32 : 8);
}
