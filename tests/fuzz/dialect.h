/* dialect.h - a conversation out of arbitrary bytes: each line something that happens. */
#ifndef FUZZ_DIALECT_H
#define FUZZ_DIALECT_H

#include <stdlib.h>

#include "sim/dialect_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_dialect(const char *begin, const uint8_t *data, size_t size)
{
    struct adit_buf script, out;

    if (size > 1 << 16)
        return;
    adit_buf_init(&script, 1 << 20);
    adit_buf_init(&out, 1 << 22); /* past it nothing more is written down */
    adit_buf_printf(&script, "%s\nbegin\nopen\n", begin);
    adit_buf_add(&script, data, size);
    if (script.err)
        abort();
    adit_dialect_script(&out, (char *)script.data, script.len);
    adit_buf_done(&out);
    adit_buf_done(&script);
}

#endif
