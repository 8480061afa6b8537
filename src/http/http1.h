/* http1.h - HTTP/1.1 messages (RFC 9112) as a stream: bytes in, heads and bodies out; and back.
 *
 * Reading. Feed bytes until MORE comes back; each call gives at most one event and says how many
 * bytes it took:
 *
 *     do {
 *         used = adit_http1_feed(h, p, n, &ev);
 *         p += used, n -= used;
 *         switch (ev.what) …
 *     } while (ev.what != ADIT_HTTP1_MORE && ev.what != ADIT_HTTP1_BAD);
 *
 * A message is HEAD, any number of BODY, END. After END the reader stands still, and takes nothing:
 * what follows is the next message (adit_http1_next), or, after an upgrade, no HTTP at all. Nothing
 * of a body is kept, so it may be endless; who does not want more does not feed.
 *
 * Whatever two programs could take for two different things is refused: bare CR or LF, folded
 * lines, blanks before a colon, Content-Length twice or beside Transfer-Encoding, codings other
 * than chunked, no Host or two, control characters.
 *
 * Writing goes into an adit_buf; a name or value that would break out of its line makes the buf's
 * err -EINVAL. */
#ifndef ADIT_HTTP1_H
#define ADIT_HTTP1_H

#include "base/base.h"
#include "base/buf.h"

#define ADIT_HTTP1_HEAD_DEFAULT   8192  /* bytes of a head, trailers included */
#define ADIT_HTTP1_HEAD_MAX       65536 /* what it may be set to */
#define ADIT_HTTP1_FIELDS_DEFAULT 64    /* header fields, trailers included */
#define ADIT_HTTP1_CHUNK_LINE_MAX 256   /* bytes of a chunk's size and extensions */

struct adit_http1;

struct adit_http1_conf {
    bool response;       /* read responses, else requests */
    size_t head_max;     /* 0 = ADIT_HTTP1_HEAD_DEFAULT */
    unsigned fields_max; /* 0 = ADIT_HTTP1_FIELDS_DEFAULT */
    uint64_t body_max;   /* bytes; more is BAD (413). 0 = no limit: nothing is kept here */
};

struct adit_http1_field {
    const char *name, *value; /* the value without white space around it */
};

/* All strings are valid until adit_http1_next or _free. */
struct adit_http1_head {
    const char *method, *target; /* of a request, else "" */
    int status;                  /* of a response, else 0 */
    const char *reason;          /* never NULL; bytes of a stranger */
    unsigned minor;              /* HTTP/1.minor: 0 or 1 */
    const struct adit_http1_field *fields;
    unsigned count;
    const struct adit_http1_field *trailers; /* at END */
    unsigned trailer_count;
    bool body;            /* one may follow */
    bool chunked;         /* its length is not known */
    uint64_t length;      /* of the body, if neither `chunked` nor `until_close` */
    bool until_close;     /* the body ends with the connection */
    bool keep_alive;      /* the connection may be used again */
    bool interim;         /* 1xx but not 101: the response proper is still to come */
    bool upgrade;         /* request: asks for it. Response: 101, or 2xx to CONNECT: no more HTTP */
    bool expect_continue; /* request: waits for "100 Continue" before the body */
};

enum adit_http1_what {
    ADIT_HTTP1_MORE, /* all bytes are taken, or nothing is taken before adit_http1_next */
    ADIT_HTTP1_HEAD,
    ADIT_HTTP1_BODY, /* data: a part of the bytes that were fed */
    ADIT_HTTP1_END,
    ADIT_HTTP1_BAD, /* for good: answer with `status`, close */
};

struct adit_http1_event {
    enum adit_http1_what what;
    const struct adit_http1_head *head; /* with HEAD, BODY and END */
    struct adit_span data;
    int status;      /* with BAD: 400, 413, 414, 431, 501 or 505 */
    const char *why; /* with BAD: ends the sentence "the request …" or "the response …" */
};

/* NULL without memory. One allocation of head_max and a little more. */
struct adit_http1 *adit_http1_new(const struct adit_http1_conf *conf);
struct adit_http1 *adit_http1_free(struct adit_http1 *h); /* h may be NULL; returns NULL */
/* Responses: what was asked. HEAD has no body, CONNECT turns into a tunnel. Before the first feed
 * of a message; holds through interim responses; "GET" at first. */
void adit_http1_expect(struct adit_http1 *h, const char *method);
/* How many of the bytes were taken. */
size_t adit_http1_feed(struct adit_http1 *h, const void *bytes, size_t n,
                       struct adit_http1_event *ret_event);
/* The connection has ended: END for a body that goes until then, MORE between two messages, BAD in
 * the middle of one. */
void adit_http1_eof(struct adit_http1 *h, struct adit_http1_event *ret_event);
/* After END: ready for the next message. */
void adit_http1_next(struct adit_http1 *h);
/* Has a byte of a message come in that is not at its end? */
bool adit_http1_busy(const struct adit_http1 *h);

/* ---- looking at a head ----------------------------------------------------------------------- */

/* Names are compared without case. The first value, or NULL. */
const char *adit_http1_get(const struct adit_http1_head *head, const char *name);
unsigned adit_http1_count(const struct adit_http1_head *head, const char *name);
/* The value if the field is there exactly once, else NULL. */
const char *adit_http1_get_one(const struct adit_http1_head *head, const char *name);
/* Is the token in the comma-separated lists of all fields of this name? Without case. */
bool adit_http1_has_token(const struct adit_http1_head *head, const char *name, const char *token);
/* Walks the tokens of a comma-separated list: *io_list is moved behind the one that is returned.
 * False: no more. */
bool adit_http1_token(const char **io_list, struct adit_span *ret_token);
/* RFC 9110 section 5.6.2; true for method and field names. */
bool adit_http1_is_token(const char *text, size_t len);

/* ---- writing --------------------------------------------------------------------------------- */

void adit_http1_put_request(struct adit_buf *out, const char *method, const char *target);
/* reason: NULL = the usual words. */
void adit_http1_put_status(struct adit_buf *out, int status, const char *reason);
void adit_http1_put_field(struct adit_buf *out, const char *name, const char *value);
void adit_http1_put_length(struct adit_buf *out, uint64_t length); /* Content-Length */
void adit_http1_put_end(struct adit_buf *out);                     /* the empty line */
/* One chunk; n = 0 adds nothing. */
void adit_http1_put_chunk(struct adit_buf *out, const void *bytes, size_t n);
/* The chunk that ends the body; trailers may be NULL. */
void adit_http1_put_last_chunk(struct adit_buf *out, const struct adit_http1_field *trailers,
                               unsigned count);
/* A whole small response. type may be NULL. body: NULL = its length alone, as HEAD has it. */
void adit_http1_put_reply(struct adit_buf *out, int status, const char *type, const void *body,
                          size_t n, bool keep_alive);
const char *adit_http1_reason(int status);

#endif
