/* rng.h - random bytes: the kernel's for programs, a seeded generator for tests.
 *
 * Engines take a `struct adit_rng *`, so a simulated run repeats from its seed. The seeded
 * generator (splitmix64) is not secret; nothing but a test may use adit_rng_init_seed. */
#ifndef ADIT_RNG_H
#define ADIT_RNG_H

#include "base/base.h"

struct adit_rng {
    bool seeded;
    uint64_t state;
};

void adit_rng_init(struct adit_rng *r); /* getrandom(2) */
void adit_rng_init_seed(struct adit_rng *r, uint64_t seed);

void adit_rng_bytes(struct adit_rng *r, void *out, size_t n);
uint32_t adit_rng_u32(struct adit_rng *r);
uint64_t adit_rng_u64(struct adit_rng *r);
/* Uniform in [0, bound), bound > 0. */
uint32_t adit_rng_below(struct adit_rng *r, uint32_t bound);
/* n characters of RFC 8445's ice-char alphabet (64 letters, 6 bits each) and a zero byte. */
void adit_rng_ice_chars(struct adit_rng *r, char *out, size_t n);

#endif
