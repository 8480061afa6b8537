/* url.h - the URLs that we are given: ws, wss, http, https, and socks5 for proxies.
 *
 * Strict, because a URL that two programs read differently leads to two places: the host is a name,
 * an IPv4 address in four decimal parts or [IPv6], nothing percent-encoded in it; what a path or
 * query may not contain is refused, not mended. A URL read and composed again is the same URL. */
#ifndef ADIT_URL_H
#define ADIT_URL_H

#include "base/base.h"
#include "base/buf.h"

#define ADIT_URL_HOST_MAX     255 /* bytes: a name of 253, or an address and its zone */
#define ADIT_URL_USERINFO_MAX 255
#define ADIT_URL_TARGET_MAX   4096
#define ADIT_URL_MAX          (ADIT_URL_TARGET_MAX + ADIT_URL_HOST_MAX + ADIT_URL_USERINFO_MAX + 32)

/* Bits, so that a caller says what it takes. */
enum adit_url_scheme {
    ADIT_URL_WS = 1,
    ADIT_URL_WSS = 2,
    ADIT_URL_HTTP = 4,
    ADIT_URL_HTTPS = 8,
    ADIT_URL_SOCKS5 = 16,
    ADIT_URL_USERINFO = 32, /* not a scheme: "user:password@" is taken as well */
};

struct adit_url {
    enum adit_url_scheme scheme;
    bool secure;                      /* wss, https */
    char host[ADIT_URL_HOST_MAX + 1]; /* lower case; IPv6 without brackets, "fe80::1%eth0" */
    bool v6;                          /* host is an IPv6 address */
    uint16_t port;                    /* the scheme's if the URL has none */
    bool port_given;                  /* it had one */
    char userinfo[ADIT_URL_USERINFO_MAX + 1]; /* as written, still encoded; "" = none */
    char target[ADIT_URL_TARGET_MAX + 1];     /* path and query, begins with '/' */
};

/* allow: schemes, perhaps with ADIT_URL_USERINFO. -EINVAL and a cause for the person who wrote it;
 * the cause never quotes the URL, which may have secrets in it. */
ADIT_MUST_USE int adit_url_parse(struct adit_url *ret_url, const char *text, size_t len,
                                 unsigned allow, struct adit_cause *ret_cause);
/* The whole URL, userinfo included. */
void adit_url_compose(struct adit_buf *out, const struct adit_url *url);
/* For the Host header: brackets, no zone (RFC 6874 section 4), the port unless it is the scheme's.
 */
void adit_url_authority(struct adit_buf *out, const struct adit_url *url);

/* Is this a request target in origin form, as we would send it (RFC 9112 section 3.2.1)? */
bool adit_url_is_target(const char *text, size_t len);
/* The first value of `name` in the query of a target, decoded ('+' is a blank), as a string into
 * out. Its length; -ENOENT; -EMSGSIZE; -EINVAL: broken escapes or a zero byte. */
ADIT_MUST_USE int adit_url_query(const char *target, const char *name, char *out, size_t size);
/* The path of a target, decoded once. Its length; -EMSGSIZE; -EINVAL: broken escapes, a zero byte,
 * an encoded slash, or a "." or ".." segment in any spelling. */
ADIT_MUST_USE int adit_url_path(const char *target, char *out, size_t size);
/* Decodes %XX; plus: '+' becomes a blank. The length of the string in out, -EMSGSIZE, -EINVAL. */
ADIT_MUST_USE int adit_url_decode(char *out, size_t size, const char *text, size_t len, bool plus);
/* All but RFC 3986's unreserved characters become %XX. */
void adit_url_encode(struct adit_buf *out, const char *text, size_t len);
/* Adds "?name=value", or "&name=value" where the target has a query already. */
void adit_url_query_add(struct adit_buf *target, const char *name, const char *value);

#endif
