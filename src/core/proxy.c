#include "core/proxy.h"

#include "base/addr.h"
#include "base/str.h"

#define HTTP_PORT  80
#define SOCKS_PORT 1080

static const struct {
    const char *scheme;
    enum adit_proxy_kind kind;
    uint16_t port;
} schemes[] = {
    { "http://", ADIT_PROXY_HTTP, HTTP_PORT },
    { "socks5://", ADIT_PROXY_SOCKS5, SOCKS_PORT },
    { "socks5h://", ADIT_PROXY_SOCKS5, SOCKS_PORT },
    { "socks://", ADIT_PROXY_SOCKS5, SOCKS_PORT },
};

static int refuse(struct adit_cause *cause, const char *why)
{
    adit_cause_set(cause, ADIT_REASON_LOCAL, EINVAL, "no usable proxy URL: %s", why);
    return -EINVAL;
}

/* RFC 3986 section 2.1. */
static bool unescape(char out[ADIT_PROXY_TEXT_MAX], const char *text, size_t n)
{
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        int c = (unsigned char)text[i];

        if (c == '%') {
            int high = n - i > 2 ? adit_hex_value(text[i + 1]) : -1;
            int low = high < 0 ? -1 : adit_hex_value(text[i + 2]);

            if (low < 0)
                return false;
            c = high << 4 | low;
            i += 2;
        }
        if (c == 0 || len == ADIT_PROXY_TEXT_MAX - 1)
            return false;
        out[len++] = (char)c;
    }
    out[len] = '\0';
    return true;
}

static bool parse_user(struct adit_proxy *p, const char *text, size_t n)
{
    const char *colon = memchr(text, ':', n);
    size_t user_len = colon ? (size_t)(colon - text) : n;

    if (!unescape(p->user, text, user_len))
        return false;
    /* RFC 7617 section 2: a user with a colon cannot be told from the password. */
    if (p->user[0] == '\0' || strchr(p->user, ':'))
        return false;
    return !colon || unescape(p->password, colon + 1, n - user_len - 1);
}

