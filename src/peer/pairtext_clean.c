/* pairtext_clean.c - see pairtext_clean.h. */
#include "peer/pairtext_clean.h"

#include "base/str.h"

static bool is_quote(char c)
{
    return c == ' ' || c == '\t' || c == '>' || c == '|';
}

/* What a line end becomes: itself, nothing, or a blank for the LF. */
static size_t line_end(struct adit_buf *out, char c, enum adit_clean how)
{
    if (how == ADIT_CLEAN_JOIN || (how == ADIT_CLEAN_SPACE && c == '\r'))
        return 0;
    adit_buf_add8(out, (uint8_t)(how == ADIT_CLEAN_SPACE ? ' ' : c));
    return 1;
}

/* A text that was broken anywhere may have been broken before a blank, and then that is the first
 * of its line. Indented and quoted lines, on the other hand, come together: the line before tells,
 * and of the first one the line behind. */
static bool blank_belongs(const char *text, size_t at, size_t len, bool first, bool quoted_before)
{
    const char *lf;

    if (text[at] != ' ' || at + 1 == len || is_quote(text[at + 1]))
        return false;
    if (!first)
        return !quoted_before;
    lf = memchr(text + at, '\n', len - at);
    return !lf || lf + 1 == text + len || !is_quote(lf[1]);
}

size_t adit_clean_text(struct adit_buf *out, const char *text, size_t len, enum adit_clean how,
                       size_t want)
{
    size_t at = 0, made = 0, lines = 0;
    bool quoted = false;

    while (at < len && made < want && !out->err) { /* a piece of a line, and its end */
        size_t from = at;
        while (at < len && at - from < want - made && text[at] != '\r' && text[at] != '\n')
            at++;
        adit_buf_add(out, text + from, at - from);
        made += at - from;
        if (at == len || made == want)
            break;
        made += line_end(out, text[at++], how);
        if (made == want)
            break;
        if (at == len || text[at] == '\n') /* of CRLF */
            continue;
        if (how == ADIT_CLEAN_JOIN && blank_belongs(text, at, len, lines++ == 0, quoted)) {
            quoted = false;
            continue;
        }
        quoted = is_quote(text[at]);
        while (at < len && is_quote(text[at]))
            at++;
    }
    return at;
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/' || c == '-' || c == '_';
}

/* Four letters are three bytes; at the end two or three letters are one or two. */
static void flush(struct adit_buf *out, const char quad[4], size_t n)
{
    uint8_t bytes[4];
    int made = adit_base64_decode(bytes, quad, n);

    if (made > 0)
        adit_buf_add(out, bytes, (size_t)made);
}

size_t adit_clean_base64(struct adit_buf *out, const char *text, size_t len, bool *ret_open)
{
    char quad[4] = { 0 };
    size_t n = 0, end = 0, at = 0;
    bool line_start = false;

    *ret_open = false;
    for (; at < len && !out->err; at++) {
        char c = text[at];
        if (is_letter(c)) {
            quad[n++] = c;
            if (n == 4) {
                flush(out, quad, n);
                n = 0;
            }
            end = at + 1;
            line_start = false;
        } else if (c == '\n') {
            if (line_start)
                break;
            line_start = true;
        } else if (c != '\r' && !(line_start && is_quote(c))) {
            break;
        }
    }
    *ret_open = at == len;
    flush(out, quad, n);
    while (end < len && text[end] == '=')
        end++;
    return end;
}
