#include "base/alloc.h"
#include "peer/inner.h"

void adit_early_keep(struct early *q, const void *bytes, size_t n)
{
    size_t dropped;
    unsigned i;

    if (n > EARLY_BYTES)
        return;
    if (q->count == EARLY_MAX)
        adit_free(adit_early_take(q, &dropped));
    i = (q->first + q->count) % EARLY_MAX;
    q->bytes[i] = adit_memdup(bytes, n);
    q->len[i] = n;
    if (q->bytes[i]) /* without memory it is as if the network had lost it */
        q->count++;
}

uint8_t *adit_early_take(struct early *q, size_t *ret_len)
{
    uint8_t *bytes;

    if (q->count == 0)
        return NULL;
    bytes = q->bytes[q->first];
    *ret_len = q->len[q->first];
    q->bytes[q->first] = NULL;
    q->first = (q->first + 1) % EARLY_MAX;
    q->count--;
    return bytes;
}

void adit_early_done(struct early *q)
{
    size_t n;

    while (q->count)
        adit_free(adit_early_take(q, &n));
}
