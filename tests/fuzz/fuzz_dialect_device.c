/* What the device server, HTTP and WebSocket might say. */
#include "fuzz/dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_dialect("conf device id=desk-01 email=a@example.org password=correct-horse "
                 "new_account=yes target=/signal",
                 data, size);
    return 0;
}
