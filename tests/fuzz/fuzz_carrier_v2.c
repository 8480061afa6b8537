/* fuzz_carrier_v2.c - the Tunnel Agent's frames of its first generation, at a consumer, at a
 * provider, between the two. */
#include "fuzz/carrier.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_carrier(&adit_carrier_v2, data, size);
}
