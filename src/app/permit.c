#include "app/permit.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/str.h"

#define KIND(name) (1u << ADIT_END_##name)
#define NETS       (KIND(TCP) | KIND(UDP))

enum host { HOST_ANY, HOST_NAME, HOST_NET, HOST_PATH };

struct adit_permit {
    bool listen;
    unsigned kinds; /* KIND() */
    enum host host;
    char name[ADIT_END_NAME_MAX + 1]; /* NAME, PATH */
    struct adit_addr net;
    unsigned net_len;
    uint16_t port_min, port_max;
};

/* ---- reading --------------------------------------------------------------------------------- */

/* "80", "1000-2000", "*". */
static int set_ports(struct adit_permit *e, const char *text)
{
    const char *dash = strchr(text, '-');
    size_t n = dash ? (size_t)(dash - text) : strlen(text);
    uint64_t least = e->listen ? 0 : 1, from = least, to = UINT16_MAX;

    if (strcmp(text, "*") != 0) {
        if (adit_str_u64(&from, text, n, least, UINT16_MAX) < 0)
            return -EINVAL;
        to = from;
        if (dash && adit_str_u64(&to, dash + 1, strlen(dash + 1), from, UINT16_MAX) < 0)
            return -EINVAL;
    }
    e->port_min = (uint16_t)from;
    e->port_max = (uint16_t)to;
    return 0;
}

/* "10.0.0.0/8", "::1", without brackets. */
static int set_net(struct adit_permit *e, const char *text, size_t n)
{
    const char *slash = memchr(text, '/', n);
    size_t ip = slash ? (size_t)(slash - text) : n;
    uint64_t len;

    if (adit_addr_parse(&e->net, text, ip) < 0)
        return -EINVAL;
    bool mapped = e->net.family == ADIT_FAMILY_V4 && memchr(text, ':', ip);
    unsigned most = e->net.family == ADIT_FAMILY_V4 ? 32 : 128;
    len = most;
    if (slash && (mapped || adit_str_u64(&len, slash + 1, n - ip - 1, 0, most) < 0))
        return -EINVAL;
    e->net_len = (unsigned)len;
    e->host = HOST_NET;
    return 0;
}

/* "*", a name, an address, a net; IPv6 in brackets, which may close before or behind the "/len". */
static int set_host(struct adit_permit *e, const char *text, size_t n)
{
    char bare[ADIT_ADDR_STR];
    struct adit_end end = { 0 };

    if (n == 1 && text[0] == '*') {
        e->host = HOST_ANY;
        return 0;
    }
    if (n && text[0] == '[') {
        const char *close = memchr(text, ']', n);

        if (!close || n - 2 >= sizeof bare ||
            (size_t)snprintf(bare, sizeof bare, "%.*s%.*s", (int)(close - text - 1), text + 1,
                             (int)(text + n - close - 1), close + 1) != n - 2)
            return -EINVAL;
        return set_net(e, bare, n - 2);
    }
    if (memchr(text, ':', n))
        return -EINVAL;
    if (set_net(e, text, n) == 0)
        return 0;
    if (adit_end_set_host(&end, text, n, ADIT_END_TO_CONNECT) < 0)
        return -EINVAL;
    e->host = HOST_NAME;
    memcpy(e->name, end.name, sizeof e->name);
    return 0;
}

static int set_host_port(struct adit_permit *e, const char *text)
{
    const char *colon = strrchr(text, ':');

    if (e->listen && !colon) {
        e->host = HOST_NAME;
        memcpy(e->name, "localhost", sizeof "localhost");
        return set_ports(e, text);
    }
    if (!colon)
        return -EINVAL;
    int err = set_host(e, text, (size_t)(colon - text));
    if (e->listen && e->host == HOST_NAME && strcmp(e->name, "localhost") != 0)
        return -EINVAL;
    return err ? err : set_ports(e, colon + 1);
}

static int set_path(struct adit_permit *e, unsigned kind, const char *text)
{
    struct adit_end end;
    char whole[ADIT_END_STR];

    e->kinds = kind;
    if (strcmp(strchr(text, ':'), ":*") == 0) {
        e->host = HOST_ANY;
        e->port_max = UINT16_MAX;
        return 0;
    }
    if (!adit_str_starts(text, "unix:") && !adit_str_starts(text, "serial:"))
        return -EINVAL;
    if (adit_str_copy(whole, sizeof whole, text, strlen(text)) < 0 ||
        adit_end_parse(&end, whole, strlen(whole),
                       e->listen ? ADIT_END_TO_LISTEN : ADIT_END_TO_CONNECT) < 0)
        return -EINVAL;
    e->host = HOST_PATH;
    memcpy(e->name, end.name, sizeof e->name);
    return 0;
}

/* "tcp:80" is a host "tcp", as in fwd_spec.h. */
static bool takes(const char **text, const char *prefix)
{
    if (!adit_str_starts(*text, prefix) || !strchr(*text + strlen(prefix), ':'))
        return false;
    *text += strlen(prefix);
    return true;
}

