#include "base/rng.h"

#include <stdlib.h>
#include <sys/random.h>

void adit_rng_init(struct adit_rng *r)
{
    *r = (struct adit_rng){ 0 };
}

void adit_rng_init_seed(struct adit_rng *r, uint64_t seed)
{
    *r = (struct adit_rng){ .seeded = true, .state = seed };
}

/* splitmix64: a fixed-increment counter through a mixer; every seed gives a full-period sequence.
 */
static uint64_t seeded_u64(struct adit_rng *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void kernel_bytes(uint8_t *out, size_t n)
{
    while (n) {
        ssize_t got = getrandom(out, n, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            abort(); /* without randomness there is no security to offer, and no way to go on */
        out += got;
        n -= (size_t)got;
    }
}

void adit_rng_bytes(struct adit_rng *r, void *out, size_t n)
{
    uint8_t *p = out;

    if (!r->seeded) {
        kernel_bytes(p, n);
        return;
    }
    while (n) {
        uint64_t v = seeded_u64(r);
        size_t take = n < sizeof v ? n : sizeof v;

        memcpy(p, &v, take);
        p += take;
        n -= take;
    }
}

uint64_t adit_rng_u64(struct adit_rng *r)
{
    uint64_t v;

    adit_rng_bytes(r, &v, sizeof v);
    return v;
}

uint32_t adit_rng_u32(struct adit_rng *r)
{
    return (uint32_t)adit_rng_u64(r);
}

uint32_t adit_rng_below(struct adit_rng *r, uint32_t bound)
{
    /* A 32-bit draw scaled down: no value is more than bound / 2^32 likelier than another. */
    return (uint32_t)((uint64_t)adit_rng_u32(r) * bound >> 32);
}

void adit_rng_ice_chars(struct adit_rng *r, char *out, size_t n)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    adit_rng_bytes(r, out, n);
    for (size_t i = 0; i < n; i++)
        out[i] = alphabet[(uint8_t)out[i] & 63];
    out[n] = 0;
}
