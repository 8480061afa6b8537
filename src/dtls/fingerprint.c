#include "dtls/cert.h"

#include <strings.h>

#include <openssl/evp.h>

#include "base/digest.h"
#include "base/str.h"

static const struct {
    const char *name;
    uint8_t len;
    const char *md; /* OpenSSL's name */
} hashes[] = {
    [ADIT_HASH_SHA256] = { "sha-256", 32, "SHA256" },
    [ADIT_HASH_SHA384] = { "sha-384", 48, "SHA384" },
    [ADIT_HASH_SHA512] = { "sha-512", 64, "SHA512" },
};

/* RFC 8122 section 5: hash-func is a token, so case does not count. -1 for one we do not know. */
static int find_hash(const char *name, size_t len)
{
    for (size_t i = 0; i < ADIT_LEN(hashes); i++)
        if (strlen(hashes[i].name) == len && !strncasecmp(hashes[i].name, name, len))
            return (int)i;
    return -1;
}

static bool is_token(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] <= ' ' || text[i] > '~' || text[i] == ':')
            return false;
    return len > 0;
}

static const char *skip_spaces(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    return p;
}

int adit_fingerprint_parse(struct adit_fingerprint *ret_fp, const char *text, size_t len)
{
    const char *end = text + len, *p = text;
    struct adit_fingerprint fp = { 0 };
    int hash;

    while (p < end && *p != ' ' && *p != '\t')
        p++;
    if (!is_token(text, (size_t)(p - text)) || p == end)
        return -EINVAL;
    hash = find_hash(text, (size_t)(p - text));
    if (hash < 0)
        return -ENOTSUP;
    fp.hash = (enum adit_hash)hash;
    fp.len = hashes[hash].len;
    p = skip_spaces(p, end);
    for (size_t i = 0; i < fp.len; i++, p += 2) {
        if (i && (p == end || *p++ != ':'))
            return -EINVAL;
        if (end - p < 2 || adit_hex_value(p[0]) < 0 || adit_hex_value(p[1]) < 0)
            return -EINVAL;
        fp.value[i] = (uint8_t)(adit_hex_value(p[0]) << 4 | adit_hex_value(p[1]));
    }
    if (skip_spaces(p, end) != end)
        return -EINVAL;
    *ret_fp = fp;
    return 0;
}

char *adit_fingerprint_print(const struct adit_fingerprint *fp, char out[ADIT_FINGERPRINT_STR])
{
    static const char hex[] = "0123456789ABCDEF";
    char *p = stpcpy(out, hashes[fp->hash].name);

    for (size_t i = 0; i < fp->len; i++) {
        *p++ = i ? ':' : ' ';
        *p++ = hex[fp->value[i] >> 4];
        *p++ = hex[fp->value[i] & 15];
    }
    *p = '\0';
    return out;
}

int adit_fingerprint_match(const struct adit_fingerprint *list, size_t n, const void *der,
                           size_t der_len)
{
    bool present[ADIT_LEN(hashes)] = { 0 }, fits[ADIT_LEN(hashes)] = { 0 };

    for (size_t i = 0; i < n; i++) {
        enum adit_hash hash = list[i].hash;
        uint8_t value[EVP_MAX_MD_SIZE];
        size_t len;

        present[hash] = true;
        if (EVP_Q_digest(NULL, hashes[hash].md, NULL, der, der_len, value, &len) != 1)
            return -ENOMEM;
        if (len != list[i].len)
            return -EKEYREJECTED;
        fits[hash] |= adit_equal_secret(value, list[i].value, len);
    }
    for (size_t hash = 0; hash < ADIT_LEN(hashes); hash++)
        if (present[hash] != fits[hash])
            return -EKEYREJECTED;
    return n > 0 ? 0 : -EKEYREJECTED;
}
