/* ticket_text.c - the bytes of a ticket, and its line among other text; see docs/ticket.md.
 *
 *      0                   1                   2
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-----+---+-+---+
 *     | ver |kind|d|p 0|   d: dated, p: takes packets in datagrams
 *     +-----+---+-+---+-- 32 --+-- 16 --+-- 2, if dated --+-- 2, an answer --+
 *       fingerprint              nonce    date              tag of the offer
 *     +-------+-------+ … +-------+-- 2, if any head has p = 0 --+
 *     | count | head 1| … | pad 0 |  common port
 *     +-------+-------+ … +-------+-----------------------------+
 *     then for each head (type 2 bits, f: IPv6, p: own port) 4 or 16 bytes, 2 more if p = 1;
 *     3 bytes of SHA-256 over all of it
 *
 * A public ticket is the same with version 2 and kind 0, and so it says "other version" to a
 * program that knows nothing of it. */
#include "base/digest.h"
#include "base/str.h"
#include "peer/ticket.h"

#define BYTES_MAX 332
#define SUM       3
#define RUN_MIN   16 /* what has fewer letters behind "adit:" is not meant as a ticket */

#define BIT_DATED    0x04
#define BIT_DATAGRAM 0x02

enum { HEAD_V6 = 2, HEAD_PORT = 1 };

/* ---- bytes ----------------------------------------------------------------------------------- */

/* The port that most candidates share goes out once. */
static uint16_t common_port(const struct adit_ticket *t)
{
    unsigned best = 1;
    uint16_t port = 0;

    for (unsigned i = 0; i < t->cand_count; i++) {
        unsigned n = 0;
        for (unsigned k = 0; k < t->cand_count; k++)
            n += t->cands[k].addr.port == t->cands[i].addr.port;
        if (n > best) {
            best = n;
            port = t->cands[i].addr.port;
        }
    }
    return port;
}

static unsigned head_of(const struct adit_ticket_cand *c, uint16_t port)
{
    /* host 0, srflx 1, relay 2; 3 is free */
    unsigned type = c->type == ADIT_CAND_HOST ? 0 : c->type == ADIT_CAND_RELAY ? 2 : 1;

    return type << 2 | (c->addr.family == ADIT_FAMILY_V6 ? HEAD_V6 : 0) |
           (port == 0 || c->addr.port != port ? HEAD_PORT : 0);
}

static unsigned first_bits(const struct adit_ticket *t)
{
    return t->kind == ADIT_TICKET_PUBLIC ? ADIT_TICKET_VERSION_2 << 5
                                         : ADIT_TICKET_VERSION << 5 | t->kind << 3;
}

static void write_bytes(struct adit_buf *b, const struct adit_ticket *t)
{
    uint8_t sum[32];
    uint16_t port = common_port(t);
    unsigned nibbles[ADIT_TICKET_CANDS_MAX + 1] = { t->cand_count };

    adit_buf_add8(b, (uint8_t)(first_bits(t) | (t->dated ? BIT_DATED : 0) |
                               (t->datagram ? BIT_DATAGRAM : 0)));
    adit_buf_add(b, t->fingerprint, sizeof t->fingerprint);
    adit_buf_add(b, t->nonce, sizeof t->nonce);
    if (t->dated)
        adit_buf_add16(b, t->date);
    if (t->kind == ADIT_TICKET_ANSWER)
        adit_buf_add16(b, t->of_tag);
    for (unsigned i = 0; i < t->cand_count; i++)
        nibbles[i + 1] = head_of(&t->cands[i], port);
    for (unsigned i = 0; i <= t->cand_count; i += 2)
        adit_buf_add8(b, (uint8_t)(nibbles[i] << 4 | (i < t->cand_count ? nibbles[i + 1] : 0)));
    if (port != 0)
        adit_buf_add16(b, port);
    for (unsigned i = 0; i < t->cand_count; i++) {
        const struct adit_addr *a = &t->cands[i].addr;
        adit_buf_add(b, a->ip, a->family == ADIT_FAMILY_V6 ? 16 : 4);
        if (nibbles[i + 1] & HEAD_PORT)
            adit_buf_add16(b, a->port);
    }
    if (!b->err) {
        adit_sha256(sum, b->data, b->len);
        adit_buf_add(b, sum, SUM);
    }
}

