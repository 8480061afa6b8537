/* http1_put.c - messages on their way out. */
#include "http/http1.h"

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    { 100, "Continue" },
    { 101, "Switching Protocols" },
    { 200, "OK" },
    { 201, "Created" },
    { 202, "Accepted" },
    { 204, "No Content" },
    { 301, "Moved Permanently" },
    { 302, "Found" },
    { 304, "Not Modified" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 408, "Request Timeout" },
    { 409, "Conflict" },
    { 410, "Gone" },
    { 411, "Length Required" },
    { 413, "Content Too Large" },
    { 414, "URI Too Long" },
    { 415, "Unsupported Media Type" },
    { 417, "Expectation Failed" },
    { 421, "Misdirected Request" },
    { 422, "Unprocessable Content" },
    { 426, "Upgrade Required" },
    { 429, "Too Many Requests" },
    { 431, "Request Header Fields Too Large" },
    { 500, "Internal Server Error" },
    { 501, "Not Implemented" },
    { 502, "Bad Gateway" },
    { 503, "Service Unavailable" },
    { 504, "Gateway Timeout" },
    { 505, "HTTP Version Not Supported" },
};

const char *adit_http1_reason(int status)
{
    for (unsigned i = 0; i < ADIT_LEN(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "";
}

/* RFC 9110 section 5.5: no CR, LF or NUL; we write no other control character either. */
static bool is_value(const char *text)
{
    for (; *text; text++)
        if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
            return false;
    return true;
}

static bool is_target(const char *text)
{
    size_t n = 0;

    for (; text[n]; n++)
        if ((unsigned char)text[n] <= 0x20 || (unsigned char)text[n] >= 0x7f)
            return false;
    return n > 0;
}

static bool refuse_unless(struct adit_buf *out, bool good)
{
    if (!good && !out->err)
        out->err = -EINVAL;
    return good;
}

void adit_http1_put_request(struct adit_buf *out, const char *method, const char *target)
{
    if (refuse_unless(out, adit_http1_is_token(method, strlen(method)) && is_target(target)))
        adit_buf_printf(out, "%s %s HTTP/1.1\r\n", method, target);
}

void adit_http1_put_status(struct adit_buf *out, int status, const char *reason)
{
    if (!reason)
        reason = adit_http1_reason(status);
    if (refuse_unless(out, status >= 100 && status <= 999 && is_value(reason)))
        adit_buf_printf(out, "HTTP/1.1 %d %s\r\n", status, reason);
}

void adit_http1_put_field(struct adit_buf *out, const char *name, const char *value)
{
    size_t n = strlen(name);

    if (!refuse_unless(out, adit_http1_is_token(name, n) && is_value(value)))
        return;
    adit_buf_add(out, name, n); /* printf would cost more than all the rest of a request */
    adit_buf_add(out, ": ", 2);
    adit_buf_add(out, value, strlen(value));
    adit_buf_add(out, "\r\n", 2);
}

void adit_http1_put_length(struct adit_buf *out, uint64_t length)
{
    adit_buf_printf(out, "Content-Length: %llu\r\n", (unsigned long long)length);
}

void adit_http1_put_end(struct adit_buf *out)
{
    adit_buf_add(out, "\r\n", 2);
}

void adit_http1_put_chunk(struct adit_buf *out, const void *bytes, size_t n)
{
    if (n == 0)
        return;
    adit_buf_printf(out, "%zx\r\n", n);
    adit_buf_add(out, bytes, n);
    adit_buf_add(out, "\r\n", 2);
}

void adit_http1_put_last_chunk(struct adit_buf *out, const struct adit_http1_field *trailers,
                               unsigned count)
{
    adit_buf_add(out, "0\r\n", 3);
    for (unsigned i = 0; i < count; i++)
        adit_http1_put_field(out, trailers[i].name, trailers[i].value);
    adit_http1_put_end(out);
}

void adit_http1_put_reply(struct adit_buf *out, int status, const char *type, const void *body,
                          size_t n, bool keep_alive)
{
    adit_http1_put_status(out, status, NULL);
    if (type)
        adit_http1_put_field(out, "Content-Type", type);
    if (!keep_alive)
        adit_http1_put_field(out, "Connection", "close");
    if (status >= 200 && status != 204) /* RFC 9110 section 8.6 */
        adit_http1_put_length(out, n);
    adit_http1_put_end(out);
    if (body)
        adit_buf_add(out, body, n);
}
