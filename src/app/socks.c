#include "app/socks.h"

#include "base/buf.h"
#include "base/digest.h"

enum { METHOD_NONE = 0, METHOD_PASSWORD = 2, METHOD_REFUSED = 0xff };
enum { TYPE_V4 = 1, TYPE_NAME = 3, TYPE_V6 = 4 };
enum {
    REPLY_OK,
    REPLY_FAILURE,
    REPLY_FORBIDDEN,
    REPLY_NET_UNREACHABLE,
    REPLY_HOST_UNREACHABLE,
    REPLY_REFUSED,
    REPLY_TTL_EXPIRED, /* what others say when it took too long */
    REPLY_NO_SUCH_COMMAND,
    REPLY_NO_SUCH_TYPE,
};
enum { V4_GRANTED = 90, V4_REJECTED = 91 };

#define V4_TEXT_MAX 255 /* of the user id, and of the name, with their zero bytes */

void adit_socks_start(struct adit_socks *s, const char *user, const char *password)
{
    *s = (struct adit_socks){ .user = user, .password = password ? password : "" };
}

/* ---- addresses, as in requests and before datagrams ------------------------------------------ */

/* Reads type, address and port. 0; -EAGAIN: not whole; -EPROTO: no such type; -EINVAL: no such
 * name. The name may be an address in text. */
static int get_address(struct adit_cursor *c, struct adit_end *end, bool any_port)
{
    struct adit_addr addr = { 0 };
    char text[ADIT_ADDR_STR];
    uint8_t type = adit_cursor_get8(c);
    size_t len = type == TYPE_V4     ? 4
                 : type == TYPE_V6   ? 16
                 : type == TYPE_NAME ? adit_cursor_get8(c)
                                     : 0;

    if (!c->bad && type != TYPE_V4 && type != TYPE_V6 && type != TYPE_NAME)
        return -EPROTO;
    const uint8_t *bytes = adit_cursor_take(c, len);
    end->port = adit_cursor_get16(c);
    if (c->bad)
        return -EAGAIN;
    if (!end->port && !any_port)
        return -EINVAL;
    if (type == TYPE_NAME)
        return adit_end_set_host(end, (const char *)bytes, len, ADIT_END_TO_CONNECT);
    addr.family = type == TYPE_V4 ? ADIT_FAMILY_V4 : ADIT_FAMILY_V6;
    memcpy(addr.ip, bytes, len);
    adit_addr_str_ip(&addr, text);
    return adit_end_set_host(end, text, strlen(text), ADIT_END_TO_CONNECT);
}

static size_t put_addr(uint8_t *out, const struct adit_addr *addr)
{
    size_t len = addr && addr->family == ADIT_FAMILY_V6 ? 16 : 4;

    memset(out, 0, 1 + len + 2);
    out[0] = len == 16 ? TYPE_V6 : TYPE_V4;
    if (addr) {
        memcpy(out + 1, addr->ip, len);
        adit_put16(out + 1 + len, addr->port);
    }
    return 1 + len + 2;
}

/* ---- replies --------------------------------------------------------------------------------- */

static void reply(struct adit_socks *s, uint8_t code, const struct adit_addr *bound,
                  struct adit_buf *out)
{
    uint8_t text[3 + 19] = { 5, code, 0 };

    if (s->version == 4) {
        uint8_t v4[8] = { 0, code == REPLY_OK ? V4_GRANTED : V4_REJECTED };

        adit_buf_add(out, v4, sizeof v4);
    } else {
        adit_buf_add(out, text, 3 + put_addr(text + 3, bound));
    }
    s->state = code == REPLY_OK ? ADIT_SOCKS_OPEN : ADIT_SOCKS_OVER;
}

static ssize_t refuse(struct adit_socks *s, uint8_t code, struct adit_buf *out)
{
    reply(s, code, NULL, out);
    return -EPROTO;
}

/* Two bytes, as greeting and password are answered. */
static void reply_short(uint8_t version, uint8_t code, struct adit_buf *out)
{
    adit_buf_add8(out, version);
    adit_buf_add8(out, code);
}

