/* fuzz_ws_server.c - a WebSocket server reads frames. */
#include "fuzz/ws_twice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_ws(true, data, size);
    return 0;
}
