#define OPENSSL_SUPPRESS_DEPRECATED /* the only way to replace the generator as a whole */

#include "sim/openssl_seed.h"

#include <openssl/rand.h>

#include "base/rng.h"

static struct adit_rng rng;

static int seeded_bytes(unsigned char *out, int n)
{
    adit_rng_bytes(&rng, out, (size_t)n);
    return 1;
}

static int seeded_status(void)
{
    return 1;
}

void sim_openssl_seed(uint64_t seed)
{
    static const RAND_METHOD method = {
        .bytes = seeded_bytes,
        .pseudorand = seeded_bytes,
        .status = seeded_status,
    };

    adit_rng_init_seed(&rng, seed);
    RAND_set_rand_method(&method);
}
