#include "unit/openssl_memory.h"

#include <stdlib.h>

#include <openssl/crypto.h>

static uint64_t fail_from = UINT64_MAX, fail_until = UINT64_MAX, count;

static bool fails(void)
{
    uint64_t n = count++;

    return n >= fail_from && n < fail_until;
}

static void *take(size_t n, const char *file, int line)
{
    (void)file, (void)line;
    return fails() ? NULL : malloc(n);
}

static void *take_again(void *p, size_t n, const char *file, int line)
{
    (void)file, (void)line;
    return fails() ? NULL : realloc(p, n);
}

static void give_back(void *p, const char *file, int line)
{
    (void)file, (void)line;
    free(p);
}

void openssl_memory_take(void)
{
    if (!CRYPTO_set_mem_functions(take, take_again, give_back))
        abort();
}

void openssl_memory_fail(uint64_t from, uint64_t until)
{
    fail_from = from;
    fail_until = until;
    count = 0;
}

uint64_t openssl_memory_count(void)
{
    return count;
}
