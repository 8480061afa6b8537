#include <stdlib.h>

#include "dtls/cert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is accepted prints to something that reads as the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct adit_fingerprint fp, again;
    char out[ADIT_FINGERPRINT_STR];

    if (adit_fingerprint_parse(&fp, (const char *)data, size) < 0)
        return 0;
    adit_fingerprint_print(&fp, out);
    if (adit_fingerprint_parse(&again, out, strlen(out)) < 0 || again.hash != fp.hash ||
        again.len != fp.len || memcmp(again.value, fp.value, fp.len))
        abort();
    return 0;
}
