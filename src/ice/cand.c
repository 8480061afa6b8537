/* cand.c - see cand.h. */
#include "ice/cand.h"

#include <strings.h>

#include "base/str.h"

static const char *const type_names[] = { "host", "srflx", "prflx", "relay" };
static const char *const tcptype_names[] = { "", "active", "passive", "so" };

const char *adit_cand_type_name(enum adit_cand_type type)
{
    return type_names[type];
}

bool adit_ice_chars_valid(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '+' || c == '/'))
            return false;
    }
    return true;
}

/* ---- parsing ---------------------------------------------------------------------------------
 *
 * RFC 8839 section 5.1:
 *   candidate:<foundation> <component> <transport> <priority> <address> <port> typ <type>
 *   [raddr <address>] [rport <port>] *(<name> <value>)
 * and RFC 6544 section 4.5: tcptype <active|passive|so> among the last. */

struct word {
    const char *p;
    size_t len;
};

static struct word next_word(const char **p, const char *end)
{
    struct word w;

    while (*p < end && **p == ' ')
        ++*p;
    w.p = *p;
    while (*p < end && **p != ' ')
        ++*p;
    w.len = (size_t)(*p - w.p);
    return w;
}

static bool word_is(struct word w, const char *text)
{
    return w.len == strlen(text) && strncasecmp(w.p, text, w.len) == 0;
}

static int parse_number(uint64_t *ret_v, struct word w, uint64_t min, uint64_t max)
{
    return adit_str_u64(ret_v, w.p, w.len, min, max) < 0 ? -EINVAL : 0;
}

/* A host name made of letters, digits, '-', '_' and '.', not made of digits and dots alone: that
 * would be a wrong IPv4 address. */
