/* buf.h - bytes that grow, and a cursor that reads without ever running over.
 *
 * Both latch their first error, so a parser or printer is a straight line with one check at its
 * end. */
#ifndef ADIT_BUF_H
#define ADIT_BUF_H

#include "base/base.h"

/* Grows by doubling up to `limit`; past it, or without memory, `err` is set and nothing more is
 * added. */
struct adit_buf {
    uint8_t *data;
    size_t len, cap, limit;
    int err; /* 0, -ENOMEM or -EMSGSIZE */
};

void adit_buf_init(struct adit_buf *b, size_t limit);
void adit_buf_done(struct adit_buf *b); /* frees the bytes; b is empty again */
void adit_buf_add(struct adit_buf *b, const void *bytes, size_t n);
void adit_buf_add8(struct adit_buf *b, uint8_t v);
void adit_buf_add16(struct adit_buf *b, uint16_t v);
void adit_buf_printf(struct adit_buf *b, const char *fmt, ...) ADIT_PRINTF(2, 3);
/* Makes data a C string (the zero byte is not counted in len); "" if there is nothing or an error.
 */
const char *adit_buf_str(struct adit_buf *b);
/* Drops n bytes from the front. */
void adit_buf_consume(struct adit_buf *b, size_t n);

/* Reads network byte order. After a read past the end `bad` is set and every further read gives
 * zeros. */
struct adit_cursor {
    const uint8_t *p, *end;
    bool bad;
};

static inline struct adit_cursor adit_cursor(const void *bytes, size_t n)
{
    return (struct adit_cursor){ .p = bytes, .end = n ? (const uint8_t *)bytes + n : bytes };
}

static inline size_t adit_cursor_left(const struct adit_cursor *c)
{
    return (size_t)(c->end - c->p);
}

/* The next n bytes, or NULL. */
static inline const uint8_t *adit_cursor_take(struct adit_cursor *c, size_t n)
{
    const uint8_t *p = c->p;

    if (c->bad || adit_cursor_left(c) < n) {
        c->bad = true;
        return NULL;
    }
    c->p += n;
    return p;
}

static inline uint8_t adit_cursor_get8(struct adit_cursor *c)
{
    const uint8_t *p = adit_cursor_take(c, 1);

    return p ? p[0] : 0;
}

static inline uint16_t adit_cursor_get16(struct adit_cursor *c)
{
    const uint8_t *p = adit_cursor_take(c, 2);

    return p ? adit_get16(p) : 0;
}

static inline uint32_t adit_cursor_get32(struct adit_cursor *c)
{
    const uint8_t *p = adit_cursor_take(c, 4);

    return p ? adit_get32(p) : 0;
}

#endif
