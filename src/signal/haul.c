#include "signal/haul.h"

#include "base/buf.h"
#include "base/str.h"

#define PORT 9 /* discard, RFC 863: a candidate has to have one */

int adit_haul_read(struct adit_haul *c, const void *bytes, size_t n)
{
    struct adit_cursor in = adit_cursor(bytes, n);
    uint8_t type = adit_cursor_get8(&in), len = adit_cursor_get8(&in);
    const uint8_t *name, *ends;

    if (n > 0 && type != ADIT_HAUL_PACKET)
        return -ENOMSG;
    name = adit_cursor_take(&in, len);
    ends = adit_cursor_take(&in, 16);
    if (in.bad || len == 0 || len >= sizeof c->name || memchr(name, 0, len) ||
        !adit_utf8_valid((const char *)name, len))
        return -EPROTO;
    memcpy(c->name, name, len);
    c->name[len] = '\0';
    memcpy(c->to, ends, 8);
    memcpy(c->from, ends + 8, 8);
    c->packet = (struct adit_span){ .data = in.p, .len = adit_cursor_left(&in) };
    return c->packet.len && c->packet.len <= ADIT_HAUL_PACKET_MAX ? 0 : -EPROTO;
}

size_t adit_haul_write(uint8_t out[ADIT_HAUL_MAX], const struct adit_haul *c)
{
    size_t len = strlen(c->name);

    if (len == 0 || c->packet.len == 0 || c->packet.len > ADIT_HAUL_PACKET_MAX)
        return 0;
    out[0] = ADIT_HAUL_PACKET;
    out[1] = (uint8_t)len;
    memcpy(out + 2, c->name, len);
    memcpy(out + 2 + len, c->to, 8);
    memcpy(out + 10 + len, c->from, 8);
    memcpy(out + 18 + len, c->packet.data, c->packet.len);
    return 18 + len + c->packet.len;
}

struct adit_addr adit_haul_addr(const uint8_t end[8])
{
    struct adit_addr a = { .family = ADIT_FAMILY_V6, .port = PORT, .ip = { 0x01 } };

    memcpy(a.ip + 8, end, 8);
    return a;
}

int adit_haul_end(uint8_t ret_end[8], const struct adit_addr *addr)
{
    if (!adit_addr_is_discard(addr))
        return -EINVAL;
    memcpy(ret_end, addr->ip + 8, 8);
    return 0;
}
