/* pairtext.c - see pairtext.h.
 *
 * A try goes over the text from its beginning: wherever a description may begin, it looks whether
 * one does. A try is made when a line has come to its end, so that half a line is never judged. */
#include "peer/pairtext.h"

#include "base/json.h"
#include "peer/desc_json.h"
#include "peer/pairtext_clean.h"
#include "peer/sdp.h"

/* Hostile text can make a try look at much of it again and again: no more beginnings than these, no
 * more bytes than these in one try, and after so many in all, a try is only made when the text has
 * doubled. */
#define STARTS_MAX 256
#define EFFORT_MAX (2 * 1024 * 1024)
#define JSON_MAX   (2 * ADIT_SDP_SIZE_MAX)

enum until { UNTIL_LINE, UNTIL_PAUSE, UNTIL_END };

/* What one try came to, apart from success. The worst error seen so far is the one to tell. */
struct attempt {
    struct adit_pairtext *p;
    enum until until;
    bool inner; /* inside of base64 */
    bool more;  /* something has begun and is not whole */
    uint64_t effort_max;
    int err; /* 0: nothing was found that is wrong */
    struct adit_cause cause;
};

static int complain(struct attempt *a, int err, const char *sentence)
{
    a->err = err;
    adit_cause_set(&a->cause, err == -ENOMEM ? ADIT_REASON_RESOURCE : ADIT_REASON_PROTOCOL, -err,
                   "%s", sentence);
    return 0;
}

static int found(struct attempt *a, enum adit_pairtext_form form)
{
    a->p->form = form;
    return 1;
}

/* RFC 8829 section 5.2.1: an offer says actpass; and an answer never does. */
static enum adit_desc_type type_of(const struct attempt *a, const struct adit_desc *d)
{
    enum adit_desc_type type = d->type;

    if (type == ADIT_DESC_UNKNOWN)
        type = d->setup == ADIT_SETUP_ACTPASS ? ADIT_DESC_OFFER : ADIT_DESC_ANSWER;
    return type == ADIT_DESC_OFFER && a->p->conf.symmetric ? ADIT_DESC_UNKNOWN : type;
}

/* SDP and JSON: is it ours? */
static int judge_desc(struct attempt *a, enum adit_pairtext_form form)
{
    const char *own = a->p->conf.own_ufrag;

    if (own && strcmp(own, a->p->desc.ufrag) == 0)
        return complain(a, -EEXIST, "this is your own text: paste the other side's");
    a->p->desc.type = type_of(a, &a->p->desc);
    return found(a, form);
}

/* ---- tickets -------------------------------------------------------------------------------- */

static int judge_ticket(struct attempt *a, const struct adit_ticket *t)
{
    struct adit_pairtext *p = a->p;

    if (t->kind == ADIT_TICKET_PUBLIC)
        return complain(a, -EINVAL,
                        "this ticket is called, not answered: adit connect --ticket-file FILE");
    if (p->conf.own && adit_ticket_same(t, &p->own))
        return complain(a, -EEXIST, "this is your own ticket: paste the other side's");
    if (p->conf.answer_due && t->kind == ADIT_TICKET_ANSWER && p->conf.own &&
        t->of_tag != adit_ticket_tag(&p->own))
        return complain(a, -ESRCH, "this ticket answers another offer, not yours");
    int err = adit_ticket_check_age(t, p->conf.wall, &a->cause);
    if (err < 0) {
        a->err = err;
        return 0;
    }
    p->ticket = *t;
    adit_ticket_desc(t, &p->desc);
    /* To who answers, a pair ticket is an offer; its maker sees from the answer that it was one. */
    if (t->kind == ADIT_TICKET_PAIR && !p->conf.symmetric && !p->conf.answer_due)
        p->desc.type = ADIT_DESC_OFFER;
    return found(a, ADIT_PAIRTEXT_TICKET);
}

