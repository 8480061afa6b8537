#include "tun/prefix.h"

#include <stdio.h>

#include "base/str.h"

int adit_prefix_parse(struct adit_prefix *ret_prefix, const char *text, size_t len)
{
    const char *slash = memchr(text, '/', len);
    struct adit_prefix p = { 0 };
    uint64_t bits;

    int err = adit_addr_parse(&p.addr, text, slash ? (size_t)(slash - text) : len);
    if (err)
        return err;
    unsigned max = p.addr.family == ADIT_FAMILY_V6 ? 128 : 32;
    bits = max;
    if (slash && adit_str_u64(&bits, slash + 1, len - (size_t)(slash + 1 - text), 0, max) < 0)
        return -EINVAL;
    if (p.addr.scope) /* "fe80::1%3": a block belongs to no interface */
        return -EINVAL;
    p.len = (uint8_t)bits;
    *ret_prefix = p;
    return 0;
}

char *adit_prefix_str(const struct adit_prefix *prefix, char out[ADIT_PREFIX_STR])
{
    char ip[ADIT_ADDR_STR];

    snprintf(out, ADIT_PREFIX_STR, "%s/%u", adit_addr_str_ip(&prefix->addr, ip), prefix->len);
    return out;
}

bool adit_prefix_covers(const struct adit_prefix *prefixes, size_t count,
                        const struct adit_addr *addr)
{
    for (size_t i = 0; i < count; i++)
        if (adit_addr_in(addr, &prefixes[i].addr, prefixes[i].len))
            return true;
    return false;
}

bool adit_prefix_overlap(const struct adit_prefix *a, const struct adit_prefix *b)
{
    return adit_addr_in(&a->addr, &b->addr, a->len < b->len ? a->len : b->len);
}

struct adit_prefix adit_prefix_network(const struct adit_prefix *prefix)
{
    struct adit_prefix net = *prefix;

    for (unsigned i = 0; i < sizeof net.addr.ip; i++) {
        unsigned keep = net.len > 8 * i ? net.len - 8 * i : 0;
        if (keep < 8)
            net.addr.ip[i] &= (uint8_t)(0xff00 >> keep);
    }
    return net;
}
