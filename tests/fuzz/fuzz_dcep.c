/* fuzz_dcep.c - what the decoder accepts, the encoder makes again. */
#include "base/alloc.h"
#include "sctp/dcep.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct adit_channel_conf conf, again;

    if (adit_dcep_decode(&conf, data, size) != ADIT_DCEP_OPEN)
        return 0;
    size_t n = adit_dcep_open_size(&conf);
    uint8_t *out = adit_malloc(n);
    if (!out)
        return 0;
    adit_dcep_encode_open(out, &conf);
    if (n != size || adit_dcep_decode(&again, out, n) != ADIT_DCEP_OPEN ||
        again.unordered != conf.unordered || again.max_retransmits != conf.max_retransmits ||
        again.max_lifetime_ms != conf.max_lifetime_ms || again.label_len != conf.label_len)
        __builtin_trap();
    adit_free(out);
    return 0;
}
