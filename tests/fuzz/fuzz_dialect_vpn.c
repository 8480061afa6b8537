/* What the VPN server might say. */
#include "fuzz/dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_dialect("conf vpn role=offerer room=lab target=/", data, size);
    return 0;
}
