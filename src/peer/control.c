#include "peer/control.h"

#include <stdio.h>
#include <stdlib.h>

#define UNDER_WAY 1u
#define IS_V6     0x10u

/* ---- writing --------------------------------------------------------------------------------- */

static void put32(struct adit_buf *out, uint32_t v)
{
    adit_buf_add16(out, (uint16_t)(v >> 16));
    adit_buf_add16(out, (uint16_t)v);
}

static void put_text(struct adit_buf *out, const char *text)
{
    size_t n = strlen(text);

    adit_buf_add8(out, (uint8_t)n);
    adit_buf_add(out, text, (uint8_t)n);
}

static size_t ip_size(const struct adit_addr *a)
{
    return a->family == ADIT_FAMILY_V6 ? 16 : 4;
}

static void put_cand(struct adit_buf *out, const struct adit_cand *c)
{
    adit_buf_add8(out, (uint8_t)(c->type | (c->addr.family == ADIT_FAMILY_V6 ? IS_V6 : 0)));
    adit_buf_add16(out, (uint16_t)strtoul(c->foundation, NULL, 10)); /* ours are numbers */
    put32(out, c->priority);
    adit_buf_add16(out, c->addr.port);
    adit_buf_add(out, c->addr.ip, ip_size(&c->addr));
}

static void put_agent(struct adit_buf *out, const struct adit_control_agent *a, size_t most)
{
    size_t count_at, n = 0;

    put_text(out, a->ufrag);
    put_text(out, a->pwd);
    count_at = out->len;
    adit_buf_add8(out, 0);
    while (n < a->cand_count && out->len + 9 + ip_size(&a->cands[n].addr) <= most)
        put_cand(out, &a->cands[n++]);
    if (!out->err)
        out->data[count_at] = (uint8_t)n;
}

void adit_control_put(struct adit_buf *out, const struct adit_control *c, size_t most)
{
    const size_t empty_agent = 3 + strlen(c->next.ufrag) + strlen(c->next.pwd);

    adit_buf_add8(out, ADIT_CONTROL_TYPE);
    adit_buf_add8(out, (uint8_t)c->kind);
    put32(out, c->seq);
    if (c->kind != ADIT_CONTROL_STATE)
        return;
    adit_buf_add8(out, c->under_way ? UNDER_WAY : 0);
    put_agent(out, &c->used, most > empty_agent ? most - empty_agent : 0);
    put_agent(out, &c->next, most);
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool get_text(struct adit_cursor *c, char *out, size_t least, size_t most)
{
    size_t n = adit_cursor_get8(c);
    const uint8_t *p = adit_cursor_take(c, n);

    if (!p || n > most || (n && n < least) || !adit_ice_chars_valid((const char *)p, n))
        return false;
    memcpy(out, p, n);
    out[n] = 0;
    return true;
}

static bool get_cand(struct adit_cursor *c, struct adit_cand *out)
{
    uint8_t head = adit_cursor_get8(c);
    const uint8_t *ip;

    *out = (struct adit_cand){ .type = head & 3, .transport = ADIT_TRANSPORT_UDP, .component = 1 };
    snprintf(out->foundation, sizeof out->foundation, "%u", adit_cursor_get16(c));
    out->priority = adit_cursor_get32(c);
    out->addr.family = head & IS_V6 ? ADIT_FAMILY_V6 : ADIT_FAMILY_V4;
    out->addr.port = adit_cursor_get16(c);
    ip = adit_cursor_take(c, ip_size(&out->addr));
    if (ip)
        memcpy(out->addr.ip, ip, ip_size(&out->addr));
    return ip && !(head & ~(3u | IS_V6));
}

static bool get_agent(struct adit_cursor *c, struct adit_control_agent *out)
{
    bool good = get_text(c, out->ufrag, ADIT_UFRAG_MIN, ADIT_UFRAG_MAX) &&
                get_text(c, out->pwd, ADIT_PWD_MIN, ADIT_PWD_MAX) && out->ufrag[0];

    out->cand_count = adit_cursor_get8(c);
    good &= out->cand_count <= ADIT_CONTROL_CANDS_MAX;
    for (unsigned i = 0; good && i < out->cand_count; i++)
        good = get_cand(c, &out->cands[i]);
    return good && !c->bad;
}

int adit_control_get(struct adit_control *ret_control, const uint8_t *bytes, size_t n)
{
    struct adit_cursor c = adit_cursor(bytes, n);
    struct adit_control *out = ret_control;
    uint8_t type = adit_cursor_get8(&c), kind = adit_cursor_get8(&c);

    memset(out, 0, sizeof *out);
    out->kind = kind;
    out->seq = adit_cursor_get32(&c);
    if (c.bad || type != ADIT_CONTROL_TYPE)
        return -EINVAL;
    if (kind == ADIT_CONTROL_ACK)
        return 0;
    if (kind != ADIT_CONTROL_STATE)
        return -EINVAL;
    out->under_way = adit_cursor_get8(&c) & UNDER_WAY;
    return get_agent(&c, &out->used) && get_agent(&c, &out->next) && out->next.pwd[0] ? 0 : -EINVAL;
}
