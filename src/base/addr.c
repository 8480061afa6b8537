#include "base/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/str.h"

static const uint8_t mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static void set_v6(struct adit_addr *a, const uint8_t ip[16], uint32_t scope)
{
    if (memcmp(ip, mapped_prefix, 12) == 0) {
        a->family = ADIT_FAMILY_V4;
        memcpy(a->ip, ip + 12, 4);
        return;
    }
    a->family = ADIT_FAMILY_V6;
    memcpy(a->ip, ip, 16);
    a->scope = scope;
}

int adit_addr_parse(struct adit_addr *ret_addr, const char *text, size_t len)
{
    struct adit_addr a = { 0 };
    char s[INET6_ADDRSTRLEN];
    uint8_t ip[16];
    uint64_t scope = 0;
    const char *percent = memchr(text, '%', len);
    size_t ip_len = percent ? (size_t)(percent - text) : len;

    if (memchr(text, '\0', len) || adit_str_copy(s, sizeof s, text, ip_len) < 0)
        return -EINVAL;
    if (percent && adit_str_u64(&scope, percent + 1, len - ip_len - 1, 1, UINT32_MAX) < 0)
        return -EINVAL;
    if (inet_pton(AF_INET, s, ip) == 1 && !percent) {
        a.family = ADIT_FAMILY_V4;
        memcpy(a.ip, ip, 4);
    } else if (inet_pton(AF_INET6, s, ip) == 1) {
        set_v6(&a, ip, (uint32_t)scope);
    } else {
        return -EINVAL;
    }
    *ret_addr = a;
    return 0;
}

int adit_addr_parse_port(struct adit_addr *ret_addr, const char *text, size_t len,
                         uint16_t port_default)
{
    struct adit_addr a;
    uint64_t port = port_default;
    const char *colon;

    if (len && text[0] == '[') {
        const char *close = memchr(text, ']', len);
        size_t ip_len = close ? (size_t)(close - text - 1) : 0;

        if (!close || adit_addr_parse(&a, text + 1, ip_len) < 0 || a.family != ADIT_FAMILY_V6)
            return -EINVAL;
        colon = close + 1;
    } else {
        colon = memchr(text, ':', len);
        if (!colon || memchr(colon + 1, ':', len - (size_t)(colon + 1 - text)))
            colon = text + len; /* no port: an IPv4 address, or an IPv6 address without brackets */
        if (adit_addr_parse(&a, text, (size_t)(colon - text)) < 0)
            return -EINVAL;
    }
    if (colon < text + len &&
        (*colon != ':' ||
         adit_str_u64(&port, colon + 1, len - (size_t)(colon + 1 - text), 0, UINT16_MAX) < 0))
        return -EINVAL;
    a.port = (uint16_t)port;
    *ret_addr = a;
    return 0;
}

char *adit_addr_str_ip(const struct adit_addr *a, char out[ADIT_ADDR_STR])
{
    size_t n;

    out[0] = 0;
    if (a->family == ADIT_FAMILY_V4) {
        inet_ntop(AF_INET, a->ip, out, ADIT_ADDR_STR);
    } else if (a->family == ADIT_FAMILY_V6) {
        inet_ntop(AF_INET6, a->ip, out, ADIT_ADDR_STR);
        n = strlen(out);
        if (a->scope)
            snprintf(out + n, ADIT_ADDR_STR - n, "%%%u", a->scope);
    } else {
        snprintf(out, ADIT_ADDR_STR, "none");
    }
    return out;
}

char *adit_addr_str(const struct adit_addr *a, char out[ADIT_ADDR_STR])
{
    char ip[ADIT_ADDR_STR];

    adit_addr_str_ip(a, ip);
    snprintf(out, ADIT_ADDR_STR, a->family == ADIT_FAMILY_V6 ? "[%.54s]:%u" : "%.56s:%u", ip,
             a->port);
    return out;
}

