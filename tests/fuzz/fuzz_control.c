/* Control records between two adits: what is taken is within the limits, and comes back as it was.
 */
#include <stdlib.h>

#include "peer/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct adit_control c, again;
    struct adit_buf out;

    if (adit_control_get(&c, data, size) < 0)
        return 0;
    adit_buf_init(&out, 4096);
    adit_control_put(&out, &c, 4096);
    if (out.err || adit_control_get(&again, out.data, out.len) < 0 ||
        memcmp(&c, &again, sizeof c) != 0)
        abort();
    adit_buf_done(&out);
    return 0;
}
