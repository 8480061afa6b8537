/* alloc.h - where all our memory comes from.
 *
 * A thin layer over malloc, so that a test can make allocation number n fail: every path that
 * allocates is driven through its failure (adit_alloc_fail_at). usrsctp's comes from here as well
 * (deps/usrsctp-ours.h). Freed with adit_free. */
#ifndef ADIT_ALLOC_H
#define ADIT_ALLOC_H

#include "base/base.h"

ADIT_MUST_USE void *adit_malloc(size_t n);
ADIT_MUST_USE void *adit_zalloc(size_t n); /* zeroed */
ADIT_MUST_USE void *adit_realloc(void *p, size_t n);
ADIT_MUST_USE char *adit_strdup(const char *s);
ADIT_MUST_USE void *adit_memdup(const void *p, size_t n);
void adit_free(void *p); /* p may be NULL */

/* For tests: the n-th allocation from now (0 = the next) and all that follow fail; UINT64_MAX:
 * none. */
void adit_alloc_fail_at(uint64_t n);
/* For tests: the n-th allocation from now fails, and no other. */
void adit_alloc_fail_once(uint64_t n);
/* For tests: how many allocations were asked for since then. */
uint64_t adit_alloc_count(void);

#endif