bool adit_addr_equal_ip(const struct adit_addr *a, const struct adit_addr *b)
{
    return a->family == b->family && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

bool adit_addr_equal(const struct adit_addr *a, const struct adit_addr *b)
{
    return a->port == b->port && a->scope == b->scope && adit_addr_equal_ip(a, b);
}

/* The IANA special-purpose registries, as far as they change what we do. First match wins. */
static const struct {
    uint8_t family, len;
    uint8_t ip[4]; /* IPv6 prefixes in use here fit in four bytes */
    enum adit_scope_kind kind;
} scopes[] = {
    { ADIT_FAMILY_V4, 8, { 0 }, ADIT_SCOPE_UNSPECIFIED },
    { ADIT_FAMILY_V4, 8, { 127 }, ADIT_SCOPE_LOOPBACK },
    { ADIT_FAMILY_V4, 16, { 169, 254 }, ADIT_SCOPE_LINK },
    { ADIT_FAMILY_V4, 8, { 10 }, ADIT_SCOPE_PRIVATE },
    { ADIT_FAMILY_V4, 12, { 172, 16 }, ADIT_SCOPE_PRIVATE },
    { ADIT_FAMILY_V4, 16, { 192, 168 }, ADIT_SCOPE_PRIVATE },
    { ADIT_FAMILY_V4, 10, { 100, 64 }, ADIT_SCOPE_PRIVATE },
    { ADIT_FAMILY_V4, 4, { 224 }, ADIT_SCOPE_MULTICAST },
    { ADIT_FAMILY_V4, 4, { 240 }, ADIT_SCOPE_RESERVED },
    { ADIT_FAMILY_V6, 10, { 0xfe, 0x80 }, ADIT_SCOPE_LINK },
    { ADIT_FAMILY_V6, 7, { 0xfc }, ADIT_SCOPE_PRIVATE },
    { ADIT_FAMILY_V6, 8, { 0xff }, ADIT_SCOPE_MULTICAST },
};

bool adit_addr_in(const struct adit_addr *a, const struct adit_addr *net, unsigned len)
{
    unsigned whole = len / 8, rest = len % 8;

    if (a->family != net->family || memcmp(a->ip, net->ip, whole) != 0)
        return false;
    return rest == 0 || ((a->ip[whole] ^ net->ip[whole]) >> (8 - rest)) == 0;
}

enum adit_scope_kind adit_addr_scope(const struct adit_addr *a)
{
    static const uint8_t v6_one[16] = { [15] = 1 }, v6_zero[16];

    if (a->family == ADIT_FAMILY_NONE)
        return ADIT_SCOPE_UNSPECIFIED;
    if (a->family == ADIT_FAMILY_V6 && memcmp(a->ip, v6_zero, 16) == 0)
        return ADIT_SCOPE_UNSPECIFIED;
    if (a->family == ADIT_FAMILY_V6 && memcmp(a->ip, v6_one, 16) == 0)
        return ADIT_SCOPE_LOOPBACK;
    for (size_t i = 0; i < ADIT_LEN(scopes); i++) {
        struct adit_addr net = { .family = scopes[i].family };

        memcpy(net.ip, scopes[i].ip, sizeof scopes[i].ip);
        if (adit_addr_in(a, &net, scopes[i].len))
            return scopes[i].kind;
    }
    return ADIT_SCOPE_GLOBAL;
}

bool adit_addr_is_discard(const struct adit_addr *a)
{
    static const struct adit_addr net = { .family = ADIT_FAMILY_V6, .ip = { 0x01 } };

    return adit_addr_in(a, &net, 64);
}

unsigned adit_addr_to_sockaddr(const struct adit_addr *a, struct sockaddr *sa)
{
    if (a->family == ADIT_FAMILY_V4) {
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(a->port) };

        memcpy(&in.sin_addr, a->ip, 4);
        memcpy(sa, &in, sizeof in);
        return sizeof in;
    }
    if (a->family == ADIT_FAMILY_V6) {
        struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
                                    .sin6_port = htons(a->port),
                                    .sin6_scope_id = a->scope };

        memcpy(&in6.sin6_addr, a->ip, 16);
        memcpy(sa, &in6, sizeof in6);
        return sizeof in6;
    }
    return 0;
}

int adit_addr_from_sockaddr(struct adit_addr *ret_addr, const struct sockaddr *sa)
{
    struct adit_addr a = { 0 };
    struct sockaddr_in in;
    struct sockaddr_in6 in6;

    switch (sa->sa_family) {
    case AF_INET:
        memcpy(&in, sa, sizeof in);
        a.family = ADIT_FAMILY_V4;
        a.port = ntohs(in.sin_port);
        memcpy(a.ip, &in.sin_addr, 4);
        break;
    case AF_INET6:
        memcpy(&in6, sa, sizeof in6);
        a.port = ntohs(in6.sin6_port);
        set_v6(&a, in6.sin6_addr.s6_addr, in6.sin6_scope_id);
        break;
    default:
        return -EAFNOSUPPORT;
    }
    *ret_addr = a;
    return 0;
}
