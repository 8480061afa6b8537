#include <stdio.h>

#include "base/addr.h"
#include "base/str.h"
#include "core/proxy.h"

#define NAME_LEN_MAX 253 /* RFC 1035 section 2.3.4, as text */

enum { SOCKS_VERSION = 5, AUTH_VERSION = 1, CONNECT = 1 };
enum { NO_AUTH = 0, USER_PASSWORD = 2, NO_METHOD = 0xff };
enum { TYPE_V4 = 1, TYPE_NAME = 3, TYPE_V6 = 4 };

/* ---- what we say ----------------------------------------------------------------------------- */

/* The destination, as a name or as an address; what is neither never gets into a request. */
static int parse_target(const char *host, struct adit_addr *ret_addr)
{
    size_t n = strlen(host);

    *ret_addr = (struct adit_addr){ 0 };
    if (adit_addr_parse(ret_addr, host, n) == 0)
        return 0;
    if (n > 2 && host[0] == '[' && host[n - 1] == ']')
        return adit_addr_parse(ret_addr, host + 1, n - 2);
    return n > 0 && n <= NAME_LEN_MAX &&
                   strspn(host, "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == n
               ? 0
               : -EINVAL;
}

static void add_basic(struct adit_buf *out, const struct adit_proxy *proxy)
{
    char plain[2 * ADIT_PROXY_TEXT_MAX], text[(2 * ADIT_PROXY_TEXT_MAX + 2) / 3 * 4 + 1];
    size_t user = strlen(proxy->user), password = strlen(proxy->password);

    memcpy(plain, proxy->user, user);
    plain[user] = ':';
    memcpy(plain + user + 1, proxy->password, password);
    adit_base64_encode(text, plain, user + 1 + password, false);
    adit_buf_printf(out, "Proxy-Authorization: Basic %s\r\n", text);
}

static void ask_http(struct adit_proxy_talk *t, const char *host, const struct adit_addr *addr)
{
    char target[ADIT_PROXY_TEXT_MAX + 8];
    struct adit_buf *out = &t->out;

    if (addr->family)
        adit_addr_str(addr, target);
    else
        snprintf(target, sizeof target, "%s:%u", host, addr->port);
    adit_buf_printf(out, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", target, target);
    if (t->proxy.user[0])
        add_basic(out, &t->proxy);
    adit_buf_add(out, "\r\n", 2);
    t->state = ADIT_PROXY_STATUS;
}

static void ask_socks(struct adit_proxy_talk *t, const char *host, const struct adit_addr *addr)
{
    bool user = t->proxy.user[0] != '\0';
    struct adit_buf *out = &t->request;

    adit_buf_add(out, (const uint8_t[]){ SOCKS_VERSION, CONNECT, 0 }, 3);
    if (addr->family) {
        adit_buf_add8(out, addr->family == ADIT_FAMILY_V4 ? TYPE_V4 : TYPE_V6);
        adit_buf_add(out, addr->ip, addr->family == ADIT_FAMILY_V4 ? 4 : 16);
    } else {
        adit_buf_add8(out, TYPE_NAME);
        adit_buf_add8(out, (uint8_t)strlen(host));
        adit_buf_add(out, host, strlen(host));
    }
    adit_buf_add16(out, addr->port);
    adit_buf_add8(&t->out, SOCKS_VERSION);
    adit_buf_add8(&t->out, user ? 2 : 1);
    adit_buf_add8(&t->out, NO_AUTH);
    if (user)
        adit_buf_add8(&t->out, USER_PASSWORD);
    t->state = ADIT_PROXY_METHOD;
}

int adit_proxy_talk_start(struct adit_proxy_talk *t, const struct adit_proxy *proxy,
                          const char *host, uint16_t port)
{
    struct adit_addr addr;
    int err = parse_target(host, &addr);

    *t = (struct adit_proxy_talk){ .proxy = *proxy };
    adit_buf_init(&t->out, 4096);
    adit_buf_init(&t->request, 512);
    if (err)
        return err;
    addr.port = port;
    addr.scope = 0; /* of this host; the proxy's are others */
    if (proxy->kind == ADIT_PROXY_HTTP)
        ask_http(t, host, &addr);
    else
        ask_socks(t, host, &addr);
    return t->out.err ? t->out.err : t->request.err;
}

void adit_proxy_talk_done(struct adit_proxy_talk *t)
{
    explicit_bzero(&t->proxy, sizeof t->proxy);
    adit_buf_done(&t->out);
    adit_buf_done(&t->request);
}

/* ---- HTTP ------------------------------------------------------------------------------------ */

static int nonsense(struct adit_cause *cause)
{
    adit_cause_set(cause, ADIT_REASON_PROTOCOL, EPROTO, "the proxy answers nonsense");
    return -EPROTO;
}

static int wants_password(struct adit_cause *cause, bool had_one)
{
    adit_cause_set(cause, ADIT_REASON_NOT_AUTHENTIC, EACCES, "%s",
                   had_one ? "the proxy does not accept this user and password"
                           : "the proxy wants a user and a password: http://USER:PASSWORD@HOST");
    return -EACCES;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* RFC 9112 section 4: "HTTP/1.1 200 …". */
static int judge_status(struct adit_proxy_talk *t, struct adit_cause *cause)
{
    const uint8_t *line = t->in;

    if (t->in_len < 12 || memcmp(line, "HTTP/1.", 7) != 0 || !is_digit(line[7]) || line[8] != ' ' ||
        !is_digit(line[9]) || !is_digit(line[10]) || !is_digit(line[11]) ||
        (t->in_len > 12 && line[12] != ' ' && line[12] != '\r'))
        return nonsense(cause);
    int status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
    if (status / 100 == 2) {
        t->state = ADIT_PROXY_HEADERS;
        return 0;
    }
    if (status == 407)
        return wants_password(cause, t->proxy.user[0] != '\0');
    adit_cause_set(cause, ADIT_REASON_NO_PATH, ECONNREFUSED, "the proxy refuses: HTTP status %d",
                   status);
    return -ECONNREFUSED;
}

/* Lines end with LF, and may have a CR before it; an empty one is the last. */
static int feed_http(struct adit_proxy_talk *t, const uint8_t *bytes, size_t n,
                     struct adit_cause *cause)
{
    size_t i = 0;

    while (i < n && t->state != ADIT_PROXY_OPEN) {
        uint8_t c = bytes[i++];

        if (++t->total > ADIT_PROXY_REPLY_MAX)
            return nonsense(cause);
        if (c != '\n') {
            if (t->state == ADIT_PROXY_STATUS && t->in_len < 16)
                t->in[t->in_len++] = c;
            if (c != '\r')
                t->line_len++;
            continue;
        }
        if (t->state == ADIT_PROXY_STATUS) {
            int err = judge_status(t, cause);
            if (err)
                return err;
        } else if (t->line_len == 0) {
            t->state = ADIT_PROXY_OPEN;
        }
        t->line_len = 0;
    }
    return (int)i;
}

/* ---- SOCKS ----------------------------------------------------------------------------------- */

static const char *reply_text(uint8_t reply)
{
    static const char *const texts[] = {
        [1] = "general failure",     [2] = "not allowed",
        [3] = "network unreachable", [4] = "host unreachable",
        [5] = "connection refused",  [6] = "TTL expired",
        [7] = "it cannot connect",   [8] = "it does not know this kind of address",
    };

    return reply < ADIT_LEN(texts) && texts[reply] ? texts[reply] : "unknown reason";
}

/* How many bytes the message has that begins in t->in; it may take some of them to know. */
static size_t message_len(const struct adit_proxy_talk *t)
{
    if (t->state != ADIT_PROXY_REPLY)
        return 2;
    if (t->in_len < 5)
        return 5;
    switch (t->in[3]) {
    case TYPE_V4:
        return 4 + 4 + 2;
    case TYPE_V6:
        return 4 + 16 + 2;
    default:
        return 4 + 1 + (size_t)t->in[4] + 2;
    }
}

static void say_password(struct adit_proxy_talk *t)
{
    size_t user = strlen(t->proxy.user), password = strlen(t->proxy.password);

    adit_buf_add8(&t->out, AUTH_VERSION);
    adit_buf_add8(&t->out, (uint8_t)user);
    adit_buf_add(&t->out, t->proxy.user, user);
    adit_buf_add8(&t->out, (uint8_t)password);
    adit_buf_add(&t->out, t->proxy.password, password);
    t->state = ADIT_PROXY_AUTH;
}

static void say_request(struct adit_proxy_talk *t)
{
    adit_buf_add(&t->out, t->request.data, t->request.len);
    t->state = ADIT_PROXY_REPLY;
}

static int on_method(struct adit_proxy_talk *t, struct adit_cause *cause)
{
    bool user = t->proxy.user[0] != '\0';

    if (t->in[0] != SOCKS_VERSION)
        return nonsense(cause);
    switch (t->in[1]) {
    case NO_AUTH:
        say_request(t);
        return 0;
    case USER_PASSWORD:
        if (!user)
            return nonsense(cause); /* not one of those we offered */
        say_password(t);
        return 0;
    case NO_METHOD:
        return wants_password(cause, user);
    default:
        return nonsense(cause);
    }
}

static int on_message(struct adit_proxy_talk *t, struct adit_cause *cause)
{
    switch (t->state) {
    case ADIT_PROXY_METHOD:
        return on_method(t, cause);
    case ADIT_PROXY_AUTH:
        if (t->in[0] != AUTH_VERSION)
            return nonsense(cause);
        if (t->in[1] != 0)
            return wants_password(cause, true);
        say_request(t);
        return 0;
    case ADIT_PROXY_REPLY:
        t->state = ADIT_PROXY_OPEN; /* judged when its first bytes were there */
        return 0;
    case ADIT_PROXY_STATUS:
    case ADIT_PROXY_HEADERS:
    case ADIT_PROXY_OPEN:
        break;
    }
    return nonsense(cause);
}

/* A refusal may come without the address that RFC 1928 section 6 wants, so it is not waited for. */
static int judge_reply(const struct adit_proxy_talk *t, struct adit_cause *cause)
{
    if (t->state != ADIT_PROXY_REPLY)
        return 0;
    if (t->in_len >= 1 && t->in[0] != SOCKS_VERSION)
        return nonsense(cause);
    if (t->in_len >= 2 && t->in[1] != 0) {
        adit_cause_set(cause, ADIT_REASON_NO_PATH, ECONNREFUSED, "the proxy refuses: %s",
                       reply_text(t->in[1]));
        return -ECONNREFUSED;
    }
    if (t->in_len >= 4 && t->in[3] != TYPE_V4 && t->in[3] != TYPE_V6 && t->in[3] != TYPE_NAME)
        return nonsense(cause);
    return 0;
}

static int feed_socks(struct adit_proxy_talk *t, const uint8_t *bytes, size_t n,
                      struct adit_cause *cause)
{
    size_t i = 0;
    int err = 0;

    while (i < n && t->state != ADIT_PROXY_OPEN && !err) {
        t->in[t->in_len++] = bytes[i++];
        err = judge_reply(t, cause);
        if (!err && t->in_len == message_len(t)) {
            err = on_message(t, cause);
            t->in_len = 0;
        }
    }
    if (!err && t->out.err) {
        adit_cause_set(cause, ADIT_REASON_RESOURCE, ENOMEM, "out of memory");
        err = -ENOMEM;
    }
    return err ? err : (int)i;
}

int adit_proxy_talk_feed(struct adit_proxy_talk *t, const void *bytes, size_t n,
                         struct adit_cause *ret_cause)
{
    return t->proxy.kind == ADIT_PROXY_HTTP ? feed_http(t, bytes, n, ret_cause)
                                            : feed_socks(t, bytes, n, ret_cause);
}
