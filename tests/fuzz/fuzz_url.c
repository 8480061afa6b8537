/* fuzz_url.c - what is accepted is the same URL after it was composed, and has nothing in it that
 * would break out of a request. */
#include <stdlib.h>

#include "http/http1.h"
#include "http/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_apart(const char *target)
{
    char out[64];
    int n = adit_url_query(target, "a", out, sizeof out);

    if (n >= 0 && strlen(out) != (size_t)n)
        abort();
    n = adit_url_path(target, out, sizeof out);
    if (n >= 0 && (strlen(out) != (size_t)n || strstr(out, "/../") || out[0] != '/'))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct adit_url u, again;
    unsigned allow = (ADIT_URL_USERINFO << 1) - 1;
    struct adit_cause cause = { .text = "" };
    struct adit_buf out;

    if (adit_url_parse(&u, (const char *)data, size, allow, &cause) < 0) {
        if (!cause.text[0])
            abort();
        return 0;
    }
    adit_buf_init(&out, 2 * ADIT_URL_MAX);
    adit_url_compose(&out, &u);
    if (out.err || adit_url_parse(&again, (char *)out.data, out.len, allow, &cause) < 0 ||
        memcmp(&u, &again, sizeof u) != 0)
        abort();
    adit_buf_done(&out);
    adit_url_authority(&out, &u);
    adit_buf_add8(&out, 0);
    char *authority = strdup((char *)out.data);
    adit_buf_done(&out);
    adit_http1_put_request(&out, "GET", u.target);
    adit_http1_put_field(&out, "Host", authority);
    if (out.err)
        abort();
    free(authority);
    adit_buf_done(&out);
    take_apart(u.target);
    return 0;
}
