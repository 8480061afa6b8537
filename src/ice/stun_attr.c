#include "ice/stun_attr.h"

#include <stdio.h>

#include "base/digest.h"

#define COOKIE 0x2112a442u

uint32_t adit_stun_find32(const void *bytes, size_t n, enum adit_stun_attribute type,
                          uint32_t otherwise)
{
    struct adit_span v = adit_stun_find(bytes, n, type);

    return v.data && v.len == 4 ? adit_get32(v.data) : otherwise;
}

/* Its own inverse. */
static void mask(struct adit_addr *a, const uint8_t id[ADIT_STUN_ID_SIZE])
{
    uint8_t m[4 + ADIT_STUN_ID_SIZE];

    adit_put32(m, COOKIE);
    memcpy(m + 4, id, ADIT_STUN_ID_SIZE);
    a->port ^= (uint16_t)(COOKIE >> 16);
    for (size_t i = 0; i < (a->family == ADIT_FAMILY_V4 ? 4 : 16); i++)
        a->ip[i] ^= m[i];
}

int adit_stun_get_addr(struct adit_addr *ret_addr, struct adit_span value)
{
    static const uint8_t id[ADIT_STUN_ID_SIZE]; /* whichever it is, it takes itself away again */
    int err = adit_stun_get_xor(ret_addr, value, id);

    if (!err)
        mask(ret_addr, id);
    return err;
}

size_t adit_stun_put_xor(uint8_t out[20], const struct adit_addr *addr,
                         const uint8_t id[ADIT_STUN_ID_SIZE])
{
    struct adit_addr a = *addr;
    size_t len = a.family == ADIT_FAMILY_V4 ? 4 : 16;

    mask(&a, id);
    out[0] = 0;
    out[1] = a.family == ADIT_FAMILY_V4 ? 1 : 2;
    adit_put16(out + 2, a.port);
    memcpy(out + 4, a.ip, len);
    return 4 + len;
}

void adit_stun_long_term_key(uint8_t out[ADIT_STUN_KEY_SIZE], const char *user, const char *realm,
                             const char *password)
{
    char text[2048];
    int n = snprintf(text, sizeof text, "%s:%s:%s", user, realm, password);

    adit_md5(out, text, n < (int)sizeof text ? (size_t)n : sizeof text - 1);
    explicit_bzero(text, sizeof text);
}
