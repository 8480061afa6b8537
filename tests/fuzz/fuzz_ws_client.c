/* fuzz_ws_client.c - a WebSocket client reads frames. */
#include "fuzz/ws_twice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_ws(false, data, size);
    return 0;
}
