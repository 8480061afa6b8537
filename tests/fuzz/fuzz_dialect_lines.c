/* What a program or a file might say. */
#include "fuzz/dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_dialect("conf lines role=answerer", data, size);
    return 0;
}