static int parse(struct adit_permit *e, const char *text)
{
    e->kinds = NETS;
    if (adit_str_starts(text, "listen:")) {
        e->listen = true;
        e->kinds = KIND(TCP);
        text += 7;
    }
    if (strcmp(text, "any") == 0) {
        e->kinds = NETS | KIND(UNIX) | KIND(SERIAL);
        e->port_max = UINT16_MAX;
        return 0;
    }
    if (adit_str_starts(text, "unix:/") || adit_str_starts(text, "unix:@") ||
        strcmp(text, "unix:*") == 0)
        return set_path(e, KIND(UNIX), text);
    if (!e->listen && (adit_str_starts(text, "serial:/") || strcmp(text, "serial:*") == 0))
        return set_path(e, KIND(SERIAL), text);
    if (takes(&text, "tcp:"))
        e->kinds = KIND(TCP);
    else if (!e->listen && takes(&text, "udp:"))
        e->kinds = KIND(UDP);
    return set_host_port(e, text);
}

int adit_permits_add(struct adit_permits *p, const char *text, struct adit_cause *ret_cause)
{
    struct adit_permit e = { 0 };
    bool none = strcmp(text, "none") == 0;

    if (p->none || (none && p->count)) {
        adit_cause_set(ret_cause, ADIT_REASON_LOCAL, EINVAL, "\"none\" stands alone");
        return -EINVAL;
    }
    if (none) {
        p->none = true;
        return 0;
    }
    if (p->count == ADIT_PERMITS_MAX) {
        adit_cause_set(ret_cause, ADIT_REASON_LOCAL, EINVAL, "more than %d permits",
                       ADIT_PERMITS_MAX);
        return -EINVAL;
    }
    if (parse(&e, text) < 0) {
        adit_cause_set(ret_cause, ADIT_REASON_LOCAL, EINVAL,
                       "write HOST:PORT, NET/LEN:*, unix:/PATH, serial:/dev/X, listen:PORT or any");
        return -EINVAL;
    }
    struct adit_permit *list = adit_realloc(p->list, (p->count + 1) * sizeof e);
    if (!list) {
        adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, ENOMEM, "out of memory");
        return -ENOMEM;
    }
    p->list = list;
    p->list[p->count++] = e;
    return 0;
}

void adit_permits_done(struct adit_permits *p)
{
    adit_free(p->list);
    memset(p, 0, sizeof *p);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static bool has_port(const struct adit_permit *e, uint16_t port)
{
    return port >= e->port_min && port <= e->port_max;
}

static enum adit_permitted ask(const struct adit_permit *e, const struct adit_end *end)
{
    struct adit_addr addr;

    if (e->listen || !(e->kinds & 1u << end->kind))
        return ADIT_PERMIT_NO;
    if (e->host == HOST_ANY && !(1u << end->kind & NETS))
        return ADIT_PERMIT_YES;
    if (e->host == HOST_PATH)
        return strcmp(e->name, end->name) == 0 ? ADIT_PERMIT_YES : ADIT_PERMIT_NO;
    if (!has_port(e, end->port))
        return ADIT_PERMIT_NO;
    if (e->host == HOST_ANY)
        return ADIT_PERMIT_YES;
    bool is_addr = adit_end_addr(end, &addr);
    if (e->host == HOST_NAME)
        return strcmp(e->name, end->name) == 0 ? ADIT_PERMIT_YES : ADIT_PERMIT_NO;
    if (!is_addr)
        return ADIT_PERMIT_BY_ADDR;
    return adit_addr_in(&addr, &e->net, e->net_len) ? ADIT_PERMIT_YES : ADIT_PERMIT_NO;
}

enum adit_permitted adit_permit_connect(const struct adit_permits *p, const struct adit_end *end)
{
    enum adit_permitted best = ADIT_PERMIT_NO;

    for (size_t i = 0; p && i < p->count && best != ADIT_PERMIT_YES; i++) {
        enum adit_permitted one = ask(&p->list[i], end);

        best = one == ADIT_PERMIT_NO ? best : one;
    }
    return best;
}

bool adit_permit_addr(const struct adit_permits *p, enum adit_end_kind kind,
                      const struct adit_addr *addr)
{
    for (size_t i = 0; p && i < p->count; i++) {
        const struct adit_permit *e = &p->list[i];

        if (!e->listen && e->kinds & 1u << kind && e->host == HOST_NET && has_port(e, addr->port) &&
            adit_addr_in(addr, &e->net, e->net_len))
            return true;
    }
    return false;
}

static bool may_listen(const struct adit_permit *e, const struct adit_end *end)
{
    struct adit_addr addr;

    if (!e->listen || !(e->kinds & 1u << end->kind))
        return false;
    if (end->kind == ADIT_END_UNIX)
        return e->host == HOST_ANY || (e->host == HOST_PATH && strcmp(e->name, end->name) == 0);
    if (!has_port(e, end->port))
        return false;
    switch (e->host) {
    case HOST_ANY:
        return true;
    case HOST_NAME: /* localhost */
        return strcmp(end->name, "localhost") == 0 ||
               (adit_end_addr(end, &addr) && adit_addr_scope(&addr) == ADIT_SCOPE_LOOPBACK);
    case HOST_NET:
        return adit_end_addr(end, &addr) && adit_addr_in(&addr, &e->net, e->net_len);
    case HOST_PATH:
        break;
    }
    return false;
}

bool adit_permit_listen(const struct adit_permits *p, const struct adit_end *end)
{
    for (size_t i = 0; p && i < p->count; i++)
        if (may_listen(&p->list[i], end))
            return true;
    return false;
}
