#include "signal/jwt.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/str.h"

#define SIGNATURE_MAX 64

static bool refuse(struct adit_cause *cause, const char *why)
{
    adit_cause_set(cause, ADIT_REASON_PROTOCOL, EACCES, "the token %s", why);
    return false;
}

/* RFC 7515 section 2: base64url without padding. A token is then written in one way only. */
static bool is_alphabet(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (text[i] == '+' || text[i] == '/' || text[i] == '=')
            return false;
    return true;
}

/* One part between the dots, as JSON; NULL if it is no object. */
static json_t *read_part(const char *text, size_t n)
{
    uint8_t bytes[ADIT_JWT_MAX];
    struct adit_cause cause;
    int len = adit_base64_decode(bytes, text, n);
    json_t *v = len > 0 ? adit_json_read((char *)bytes, (size_t)len, &cause) : NULL;

    if (v && !json_is_object(v)) {
        json_decref(v);
        v = NULL;
    }
    return v;
}

/* Does the signature belong to the bytes before it? The header may only name what we have a key
 * for, so a public key is never taken for a secret. */
static bool is_signed(const json_t *header, const char *token, size_t signed_len, const char *mac,
                      size_t mac_len, const struct adit_jwt_keys *keys, struct adit_cause *cause)
{
    const char *alg = adit_json_string(header, "alg");
    uint8_t given[2 * SIGNATURE_MAX], own[32];
    int len = mac_len <= adit_base64_size(SIGNATURE_MAX) ? adit_base64_decode(given, mac, mac_len)
                                                         : -EINVAL;
    bool good = false;

    if (json_object_get(header, "crit"))
        return refuse(cause, "asks for extensions that nobody here knows");
    if (alg && strcmp(alg, "HS256") == 0 && keys->secret) {
        adit_hmac_sha256(own, keys->secret, keys->secret_len, token, signed_len);
        good = len == (int)sizeof own && adit_equal_secret(own, given, sizeof own);
    } else if (alg && strcmp(alg, "EdDSA") == 0 && keys->ed25519) {
        good = len == SIGNATURE_MAX && adit_ed25519_verify(keys->ed25519, given, token, signed_len);
    } else {
        return refuse(cause, "is signed in a way that is not accepted here");
    }
    return good || refuse(cause, "is not signed with our key");
}

/* NumericDate: seconds, possibly with a fraction. False if it is there and no such thing. */
static bool get_date(const json_t *claims, const char *name, double *ret_date, bool *ret_given)
{
    const json_t *v = json_object_get(claims, name);

    *ret_given = v != NULL;
    *ret_date = json_number_value(v);
    return !v || json_is_number(v);
}

static bool is_for(const json_t *claims, const char *audience)
{
    const json_t *aud = json_object_get(claims, "aud"), *v;
    size_t i;

    if (json_is_string(aud))
        return strcmp(json_string_value(aud), audience) == 0;
    json_array_foreach(aud, i, v) if (json_is_string(v) &&
                                      strcmp(json_string_value(v), audience) == 0) return true;
    return false;
}

static bool is_current(const json_t *claims, const struct adit_jwt_keys *keys, int64_t wall,
                       struct adit_cause *cause)
{
    double exp, nbf, now = (double)wall, skew = keys->skew;
    bool has_exp, has_nbf;

    if (!get_date(claims, "exp", &exp, &has_exp) || !get_date(claims, "nbf", &nbf, &has_nbf))
        return refuse(cause, "has a date that is no number");
    if (!has_exp)
        return refuse(cause, "never expires (no exp)");
    if (now >= exp + skew) /* RFC 7519 section 4.1.4: on or after */
        return refuse(cause, "has expired");
    if (has_nbf && now < nbf - skew)
        return refuse(cause, "is not valid yet");
    if (keys->audience && !is_for(claims, keys->audience))
        return refuse(cause, "is meant for somebody else (aud)");
    return true;
}

json_t *adit_jwt_read(const char *token, size_t n, const struct adit_jwt_keys *keys, int64_t wall,
                      struct adit_cause *ret_cause)
{
    const char *end = token + n;
    const char *dot = n <= ADIT_JWT_MAX ? memchr(token, '.', n) : NULL;
    const char *last = dot ? memchr(dot + 1, '.', (size_t)(end - dot - 1)) : NULL;
    json_t *header = NULL, *claims = NULL;
    bool good = false;

    if (!last || !is_alphabet(token, n)) {
        refuse(ret_cause, "is no JSON Web Token");
        return NULL;
    }
    header = read_part(token, (size_t)(dot - token));
    if (!header)
        refuse(ret_cause, "has a header that cannot be read");
    else if (is_signed(header, token, (size_t)(last - token), last + 1, (size_t)(end - last - 1),
                       keys, ret_cause)) {
        claims = read_part(dot + 1, (size_t)(last - dot - 1));
        if (!claims)
            refuse(ret_cause, "has claims that cannot be read");
        else
            good = is_current(claims, keys, wall, ret_cause);
    }
    json_decref(header);
    if (good)
        return claims;
    json_decref(claims);
    return NULL;
}

static void add_base64(struct adit_buf *out, const void *bytes, size_t n)
{
    char *text = adit_malloc(adit_base64_size(n));

    if (text)
        adit_buf_add(out, text, adit_base64_encode(text, bytes, n, true));
    else
        out->err = -ENOMEM;
    adit_free(text);
}

char *adit_jwt_write(const json_t *claims, const void *secret, size_t secret_len)
{
    static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
    char *json = json_dumps(claims, JSON_COMPACT), *token = NULL;
    struct adit_buf out;
    uint8_t mac[32];

    adit_buf_init(&out, 2 * ADIT_JWT_MAX);
    if (json) {
        add_base64(&out, header, sizeof header - 1);
        adit_buf_add(&out, ".", 1);
        add_base64(&out, json, strlen(json));
        if (!out.err)
            adit_hmac_sha256(mac, secret, secret_len, out.data, out.len);
        adit_buf_add(&out, ".", 1);
        add_base64(&out, mac, sizeof mac);
        if (!out.err)
            token = adit_strdup(adit_buf_str(&out));
    }
    free(json);
    adit_buf_done(&out);
    return token;
}

int adit_jwt_pem(uint8_t out[32], const char *pem, size_t n)
{
    /* RFC 8410: SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING of 32 bytes }. */
    static const uint8_t spki[] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                    0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };
    static const char begin[] = "-----BEGIN PUBLIC KEY-----", end[] = "-----END PUBLIC KEY-----";
    const char *from = memmem(pem, n, begin, sizeof begin - 1), *to;
    char text[128];
    uint8_t der[sizeof text];
    size_t len = 0;

    if (!from)
        return -EINVAL;
    from += sizeof begin - 1;
    to = memmem(from, n - (size_t)(from - pem), end, sizeof end - 1);
    for (; to && from < to && len < sizeof text; from++)
        if (!strchr(" \t\r\n", *from))
            text[len++] = *from;
    if (!to || from < to)
        return -EINVAL;
    if (adit_base64_decode(der, text, len) != (int)(sizeof spki + 32) ||
        memcmp(der, spki, sizeof spki) != 0)
        return -EINVAL;
    memcpy(out, der + sizeof spki, 32);
    return 0;
}
