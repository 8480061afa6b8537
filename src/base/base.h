/* base.h - the words that every room uses: time, errors, small macros.
 *
 * Errors are negative errno values. -EAGAIN: full or not yet, an event will tell; -EMSGSIZE: too
 * large; -EPROTO: the peer broke the protocol; -ECANCELED: closed; -ENOMEM; -EINVAL: the caller's
 * mistake. */
#ifndef ADIT_BASE_H
#define ADIT_BASE_H

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "adit/adit.h"

#define ADIT_US    ((adit_time)1000)
#define ADIT_MS    (1000 * ADIT_US)
#define ADIT_SEC   (1000 * ADIT_MS)
#define ADIT_NEVER UINT64_MAX

#define ADIT_LEN(array) (sizeof(array) / sizeof((array)[0]))

#define adit_container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define ADIT_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* A borrowed run of bytes. */
struct adit_span {
    const uint8_t *data;
    size_t len;
};

static inline adit_time adit_time_min(adit_time a, adit_time b)
{
    return a < b ? a : b;
}

static inline adit_time adit_time_max(adit_time a, adit_time b)
{
    return a > b ? a : b;
}

/* Numbers that were not given, 0, become the usual ones. */
static inline void adit_fill_in(unsigned *given, const unsigned *usual, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (given[i] == 0)
            given[i] = usual[i];
}

/* Network byte order, unaligned. Written so that a compiler makes a move and a swap of each. */
static inline uint16_t adit_get16(const uint8_t *p)
{
    uint16_t v;

    memcpy(&v, p, sizeof v);
    return be16toh(v);
}

static inline uint32_t adit_get32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return be32toh(v);
}

static inline uint64_t adit_get64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return be64toh(v);
}

static inline void adit_put16(uint8_t *p, uint16_t v)
{
    v = htobe16(v);
    memcpy(p, &v, sizeof v);
}

static inline void adit_put32(uint8_t *p, uint32_t v)
{
    v = htobe32(v);
    memcpy(p, &v, sizeof v);
}

static inline void adit_put64(uint8_t *p, uint64_t v)
{
    v = htobe64(v);
    memcpy(p, &v, sizeof v);
}

/* Fills *cause; the text is cut at its end if it does not fit. */
void adit_cause_set(struct adit_cause *cause, enum adit_reason reason, int err, const char *fmt,
                    ...) ADIT_PRINTF(4, 5);

#endif
