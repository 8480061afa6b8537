#include "base/alloc.h"

#include <stdlib.h>

/* Process-wide on purpose: the one knob of the out-of-memory tests. Never touched outside of them.
 */
static uint64_t fail_at = UINT64_MAX, fail_until = UINT64_MAX;
static uint64_t count;

static bool fails(void)
{
    uint64_t n = count++;

    return n >= fail_at && n < fail_until;
}

void *adit_malloc(size_t n)
{
    return fails() ? NULL : malloc(n ? n : 1);
}

void *adit_zalloc(size_t n)
{
    return fails() ? NULL : calloc(1, n ? n : 1);
}

void *adit_realloc(void *p, size_t n)
{
    return fails() ? NULL : realloc(p, n ? n : 1);
}

void *adit_memdup(const void *p, size_t n)
{
    void *copy = adit_malloc(n);

    if (copy && n)
        memcpy(copy, p, n);
    return copy;
}

char *adit_strdup(const char *s)
{
    return adit_memdup(s, strlen(s) + 1);
}

void adit_free(void *p)
{
    free(p);
}

void adit_alloc_fail_at(uint64_t n)
{
    fail_at = n;
    fail_until = UINT64_MAX;
    count = 0;
}

void adit_alloc_fail_once(uint64_t n)
{
    fail_at = n;
    fail_until = n + 1;
    count = 0;
}

uint64_t adit_alloc_count(void)
{
    return count;
}
