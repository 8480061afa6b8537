/* http_head.h - which fields of a head go on to the next connection, and which end here.
 *
 * What belongs to one connection (RFC 9110 section 7.6.1) never goes on: Connection and what it
 * names, Keep-Alive, Proxy-*, Transfer-Encoding, TE but for "trailers", Upgrade but where it is
 * asked for. Names are compared without case, and '_' as '-', because programs behind CGI cannot
 * tell them apart. Nothing is allocated. */
#ifndef ADIT_HTTP_HEAD_H
#define ADIT_HTTP_HEAD_H

#include "http/http1.h"

#define ADIT_HTTP_FIELDS_MAX   128 /* of one head, trailers included */
#define ADIT_HTTP_INTERIMS_MAX 32  /* 1xx before a response */
#define ADIT_HTTP_QUEUE_MAX                                               \
    (32 * 1024 * 1024) /* bytes for a socket: beyond any carrier's window \
                        */

/* What else is left out. */
enum {
    ADIT_HTTP_NO_UPGRADE = 1 << 1, /* Upgrade */
    ADIT_HTTP_NO_HOST = 1 << 2,
    ADIT_HTTP_NO_LENGTH = 1 << 3, /* Content-Length */
    ADIT_HTTP_NO_EXPECT = 1 << 4,
    ADIT_HTTP_NO_FORWARDED = 1 << 5, /* Forwarded, X-Forwarded-*, X-Real-IP and the like */
    ADIT_HTTP_NO_LOGIN = 1 << 6,     /* Authorization */
};

/* What becomes of the fields by which proxies tell who called them: X-Forwarded-For and others. */
enum adit_http_forwarded {
    ADIT_HTTP_FORWARDED_STRIP, /* none goes on */
    ADIT_HTTP_FORWARDED_ADD,   /* ours take the place of what the client claims */
    ADIT_HTTP_FORWARDED_PASS,  /* they are believed */
};

/* Copies the fields that go on; strings are the head's. How many, or -EMSGSIZE. */
ADIT_MUST_USE int adit_http_head_pick(struct adit_http1_field *out, unsigned max,
                                      const struct adit_http1_head *head, unsigned without);
/* Writes them. */
void adit_http_head_put(struct adit_buf *out, const struct adit_http1_head *head, unsigned without);
/* Those of the trailers that may come after a body (RFC 9110 section 6.5.1). How many. */
unsigned adit_http_trailers_pick(struct adit_http1_field *out, unsigned max,
                                 const struct adit_http1_field *trailers, unsigned count);

/* Does one of the fields that go on say "TE: trailers"? */
bool adit_http_wants_trailers(const struct adit_http1_head *head);

/* Has a response with this status, to this method, no body whatever its fields say? */
bool adit_http_is_bodyless(int status, bool to_head);
/* Content-Length of what has no body itself, as HEAD and 304 have it; NULL = there is no clear one.
 */
const char *adit_http_length_told(const struct adit_http1_head *head);
/* Is the target a path that can be asked of an upstream ("/…", or "*" of OPTIONS)? */
bool adit_http_is_path(const char *method, const char *target);

#endif