static uint8_t reply_of(enum adit_mux_code code)
{
    switch (code) {
    case ADIT_MUX_DONE:
        return REPLY_OK;
    case ADIT_MUX_FORBIDDEN:
        return REPLY_FORBIDDEN;
    case ADIT_MUX_REFUSED:
        return REPLY_REFUSED;
    case ADIT_MUX_UNREACHABLE:
        return REPLY_NET_UNREACHABLE;
    case ADIT_MUX_NOT_FOUND:
        return REPLY_HOST_UNREACHABLE;
    case ADIT_MUX_TIMEOUT:
        return REPLY_TTL_EXPIRED;
    case ADIT_MUX_BROKEN:
    case ADIT_MUX_FULL:
    case ADIT_MUX_UNKNOWN:
    case ADIT_MUX_LOST:
        break;
    }
    return REPLY_FAILURE;
}

void adit_socks_answer(struct adit_socks *s, enum adit_mux_code code, const struct adit_addr *bound,
                       struct adit_buf *out)
{
    reply(s, reply_of(code), bound, out);
}

/* ---- version 5 ------------------------------------------------------------------------------- */

/* VER NMETHODS METHODS */
static ssize_t greeting(struct adit_socks *s, const uint8_t *bytes, size_t n, struct adit_buf *out)
{
    uint8_t want = s->user ? METHOD_PASSWORD : METHOD_NONE;

    if (n < 2 || n < 2u + bytes[1])
        return 0;
    if (!memchr(bytes + 2, want, bytes[1])) {
        reply_short(5, METHOD_REFUSED, out);
        s->state = ADIT_SOCKS_OVER;
        return -EPROTO;
    }
    reply_short(5, want, out);
    s->version = 5;
    s->state = s->user ? ADIT_SOCKS_AUTH : ADIT_SOCKS_REQUEST;
    return 2 + bytes[1];
}

static bool is_secret(const char *want, const uint8_t *given, size_t n)
{
    uint8_t a[ADIT_SOCKS_SECRET_MAX] = { 0 }, b[ADIT_SOCKS_SECRET_MAX] = { 0 };
    size_t len = strlen(want);

    memcpy(a, want, len < sizeof a ? len : sizeof a);
    memcpy(b, given, n);
    return adit_equal_secret(a, b, sizeof a) && len == n;
}

/* VER ULEN UNAME PLEN PASSWD */
static ssize_t auth(struct adit_socks *s, const uint8_t *bytes, size_t n, struct adit_buf *out)
{
    struct adit_cursor c = adit_cursor(bytes, n);
    uint8_t version = adit_cursor_get8(&c), user_len = adit_cursor_get8(&c);
    const uint8_t *user = adit_cursor_take(&c, user_len);
    uint8_t password_len = adit_cursor_get8(&c);
    const uint8_t *password = adit_cursor_take(&c, password_len);

    if (n && version != 1) {
        s->state = ADIT_SOCKS_OVER;
        return -EPROTO;
    }
    if (c.bad)
        return 0;
    bool user_good = is_secret(s->user, user, user_len);
    bool good = is_secret(s->password, password, password_len) && user_good;
    reply_short(1, good ? 0 : 1, out);
    s->state = good ? ADIT_SOCKS_REQUEST : ADIT_SOCKS_OVER;
    return good ? (ssize_t)(n - adit_cursor_left(&c)) : -EPROTO;
}

/* VER CMD RSV ATYP DST.ADDR DST.PORT */
static ssize_t request(struct adit_socks *s, const uint8_t *bytes, size_t n, struct adit_buf *out)
{
    struct adit_cursor c = adit_cursor(bytes, n);
    struct adit_end to = { .kind = ADIT_END_TCP };
    uint8_t version = adit_cursor_get8(&c), command = adit_cursor_get8(&c);

    if (n && version != 5)
        return refuse(s, REPLY_FAILURE, out);
    if (n >= 2 && command != ADIT_SOCKS_CONNECT && command != ADIT_SOCKS_ASSOCIATE)
        return refuse(s, REPLY_NO_SUCH_COMMAND, out);
    (void)adit_cursor_get8(&c);
    int err = get_address(&c, &to, command == ADIT_SOCKS_ASSOCIATE);
    if (err == -EAGAIN)
        return 0;
    if (err == -EPROTO)
        return refuse(s, REPLY_NO_SUCH_TYPE, out);
    if (err && command == ADIT_SOCKS_CONNECT)
        return refuse(s, REPLY_HOST_UNREACHABLE, out);
    s->command = (enum adit_socks_command)command;
    s->to = command == ADIT_SOCKS_CONNECT ? to : (struct adit_end){ 0 };
    s->state = ADIT_SOCKS_ASKED;
    return (ssize_t)(n - adit_cursor_left(&c));
}

/* ---- version 4 ------------------------------------------------------------------------------- */

