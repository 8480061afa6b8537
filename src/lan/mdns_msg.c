#include "lan/mdns_msg.h"

#include <strings.h>

#define HEADER     12
#define FLAG_QR    0x8000
#define FLAG_AA    0x0400
#define FLAG_WRONG 0x780f /* opcode and rcode */
#define LABEL_MAX  63
#define POINTER    0xc0

/* ---- names ----------------------------------------------------------------------------------- */

/* Letter, digit, '-' or '_'; small ones, for names compare without case (RFC 1035 section 2.3.3).
 */
static char plain(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ? (char)c : 0;
}

bool adit_mdns_name_valid(const char *name)
{
    size_t n = strlen(name), label = 0, tail = strlen(".local");

    if (n > ADIT_MDNS_NAME_MAX - 2 || n <= tail || strcasecmp(name + n - tail, ".local") != 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (name[i] == '.' ? label == 0 : ++label > LABEL_MAX || !plain((uint8_t)name[i]))
            return false;
        if (name[i] == '.')
            label = 0;
    }
    return label > 0;
}

/* Adds a label to the text; false: it has a character that is not in our names, or is too long. */
static bool add_label(char *name, size_t *len, const uint8_t *label, size_t n)
{
    if (*len + (*len > 0) + n > ADIT_MDNS_NAME_MAX)
        return false;
    if (*len)
        name[(*len)++] = '.';
    for (size_t i = 0; i < n; i++) {
        char c = plain(label[i]);
        if (!c)
            return false;
        name[(*len)++] = c;
    }
    return true;
}

/* Reads a name; the cursor is behind it. RFC 1035 section 4.1.4: a pointer replaces the rest by a
 * prior occurrence, and each leads further back than the one before. */
static void read_name(struct adit_mdns_reader *r, char name[ADIT_MDNS_NAME_MAX + 1])
{
    struct adit_cursor c = r->c;
    size_t limit = (size_t)(r->c.p - r->bytes), len = 0;
    bool jumped = false, ours = true;

    for (;;) {
        uint8_t n = adit_cursor_get8(&c);
        if (c.bad || (n > LABEL_MAX && n < POINTER))
            break;
        if (n == 0) {
            name[ours ? len : 0] = '\0';
            if (!jumped)
                r->c = c;
            return;
        }
        if (n >= POINTER) {
            size_t to = (size_t)(n & ~POINTER) << 8 | adit_cursor_get8(&c);
            if (c.bad || to < HEADER || to >= limit)
                break;
            if (!jumped)
                r->c = c;
            jumped = true;
            limit = to;
            c.p = r->bytes + to;
            continue;
        }
        const uint8_t *label = adit_cursor_take(&c, n);
        ours = ours && label && add_label(name, &len, label, n);
    }
    r->c.bad = true;
    name[0] = '\0';
}

static void put_name(struct adit_buf *out, const char *name)
{
    while (*name) {
        size_t n = strcspn(name, ".");
        adit_buf_add8(out, (uint8_t)n);
        adit_buf_add(out, name, n);
        name += n + (name[n] == '.');
    }
    adit_buf_add8(out, 0);
}

/* ---- reading --------------------------------------------------------------------------------- */

bool adit_mdns_read(struct adit_mdns_reader *ret_r, const void *bytes, size_t n)
{
    struct adit_mdns_reader *r = ret_r;

    *r = (struct adit_mdns_reader){ .bytes = bytes, .c = adit_cursor(bytes, n) };
    r->id = adit_cursor_get16(&r->c);
    uint16_t flags = adit_cursor_get16(&r->c);
    r->response = flags & FLAG_QR;
    r->questions = adit_cursor_get16(&r->c);
    for (int i = 0; i < 3; i++)
        r->records += adit_cursor_get16(&r->c);
    return n <= ADIT_MDNS_MSG_MAX && !r->c.bad && !(flags & FLAG_WRONG);
}

static void read_record(struct adit_mdns_reader *r, struct adit_mdns_item *item)
{
    item->ttl = adit_cursor_get32(&r->c);
    size_t n = adit_cursor_get16(&r->c);
    const uint8_t *data = adit_cursor_take(&r->c, n);

    if (!data || item->class != ADIT_MDNS_IN)
        return;
    if (item->type == ADIT_MDNS_A && n == 4)
        item->addr.family = ADIT_FAMILY_V4;
    if (item->type == ADIT_MDNS_AAAA && n == 16)
        item->addr.family = ADIT_FAMILY_V6;
    if (item->addr.family)
        memcpy(item->addr.ip, data, n);
}

bool adit_mdns_next(struct adit_mdns_reader *r, struct adit_mdns_item *ret_item)
{
    struct adit_mdns_item *item = ret_item;
    unsigned *left = r->questions ? &r->questions : &r->records;

    if (!*left || r->c.bad)
        return false;
    --*left;
    *item = (struct adit_mdns_item){ .question = left == &r->questions };
    read_name(r, item->name);
    item->type = adit_cursor_get16(&r->c);
    item->class = adit_cursor_get16(&r->c);
    item->top_bit = item->class & ADIT_MDNS_TOP_BIT;
    item->class &= (uint16_t)~ADIT_MDNS_TOP_BIT;
    if (!item->question)
        read_record(r, item);
    return !r->c.bad;
}

/* ---- writing --------------------------------------------------------------------------------- */

void adit_mdns_begin(struct adit_buf *out, uint16_t id, bool response)
{
    static const uint8_t counts[8] = { 0 };

    adit_buf_add16(out, id);
    adit_buf_add16(out, response ? FLAG_QR | FLAG_AA : 0);
    adit_buf_add(out, counts, sizeof counts);
}

void adit_mdns_put_question(struct adit_buf *out, const char *name, uint16_t type)
{
    put_name(out, name);
    adit_buf_add16(out, type);
    adit_buf_add16(out, ADIT_MDNS_IN);
}

void adit_mdns_put_questions(struct adit_buf *out, const char *name)
{
    size_t at = out->len;

    adit_mdns_put_question(out, name, ADIT_MDNS_A);
    adit_buf_add16(out, (uint16_t)(POINTER << 8 | at));
    adit_buf_add16(out, ADIT_MDNS_AAAA);
    adit_buf_add16(out, ADIT_MDNS_IN);
}

void adit_mdns_put_record(struct adit_buf *out, const char *name, const struct adit_addr *addr,
                          uint32_t ttl, bool flush)
{
    bool six = addr->family == ADIT_FAMILY_V6;
    uint8_t seconds[4];

    adit_put32(seconds, ttl);
    put_name(out, name);
    adit_buf_add16(out, six ? ADIT_MDNS_AAAA : ADIT_MDNS_A);
    adit_buf_add16(out, ADIT_MDNS_IN | (flush ? ADIT_MDNS_TOP_BIT : 0));
    adit_buf_add(out, seconds, sizeof seconds);
    adit_buf_add16(out, six ? 16 : 4);
    adit_buf_add(out, addr->ip, six ? 16 : 4);
}

void adit_mdns_finish(struct adit_buf *out, unsigned questions, unsigned records)
{
    if (out->err)
        return;
    adit_put16(out->data + 4, (uint16_t)questions);
    adit_put16(out->data + 6, (uint16_t)records);
}
