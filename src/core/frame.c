#include "core/frame.h"

ssize_t adit_frame_next(struct adit_span *ret_packet, const uint8_t *bytes, size_t n)
{
    size_t len;

    if (n < ADIT_FRAME_HEAD)
        return 0;
    len = (size_t)bytes[0] << 8 | bytes[1];
    if (len > ADIT_FRAME_MAX)
        return -EMSGSIZE;
    if (n < ADIT_FRAME_HEAD + len)
        return 0;
    *ret_packet = (struct adit_span){ .data = bytes + ADIT_FRAME_HEAD, .len = len };
    return (ssize_t)(ADIT_FRAME_HEAD + len);
}

void adit_frame_head(uint8_t ret_head[ADIT_FRAME_HEAD], size_t n)
{
    assert(n <= ADIT_FRAME_MAX);
    ret_head[0] = (uint8_t)(n >> 8);
    ret_head[1] = (uint8_t)n;
}
