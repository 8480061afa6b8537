/* What the agent server might say. */
#include "fuzz/dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_dialect("conf agent id=bob target=/", data, size);
    return 0;
}
