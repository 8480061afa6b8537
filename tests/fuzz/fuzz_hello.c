/* fuzz_hello.c - the first message of a channel with streams. */
#include <stdlib.h>

#include "app/hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct adit_hello h;

    if (adit_hello_get(&h, data, size) == 0 &&
        (!h.streams || !h.window || h.window > 1 << 24 || h.streams > 1 << 20))
        abort();
    return 0;
}
