/* fuzz_http1_request.c - requests, one after the other. */
#include "fuzz/http1_twice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_http1(false, data, size);
    return 0;
}
