/* utf8.h - UTF-8 (RFC 3629) that comes in pieces: is it still valid, and may it end here? */
#ifndef ADIT_HTTP_UTF8_H
#define ADIT_HTTP_UTF8_H

#include "base/base.h"

/* All zero: nothing has come yet. */
struct adit_utf8 {
    uint8_t left;      /* bytes to come of the character that has begun */
    uint8_t low, high; /* what the next one of them may be */
};

/* False at the first byte that no valid text can have here; then u is of no use any more. */
bool adit_utf8_feed(struct adit_utf8 *u, const uint8_t *bytes, size_t n);

static inline bool adit_utf8_may_end(const struct adit_utf8 *u)
{
    return u->left == 0;
}

#endif
