/* http1.c - the reader: lines are looked at by us, then given whole to http-parser.
 *
 * http-parser knows methods, framing and chunks; it is lenient where lines end and what is in them.
 * So a line goes to it only when it is complete and could not be read in two ways, and bodies go to
 * it in runs that end where it says they end. All strings of a head stay in `text`, where the lines
 * were gathered: with zero bytes put behind them they need no copy. */
#include "http/http1.h"

#include "base/alloc.h"
#include "http/http1_inner.h"
#include "http/http1_line.h"

/* ---- lines ----------------------------------------------------------------------------------- */

/* The checks of http1_line.c; 0 is good. */
static bool check_line(struct adit_http1 *h, const char *s, size_t len)
{
    const char *why = "";
    int status = 0;

    switch (h->mode) {
    case START_LINE:
        status = h->conf.response ? adit_http1_check_status_line(s, len, &why)
                                  : adit_http1_check_request_line(s, len, &why);
        break;
    case FIELDS:
    case TRAILERS:
        if (len && h->count == h->conf.fields_max)
            return adit_http1_refuse(h, 431, "has too many header fields");
        status = len ? adit_http1_check_field(s, len, &why) : 0;
        break;
    case CHUNK_SIZE:
        status = adit_http1_check_chunk_size(s, len, &why);
        break;
    case CHUNK_END:
        return len == 0 || adit_http1_refuse(h, 400, "has a chunk that is longer than its size");
    case COUNTED:
    case UNTIL_CLOSE:
    case CHUNK_DATA:
    case DONE:
    case BAD:
        assert(!"a line belongs to one of those above");
    }
    return status == 0 || adit_http1_refuse(h, status, why);
}

/* ---- the head -------------------------------------------------------------------------------- */

static bool finish_head(struct adit_http1 *h)
{
    struct adit_http1_head *head = &h->head;
    uint64_t length = h->parser.content_length;
    const char *why;
    int bad;

    head->minor = h->parser.http_minor;
    head->fields = head->trailers = h->fields;
    head->count = h->count;
    bad = adit_http1_check_framing(head, !h->conf.response, &why);
    if (bad)
        return adit_http1_refuse(h, bad, why);
    if (h->conf.response) {
        head->status = h->parser.status_code;
        head->interim = head->status / 100 == 1 && head->status != 101;
        head->upgrade = head->status == 101 || (h->expect_connect && head->status / 100 == 2);
    } else {
        head->method = http_method_str((enum http_method)h->parser.method);
        head->upgrade = head->minor == 1 && adit_http1_has_token(head, "Connection", "upgrade") &&
                        adit_http1_get(head, "Upgrade");
        head->expect_continue =
            head->minor == 1 && adit_http1_has_token(head, "Expect", "100-continue");
    }
    head->keep_alive = http_should_keep_alive(&h->parser) != 0;
    head->body = !h->complete;
    if (h->complete) {
        h->mode = DONE;
    } else if (h->parser.flags & F_CHUNKED) {
        h->mode = CHUNK_SIZE;
        head->chunked = true;
    } else if (length != UINT64_MAX) {
        h->mode = COUNTED;
        head->length = length;
        if (h->conf.body_max && length > h->conf.body_max)
            return adit_http1_refuse(h, 413, "has a body that is too large");
    } else {
        h->mode = UNTIL_CLOSE;
        head->until_close = true;
    }
    return true;
}

/* The start line has been read: its strings get their ends. */
static void finish_start_line(struct adit_http1 *h, char *s, size_t len)
{
    s[len] = '\0';
    if (h->conf.response)
        h->head.reason = len > 13 ? s + 13 : "";
    else
        s[len - 9] = '\0'; /* the blank before HTTP/1.1 */
    h->line = h->used;
    h->mode = FIELDS;
}

