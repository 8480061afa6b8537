/* fuzz_carrier_room.c - the HTTP tunnel's frames, at a consumer, at a provider, between the two. */
#include "fuzz/carrier.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_carrier(&adit_carrier_room, data, size);
}
