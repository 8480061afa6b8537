/* fuzz_haul.c - a binary message that may be a packet: what was read is written again, the same. */
#include <stdlib.h>

#include "signal/haul.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t out[ADIT_HAUL_MAX], end[8];
    struct adit_haul h;
    struct adit_addr a;
    int err = adit_haul_read(&h, data, size);

    if (err) {
        if (err != -EPROTO && err != -ENOMSG)
            abort();
        return 0;
    }
    if (adit_haul_write(out, &h) != size || memcmp(out, data, size) != 0)
        abort();
    a = adit_haul_addr(h.to);
    if (adit_haul_end(end, &a) < 0 || memcmp(end, h.to, sizeof end) != 0)
        abort();
    return 0;
}