/* All tickets in the text; the first one that suits. In a chat there may be ours and old ones. */
static int try_tickets(struct attempt *a, const char *text, size_t len, size_t *ret_end)
{
    struct adit_ticket t;
    struct adit_cause cause;
    size_t at = 0, end;

    for (int i = 0; i < STARTS_MAX; i++) {
        int err = adit_ticket_find(&t, &end, text + at, len - at, &cause);
        if (err == -ENOENT)
            return 0;
        if (err == -EAGAIN)
            a->more = true;
        if (err < 0) {
            if (a->err == 0) {
                a->err = err == -EAGAIN ? -ENODATA : err;
                a->cause = cause;
            }
            return 0;
        }
        at += end;
        if (judge_ticket(a, &t)) {
            *ret_end = at;
            return 1;
        }
    }
    return 0;
}

/* ---- JSON ----------------------------------------------------------------------------------- */

/* '{', and a key or the end of the line behind it. */
static bool begins_object(const char *text, size_t len)
{
    size_t at = 1;

    while (at < len && (text[at] == ' ' || text[at] == '\t'))
        at++;
    return at == len || text[at] == '"' || text[at] == '\r' || text[at] == '\n';
}

/* An object with an "sdp" in it is meant; others are part of the conversation. */
static int try_json(struct attempt *a, const char *text, size_t len, size_t *ret_end)
{
    static const enum adit_clean ways[] = { ADIT_CLEAN_LINES, ADIT_CLEAN_JOIN, ADIT_CLEAN_SPACE };
    struct adit_cause cause;
    int result = 0;

    if (!begins_object(text, len))
        return -ENOENT;
    if (len > JSON_MAX)
        len = JSON_MAX;
    for (size_t i = 0; i < ADIT_LEN(ways) && result == 0; i++) {
        struct adit_buf b;
        size_t end = 0;
        adit_buf_init(&b, ADIT_PAIRTEXT_MAX);
        adit_clean_text(&b, text, len, ways[i], SIZE_MAX);
        const char *clean = (char *)b.data;
        int err = b.err ? b.err : adit_json_scan(clean, b.len, &end);
        a->p->effort += b.len;
        if (err == -ENOMEM)
            complain(a, err, "no memory for the pasted text");
        bool meant = b.len > 0 && memmem(clean, end ? end : b.len, "\"sdp\"", 5);
        if (err == -EAGAIN) {
            a->more = true;
            *ret_end = meant ? len : *ret_end; /* what else seems to begin in it does not */
        }
        if (err == 0 && meant) {
            err = adit_desc_json_parse(&a->p->desc, clean, end, &cause);
            if (err == 0)
                result = judge_desc(a, ADIT_PAIRTEXT_JSON);
            else if (a->err == 0) {
                a->err = err;
                a->cause = cause;
            }
        }
        adit_buf_consume(&b, b.len);
        if (end > 0)
            *ret_end = adit_clean_text(&b, text, len, ways[i], end);
        adit_buf_done(&b);
        if (end > 0)
            break;
    }
    return result;
}

/* ---- SDP ------------------------------------------------------------------------------------ */

/* The offset of the first empty line (quotation marks do not count), or len. A terminal makes two
 * line ends of "\r\n"; if that happened to the first line, it takes two empty lines. */
static size_t before_empty_line(const char *text, size_t len)
{
    size_t lines = 0, empty = 0, allowed = 0;
    bool line_start = false;

    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n' && line_start) {
            if (lines == 1)
                allowed = 1;
            if (++empty > allowed)
                return i;
        } else if (text[i] == '\n') {
            line_start = true;
            empty = 0;
            lines++;
        } else if (text[i] != '\r' && text[i] != ' ' && text[i] != '\t' && text[i] != '>' &&
                   text[i] != '|') {
            line_start = false;
        }
    }
    return len;
}

