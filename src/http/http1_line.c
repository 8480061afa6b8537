#include "http/http1_line.h"

#include <strings.h>

#include "base/str.h"
#include "http/http1.h"

static int refuse(int status, const char *why, const char **ret_why)
{
    *ret_why = why;
    return status;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int check_version(const char *s, size_t len, const char **ret_why)
{
    if (len != 8 || memcmp(s, "HTTP/", 5) != 0 || !is_digit(s[5]) || s[6] != '.' || !is_digit(s[7]))
        return refuse(400, "does not begin as HTTP/1.1 does", ret_why);
    if (s[5] != '1' || s[7] > '1')
        return refuse(505, "is of another version than HTTP/1.1 and 1.0", ret_why);
    return 0;
}

int adit_http1_check_request_line(const char *s, size_t len, const char **ret_why)
{
    const char *end = s + len, *first = memchr(s, ' ', len), *second;

    if (!first || !adit_http1_is_token(s, (size_t)(first - s)))
        return refuse(400, "does not begin as HTTP/1.1 does", ret_why);
    second = memchr(first + 1, ' ', (size_t)(end - first - 1));
    if (!second || second == first + 1)
        return refuse(400, "does not begin as HTTP/1.1 does", ret_why);
    for (const char *p = first + 1; p < second; p++)
        if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f || *p == '#')
            return refuse(400, "has a target with characters that must be written as %XX", ret_why);
    return check_version(second + 1, (size_t)(end - second - 1), ret_why);
}

int adit_http1_check_status_line(const char *s, size_t len, const char **ret_why)
{
    int status = check_version(s, len < 8 ? len : 8, ret_why);

    if (status)
        return status;
    if (len < 12 || s[8] != ' ' || s[9] < '1' || s[9] > '9' || !is_digit(s[10]) ||
        !is_digit(s[11]) || (len > 12 && s[12] != ' '))
        return refuse(400, "has no status", ret_why);
    return 0;
}

int adit_http1_check_field(const char *s, size_t len, const char **ret_why)
{
    const char *colon = memchr(s, ':', len);

    if (*s == ' ' || *s == '\t') /* section 5.2 */
        return refuse(400, "has a folded header line", ret_why);
    if (!colon || !adit_http1_is_token(s, (size_t)(colon - s))) /* section 5.1: no blank either */
        return refuse(400, "has a header line without a proper name", ret_why);
    return 0;
}

int adit_http1_check_chunk_size(const char *s, size_t len, const char **ret_why)
{
    size_t digits = 0;

    while (digits < len && adit_hex_value(s[digits]) >= 0)
        digits++;
    if (digits == 0 || digits > 16 || (digits < len && s[digits] != ';'))
        return refuse(400, "has a chunk without a size", ret_why);
    return 0;
}

int adit_http1_check_framing(const struct adit_http1_head *head, bool request, const char **ret_why)
{
    unsigned codings = adit_http1_count(head, "Transfer-Encoding");
    unsigned lengths = adit_http1_count(head, "Content-Length");
    unsigned hosts = adit_http1_count(head, "Host");

    if (codings && head->minor == 0) /* section 6.1 */
        return refuse(400, "has a transfer coding, which HTTP/1.0 does not know", ret_why);
    if (codings > 1 ||
        (codings && strcasecmp(adit_http1_get(head, "Transfer-Encoding"), "chunked")))
        return refuse(501, "has a transfer coding other than chunked", ret_why);
    if (lengths + codings > 1) /* section 6.3 */
        return refuse(400, "has no clear Content-Length", ret_why);
    if (request && (hosts > 1 || (hosts == 0 && head->minor == 1)))
        return refuse(400, "has no Host, or two", ret_why);
    return 0;
}