void adit_ticket_print(struct adit_buf *out, const struct adit_ticket *ticket)
{
    struct adit_buf b;
    char chars[ADIT_TICKET_CHARS_MAX];

    adit_buf_init(&b, BYTES_MAX);
    write_bytes(&b, ticket);
    if (b.err) {
        out->err = out->err ? out->err : b.err;
    } else {
        adit_base64_encode(chars, b.data, b.len, true);
        adit_buf_printf(out, ADIT_TICKET_PREFIX "%s", chars);
    }
    adit_buf_done(&b);
}

static int read_cands(struct adit_ticket *t, struct adit_cursor *c)
{
    static const enum adit_cand_type types[] = { ADIT_CAND_HOST, ADIT_CAND_SRFLX, ADIT_CAND_RELAY };
    static const uint8_t mapped[12] = { [10] = 0xff, 0xff };
    uint8_t nibbles[ADIT_TICKET_CANDS_MAX + 2];
    bool shared = false;
    unsigned count = 0;

    for (unsigned i = 0; i <= count; i += 2) {
        uint8_t v = adit_cursor_get8(c);
        nibbles[i] = v >> 4;
        nibbles[i + 1] = v & 15;
        count = nibbles[0];
    }
    for (unsigned i = 1; i <= count; i++) {
        if (nibbles[i] >> 2 >= ADIT_LEN(types))
            return -EBADMSG;
        shared |= !(nibbles[i] & HEAD_PORT);
    }
    uint16_t port = shared ? adit_cursor_get16(c) : 0;
    for (unsigned i = 1; i <= count; i++) {
        struct adit_ticket_cand *to = &t->cands[t->cand_count++];
        unsigned size = nibbles[i] & HEAD_V6 ? 16 : 4;
        const uint8_t *ip = adit_cursor_take(c, size);
        if (!ip)
            return -ENODATA;
        *to = (struct adit_ticket_cand){ .type = types[nibbles[i] >> 2] };
        to->addr.family = size == 16 ? ADIT_FAMILY_V6 : ADIT_FAMILY_V4;
        memcpy(to->addr.ip, ip, size);
        if (size == 16 && memcmp(ip, mapped, sizeof mapped) == 0)
            return -EBADMSG; /* an IPv4 address is told as one; see addr.h */
        to->addr.port = nibbles[i] & HEAD_PORT ? adit_cursor_get16(c) : port;
    }
    return 0;
}

/* Version and kind. -ENOTSUP: later ones; -EBADMSG: nobody ever wrote that. */
static int read_kind(struct adit_ticket *t, uint8_t first)
{
    unsigned version = first >> 5, kind = first >> 3 & 3;

    if (version == ADIT_TICKET_VERSION_2 && kind == 0)
        kind = ADIT_TICKET_PUBLIC;
    else if (version != ADIT_TICKET_VERSION)
        return -ENOTSUP;
    else if (kind > ADIT_TICKET_PAIR)
        return -EBADMSG;
    t->kind = (enum adit_ticket_kind)kind;
    return 0;
}

/* Returns how many bytes the ticket has, or a negative errno as adit_ticket_find does. */
static int read_bytes(struct adit_ticket *t, const uint8_t *bytes, size_t n)
{
    struct adit_cursor c = adit_cursor(bytes, n);
    uint8_t first = adit_cursor_get8(&c), sum[32];
    int err;

    memset(t, 0, sizeof *t);
    if (c.bad)
        return -ENODATA;
    err = read_kind(t, first);
    if (err < 0)
        return err;
    t->dated = first & BIT_DATED;
    t->datagram = first & BIT_DATAGRAM;
    const uint8_t *fingerprint = adit_cursor_take(&c, sizeof t->fingerprint);
    const uint8_t *nonce = adit_cursor_take(&c, sizeof t->nonce);
    t->date = t->dated ? adit_cursor_get16(&c) : 0;
    t->of_tag = t->kind == ADIT_TICKET_ANSWER ? adit_cursor_get16(&c) : 0;
    err = read_cands(t, &c);
    const uint8_t *end = c.p, *told = adit_cursor_take(&c, SUM);
    if (err == 0 && !told)
        err = -ENODATA;
    if (err < 0)
        return err;
    adit_sha256(sum, bytes, (size_t)(end - bytes));
    if (memcmp(sum, told, SUM) != 0)
        return -EBADMSG;
    memcpy(t->fingerprint, fingerprint, sizeof t->fingerprint);
    memcpy(t->nonce, nonce, sizeof t->nonce);
    return (int)(c.p - bytes);
}

/* ---- the line -------------------------------------------------------------------------------- */

