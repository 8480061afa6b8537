/* openssl_seed.h - makes OpenSSL repeat itself: keys, nonces and signatures from a seed.
 *
 * For simulations and fuzzing alone. Process-wide, as OpenSSL's generator is. */
#ifndef SIM_OPENSSL_SEED_H
#define SIM_OPENSSL_SEED_H

#include "base/base.h"

void sim_openssl_seed(uint64_t seed);

#endif