/* "host", "host:port", "192.0.2.1", "[::1]:port". */
static bool parse_host(struct adit_proxy *p, const char *text, size_t n)
{
    struct adit_addr addr;
    uint64_t port = p->port;
    const char *colon;
    size_t len;

    if (n && text[0] == '[') {
        if (adit_addr_parse_port(&addr, text, n, p->port) < 0 || !addr.port)
            return false;
        p->port = addr.port;
        adit_addr_str_ip(&addr, p->host);
        return true;
    }
    colon = memchr(text, ':', n);
    len = colon ? (size_t)(colon - text) : n;
    if (colon && adit_str_u64(&port, colon + 1, n - len - 1, 1, UINT16_MAX) < 0)
        return false;
    p->port = (uint16_t)port;
    return len && adit_str_copy(p->host, sizeof p->host, text, len) == 0 &&
           strspn(p->host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") ==
               len;
}

int adit_proxy_parse(struct adit_proxy *ret_proxy, const char *url, struct adit_cause *ret_cause)
{
    struct adit_proxy p = { .kind = ADIT_PROXY_HTTP, .port = HTTP_PORT };
    const char *rest = url;

    if (!*url || strcmp(url, "none") == 0) {
        *ret_proxy = (struct adit_proxy){ 0 };
        return 0;
    }
    if (strstr(url, "://")) {
        size_t i = 0;

        while (i < ADIT_LEN(schemes) && !adit_str_starts(url, schemes[i].scheme))
            i++;
        if (i == ADIT_LEN(schemes))
            return refuse(ret_cause, "it begins with http:// or socks5://");
        p.kind = schemes[i].kind;
        p.port = schemes[i].port;
        rest = url + strlen(schemes[i].scheme);
    }
    size_t n = strcspn(rest, "/?#");
    if (rest[n] && strcmp(rest + n, "/") != 0)
        return refuse(ret_cause, "nothing belongs behind the port");
    const char *at = memrchr(rest, '@', n);
    if (at && !parse_user(&p, rest, (size_t)(at - rest)))
        return refuse(ret_cause, "user or password (write special characters as %XX)");
    if (at) {
        n -= (size_t)(at + 1 - rest);
        rest = at + 1;
    }
    if (!parse_host(&p, rest, n))
        return refuse(ret_cause, "host or port");
    *ret_proxy = p;
    return 0;
}

/* ---- the environment ------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char x = a[i] >= 'A' && a[i] <= 'Z' ? (char)(a[i] | 32) : a[i];
        char y = b[i] >= 'A' && b[i] <= 'Z' ? (char)(b[i] | 32) : b[i];

        if (x != y)
            return false;
    }
    return true;
}

/* One entry of no_proxy that is an address or a network. */
static bool is_network_of(const char *text, size_t n, const struct adit_addr *to)
{
    const char *slash = memchr(text, '/', n);
    size_t ip_len = slash ? (size_t)(slash - text) : n;
    struct adit_addr net;
    uint64_t bits;

    if (adit_addr_parse(&net, text, ip_len) < 0 && adit_addr_parse_port(&net, text, ip_len, 0) < 0)
        return false;
    if (net.port && net.port != to->port)
        return false;
    bits = net.family == ADIT_FAMILY_V6 ? 128 : 32;
    if (slash && adit_str_u64(&bits, slash + 1, n - ip_len - 1, 0, bits) < 0)
        return false;
    return adit_addr_in(to, &net, (unsigned)bits);
}

/* One that is a name: of the host, or of a domain above it. */
static bool is_domain_of(const char *text, size_t n, const char *host, uint16_t to_port)
{
    const char *colon = memchr(text, ':', n);
    size_t host_len = strlen(host);
    uint64_t port;

    if (colon) {
        size_t len = (size_t)(colon - text);

        if (adit_str_u64(&port, colon + 1, n - len - 1, 1, UINT16_MAX) < 0 || port != to_port)
            return false;
        n = len;
    }
    if (n && *text == '*') {
        text++;
        n--;
    }
    if (n && *text == '.') {
        text++;
        n--;
    }
    if (n == 0 || n > host_len || !same_text(host + host_len - n, text, n))
        return false;
    return n == host_len || host[host_len - n - 1] == '.';
}

bool adit_proxy_exempt(const char *list, const char *host, uint16_t port)
{
    struct adit_addr to = { 0 };
    size_t len = strlen(host);
    bool literal = adit_addr_parse(&to, host, len) == 0 ||
                   (host[0] == '[' && adit_addr_parse_port(&to, host, len, 0) == 0);

    to.port = port;
    while (*list) {
        size_t skip = strspn(list, ", \t"), n = strcspn(list + skip, ", \t");
        const char *text = list + skip;

        if (n == 1 && *text == '*')
            return true;
        if (n && (literal ? is_network_of(text, n, &to) : is_domain_of(text, n, host, port)))
            return true;
        list = text + n;
    }
    return false;
}

/* HTTP_PROXY in capitals is not read: in a CGI program it is the client's header "Proxy". */
static const char *wanted(bool secure, char *(*env)(const char *name))
{
    static const char *const names[] = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" };
    const char *value = secure ? NULL : env("http_proxy");

    for (size_t i = secure ? 0 : 2; i < ADIT_LEN(names) && (!value || !*value); i++)
        value = env(names[i]);
    return value ? value : "";
}

static bool is_this_host(const char *host)
{
    struct adit_addr addr;
    size_t n = strlen(host);

    if (n == 9 && same_text(host, "localhost", n))
        return true;
    if (adit_addr_parse(&addr, host, n) < 0 && adit_addr_parse_port(&addr, host, n, 0) < 0)
        return false;
    return adit_addr_scope(&addr) == ADIT_SCOPE_LOOPBACK;
}

int adit_proxy_choose(struct adit_proxy *ret_proxy, bool secure, const char *host, uint16_t port,
                      char *(*env)(const char *name), struct adit_cause *ret_cause)
{
    const char *list = env("no_proxy");

    if (!list || !*list)
        list = env("NO_PROXY");
    *ret_proxy = (struct adit_proxy){ 0 };
    if (adit_str_starts(host, "unix:") || is_this_host(host) ||
        (list && adit_proxy_exempt(list, host, port)))
        return 0;
    return adit_proxy_parse(ret_proxy, wanted(secure, env), ret_cause);
}
