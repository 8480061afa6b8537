/* What a mailbox might say. */
#include "fuzz/dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_dialect("conf mailbox role=offerer target=/box/lab", data, size);
    return 0;
}
