/* What the room server might say. */
#include "fuzz/dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_dialect("conf room room=my-lab target=/", data, size);
    return 0;
}
