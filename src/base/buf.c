#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"

void adit_buf_init(struct adit_buf *b, size_t limit)
{
    *b = (struct adit_buf){ .limit = limit };
}

void adit_buf_done(struct adit_buf *b)
{
    adit_free(b->data);
    *b = (struct adit_buf){ .limit = b->limit };
}

/* Makes room for n more bytes and, beyond the limit, for a zero byte. */
static bool reserve(struct adit_buf *b, size_t n)
{
    size_t need, cap;
    uint8_t *data;

    if (b->err)
        return false;
    if (n > b->limit - b->len) {
        b->err = -EMSGSIZE;
        return false;
    }
    need = b->len + n + 1;
    if (need <= b->cap)
        return true;
    cap = b->cap ? b->cap * 2 : 64;
    if (cap < need)
        cap = need;
    data = adit_realloc(b->data, cap);
    if (!data) {
        b->err = -ENOMEM;
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

void adit_buf_add(struct adit_buf *b, const void *bytes, size_t n)
{
    if (!n || !reserve(b, n))
        return;
    memcpy(b->data + b->len, bytes, n);
    b->len += n;
}

void adit_buf_add8(struct adit_buf *b, uint8_t v)
{
    adit_buf_add(b, &v, 1);
}

void adit_buf_add16(struct adit_buf *b, uint16_t v)
{
    uint8_t p[2];

    adit_put16(p, v);
    adit_buf_add(b, p, sizeof p);
}

void adit_buf_printf(struct adit_buf *b, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n <= 0 || !reserve(b, (size_t)n))
        return;
    va_start(ap, fmt);
    vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
}

const char *adit_buf_str(struct adit_buf *b)
{
    if (!reserve(b, 0))
        return "";
    b->data[b->len] = 0;
    return (const char *)b->data;
}

void adit_buf_consume(struct adit_buf *b, size_t n)
{
    assert(n <= b->len);
    b->len -= n;
    if (b->len)
        memmove(b->data, b->data + n, b->len);
}
