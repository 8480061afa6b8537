#include "base/crc32c.h"

/* ---- tables: eight bytes a step -------------------------------------------------------------- */

/* Row k says what byte x does when k more bytes follow it in the step. The map is linear over xor,
 * so a row is the xor of its eight single-bit values, and the compiler makes the 256 entries. */
#define BIT(x, n, v) (((x) >> (n)) & 1 ? v##u : 0u)
#define E(x, a, b, c, d, e, f, g, h)                                                           \
    (BIT(x, 0, a) ^ BIT(x, 1, b) ^ BIT(x, 2, c) ^ BIT(x, 3, d) ^ BIT(x, 4, e) ^ BIT(x, 5, f) ^ \
     BIT(x, 6, g) ^ BIT(x, 7, h))
#define E4(x, ...) \
    E(x, __VA_ARGS__), E(x + 1, __VA_ARGS__), E(x + 2, __VA_ARGS__), E(x + 3, __VA_ARGS__)
#define E16(x, ...) \
    E4(x, __VA_ARGS__), E4(x + 4, __VA_ARGS__), E4(x + 8, __VA_ARGS__), E4(x + 12, __VA_ARGS__)
#define E64(x, ...)                                                          \
    E16(x, __VA_ARGS__), E16(x + 16, __VA_ARGS__), E16(x + 32, __VA_ARGS__), \
        E16(x + 48, __VA_ARGS__)
#define ROW(...)                                                                                \
    {                                                                                           \
        E64(0, __VA_ARGS__), E64(64, __VA_ARGS__), E64(128, __VA_ARGS__), E64(192, __VA_ARGS__) \
    }

static const uint32_t table[8][256] = {
    ROW(0xf26b8303, 0xe13b70f7, 0xc79a971f, 0x8ad958cf, 0x105ec76f, 0x20bd8ede, 0x417b1dbc,
        0x82f63b78),
    ROW(0x13a29877, 0x274530ee, 0x4e8a61dc, 0x9d14c3b8, 0x3fc5f181, 0x7f8be302, 0xff17c604,
        0xfbc3faf9),
    ROW(0xa541927e, 0x4f6f520d, 0x9edea41a, 0x38513ec5, 0x70a27d8a, 0xe144fb14, 0xc76580d9,
        0x8b277743),
    ROW(0xdd45aab8, 0xbf672381, 0x7b2231f3, 0xf64463e6, 0xe964b13d, 0xd725148b, 0xaba65fe7,
        0x52a0c93f),
    ROW(0x38116fac, 0x7022df58, 0xe045beb0, 0xc5670b91, 0x8f2261d3, 0x1ba8b557, 0x37516aae,
        0x6ea2d55c),
    ROW(0xef306b19, 0xdb8ca0c3, 0xb2f53777, 0x6006181f, 0xc00c303e, 0x85f4168d, 0x0e045beb,
        0x1c08b7d6),
    ROW(0x68032cc8, 0xd0065990, 0xa5e0c5d1, 0x4e2dfd53, 0x9c5bfaa6, 0x3d5b83bd, 0x7ab7077a,
        0xf56e0ef4),
    ROW(0x493c7d27, 0x9278fa4e, 0x211d826d, 0x423b04da, 0x847609b4, 0x0d006599, 0x1a00cb32,
        0x34019664),
};

static uint32_t load32_le(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

uint32_t adit_crc32c_table(uint32_t crc, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;

    crc = ~crc;
    for (; n >= 8; n -= 8, p += 8) {
        uint32_t lo = load32_le(p) ^ crc, hi = load32_le(p + 4);

        crc = table[7][lo & 255] ^ table[6][lo >> 8 & 255] ^ table[5][lo >> 16 & 255] ^
              table[4][lo >> 24] ^ table[3][hi & 255] ^ table[2][hi >> 8 & 255] ^
              table[1][hi >> 16 & 255] ^ table[0][hi >> 24];
    }
    while (n--)
        crc = crc >> 8 ^ table[0][(crc ^ *p++) & 255];
    return ~crc;
}

/* ---- by instruction -------------------------------------------------------------------------- */

#if defined(__x86_64__) || defined(__aarch64__)
static uint64_t load64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return v;
}
#endif

#if defined(__x86_64__)
#include <nmmintrin.h>

bool adit_crc32c_has_hw(void)
{
    return __builtin_cpu_supports("sse4.2");
}

__attribute__((target("sse4.2"))) uint32_t adit_crc32c_hw(uint32_t crc, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    uint64_t wide = ~crc;

    for (; n >= 8; n -= 8, p += 8)
        wide = _mm_crc32_u64(wide, load64(p));
    while (n--)
        wide = _mm_crc32_u8((uint32_t)wide, *p++);
    return ~(uint32_t)wide;
}

#elif defined(__aarch64__) && defined(__linux__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#include <asm/hwcap.h>
#include <sys/auxv.h>

bool adit_crc32c_has_hw(void)
{
    return getauxval(AT_HWCAP) & HWCAP_CRC32;
}

/* Written out, because arm_acle.h offers the intrinsics only when the whole file may use them. */
uint32_t adit_crc32c_hw(uint32_t crc, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;

    crc = ~crc;
    for (; n >= 8; n -= 8, p += 8)
        __asm__(".arch_extension crc\n\tcrc32cx %w0, %w0, %x1" : "+r"(crc) : "r"(load64(p)));
    for (; n; n--, p++)
        __asm__(".arch_extension crc\n\tcrc32cb %w0, %w0, %w1" : "+r"(crc) : "r"((uint32_t)*p));
    return ~crc;
}

#else

bool adit_crc32c_has_hw(void)
{
    return false;
}

uint32_t adit_crc32c_hw(uint32_t crc, const void *bytes, size_t n)
{
    return adit_crc32c_table(crc, bytes, n);
}

#endif

uint32_t adit_crc32c(uint32_t crc, const void *bytes, size_t n)
{
    return adit_crc32c_has_hw() ? adit_crc32c_hw(crc, bytes, n) : adit_crc32c_table(crc, bytes, n);
}
