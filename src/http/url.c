#include "http/url.h"

#include <strings.h>

#include "base/addr.h"
#include "base/str.h"

#define ZONE_MAX 32

static const struct scheme {
    const char *name;
    enum adit_url_scheme scheme;
    bool secure;
    uint16_t port;
} schemes[] = {
    { "ws", ADIT_URL_WS, false, 80 },           { "wss", ADIT_URL_WSS, true, 443 },
    { "http", ADIT_URL_HTTP, false, 80 },       { "https", ADIT_URL_HTTPS, true, 443 },
    { "socks5", ADIT_URL_SOCKS5, false, 1080 },
};

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* RFC 3986 section 2.3. */
static bool is_unreserved(char c)
{
    return is_alnum(c) || (c && strchr("-._~", c));
}

/* All of the text is unreserved, one of `others`, or an escape. */
static bool is_made_of(const char *text, size_t len, const char *others)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '%') {
            if (len - i < 3 || adit_hex_value(text[i + 1]) < 0 || adit_hex_value(text[i + 2]) < 0)
                return false;
            i += 2;
        } else if (!is_unreserved(text[i]) && !(text[i] && strchr(others, text[i]))) {
            return false;
        }
    }
    return true;
}

bool adit_url_is_target(const char *text, size_t len)
{
    return len && len <= ADIT_URL_TARGET_MAX && text[0] == '/' &&
           is_made_of(text, len, "!$&'()*+,;=:@/?");
}

static int refuse(struct adit_cause *cause, const char *why)
{
    adit_cause_set(cause, ADIT_REASON_PROTOCOL, EINVAL, "the URL %s", why);
    return -EINVAL;
}

static bool is_number(const char *s, size_t n)
{
    size_t i = n >= 2 && s[0] == '0' && (s[1] | 32) == 'x' ? 2 : 0;
    bool hex = i == 2;

    while (i < n && (hex ? adit_hex_value(s[i]) >= 0 : s[i] >= '0' && s[i] <= '9'))
        i++;
    return i == n;
}

/* RFC 1123 section 2.1 and, because it is seen in private networks, the underscore. A name whose
 * last label is a number is an address, however it is spelled: 127.1, 0x7f.1 and the like are taken
 * for one by some and for a name by others, so only four decimal parts will do. */
static bool is_name(const char *host, size_t len)
{
    bool dot = len && host[len - 1] == '.'; /* the root's, as resolvers know it */
    size_t label = 0, last = 0;
    struct adit_addr addr;

    len -= dot;
    if (len == 0 || len > 253)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (host[i] == '.') {
            if (label == 0 || host[i - 1] == '-')
                return false;
            label = 0;
            last = i + 1;
        } else if ((!is_alnum(host[i]) && host[i] != '_' && (host[i] != '-' || label == 0)) ||
                   ++label > 63) {
            return false;
        }
    }
    if (label == 0 || host[len - 1] == '-')
        return false;
    if (is_number(host + last, len - last))
        return !dot && adit_addr_parse(&addr, host, len) == 0;
    return true;
}

/* What stands between the brackets; RFC 6874 writes '%' before the zone as "%25", people do not. */
static int read_v6(struct adit_url *u, const char *text, size_t len)
{
    const char *percent = memchr(text, '%', len);
    size_t ip = percent ? (size_t)(percent - text) : len, skip = 1;
    struct adit_addr addr;

    if (!memchr(text, ':', ip) || adit_addr_parse(&addr, text, ip) < 0)
        return -EINVAL;
    memcpy(u->host, text, ip); /* an address that was parsed is short */
    u->v6 = true;
    if (!percent)
        return 0;
    if (len - ip >= 3 && percent[1] == '2' && percent[2] == '5')
        skip = 3; /* an index of 25 is then written %2525 */
    if (len - ip == skip || len - ip - skip > ZONE_MAX)
        return -EINVAL;
    for (size_t i = ip + skip; i < len; i++)
        if (!is_unreserved(text[i]))
            return -EINVAL;
    u->host[ip] = '%';
    memcpy(u->host + ip + 1, text + ip + skip, len - ip - skip);
    return 0;
}

static void lower(char *s, const char *end)
{
    for (; *s && s < end; s++)
        if (*s >= 'A' && *s <= 'Z')
            *s |= 32;
}