static int try_sdp(struct attempt *a, const char *text, size_t len, size_t *ret_end)
{
    size_t end = before_empty_line(text, len);
    /* In base64 there is no empty line to wait for: it ends with a line end. */
    bool whole = end < len || a->until != UNTIL_LINE || (a->inner && text[len - 1] == '\n');
    struct adit_cause cause;
    struct adit_buf b;
    int result = 0;

    if (!whole) {
        a->more = true;
        return 0;
    }
    adit_buf_init(&b, ADIT_SDP_SIZE_MAX + 1);
    adit_clean_text(&b, text, end, ADIT_CLEAN_LINES, ADIT_SDP_SIZE_MAX + 1);
    a->p->effort += b.len;
    int err = b.err ? b.err
                    : adit_sdp_parse(&a->p->desc, ADIT_DESC_UNKNOWN, (char *)b.data, b.len, &cause);
    if (b.err)
        complain(a, b.err, "no memory for the pasted text");
    adit_buf_done(&b);
    if (err == 0)
        result = judge_desc(a, ADIT_PAIRTEXT_SDP);
    else if (end == len && a->until != UNTIL_END)
        a->more = true;
    else if (a->err == 0) {
        a->err = err;
        a->cause = cause;
    }
    *ret_end = result || a->err == -EEXIST ? end : 0;
    return result;
}

/* ---- base64 of one of them ------------------------------------------------------------------ */

static int try_text(struct attempt *a, const char *text, size_t len, size_t *ret_end);

static int try_base64(struct attempt *a, const char *text, size_t len, size_t *ret_end)
{
    struct attempt inner = { .p = a->p, .until = a->until, .inner = true };
    struct adit_buf b;
    bool open;
    size_t end, inner_end;
    int result = 0;

    inner.effort_max = a->effort_max;
    adit_buf_init(&b, ADIT_PAIRTEXT_MAX);
    end = adit_clean_base64(&b, text, len, &open);
    a->p->effort += end;
    if (!open)
        inner.until = UNTIL_END;
    if (b.err)
        complain(a, b.err, "no memory for the pasted text");
    else if (b.len > 0)
        result = try_text(&inner, (char *)b.data, b.len, &inner_end);
    adit_buf_done(&b);
    a->more |= inner.more && open;
    if (a->err == 0 && inner.err != 0) {
        a->err = inner.err;
        a->cause = inner.cause;
    }
    *ret_end = end;
    return result;
}

/* ---- a try ---------------------------------------------------------------------------------- */

static bool starts(const char *p, size_t left, const char *word)
{
    size_t n = strlen(word);

    return left >= n && memcmp(p, word, n) == 0;
}

/* What base64 of '{"', '{ "', '{\n', "v=0" and "adit:" begins with. */
static bool starts_base64(const char *p, size_t left)
{
    return starts(p, left, "eyJ") || starts(p, left, "eyA") || starts(p, left, "ewo") ||
           starts(p, left, "ew0K") || starts(p, left, "dj0w") || starts(p, left, "YWRpdD");
}

static int try_at(struct attempt *a, const char *text, size_t len, size_t *ret_end)
{
    if (text[0] == '{')
        return try_json(a, text, len, ret_end);
    if (starts(text, len, "v=0"))
        return try_sdp(a, text, len, ret_end);
    if (!a->inner && starts_base64(text, len))
        return try_base64(a, text, len, ret_end);
    return -ENOENT; /* nothing begins here */
}

static int try_text(struct attempt *a, const char *text, size_t len, size_t *ret_end)
{
    size_t end;
    int tries = 0, result = try_tickets(a, text, len, ret_end);
    bool boundary = true; /* words begin here */

    a->p->effort += len;
    for (size_t at = 0; at < len && result == 0; at++) {
        end = 0;
        int r = boundary || text[at] == '{' ? try_at(a, text + at, len - at, &end) : -ENOENT;
        boundary = !adit_ice_chars_valid(&text[at], 1);
        if (r == -ENOENT)
            continue;
        *ret_end = at + end;
        result = r;
        if (++tries == STARTS_MAX || a->p->effort > a->effort_max)
            break;
        if (end > 0) { /* it was whole, though not the right one */
            at += end - 1;
            boundary = true;
        }
    }
    return result;
}

