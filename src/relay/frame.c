#include "relay/frame.h"

#define COOKIE 0x2112a442u /* RFC 8489 section 5 */

/* No message is shorter than the fields that tell its length and kind. */
static int length_of(const uint8_t *p, size_t n)
{
    if (p[0] < 4) {
        if (adit_get16(p + 2) % 4)
            return -EPROTO;
        if (n >= 8 && adit_get32(p + 4) != COOKIE)
            return -EPROTO;
        return 20 + adit_get16(p + 2);
    }
    if (p[0] >> 6 == 1) /* channels 0x4000 to 0x7fff: those of RFC 5766 */
        return 4 + (adit_get16(p + 2) + 3) / 4 * 4;
    return -EPROTO;
}

int adit_turnd_frame(const uint8_t *bytes, size_t n)
{
    int len;

    if (n < 4)
        return n && bytes[0] >= 4 && bytes[0] >> 6 != 1 ? -EPROTO : 0;
    len = length_of(bytes, n);
    if (len > ADIT_TURND_FRAME_MAX)
        return -EMSGSIZE;
    return len < 0 || n >= (size_t)len ? len : 0;
}