static int read_host(struct adit_url *u, const char *text, size_t len, struct adit_cause *cause)
{
    char *zone;

    if (len && text[0] == '[') {
        if (text[len - 1] != ']' || read_v6(u, text + 1, len - 2) < 0)
            return refuse(cause, "has no valid IPv6 address in its brackets");
    } else {
        if (!is_name(text, len))
            return refuse(cause, "has no valid host name or address in it");
        memcpy(u->host, text, len);
    }
    zone = strchr(u->host, '%'); /* names of interfaces have upper and lower case */
    lower(u->host, zone ? zone : u->host + sizeof u->host);
    return 0;
}

/* RFC 3986 section 3.2: [userinfo "@"] host [":" port]. */
static int read_authority(struct adit_url *u, const char *text, size_t len, unsigned allow,
                          struct adit_cause *cause)
{
    const char *at = memchr(text, '@', len), *colon = NULL;
    uint64_t port;

    if (at) {
        size_t n = (size_t)(at - text);

        if (!(allow & ADIT_URL_USERINFO))
            return refuse(cause, "has a user name in it; give credentials by their own option");
        if (n == 0 || n > ADIT_URL_USERINFO_MAX || !is_made_of(text, n, "!$&'()*+,;=:"))
            return refuse(cause, "has a user name that must be written with %XX");
        memcpy(u->userinfo, text, n);
        text = at + 1;
        len -= n + 1;
    }
    for (size_t i = len; i > 0 && text[i - 1] != ']'; i--)
        if (text[i - 1] == ':') {
            colon = text + i - 1;
            break;
        }
    if (colon) {
        size_t n = len - (size_t)(colon + 1 - text);

        if (n > 5 || adit_str_u64(&port, colon + 1, n, 1, UINT16_MAX) < 0)
            return refuse(cause, "has a port that is no number from 1 to 65535");
        u->port = (uint16_t)port;
        u->port_given = true;
        len = (size_t)(colon - text);
    }
    return read_host(u, text, len, cause);
}

static const struct scheme *find_scheme(const char *text, size_t len, unsigned allow)
{
    for (unsigned i = 0; i < ADIT_LEN(schemes); i++)
        if ((schemes[i].scheme & allow) && strlen(schemes[i].name) == len &&
            strncasecmp(schemes[i].name, text, len) == 0)
            return &schemes[i];
    return NULL;
}

int adit_url_parse(struct adit_url *ret_url, const char *text, size_t len, unsigned allow,
                   struct adit_cause *ret_cause)
{
    static const char marks[] = "://";
    struct adit_url u = { 0 };
    const char *end = text + len, *p, *rest;
    const struct scheme *scheme;

    if (len > ADIT_URL_MAX)
        return refuse(ret_cause, "is too long");
    p = memchr(text, ':', len);
    if (!p || end - p < 3 || memcmp(p, marks, 3) != 0)
        return refuse(ret_cause, "has to begin with a scheme, as in wss://host/path");
    scheme = find_scheme(text, (size_t)(p - text), allow);
    if (!scheme)
        return refuse(ret_cause, "begins with a scheme that cannot be used here");
    u.scheme = scheme->scheme;
    u.secure = scheme->secure;
    u.port = scheme->port;
    p += 3;
    for (rest = p; rest < end && *rest != '/' && *rest != '?' && *rest != '#'; rest++)
        ;
    if (read_authority(&u, p, (size_t)(rest - p), allow, ret_cause) < 0)
        return -EINVAL;
    len = (size_t)(end - rest);
    if (memchr(rest, '#', len)) /* RFC 6455 section 3 */
        return refuse(ret_cause, "has a fragment (#) in it, which no server would see");
    u.target[0] = '/';
    if (len > ADIT_URL_TARGET_MAX - 1)
        return refuse(ret_cause, "is too long");
    if (len)
        memcpy(u.target + (*rest == '?'), rest, len);
    if (!adit_url_is_target(u.target, len ? len + (*rest == '?') : 1))
        return refuse(ret_cause, "has characters in it that must be written as %XX");
    *ret_url = u;
    return 0;
}

