/* fuzz_wire_head.c - heads as streams carry them: what is read and written again is the same. The
 * first byte says which of the three it is. */
#include <stdlib.h>

#include "app/wire_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct adit_wire_head w, again;
    struct adit_buf out;
    int kind = size ? data[0] % 3 : 0, err;

    if (!size)
        return 0;
    data++;
    size--;
    err = kind == 0   ? adit_wire_get_request(&w, data, size)
          : kind == 1 ? adit_wire_get_response(&w, data, size)
                      : adit_wire_get_fields(&w, data, size);
    adit_buf_init(&out, 1 << 20);
    if (!err && kind < 2) {
        adit_wire_put_head(&out, &w.head);
        err = kind == 0 ? adit_wire_get_request(&again, out.data, out.len)
                        : adit_wire_get_response(&again, out.data, out.len);
        if (err || again.head.count != w.head.count || again.head.body != w.head.body ||
            again.head.status != w.head.status || again.head.length != w.head.length)
            abort();
        adit_wire_head_done(&again);
    }
    adit_buf_done(&out);
    adit_wire_head_done(&w);
    return 0;
}