static bool is_letter(char c)
{
    return adit_ice_chars_valid(&c, 1) || c == '-' || c == '_';
}

/* What copying puts into a line: line breaks, blanks, marks of a quotation, a zero width space
 * (U+200B). Returns its length, 0 if the text at p is none of it. An empty line is the end. */
static size_t gap(const char *p, const char *end, bool *line_start)
{
    if (*p == '\n') {
        if (*line_start)
            return 0;
        *line_start = true;
        return 1;
    }
    if (*p == ' ' || *p == '\t' || *p == '\r' || (*line_start && (*p == '>' || *p == '|')))
        return 1;
    if (end - p >= 3 && memcmp(p, "\xe2\x80\x8b", 3) == 0)
        return 3;
    return 0;
}

/* The letters of one ticket, and for each where it ends in the text. */
struct run {
    char letters[ADIT_TICKET_CHARS_MAX];
    size_t ends[ADIT_TICKET_CHARS_MAX];
    size_t len;
    bool open; /* more letters may follow: the text ended before anything else came */
};

static void collect(struct run *run, const char *text, size_t at, size_t len)
{
    bool line_start = false;
    size_t n;

    run->len = 0;
    run->open = true;
    while (at < len && run->len < sizeof run->letters) {
        if (is_letter(text[at])) {
            line_start = false;
            run->letters[run->len] = text[at++];
            run->ends[run->len++] = at;
        } else if ((n = gap(text + at, text + len, &line_start)) > 0) {
            at += n;
        } else {
            run->open = false;
            return;
        }
    }
}

static int read_run(struct adit_ticket *t, size_t *ret_end, const struct run *run)
{
    uint8_t bytes[ADIT_TICKET_CHARS_MAX];
    size_t whole = run->len / 4 * 4, tail = run->len - whole;
    char last[4] = "AAAA";
    int n = adit_base64_decode(bytes, run->letters, whole);

    if (n < 0)
        return -EBADMSG;
    if (tail > 1) { /* what may be the end of the ticket, or already the text behind it */
        memcpy(last, run->letters + whole, tail);
        n += adit_base64_decode(bytes + n, last, 4) < 0 ? 0 : (int)tail - 1;
    }
    n = read_bytes(t, bytes, (size_t)n);
    if (n == -ENODATA && run->open)
        return -EAGAIN;
    if (n < 0)
        return n;
    size_t letters = ((size_t)n * 8 + 5) / 6;
    if (adit_base64_decode(bytes, run->letters, letters) != n)
        return -EBADMSG; /* bits behind the last byte */
    *ret_end = run->ends[letters - 1];
    return 0;
}

static int explain(int err, struct adit_cause *cause)
{
    const char *text = "there is no ticket in this text";

    if (err == -ENODATA || err == -EAGAIN)
        text = "the ticket is cut off: copy the whole line";
    else if (err == -EBADMSG)
        text = "the ticket is damaged: a letter is wrong, missing or too many";
    else if (err == -ENOTSUP)
        text = "the ticket is of another version of adit: both sides need the same";
    adit_cause_set(cause, ADIT_REASON_PROTOCOL, err == -EAGAIN ? ENODATA : -err, "%s", text);
    return err;
}

/* The prefix may begin with a capital: telephones do that. */
static bool at_prefix(const char *p, size_t left)
{
    static const char prefix[] = ADIT_TICKET_PREFIX;
    size_t n = sizeof prefix - 1;

    return left >= n && (*p | 0x20) == prefix[0] && memcmp(p + 1, prefix + 1, n - 1) == 0;
}

int adit_ticket_find(struct adit_ticket *ret_ticket, size_t *ret_end, const char *text, size_t len,
                     struct adit_cause *ret_cause)
{
    struct adit_ticket t;
    struct run run = { .len = 0 };
    size_t begin = sizeof ADIT_TICKET_PREFIX - 1;
    int err = -ENOENT;

    for (size_t at = 0; at + begin < len; at++) {
        size_t first = at + begin, n = 0;
        if (!at_prefix(text + at, len - at))
            continue;
        while (n < RUN_MIN && first + n < len && is_letter(text[first + n]))
            n++;
        if (n < RUN_MIN)
            continue;
        collect(&run, text, first, len);
        int this = read_run(&t, ret_end, &run);
        if (this == 0) {
            *ret_ticket = t;
            return 0;
        }
        err = this;
    }
    return explain(err, ret_cause);
}
