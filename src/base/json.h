/* json.h - JSON from outside: exactly RFC 8259, at most 32 deep, and where it is not.
 *
 * The checker decides what is JSON, for a stream of values as well as for what is then read; it
 * allocates nothing. Reading is jansson's. Of a key that is there twice the last value counts. */
#ifndef ADIT_JSON_H
#define ADIT_JSON_H

#include <jansson.h>

#include "base/base.h"

#define ADIT_JSON_DEPTH_MAX 32
#define ADIT_JSON_SIZE_MAX  (1024 * 1024)

/* Is all of the text one JSON value with white space around it at most? -EINVAL and a cause that
 * says where (line and column from 1) and what; *ret_at is the offset of the first wrong byte, len
 * if the text is the beginning of a value. */
ADIT_MUST_USE int adit_json_check(const char *text, size_t len, size_t *ret_at,
                                  struct adit_cause *ret_cause);
/* How long is the value that the text begins with? *ret_end is the offset behind it. -EAGAIN if the
 * text ends inside it; -EINVAL. A number is only whole when something follows it. */
ADIT_MUST_USE int adit_json_scan(const char *text, size_t len, size_t *ret_end);
/* Checked and read; the caller gives it back with json_decref. NULL and a cause: no JSON, above
 * ADIT_JSON_SIZE_MAX, numbers that jansson cannot hold, a zero byte in a key, no memory. Strings
 * may hold zero bytes. */
json_t *adit_json_read(const char *text, size_t len, struct adit_cause *ret_cause);
/* The string behind a key of an object; NULL if there is none or it has a zero byte in it. Borrowed
 * from the object. */
const char *adit_json_string(const json_t *object, const char *key);

/* For who shows an object to people. What a terminal may show of a string; "" if there is none. */
#define ADIT_JSON_WORD 256
const char *adit_json_word(char out[ADIT_JSON_WORD], const json_t *object, const char *key);
bool adit_json_is(const json_t *object, const char *key);       /* true, and not something else */
double adit_json_number(const json_t *object, const char *key); /* 0 if there is none */
/* In milliseconds; null for 0, which is not known. */
json_t *adit_json_ms(adit_time t);

#endif
