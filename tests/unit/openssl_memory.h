/* openssl_memory.h - OpenSSL's memory in a test's hands, as adit_alloc_fail_at has ours. */
#ifndef TEST_OPENSSL_MEMORY_H
#define TEST_OPENSSL_MEMORY_H

#include "base/base.h"

/* Before anything else of OpenSSL is called. */
void openssl_memory_take(void);
/* Allocations number `from` (0 = the next) up to, without, `until` fail. */
void openssl_memory_fail(uint64_t from, uint64_t until);
/* How many were asked for since openssl_memory_fail. */
uint64_t openssl_memory_count(void);

#endif