static int conclude(struct adit_pairtext *p, const struct attempt *a)
{
    if (a->err != 0 && (a->until == UNTIL_END || !a->more)) {
        p->cause = a->cause;
        return a->err;
    }
    if (a->until != UNTIL_END)
        return 0;
    adit_cause_set(&p->cause, ADIT_REASON_PROTOCOL, a->more ? ENODATA : ENOENT,
                   a->more       ? "the text is cut off: its end is missing"
                   : p->text.len ? "there is no ticket, no JSON and no SDP in this text"
                                 : "nothing was pasted");
    return a->more ? -ENODATA : -ENOENT;
}

/* While more of a chat may be on its way, these errors wait: the right one may stand below. */
static bool may_wait(int err)
{
    return err == -EEXIST || err == -ESTALE || err == -ESRCH;
}

static int try_all(struct adit_pairtext *p, enum until until)
{
    struct attempt a = { .p = p, .until = until };
    const char *text = (char *)p->text.data;

    a.effort_max = p->effort + EFFORT_MAX;
    if (until == UNTIL_LINE && p->effort > EFFORT_MAX && p->text.len < 2 * p->tried)
        return 0;
    p->tried = p->text.len;
    if (p->text.len > 0 && try_text(&a, text, p->text.len, &p->end)) {
        const char *lf = memchr(text + p->end, '\n', p->text.len - p->end);
        p->end = lf ? (size_t)(lf - text) + 1 : p->text.len;
        return 1;
    }
    if (until == UNTIL_LINE && may_wait(a.err))
        return 0;
    return conclude(p, &a);
}

int adit_pairtext_feed(struct adit_pairtext *p, const void *bytes, size_t n)
{
    size_t before = p->text.len;

    if (n == 0)
        return 0;
    adit_buf_add(&p->text, bytes, n < ADIT_PAIRTEXT_MAX - before ? n : ADIT_PAIRTEXT_MAX - before);
    if (p->text.err) {
        adit_cause_set(&p->cause, ADIT_REASON_RESOURCE, ENOMEM, "no memory for the pasted text");
        return -ENOMEM;
    }
    if (p->text.len < ADIT_PAIRTEXT_MAX)
        return memchr(p->text.data + before, '\n', p->text.len - before) ? try_all(p, UNTIL_LINE)
                                                                         : 0;
    int err = try_all(p, UNTIL_END);
    if (err == -ENOENT || err == -ENODATA) {
        adit_cause_set(&p->cause, ADIT_REASON_PROTOCOL, EMSGSIZE,
                       "1 MiB of text, and no ticket, JSON or SDP in it");
        err = -EMSGSIZE;
    }
    return err;
}

int adit_pairtext_pause(struct adit_pairtext *p)
{
    return p->text.len > 0 ? try_all(p, UNTIL_PAUSE) : 0;
}

int adit_pairtext_end(struct adit_pairtext *p)
{
    return try_all(p, UNTIL_END);
}

void adit_pairtext_init(struct adit_pairtext *p, const struct adit_pairtext_conf *conf)
{
    memset(p, 0, sizeof *p);
    p->conf = *conf;
    if (conf->own)
        p->own = *conf->own;
    adit_buf_init(&p->text, ADIT_PAIRTEXT_MAX + 1); /* and its zero byte */
}

void adit_pairtext_clear(struct adit_pairtext *p)
{
    adit_buf_consume(&p->text, p->text.len);
    p->tried = p->end = 0;
    p->effort = 0;
    p->form = ADIT_PAIRTEXT_NONE;
}

void adit_pairtext_done(struct adit_pairtext *p)
{
    adit_buf_done(&p->text);
}
