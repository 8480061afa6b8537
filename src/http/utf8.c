#include "http/utf8.h"

/* RFC 3629 section 4: what may follow each first byte. The bounds on the second byte are what keeps
 * out overlong forms, surrogates and everything above U+10FFFF. */
static bool begin(struct adit_utf8 *u, uint8_t c)
{
    u->low = 0x80;
    u->high = 0xbf;
    if (c < 0x80) {
        u->left = 0;
    } else if (c >= 0xc2 && c <= 0xdf) {
        u->left = 1;
    } else if (c >= 0xe0 && c <= 0xef) {
        u->left = 2;
        u->low = c == 0xe0 ? 0xa0 : 0x80;
        u->high = c == 0xed ? 0x9f : 0xbf;
    } else if (c >= 0xf0 && c <= 0xf4) {
        u->left = 3;
        u->low = c == 0xf0 ? 0x90 : 0x80;
        u->high = c == 0xf4 ? 0x8f : 0xbf;
    } else {
        return false;
    }
    return true;
}

bool adit_utf8_feed(struct adit_utf8 *u, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (u->left == 0) {
            if (!begin(u, bytes[i]))
                return false;
        } else if (bytes[i] < u->low || bytes[i] > u->high) {
            return false;
        } else {
            u->left--;
            u->low = 0x80;
            u->high = 0xbf;
        }
    }
    return true;
}
