/* http1_inner.h - the reader's state, shared by http1.c and http1_parse.c alone. */
#ifndef ADIT_HTTP1_INNER_H
#define ADIT_HTTP1_INNER_H

#include <http_parser.h>

#include "http/http1.h"

enum adit_http1_mode {
    START_LINE,
    FIELDS,
    COUNTED,     /* a body with Content-Length */
    UNTIL_CLOSE, /* a body that ends with the connection */
    CHUNK_SIZE,
    CHUNK_DATA,
    CHUNK_END, /* the CRLF behind the data */
    TRAILERS,
    DONE, /* END is to be told, or was */
    BAD,
};

struct adit_http1 {
    struct adit_http1_conf conf;
    struct adit_http1_head head;
    http_parser parser;
    enum adit_http1_mode mode;
    bool expect_head, expect_connect; /* what was asked */
    bool complete;                    /* http-parser has seen the end of the message */
    bool blank;                       /* an empty line before the request was passed over */
    bool end_told;
    bool got_value; /* of the field that is being read */
    uint64_t body;  /* bytes so far */
    struct adit_span data;
    const char *why; /* with BAD, and status */
    int status;
    size_t used;     /* of text: strings, and the line so far */
    size_t line;     /* where the line begins */
    size_t value_at; /* the last field's value, in text */
    struct adit_http1_field *fields;
    unsigned count;
    char *text; /* head_max and a chunk's line */
};

/* False, always: the message is bad, for good. */
bool adit_http1_refuse(struct adit_http1 *h, int status, const char *why);
void adit_http1_parse_init(struct adit_http1 *h);
/* Bytes to http-parser, in lines or runs of a body. False: bad. */
bool adit_http1_parse(struct adit_http1 *h, const void *bytes, size_t n);

#endif