static void finish_field(struct adit_http1 *h, char *s, size_t len)
{
    struct adit_http1_field *f = &h->fields[h->count - 1];

    *strchr(s, ':') = '\0'; /* a name has none, so it is the first */
    while (len && (s[len - 1] == ' ' || s[len - 1] == '\t'))
        len--;
    s[len] = '\0';
    if (f->value > s + len)
        f->value = s + len;
    h->line = h->used;
}

/* A line is complete, without its CRLF s[len]. False: bad. *ret_head: the head is. */
static bool take_line(struct adit_http1 *h, char *s, size_t len, bool *ret_head)
{
    if (h->mode == START_LINE && len == 0 && !h->conf.response && !h->blank) {
        h->blank = true; /* section 2.2: one empty line before a request is passed over */
        h->used = h->line;
        return true;
    }
    if (!check_line(h, s, len) || !adit_http1_parse(h, s, len + 2))
        return false;
    switch (h->mode) {
    case START_LINE:
        finish_start_line(h, s, len);
        return true;
    case FIELDS:
        if (len == 0) {
            *ret_head = true;
            h->used = h->line;
            return finish_head(h);
        }
        finish_field(h, s, len);
        return true;
    case TRAILERS:
        if (len)
            finish_field(h, s, len);
        else
            h->mode = DONE;
        return true;
    case CHUNK_SIZE:
        h->mode = h->parser.content_length ? CHUNK_DATA : TRAILERS;
        if (h->conf.body_max && h->parser.content_length > h->conf.body_max - h->body)
            return adit_http1_refuse(h, 413, "has a body that is too large");
        h->used = h->line;
        return true;
    case CHUNK_END:
        h->mode = CHUNK_SIZE;
        h->used = h->line;
        return true;
    case COUNTED:
    case UNTIL_CLOSE:
    case CHUNK_DATA:
    case DONE:
    case BAD:
        break;
    }
    return false;
}

static bool is_full(struct adit_http1 *h)
{
    bool chunk = h->mode == CHUNK_SIZE || h->mode == CHUNK_END;

    if (chunk && h->used - h->line >= ADIT_HTTP1_CHUNK_LINE_MAX)
        return !adit_http1_refuse(h, 400, "has a chunk with too long a first line");
    if (!chunk && h->used >= h->conf.head_max)
        return !(h->mode == START_LINE ? adit_http1_refuse(h, h->conf.response ? 400 : 414,
                                                           "has too long a first line")
                                       : adit_http1_refuse(h, 431, "has too large a head"));
    return false;
}

/* Gathers bytes of a line up to its end. What can be no part of one is refused at once, so that
 * somebody who speaks another protocol is not listened to until the line is full. */
static size_t gather(struct adit_http1 *h, const uint8_t *p, size_t n, bool *ret_head)
{
    for (size_t i = 0; i < n; i++) {
        bool after_cr = h->used > h->line && h->text[h->used - 1] == '\r';

        if (is_full(h))
            return i;
        if ((p[i] == '\n') != after_cr ||
            (p[i] < 0x20 && p[i] != '\t' && p[i] != '\r' && !after_cr) || p[i] == 0x7f) {
            adit_http1_refuse(h, 400,
                              "has a control character, or a line that does not end with CR LF");
            return i;
        }
        h->text[h->used++] = (char)p[i];
        if (p[i] == '\n') {
            take_line(h, h->text + h->line, h->used - h->line - 2, ret_head);
            return i + 1;
        }
    }
    return n;
}

/* ---- the verbs ------------------------------------------------------------------------------- */

static size_t take_body(struct adit_http1 *h, const uint8_t *p, size_t n)
{
    if (h->mode != UNTIL_CLOSE && n > h->parser.content_length)
        n = (size_t)h->parser.content_length;
    if (h->mode == UNTIL_CLOSE && h->conf.body_max && n > h->conf.body_max - h->body) {
        adit_http1_refuse(h, 413, "has a body that is too large");
        return 0;
    }
    if (!adit_http1_parse(h, p, n))
        return 0;
    h->body += n;
    if (h->mode == CHUNK_DATA && h->parser.content_length == 0)
        h->mode = CHUNK_END;
    else if (h->complete)
        h->mode = DONE;
    return n;
}

