/* fuzz_sdp.c - a session description; what is accepted must print to what is accepted and equal. */
#include <stdlib.h>

#include "peer/sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct adit_desc d, again, answer;
    struct adit_cause cause;
    struct adit_buf out;

    if (adit_sdp_parse(&d, ADIT_DESC_UNKNOWN, (const char *)data, size, &cause) < 0)
        return 0;
    adit_buf_init(&out, 2 * ADIT_SDP_SIZE_MAX);
    adit_sdp_print(&out, &d, NULL);
    if (out.err ||
        adit_sdp_parse(&again, ADIT_DESC_UNKNOWN, (char *)out.data, out.len, &cause) < 0 ||
        memcmp(&d, &again, sizeof d) != 0)
        abort();

    /* and our answer to it is one, with as many sections */
    adit_desc_init(&answer, ADIT_DESC_ANSWER);
    strcpy(answer.ufrag, "Zz9y");
    strcpy(answer.pwd, "ABCDEF120123456789abcdef");
    answer.fingerprints[0] = d.fingerprints[0];
    answer.fingerprint_count = 1;
    adit_buf_consume(&out, out.len);
    adit_sdp_print(&out, &answer, &d);
    if (out.err ||
        adit_sdp_parse(&again, ADIT_DESC_ANSWER, (char *)out.data, out.len, &cause) < 0 ||
        again.media_count != d.media_count || again.section != d.section ||
        strcmp(again.mid, d.mid) != 0)
        abort();
    adit_buf_done(&out);
    return 0;
}
