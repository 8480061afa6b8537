/* What the device server with challenges might say. */
#include "fuzz/dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_dialect("conf device-b id=desk-01 token=t "
                 "device_key=nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A= target=/signal",
                 data, size);
    return 0;
}
