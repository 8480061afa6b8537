#include "relay/credentials.h"

#include "base/digest.h"
#include "base/str.h"

#define JOINED_MAX 512

void adit_turnd_password(char out[ADIT_TURND_PASSWORD_SIZE], const char *secret,
                         struct adit_span user)
{
    uint8_t mac[20];

    adit_hmac_sha1(mac, secret, strlen(secret), user.data, user.len);
    out[adit_base64_encode(out, mac, sizeof mac, false)] = '\0';
}

int adit_turnd_key(uint8_t out[ADIT_TURND_KEY_SIZE], struct adit_span user, const char *realm,
                   const char *password)
{
    size_t realm_len = strlen(realm), password_len = strlen(password);
    uint8_t joined[JOINED_MAX], *p = joined;

    if (user.len + realm_len + password_len + 2 > sizeof joined)
        return -EMSGSIZE;
    memcpy(p, user.data, user.len);
    p += user.len;
    *p++ = ':';
    memcpy(p, realm, realm_len);
    p += realm_len;
    *p++ = ':';
    memcpy(p, password, password_len);
    p += password_len;
    adit_md5(out, joined, (size_t)(p - joined));
    return 0;
}

struct adit_span adit_turnd_identity(struct adit_span user)
{
    const uint8_t *colon = user.len ? memchr(user.data, ':', user.len) : NULL;

    if (!colon)
        return (struct adit_span){ 0 };
    return (struct adit_span){ colon + 1, user.len - (size_t)(colon + 1 - user.data) };
}

int64_t adit_turnd_expiry(struct adit_span user)
{
    struct adit_span id = adit_turnd_identity(user);
    uint64_t expiry;

    if (!id.data ||
        adit_str_u64(&expiry, (const char *)user.data, user.len - id.len - 1, 1, INT64_MAX) < 0)
        return -EINVAL;
    return (int64_t)expiry;
}
