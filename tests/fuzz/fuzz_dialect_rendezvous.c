/* What the rendezvous service, and datagrams of a worker might say. */
#include "fuzz/dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_dialect("conf rendezvous id=w1 target=/", data, size);
    return 0;
}
