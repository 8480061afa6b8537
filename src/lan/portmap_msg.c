#include "lan/portmap_msg.h"

#include "base/buf.h"

#define PCP_VERSION  2
#define PMP_VERSION  0
#define PCP_HEADER   24
#define PCP_MAP_SIZE 36
#define PCP_MAP      1
#define PMP_MAP_UDP  1
#define RESPONSE     0x80
#define UDP          17

/* RFC 6887 section 5: an IPv4 address is written as ::ffff:a.b.c.d, also where it is none yet. */
static void put_ip(uint8_t out[16], const struct adit_addr *a)
{
    memset(out, 0, 16);
    if (a->family == ADIT_FAMILY_V6) {
        memcpy(out, a->ip, 16);
    } else {
        out[10] = out[11] = 0xff;
        memcpy(out + 12, a->ip, 4);
    }
}

static struct adit_addr get_ip(const uint8_t *ip)
{
    static const uint8_t v4[12] = { [10] = 0xff, [11] = 0xff };
    struct adit_addr a = { .family = ADIT_FAMILY_V6 };

    if (memcmp(ip, v4, sizeof v4) == 0) {
        a.family = ADIT_FAMILY_V4;
        memcpy(a.ip, ip + 12, 4);
    } else {
        memcpy(a.ip, ip, 16);
    }
    return a;
}

size_t adit_pcp_put_map(uint8_t out[ADIT_PORTMAP_MAX], const struct adit_portmap_request *request)
{
    struct adit_addr suggested = request->suggested;

    if (!suggested.family)
        suggested.family = request->internal.family;
    memset(out, 0, PCP_HEADER + PCP_MAP_SIZE);
    out[0] = PCP_VERSION;
    out[1] = PCP_MAP;
    adit_put32(out + 4, request->lifetime);
    put_ip(out + 8, &request->internal);
    memcpy(out + 24, request->nonce, ADIT_PCP_NONCE);
    out[36] = UDP;
    adit_put16(out + 40, request->internal.port);
    adit_put16(out + 42, suggested.port);
    put_ip(out + 44, &suggested);
    return PCP_HEADER + PCP_MAP_SIZE;
}

size_t adit_pcp_put_announce(uint8_t out[ADIT_PORTMAP_MAX], const struct adit_addr *client)
{
    memset(out, 0, PCP_HEADER);
    out[0] = PCP_VERSION;
    put_ip(out + 8, client);
    return PCP_HEADER;
}

size_t adit_pmp_put_address(uint8_t out[ADIT_PORTMAP_MAX])
{
    out[0] = PMP_VERSION;
    out[1] = 0;
    return 2;
}

size_t adit_pmp_put_map(uint8_t out[ADIT_PORTMAP_MAX], const struct adit_portmap_request *request)
{
    memset(out, 0, 12);
    out[0] = PMP_VERSION;
    out[1] = PMP_MAP_UDP;
    adit_put16(out + 4, request->internal.port);
    adit_put16(out + 6, request->suggested.port);
    adit_put32(out + 8, request->lifetime);
    return 12;
}

static bool read_pcp(struct adit_portmap_answer *a, struct adit_cursor *c, uint8_t opcode)
{
    const uint8_t *nonce, *ip;

    adit_cursor_get8(c); /* reserved */
    a->result = adit_cursor_get8(c);
    a->lifetime = adit_cursor_get32(c);
    a->epoch = adit_cursor_get32(c);
    adit_cursor_take(c, 12);
    a->kind = ADIT_PCP_OTHER;
    if (c->bad)
        return false;
    if (opcode != PCP_MAP || adit_cursor_left(c) < PCP_MAP_SIZE)
        return true;
    nonce = adit_cursor_take(c, ADIT_PCP_NONCE);
    uint8_t protocol = adit_cursor_get8(c);
    adit_cursor_take(c, 3);
    a->internal_port = adit_cursor_get16(c);
    a->external_port = adit_cursor_get16(c);
    ip = adit_cursor_take(c, 16);
    if (!nonce || !ip || protocol != UDP)
        return true;
    a->kind = ADIT_PCP_MAP;
    memcpy(a->nonce, nonce, ADIT_PCP_NONCE);
    a->external = get_ip(ip);
    return true;
}

static bool read_pmp(struct adit_portmap_answer *a, struct adit_cursor *c, uint8_t opcode)
{
    a->result = adit_cursor_get16(c);
    a->epoch = adit_cursor_get32(c);
    a->kind = ADIT_PMP_OTHER;
    if (c->bad)
        return false;
    if (opcode == 0 && adit_cursor_left(c) >= 4) {
        a->kind = ADIT_PMP_ADDRESS;
        a->external.family = ADIT_FAMILY_V4;
        memcpy(a->external.ip, adit_cursor_take(c, 4), 4);
    } else if (opcode == PMP_MAP_UDP && adit_cursor_left(c) >= 8) {
        a->kind = ADIT_PMP_MAP;
        a->internal_port = adit_cursor_get16(c);
        a->external_port = adit_cursor_get16(c);
        a->lifetime = adit_cursor_get32(c);
    }
    return true;
}

bool adit_portmap_read(struct adit_portmap_answer *ret_answer, const void *bytes, size_t n)
{
    struct adit_cursor c = adit_cursor(bytes, n);
    uint8_t version = adit_cursor_get8(&c), opcode = adit_cursor_get8(&c);

    *ret_answer = (struct adit_portmap_answer){ .kind = ADIT_PMP_OTHER };
    if (c.bad || !(opcode & RESPONSE))
        return false;
    opcode &= (uint8_t)~RESPONSE;
    return version == PCP_VERSION   ? read_pcp(ret_answer, &c, opcode)
           : version == PMP_VERSION ? read_pmp(ret_answer, &c, opcode)
                                    : false;
}
