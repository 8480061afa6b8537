#include "app/fwd_end.h"

#include <stdio.h>

#include "base/str.h"

#define UNIX_PATH_MAX   107 /* sockaddr_un */
#define HOST_LEN_MAX    253 /* RFC 1035 section 2.3.4, without the root's dot and length */
#define SERVICE_LEN_MAX 63
#define BAUD_MAX        4000000

static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
static const char digits[] = "0123456789";

static const struct {
    const char *prefix;
    enum adit_end_kind kind;
} kinds[] = {
    { "tcp:", ADIT_END_TCP },       { "udp:", ADIT_END_UDP },         { "unix:", ADIT_END_UNIX },
    { "serial:", ADIT_END_SERIAL }, { "service:", ADIT_END_SERVICE },
};

/* ---- parts ----------------------------------------------------------------------------------- */

static bool is_word(const char *text, size_t n, const char *word)
{
    return strlen(word) == n && memcmp(text, word, n) == 0;
}

/* Does the last label look like a part of an IPv4 address (as in the URL standard, "ends in a
 * number")? */
static bool ends_in_number(const char *name)
{
    const char *dot = strrchr(name, '.');
    const char *last = dot ? dot + 1 : name;

    if (last[0] == '0' && last[1] == 'x')
        return last[2 + strspn(last + 2, "0123456789abcdef")] == '\0';
    return last[0] && last[strspn(last, digits)] == '\0';
}

/* In lower case. The same letters that the resolver takes. */
static int set_name(struct adit_end *end, const char *text, size_t n)
{
    if (n == 0 || n > HOST_LEN_MAX || text[0] == '.' || text[0] == '-')
        return -EINVAL;
    for (size_t i = 0; i < n; i++) {
        char c = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + ('a' - 'A')) : text[i];

        if (!c || (!strchr(letters, c) && !strchr(digits, c) && !strchr(".-_", c)))
            return -EINVAL;
        end->name[i] = c;
    }
    end->name[n] = '\0';
    return ends_in_number(end->name) ? -EINVAL : 0;
}

int adit_end_set_host(struct adit_end *end, const char *host, size_t n, enum adit_end_use use)
{
    struct adit_addr addr;
    char ip[ADIT_ADDR_STR];
    bool brackets = n >= 2 && host[0] == '[' && host[n - 1] == ']';
    int err = adit_addr_parse(&addr, host + brackets, n - 2 * brackets);

    if (err == 0) {
        if (brackets && addr.family != ADIT_FAMILY_V6 && !memchr(host, ':', n))
            return -EINVAL;
        adit_addr_str_ip(&addr, ip);
        return adit_str_copy(end->name, sizeof end->name, ip, strlen(ip));
    }
    if (brackets)
        return -EINVAL;
    if (use == ADIT_END_TO_CONNECT)
        return set_name(end, host, n);
    if (n && !is_word(host, n, "*") && !is_word(host, n, "localhost"))
        return -EINVAL;
    return adit_str_copy(end->name, sizeof end->name, n ? host : "*", n ? n : 1);
}

int adit_end_set_port(struct adit_end *end, const char *port, size_t n, enum adit_end_use use)
{
    uint64_t v;

    if (adit_str_u64(&v, port, n, use == ADIT_END_TO_CONNECT, UINT16_MAX) < 0)
        return -ERANGE;
    end->port = (uint16_t)v;
    return 0;
}

int adit_end_set_path(struct adit_end *end, const char *path, size_t n)
{
    if (n < 2 || n > UNIX_PATH_MAX || memchr(path, '\0', n) || (path[0] != '/' && path[0] != '@'))
        return -EINVAL;
    return adit_str_copy(end->name, sizeof end->name, path, n);
}

/* ---- kinds ----------------------------------------------------------------------------------- */

static int set_host_port(struct adit_end *end, const char *text, size_t n, enum adit_end_use use)
{
    const char *colon = n ? memrchr(text, ':', n) : NULL;
    size_t host = colon ? (size_t)(colon - text) : 0;

    /* "::1:80" would leave open where the address ends. */
    if (!colon || (host && text[0] != '[' && memchr(text, ':', host)))
        return -EINVAL;
    int err = adit_end_set_host(end, text, host, use);
    return err ? err : adit_end_set_port(end, colon + 1, n - host - 1, use);
}