static void tell(struct adit_http1 *h, struct adit_http1_event *ev, enum adit_http1_what what)
{
    ev->what = what;
    ev->head = &h->head;
    if (what == ADIT_HTTP1_BODY)
        ev->data = h->data;
    if (what == ADIT_HTTP1_END) {
        h->end_told = true;
        h->head.trailers = h->fields + h->head.count;
        h->head.trailer_count = h->count - h->head.count;
    }
}

size_t adit_http1_feed(struct adit_http1 *h, const void *bytes, size_t n,
                       struct adit_http1_event *ret_event)
{
    const uint8_t *p = bytes;
    size_t used = 0, took;
    bool head = false;

    *ret_event = (struct adit_http1_event){ .what = ADIT_HTTP1_MORE };
    while (used < n && h->mode != DONE && h->mode != BAD) {
        if (h->mode == COUNTED || h->mode == UNTIL_CLOSE || h->mode == CHUNK_DATA) {
            took = take_body(h, p + used, n - used);
            if (took) {
                tell(h, ret_event, ADIT_HTTP1_BODY);
                return used + took;
            }
        } else {
            used += gather(h, p + used, n - used, &head);
            if (head && h->mode != BAD) {
                tell(h, ret_event, ADIT_HTTP1_HEAD);
                return used;
            }
        }
    }
    if (h->mode == BAD)
        *ret_event =
            (struct adit_http1_event){ .what = ADIT_HTTP1_BAD, .status = h->status, .why = h->why };
    else if (h->mode == DONE && !h->end_told)
        tell(h, ret_event, ADIT_HTTP1_END);
    return used;
}

void adit_http1_eof(struct adit_http1 *h, struct adit_http1_event *ret_event)
{
    if (h->mode == UNTIL_CLOSE && adit_http1_parse(h, NULL, 0))
        h->mode = DONE;
    else if (adit_http1_busy(h) && h->mode != BAD)
        adit_http1_refuse(h, 400, "ended in its middle");
    adit_http1_feed(h, NULL, 0, ret_event);
}

bool adit_http1_busy(const struct adit_http1 *h)
{
    return h->mode != DONE && (h->mode != START_LINE || h->used > 0);
}

void adit_http1_expect(struct adit_http1 *h, const char *method)
{
    h->expect_head = strcmp(method, "HEAD") == 0;
    h->expect_connect = strcmp(method, "CONNECT") == 0;
}

void adit_http1_next(struct adit_http1 *h)
{
    assert(h->mode == DONE && h->end_told);
    h->head = (struct adit_http1_head){ .method = "", .target = "", .reason = "" };
    adit_http1_parse_init(h);
    h->mode = START_LINE;
    h->complete = h->blank = h->end_told = false;
    h->body = 0;
    h->used = h->line = 0;
    h->count = 0;
}

struct adit_http1 *adit_http1_new(const struct adit_http1_conf *conf)
{
    size_t head_max = conf->head_max ? conf->head_max : ADIT_HTTP1_HEAD_DEFAULT;
    unsigned fields_max = conf->fields_max ? conf->fields_max : ADIT_HTTP1_FIELDS_DEFAULT;
    struct adit_http1 *h = adit_malloc(sizeof *h + fields_max * sizeof *h->fields + head_max +
                                       ADIT_HTTP1_CHUNK_LINE_MAX);

    assert(head_max <= ADIT_HTTP1_HEAD_MAX);
    if (!h)
        return NULL;
    *h = (struct adit_http1){ .conf = *conf, .mode = DONE, .end_told = true };
    h->conf.head_max = head_max;
    h->conf.fields_max = fields_max;
    h->fields = (struct adit_http1_field *)(h + 1);
    h->text = (char *)(h->fields + fields_max);
    adit_http1_next(h);
    return h;
}

struct adit_http1 *adit_http1_free(struct adit_http1 *h)
{
    adit_free(h);
    return NULL;
}