static void add_host(struct adit_buf *out, const struct adit_url *u, bool zone)
{
    int len = (int)(zone ? strlen(u->host) : strcspn(u->host, "%"));
    const char *percent = strchr(u->host, '%');

    if (!u->v6)
        adit_buf_printf(out, "%s", u->host);
    else if (zone && percent)
        adit_buf_printf(out, "[%.*s%%25%s]", (int)(percent - u->host), u->host, percent + 1);
    else
        adit_buf_printf(out, "[%.*s]", len, u->host);
}

static const struct scheme *scheme_of(const struct adit_url *u)
{
    for (unsigned i = 0; i < ADIT_LEN(schemes); i++)
        if (schemes[i].scheme == u->scheme)
            return &schemes[i];
    assert(!"a scheme");
    return NULL;
}

void adit_url_compose(struct adit_buf *out, const struct adit_url *url)
{
    adit_buf_printf(out, "%s://%s%s", scheme_of(url)->name, url->userinfo,
                    url->userinfo[0] ? "@" : "");
    add_host(out, url, true);
    if (url->port_given)
        adit_buf_printf(out, ":%u", url->port);
    adit_buf_printf(out, "%s", url->target);
}

void adit_url_authority(struct adit_buf *out, const struct adit_url *url)
{
    add_host(out, url, false);
    if (url->port != scheme_of(url)->port)
        adit_buf_printf(out, ":%u", url->port);
}

int adit_url_decode(char *out, size_t size, const char *text, size_t len, bool plus)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (c == '%') {
            int high = i + 2 < len ? adit_hex_value(text[i + 1]) : -1;
            int low = i + 2 < len ? adit_hex_value(text[i + 2]) : -1;

            if (high < 0 || low < 0)
                return -EINVAL;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (c == '\0')
            return -EINVAL;
        if (n + 1 >= size)
            return -EMSGSIZE;
        out[n++] = c;
    }
    if (size == 0)
        return -EMSGSIZE;
    out[n] = '\0';
    return (int)n;
}

/* Does the encoded name say `name`? Compared byte by byte, so a name may be as long as it likes. */
static bool name_is(const char *text, size_t len, const char *name)
{
    size_t i = 0;

    for (; i < len && *name; name++) {
        char c[2];
        size_t take = text[i] == '%' ? 3 : 1;

        if (take > len - i || adit_url_decode(c, sizeof c, text + i, take, true) != 1 ||
            c[0] != *name)
            return false;
        i += take;
    }
    return i == len && !*name;
}

int adit_url_query(const char *target, const char *name, char *out, size_t size)
{
    const char *p = strchr(target, '?');

    while (p) {
        const char *pair = p + 1, *end = pair + strcspn(pair, "&");
        const char *equals = memchr(pair, '=', (size_t)(end - pair));
        const char *name_end = equals ? equals : end;

        if (name_is(pair, (size_t)(name_end - pair), name)) {
            const char *value = equals ? equals + 1 : end;
            return adit_url_decode(out, size, value, (size_t)(end - value), true);
        }
        p = *end ? end : NULL;
    }
    return -ENOENT;
}

int adit_url_path(const char *target, char *out, size_t size)
{
    size_t len = strcspn(target, "?"), start = 0;
    unsigned slashes = 0;
    int n = adit_url_decode(out, size, target, len, false);

    if (n < 0)
        return n;
    for (size_t i = 0; i < len; i++)
        slashes += target[i] == '/';
    for (size_t i = 0; i <= (size_t)n; i++) {
        size_t segment = i - start;

        if (out[i] != '/' && out[i] != '\0')
            continue;
        if ((segment == 1 && out[start] == '.') ||
            (segment == 2 && out[start] == '.' && out[start + 1] == '.'))
            return -EINVAL;
        start = i + 1;
        slashes -= out[i] == '/';
    }
    return slashes == 0 ? n : -EINVAL; /* more slashes than were written: one was encoded */
}

void adit_url_encode(struct adit_buf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (is_unreserved(text[i]))
            adit_buf_add(out, text + i, 1);
        else
            adit_buf_printf(out, "%%%02X", (unsigned char)text[i]);
    }
}

void adit_url_query_add(struct adit_buf *target, const char *name, const char *value)
{
    bool has = target->len && memchr(target->data, '?', target->len);

    adit_buf_add(target, has ? "&" : "?", 1);
    adit_url_encode(target, name, strlen(name));
    adit_buf_add(target, "=", 1);
    adit_url_encode(target, value, strlen(value));
}