/* Below /dev and nowhere else, so that a device's name cannot stand for a file's. */
static int set_serial(struct adit_end *end, const char *text, size_t n)
{
    const char *comma = n ? memchr(text, ',', n) : NULL;
    size_t path = comma ? (size_t)(comma - text) : n;
    uint64_t baud = 0;

    if (path <= 5 || path > UNIX_PATH_MAX || memcmp(text, "/dev/", 5) != 0 ||
        memchr(text, '\0', path))
        return -EINVAL;
    if (comma && adit_str_u64(&baud, comma + 1, n - path - 1, 1, BAUD_MAX) < 0)
        return -EINVAL;
    end->baud = (uint32_t)baud;
    int err = adit_str_copy(end->name, sizeof end->name, text, path);
    return err || strstr(end->name, "/../") || strstr(end->name, "//") ||
                   (path >= 3 && strcmp(end->name + path - 3, "/..") == 0)
               ? -EINVAL
               : 0;
}

static int set_service(struct adit_end *end, const char *text, size_t n)
{
    if (n == 0 || n > SERVICE_LEN_MAX)
        return -EINVAL;
    int err = set_name(end, text, n);
    return err || !strchr(letters, end->name[0]) ? -EINVAL : 0;
}

static int set(struct adit_end *end, const char *text, size_t n, enum adit_end_use use)
{
    switch (end->kind) {
    case ADIT_END_TCP:
    case ADIT_END_UDP:
        return set_host_port(end, text, n, use);
    case ADIT_END_UNIX:
        return adit_end_set_path(end, text, n);
    case ADIT_END_SERIAL:
        return use == ADIT_END_TO_CONNECT ? set_serial(end, text, n) : -EINVAL;
    case ADIT_END_SERVICE:
        return use == ADIT_END_TO_CONNECT ? set_service(end, text, n) : -EINVAL;
    case ADIT_END_NONE:
        break;
    }
    return -EINVAL;
}

int adit_end_parse(struct adit_end *ret_end, const char *text, size_t n, enum adit_end_use use)
{
    for (size_t i = 0; i < ADIT_LEN(kinds); i++) {
        size_t len = strlen(kinds[i].prefix);
        struct adit_end end = { .kind = kinds[i].kind };

        if (n < len || memcmp(text, kinds[i].prefix, len) != 0)
            continue;
        if (set(&end, text + len, n - len, use) < 0)
            return -EINVAL;
        *ret_end = end;
        return 0;
    }
    return -EINVAL;
}

char *adit_end_str(const struct adit_end *end, char out[ADIT_END_STR])
{
    bool v6 = strchr(end->name, ':') != NULL;

    out[0] = '\0';
    switch (end->kind) {
    case ADIT_END_TCP:
    case ADIT_END_UDP:
        snprintf(out, ADIT_END_STR, v6 ? "%s:[%s]:%u" : "%s:%s:%u",
                 end->kind == ADIT_END_TCP ? "tcp" : "udp", end->name, end->port);
        break;
    case ADIT_END_UNIX:
        snprintf(out, ADIT_END_STR, "unix:%s", end->name);
        break;
    case ADIT_END_SERIAL:
        snprintf(out, ADIT_END_STR, end->baud ? "serial:%s,%u" : "serial:%s", end->name, end->baud);
        break;
    case ADIT_END_SERVICE:
        snprintf(out, ADIT_END_STR, "service:%s", end->name);
        break;
    case ADIT_END_NONE:
        break;
    }
    return out;
}

char *adit_end_show(const struct adit_end *end, char out[ADIT_END_STR])
{
    char text[ADIT_END_STR];

    adit_end_str(end, text);
    return adit_str_printable(out, ADIT_END_STR, text, strlen(text));
}

bool adit_end_addr(const struct adit_end *end, struct adit_addr *ret_addr)
{
    if ((end->kind != ADIT_END_TCP && end->kind != ADIT_END_UDP) ||
        adit_addr_parse(ret_addr, end->name, strlen(end->name)) < 0)
        return false;
    ret_addr->port = end->port;
    return true;
}
