/* fuzz_cand.c - a candidate line; what is accepted must print to what is accepted and equal. */
#include <stdlib.h>

#include "ice/cand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct adit_cand c = { .priority = 0 }, again = c;
    struct adit_buf out;

    if (adit_cand_parse(&c, (const char *)data, size) < 0)
        return 0;
    adit_buf_init(&out, 4096);
    adit_cand_print(&out, &c);
    if (out.err || adit_cand_parse(&again, (const char *)out.data, out.len) < 0 ||
        again.priority != c.priority || again.transport != c.transport ||
        again.tcptype != c.tcptype || !adit_addr_equal(&again.addr, &c.addr) ||
        strcmp(again.foundation, c.foundation) != 0 || strcmp(again.name, c.name) != 0)
        abort();
    adit_buf_done(&out);
    return 0;
}
