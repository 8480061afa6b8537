#include "base/str.h"

static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char urlsafe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t adit_base64_encode(char *out, const void *bytes, size_t n, bool url)
{
    const char *alphabet = url ? urlsafe : plain;
    const uint8_t *p = bytes;
    char *o = out;

    for (; n >= 3; n -= 3, p += 3) {
        *o++ = alphabet[p[0] >> 2];
        *o++ = alphabet[(p[0] << 4 | p[1] >> 4) & 63];
        *o++ = alphabet[(p[1] << 2 | p[2] >> 6) & 63];
        *o++ = alphabet[p[2] & 63];
    }
    if (n) {
        uint8_t second = n == 2 ? p[1] : 0;

        *o++ = alphabet[p[0] >> 2];
        *o++ = alphabet[(p[0] << 4 | second >> 4) & 63];
        if (n == 2)
            *o++ = alphabet[second << 2 & 63];
        if (!url) {
            if (n == 1)
                *o++ = '=';
            *o++ = '=';
        }
    }
    *o = 0;
    return (size_t)(o - out);
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    if (c == '/' || c == '_')
        return 63;
    return -1;
}

int adit_base64_decode(uint8_t *out, const char *text, size_t len)
{
    uint32_t bits = 0;
    unsigned have = 0;
    int n = 0;

    if (len % 4 == 0)
        for (unsigned pad = 0; pad < 2 && len && text[len - 1] == '='; pad++)
            len--;
    if (len % 4 == 1)
        return -EINVAL;
    for (size_t i = 0; i < len; i++) {
        int v = base64_value(text[i]);

        if (v < 0)
            return -EINVAL;
        bits = bits << 6 | (uint32_t)v;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[n++] = (uint8_t)(bits >> have);
            bits &= (1u << have) - 1;
        }
    }
    return bits ? -EINVAL : n;
}

int adit_hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool adit_str_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

int adit_str_copy(char *out, size_t size, const char *text, size_t len)
{
    if (len >= size)
        return -EMSGSIZE;
    memcpy(out, text, len);
    out[len] = 0;
    return 0;
}

int adit_str_u64(uint64_t *ret_v, const char *text, size_t len, uint64_t min, uint64_t max)
{
    uint64_t v = 0;

    if (len == 0)
        return -EINVAL;
    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned char)text[i] - '0';

        if (digit > 9)
            return -EINVAL;
        if (v > (UINT64_MAX - digit) / 10)
            return -ERANGE;
        v = v * 10 + digit;
    }
    if (v < min || v > max)
        return -ERANGE;
    *ret_v = v;
    return 0;
}

/* How long the valid UTF-8 sequence at p is, 0 if there is none. */
static size_t utf8_next(const uint8_t *p, size_t left, uint32_t *ret_code)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t n = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;
    uint32_t code = n == 1 ? p[0] : p[0] & (0x7fu >> n);

    if (n == 0 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if (p[i] >> 6 != 2)
            return 0;
        code = code << 6 | (p[i] & 63);
    }
    if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    *ret_code = code;
    return n;
}

bool adit_utf8_valid(const void *text, size_t len)
{
    const uint8_t *p = text;
    uint32_t code;

    while (len) {
        size_t n = utf8_next(p, len, &code);

        if (n == 0)
            return false;
        p += n;
        len -= n;
    }
    return true;
}

/* What a terminal acts on, or what makes a line look like another one: controls, marks that turn
 * the direction of writing, and what has no width. Joiners are among them; a family of four becomes
 * four people. */
static bool shown(uint32_t code)
{
    static const uint32_t hidden[][2] = {
        { 0x0000, 0x001f },   { 0x007f, 0x009f },   { 0x00ad, 0x00ad },   { 0x034f, 0x034f },
        { 0x061c, 0x061c },   { 0x115f, 0x1160 },   { 0x17b4, 0x17b5 },   { 0x180b, 0x180f },
        { 0x200b, 0x200f },   { 0x2028, 0x202e },   { 0x2060, 0x206f },   { 0x3164, 0x3164 },
        { 0xfeff, 0xfeff },   { 0xffa0, 0xffa0 },   { 0xfff0, 0xfffb },   { 0xfffe, 0xffff },
        { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
    };

    for (size_t i = 0; i < ADIT_LEN(hidden) && code >= hidden[i][0]; i++)
        if (code <= hidden[i][1])
            return false;
    return true;
}

char *adit_str_printable(char *out, size_t size, const void *text, size_t len)
{
    const uint8_t *p = text;
    size_t o = 0;

    while (len && o + 1 < size) {
        uint32_t code = 0;
        size_t n = utf8_next(p, len, &code);

        if (!n || !shown(code)) {
            out[o++] = '?';
            n = n ? n : 1;
        } else if (o + n < size) {
            memcpy(out + o, p, n);
            o += n;
        } else {
            break;
        }
        p += n;
        len -= n;
    }
    if (size)
        out[o] = 0;
    return out;
}
