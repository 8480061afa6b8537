/* proxy.h - a way out through somebody else: HTTP CONNECT (RFC 9110 section 9.3.6) and SOCKS5
 * (RFC 1928, RFC 1929).
 *
 * Which proxy is to be used, and the little conversation with it, both without I/O. Names are
 * resolved by the proxy: behind a firewall nobody else may know them. */
#ifndef ADIT_PROXY_H
#define ADIT_PROXY_H

#include "base/buf.h"

#define ADIT_PROXY_TEXT_MAX  256        /* of host, user, password, each with its zero byte */
#define ADIT_PROXY_REPLY_MAX (8 * 1024) /* bytes of an HTTP proxy's answer */

enum adit_proxy_kind { ADIT_PROXY_NONE, ADIT_PROXY_HTTP, ADIT_PROXY_SOCKS5 };

struct adit_proxy {
    enum adit_proxy_kind kind; /* NONE: directly */
    uint16_t port;
    char host[ADIT_PROXY_TEXT_MAX];
    char user[ADIT_PROXY_TEXT_MAX], password[ADIT_PROXY_TEXT_MAX]; /* user "" = none */
};

/* "http://[user[:password]@]host[:port]", the same with socks5:// or socks5h://, or without a
 * scheme (http). "" and "none": no proxy. -EINVAL, and *ret_cause says why. */
ADIT_MUST_USE int adit_proxy_parse(struct adit_proxy *ret_proxy, const char *url,
                                   struct adit_cause *ret_cause);
/* What the environment wants for this destination: https_proxy (http_proxy if not secure), then
 * all_proxy, also in capitals, and no_proxy against it. env is getenv(3). -EINVAL as above. */
ADIT_MUST_USE int adit_proxy_choose(struct adit_proxy *ret_proxy, bool secure, const char *host,
                                    uint16_t port, char *(*env)(const char *name),
                                    struct adit_cause *ret_cause);
/* Does no_proxy exempt this destination? "*", "example.com" (and what is below it), ".example.com",
 * "192.0.2.1", "2001:db8::/32", each with or without ":port", between commas or spaces. */
bool adit_proxy_exempt(const char *list, const char *host, uint16_t port);

/* ---- the conversation ------------------------------------------------------------------------ */

enum adit_proxy_state {
    ADIT_PROXY_STATUS,  /* HTTP: the first line */
    ADIT_PROXY_HEADERS, /* and those that follow */
    ADIT_PROXY_METHOD,  /* SOCKS: which method it wants */
    ADIT_PROXY_AUTH,    /* whether the password was right */
    ADIT_PROXY_REPLY,   /* whether it has connected */
    ADIT_PROXY_OPEN,    /* what comes now is the destination's */
};

struct adit_proxy_talk {
    enum adit_proxy_state state;
    struct adit_proxy proxy;
    struct adit_buf request; /* SOCKS: the last message, said when the method is settled */
    struct adit_buf out;     /* for the proxy: send and consume it after each call */
    uint8_t in[262];         /* the longest SOCKS reply; the begin of a status line */
    size_t in_len;
    size_t line_len, total; /* HTTP: of this line; of all */
};

/* host: the destination, a name or an address, in brackets or not. -EINVAL: it is neither;
 * -ENOMEM. adit_proxy_talk_done is due then, too. */
ADIT_MUST_USE int adit_proxy_talk_start(struct adit_proxy_talk *t, const struct adit_proxy *proxy,
                                        const char *host, uint16_t port);
void adit_proxy_talk_done(struct adit_proxy_talk *t);
/* Bytes from the proxy. Returns how many were its own; the rest, once the state is OPEN, is the
 * destination's. -EPROTO: nonsense; -EACCES: it wants a (better) password; -ECONNREFUSED: it does
 * not reach the destination, or does not want to; -ENOMEM. Then *ret_cause says more. */
ADIT_MUST_USE int adit_proxy_talk_feed(struct adit_proxy_talk *t, const void *bytes, size_t n,
                                       struct adit_cause *ret_cause);

#endif
