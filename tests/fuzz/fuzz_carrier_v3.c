/* fuzz_carrier_v3.c - the Tunnel Agent's frames of version 3, at a consumer, at a provider, between
 * the two; and, if the first line is "either", what finds out the version. */
#include "fuzz/carrier.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 7 && memcmp(data, "either\n", 7) == 0)
        return fuzz_carrier(&adit_carrier_agent, data + 7, size - 7);
    return fuzz_carrier(&adit_carrier_v3, data, size);
}
