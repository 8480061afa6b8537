#include "base/alloc.h"
#include "peer/inner.h"

void adit_kept_add(struct kept *q, unsigned most, const void *bytes, size_t n, adit_time now)
{
    struct kept_packet *p;

    assert(most <= KEPT_MAX);
    if (n > KEPT_BYTES)
        return;
    if (q->count == most)
        adit_free(adit_kept_take(q).bytes);
    p = &q->packets[(q->first + q->count) % KEPT_MAX];
    *p = (struct kept_packet){ .bytes = adit_memdup(bytes, n), .n = n, .at = now };
    if (p->bytes) /* without memory it is as if the network had lost it */
        q->count++;
}

struct kept_packet adit_kept_take(struct kept *q)
{
    struct kept_packet p = q->packets[q->first];

    if (q->count == 0)
        return (struct kept_packet){ 0 };
    q->first = (q->first + 1) % KEPT_MAX;
    q->count--;
    return p;
}

void adit_kept_drop(struct kept *q)
{
    while (q->count)
        adit_free(adit_kept_take(q).bytes);
}
