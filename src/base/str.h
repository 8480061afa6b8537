/* str.h - hex, base64 and the few string words that the C library lacks. */
#ifndef ADIT_STR_H
#define ADIT_STR_H

#include "base/base.h"

/* Base64, RFC 4648 section 4; url: section 5, without padding. out holds adit_base64_size(n) bytes.
 */
static inline size_t adit_base64_size(size_t n)
{
    return (n + 2) / 3 * 4 + 1;
}
size_t adit_base64_encode(char *out, const void *bytes, size_t n, bool url);
/* Accepts both alphabets, padding optional, no white space. out holds len bytes. Returns the number
 * of bytes, or -EINVAL (wrong letter, impossible length, bits left over that are not zero). */
ADIT_MUST_USE int adit_base64_decode(uint8_t *out, const char *text, size_t len);

/* Case is ignored; -1 for a character that is no hex digit. */
int adit_hex_value(char c);

bool adit_str_starts(const char *s, const char *prefix);
/* Copies with a zero byte; -EMSGSIZE and out untouched if it does not fit. */
ADIT_MUST_USE int adit_str_copy(char *out, size_t size, const char *text, size_t len);
/* A whole decimal number in [min, max], nothing before or after it. -EINVAL, -ERANGE. */
ADIT_MUST_USE int adit_str_u64(uint64_t *ret_v, const char *text, size_t len, uint64_t min,
                               uint64_t max);
/* Replaces what a terminal could act on (C0, C1, DEL, invalid UTF-8) or nobody sees (bidirectional
 * marks, characters without width) by '?'; out holds size bytes
 * and is always a string. For every text of a peer that a person will see. */
char *adit_str_printable(char *out, size_t size, const void *text, size_t len);
/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool adit_utf8_valid(const void *text, size_t len);

#endif
