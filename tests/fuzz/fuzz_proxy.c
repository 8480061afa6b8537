/* fuzz_proxy.c - URLs of proxies, lists of exemptions, and what a proxy answers: whole or in
 * pieces, the same comes of it. The first byte says which. */
#include <stdlib.h>

#include "core/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void text(const uint8_t *data, size_t size)
{
    char *line = malloc(size + 1);
    struct adit_proxy proxy;
    struct adit_cause cause;

    if (!line)
        abort();
    memcpy(line, data, size);
    line[size] = '\0';
    if (adit_proxy_parse(&proxy, line, &cause) == 0 && proxy.kind != ADIT_PROXY_NONE &&
        (!proxy.host[0] || !proxy.port))
        abort();
    (void)adit_proxy_exempt(line, "www.example.com", 443);
    (void)adit_proxy_exempt(line, "192.0.2.1", 443);
    (void)adit_proxy_exempt(line, "2001:db8::1", 443);
    (void)adit_proxy_exempt("example.com,192.0.2.0/24,2001:db8::/32", line, 443);
    free(line);
}

struct result {
    enum adit_proxy_state state;
    size_t used;
    int err;
};

static struct result converse(const char *url, const uint8_t *data, size_t size, size_t step)
{
    struct adit_proxy proxy;
    struct adit_proxy_talk t;
    struct adit_cause cause;
    struct result r = { 0 };

    if (adit_proxy_parse(&proxy, url, &cause) < 0 ||
        adit_proxy_talk_start(&t, &proxy, "www.example.com", 443) < 0)
        abort();
    while (r.used < size && !r.err && t.state != ADIT_PROXY_OPEN) {
        size_t left = size - r.used;
        int n = adit_proxy_talk_feed(&t, data + r.used, left < step ? left : step, &cause);

        if (n > (int)left || n == 0)
            abort();
        r.err = n < 0 ? n : 0;
        r.used += n > 0 ? (size_t)n : 0;
    }
    r.state = t.state;
    adit_proxy_talk_done(&t);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const urls[] = { "http://p", "http://me:pw@p", "socks5://p",
                                        "socks5://me:pw@p" };

    if (size == 0)
        return 0;
    text(data + 1, size - 1);
    const char *url = urls[data[0] % ADIT_LEN(urls)];
    struct result whole = converse(url, data + 1, size - 1, SIZE_MAX);
    struct result torn = converse(url, data + 1, size - 1, 1);
    if (whole.err != torn.err ||
        (!whole.err && (whole.state != torn.state || whole.used != torn.used)))
        abort();
    return 0;
}