static bool name_valid(struct word w)
{
    bool letter = false;

    for (size_t i = 0; i < w.len; i++) {
        char c = w.p[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
            letter = true;
        else if (!((c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
            return false;
    }
    return letter;
}

/* An address, or with `name` a host name. A zone ("%eth0") is refused: it would name an interface
 * of this host, and a peer knows none of ours (RFC 8839 section 5.1 has no zones). */
static int parse_host(struct adit_addr *addr, char *name, struct word w)
{
    if (memchr(w.p, '%', w.len))
        return -EINVAL;
    if (adit_addr_parse(addr, w.p, w.len) == 0)
        return 0;
    *addr = (struct adit_addr){ .family = ADIT_FAMILY_NONE };
    if (!name_valid(w) || adit_str_copy(name, ADIT_CAND_HOST_MAX + 1, w.p, w.len) < 0)
        return -EINVAL;
    return 0;
}

/* What is none of the three is a candidate of a kind that we do not know: not usable. */
static enum adit_tcptype tcptype_of(struct word w)
{
    for (size_t i = ADIT_TCP_ACTIVE; i < ADIT_LEN(tcptype_names); i++) {
        if (word_is(w, tcptype_names[i]))
            return (enum adit_tcptype)i;
    }
    return ADIT_TCP_NONE;
}

/* "raddr", "rport", "tcptype", "ufrag"; what we do not know is passed over with its value (RFC 8839
 * section 5.1: "implementations MUST ignore any name/value pairs they don't understand"). */
static int parse_extensions(struct adit_cand *c, const char *p, const char *end)
{
    uint64_t rport = 0;

    for (;;) {
        struct word key = next_word(&p, end), value = next_word(&p, end);
        if (value.len == 0)
            break;
        if (word_is(key, "raddr")) {
            /* A name, or 0.0.0.0 from a browser that hides it: we know nothing. */
            char name[ADIT_CAND_HOST_MAX + 1];
            if (parse_host(&c->related, name, value) < 0)
                return -EINVAL;
        } else if (word_is(key, "rport")) {
            if (parse_number(&rport, value, 0, 65535) < 0)
                return -EINVAL;
        } else if (word_is(key, "tcptype")) {
            if (c->transport == ADIT_TRANSPORT_TCP)
                c->tcptype = tcptype_of(value);
        } else if (word_is(key, "ufrag")) {
            if (!adit_ice_chars_valid(value.p, value.len) ||
                adit_str_copy(c->ufrag, sizeof c->ufrag, value.p, value.len) < 0)
                return -EINVAL;
        }
    }
    if (c->related.family != ADIT_FAMILY_NONE &&
        adit_addr_scope(&c->related) == ADIT_SCOPE_UNSPECIFIED)
        c->related = (struct adit_addr){ .family = ADIT_FAMILY_NONE };
    if (c->related.family != ADIT_FAMILY_NONE)
        c->related.port = (uint16_t)rport;
    return 0;
}

static int parse_type(enum adit_cand_type *type, struct word w)
{
    for (size_t i = 0; i < ADIT_LEN(type_names); i++) {
        if (word_is(w, type_names[i])) {
            *type = (enum adit_cand_type)i;
            return 0;
        }
    }
    return -EINVAL;
}

static int parse_fields(struct adit_cand *c, const char *p, const char *end)
{
    uint64_t component, priority, port;
    struct word foundation = next_word(&p, end);

    if (foundation.len == 0 || !adit_ice_chars_valid(foundation.p, foundation.len) ||
        adit_str_copy(c->foundation, sizeof c->foundation, foundation.p, foundation.len) < 0)
        return -EINVAL;
    if (parse_number(&component, next_word(&p, end), 1, 256) < 0)
        return -EINVAL;
    struct word transport = next_word(&p, end);
    c->transport = word_is(transport, "udp")   ? ADIT_TRANSPORT_UDP
                   : word_is(transport, "tcp") ? ADIT_TRANSPORT_TCP
                                               : ADIT_TRANSPORT_OTHER;
    if (parse_number(&priority, next_word(&p, end), 0, UINT32_MAX) < 0)
        return -EINVAL;
    if (parse_host(&c->addr, c->name, next_word(&p, end)) < 0)
        return -EINVAL;
    if (parse_number(&port, next_word(&p, end), 0, 65535) < 0)
        return -EINVAL;
    if (!word_is(next_word(&p, end), "typ") || parse_type(&c->type, next_word(&p, end)) < 0)
        return -EINVAL;
    c->component = (uint16_t)component;
    c->addr.port = (uint16_t)port;
    /* RFC 8445 section 5.1.2: between 1 and 2^31 - 1; more would overflow the pair's priority. */
    c->priority = (uint32_t)(priority < 1 ? 1 : priority > INT32_MAX ? INT32_MAX : priority);
    return parse_extensions(c, p, end);
}

int adit_cand_parse(struct adit_cand *ret_cand, const char *text, size_t len)
{
    static const char *const prefixes[] = { "a=", "candidate:" };
    struct adit_cand c = { .type = ADIT_CAND_HOST };

    while (len > 0 && strchr(" \t\r\n", text[len - 1]) && text[len - 1] != '\0')
        len--;
    if (len > ADIT_CAND_LINE_MAX)
        return -EINVAL;
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return -EINVAL;
    }
    for (size_t i = 0; i < ADIT_LEN(prefixes); i++) {
        size_t n = strlen(prefixes[i]);
        if (len >= n && strncasecmp(text, prefixes[i], n) == 0) {
            text += n;
            len -= n;
        }
    }
    int err = parse_fields(&c, text, text + len);
    if (err == 0)
        *ret_cand = c;
    return err;
}

/* ---- printing ------------------------------------------------------------------------------- */

void adit_cand_print(struct adit_buf *out, const struct adit_cand *cand)
{
    static const char *const transports[] = { "udp", "tcp", "other" };
    char ip[ADIT_ADDR_STR];
    struct adit_addr addr = cand->addr, related = cand->related;

    addr.scope = related.scope = 0; /* our interface numbers mean nothing to anybody else */
    adit_buf_printf(out, "candidate:%s %u %s %u %s %u typ %s", cand->foundation, cand->component,
                    transports[cand->transport], (unsigned)cand->priority,
                    addr.family == ADIT_FAMILY_NONE ? cand->name : adit_addr_str_ip(&addr, ip),
                    addr.port, adit_cand_type_name(cand->type));
    if (related.family != ADIT_FAMILY_NONE)
        adit_buf_printf(out, " raddr %s rport %u", adit_addr_str_ip(&related, ip), related.port);
    else if (cand->type != ADIT_CAND_HOST) /* RFC 8839 section 5.1: MUST be present */
        adit_buf_printf(out, " raddr %s rport 0", addr.family == ADIT_FAMILY_V6 ? "::" : "0.0.0.0");
    if (cand->tcptype != ADIT_TCP_NONE)
        adit_buf_printf(out, " tcptype %s", tcptype_names[cand->tcptype]);
    if (cand->ufrag[0] != '\0')
        adit_buf_printf(out, " ufrag %s", cand->ufrag);
}

static bool can_be_called(const struct adit_cand *cand)
{
    switch (cand->transport) {
    case ADIT_TRANSPORT_UDP:
        return true;
    case ADIT_TRANSPORT_TCP:
        return cand->tcptype == ADIT_TCP_PASSIVE || cand->tcptype == ADIT_TCP_SO;
    case ADIT_TRANSPORT_OTHER:
        break;
    }
    return false;
}

bool adit_cand_usable(const struct adit_cand *cand, bool allow_loopback)
{
    if (!can_be_called(cand) || cand->component != 1 || cand->addr.family == ADIT_FAMILY_NONE ||
        cand->addr.port == 0)
        return false;
    switch (adit_addr_scope(&cand->addr)) {
    case ADIT_SCOPE_LINK:
    case ADIT_SCOPE_PRIVATE:
    case ADIT_SCOPE_GLOBAL:
        return true;
    case ADIT_SCOPE_LOOPBACK:
        return allow_loopback;
    case ADIT_SCOPE_UNSPECIFIED:
    case ADIT_SCOPE_MULTICAST:
    case ADIT_SCOPE_RESERVED:
        return false;
    }
    return false;
}

bool adit_cand_named(const struct adit_cand *cand)
{
    size_t n = strlen(cand->name), tail = strlen(".local");

    return cand->transport == ADIT_TRANSPORT_UDP && cand->component == 1 &&
           cand->type == ADIT_CAND_HOST && cand->addr.family == ADIT_FAMILY_NONE &&
           cand->addr.port != 0 && n > tail && strcasecmp(cand->name + n - tail, ".local") == 0;
}
