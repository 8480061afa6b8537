/* http1_parse.c - http-parser: what we tell it, and what it tells us. */
#include "http/http1_inner.h"

static int on_target(http_parser *parser, const char *at, size_t n)
{
    struct adit_http1 *h = parser->data;

    (void)n;
    h->head.target = at; /* the blank behind it becomes a zero byte when the line is done */
    return 0;
}

static int on_name(http_parser *parser, const char *at, size_t n)
{
    struct adit_http1 *h = parser->data;

    h->fields[h->count++] = (struct adit_http1_field){ .name = at, .value = at + n };
    return 0;
}

/* Comes with the line's end; for an empty value only with the next line, without bytes. */
static int on_value(http_parser *parser, const char *at, size_t n)
{
    struct adit_http1 *h = parser->data;

    if (n > 0)
        h->fields[h->count - 1].value = at;
    return 0;
}

static int on_head(http_parser *parser)
{
    const struct adit_http1 *h = parser->data;
    bool none = parser->type == HTTP_RESPONSE &&
                (parser->status_code / 100 == 1 || parser->status_code == 204 ||
                 parser->status_code == 304 || h->expect_head ||
                 (h->expect_connect && parser->status_code / 100 == 2));

    parser->upgrade = 0; /* whether there is one is for our caller to decide, at END */
    return none ? 1 : 0; /* 1: no body, whatever the fields say (RFC 9112 section 6.3) */
}

static int on_body(http_parser *parser, const char *at, size_t n)
{
    struct adit_http1 *h = parser->data;

    h->data = (struct adit_span){ (const uint8_t *)at, n };
    return 0;
}

static int on_complete(http_parser *parser)
{
    struct adit_http1 *h = parser->data;

    h->complete = true;
    return 0;
}

static const http_parser_settings settings = {
    .on_url = on_target,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_headers_complete = on_head,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

bool adit_http1_refuse(struct adit_http1 *h, int status, const char *why)
{
    h->mode = BAD;
    h->status = status;
    h->why = why;
    return false;
}

bool adit_http1_parse(struct adit_http1 *h, const void *bytes, size_t n)
{
    size_t took = http_parser_execute(&h->parser, &settings, bytes, n);

    switch (HTTP_PARSER_ERRNO(&h->parser)) {
    case HPE_OK:
        return took == n || adit_http1_refuse(h, 400, "has no clear end");
    case HPE_INVALID_METHOD:
        return adit_http1_refuse(h, 501, "has a method that is not known here");
    case HPE_INVALID_CONTENT_LENGTH:
    case HPE_UNEXPECTED_CONTENT_LENGTH:
        return adit_http1_refuse(h, 400, "has no clear Content-Length");
    case HPE_INVALID_CHUNK_SIZE:
        return adit_http1_refuse(h, 400, "has a chunk without a size");
    case HPE_INVALID_TRANSFER_ENCODING:
        return adit_http1_refuse(h, 501, "has a transfer coding other than chunked");
    default:
        return adit_http1_refuse(h, 400, http_errno_description(HTTP_PARSER_ERRNO(&h->parser)));
    }
}

void adit_http1_parse_init(struct adit_http1 *h)
{
    h->parser.data = h;
    http_parser_init(&h->parser, h->conf.response ? HTTP_RESPONSE : HTTP_REQUEST);
}