/* A text with its zero byte: its length without. -EAGAIN: not whole; -EPROTO: too long. */
static ssize_t get_text(struct adit_cursor *c)
{
    size_t left = adit_cursor_left(c);
    const uint8_t *end = left ? memchr(c->p, '\0', left) : NULL;
    size_t len = end ? (size_t)(end - c->p) : left;

    if (len >= V4_TEXT_MAX)
        return -EPROTO;
    if (!end)
        return -EAGAIN;
    c->p = end + 1;
    return (ssize_t)len;
}

/* VN CD DSTPORT DSTIP USERID NULL, and in 4a, where DSTIP is 0.0.0.x: NAME NULL. */
static ssize_t request_v4(struct adit_socks *s, const uint8_t *bytes, size_t n,
                          struct adit_buf *out)
{
    struct adit_cursor c = adit_cursor(bytes, n);
    struct adit_end to = { .kind = ADIT_END_TCP };
    struct adit_addr addr = { .family = ADIT_FAMILY_V4 };
    char text[ADIT_ADDR_STR];

    s->version = 4;
    (void)adit_cursor_get8(&c);
    uint8_t command = adit_cursor_get8(&c);
    to.port = adit_cursor_get16(&c);
    const uint8_t *ip = adit_cursor_take(&c, 4);
    if (!ip)
        return 0;
    /* Its users have names and no passwords. */
    if (command != ADIT_SOCKS_CONNECT || s->user || !to.port)
        return refuse(s, REPLY_FAILURE, out);
    memcpy(addr.ip, ip, 4);
    ssize_t len = get_text(&c);
    const char *host = (const char *)c.p;
    bool named = !ip[0] && !ip[1] && !ip[2] && ip[3];
    if (len >= 0 && named) {
        len = get_text(&c);
    } else if (len >= 0) {
        host = adit_addr_str_ip(&addr, text);
        len = (ssize_t)strlen(text);
    }
    if (len == -EAGAIN)
        return 0;
    if (len < 0 || adit_end_set_host(&to, host, (size_t)len, ADIT_END_TO_CONNECT) < 0)
        return refuse(s, REPLY_FAILURE, out);
    s->command = ADIT_SOCKS_CONNECT;
    s->to = to;
    s->state = ADIT_SOCKS_ASKED;
    return (ssize_t)(n - adit_cursor_left(&c));
}

ssize_t adit_socks_feed(struct adit_socks *s, const uint8_t *bytes, size_t n, struct adit_buf *out)
{
    switch (s->state) {
    case ADIT_SOCKS_GREETING:
        if (n && bytes[0] == 4)
            return request_v4(s, bytes, n, out);
        if (n && bytes[0] == 5)
            return greeting(s, bytes, n, out);
        if (!n)
            return 0;
        s->state = ADIT_SOCKS_OVER; /* some other protocol: nothing it would understand */
        return -EPROTO;
    case ADIT_SOCKS_AUTH:
        return auth(s, bytes, n, out);
    case ADIT_SOCKS_REQUEST:
        return request(s, bytes, n, out);
    case ADIT_SOCKS_ASKED:
    case ADIT_SOCKS_OPEN:
        return 0;
    case ADIT_SOCKS_OVER:
        break;
    }
    return -EPROTO;
}

/* ---- datagrams ------------------------------------------------------------------------------- */

/* RSV RSV FRAG ATYP DST.ADDR DST.PORT */
ssize_t adit_socks_udp_decode(struct adit_end *ret_to, const uint8_t *bytes, size_t n)
{
    struct adit_cursor c = adit_cursor(bytes, n);
    struct adit_end to = { .kind = ADIT_END_UDP };

    (void)adit_cursor_get16(&c);
    if (adit_cursor_get8(&c) != 0 || get_address(&c, &to, false) < 0)
        return -EPROTO;
    *ret_to = to;
    return (ssize_t)(n - adit_cursor_left(&c));
}

size_t adit_socks_udp_encode(uint8_t out[ADIT_SOCKS_UDP_MAX], const struct adit_end *from)
{
    struct adit_addr addr;
    size_t len = strlen(from->name);

    memset(out, 0, 3);
    if (adit_end_addr(from, &addr))
        return 3 + put_addr(out + 3, &addr);
    out[3] = TYPE_NAME;
    out[4] = (uint8_t)len;
    memcpy(out + 5, from->name, len);
    adit_put16(out + 5 + len, from->port);
    return 5 + len + 2;
}
