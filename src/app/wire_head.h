/* wire_head.h - HTTP heads as adit's own streams carry them: docs/streams.md. */
#ifndef ADIT_WIRE_HEAD_H
#define ADIT_WIRE_HEAD_H

#include "base/buf.h"
#include "http/http1.h"

#define ADIT_WIRE_FIELDS_MAX 256

/* A head that was read: its strings live in `text`. */
struct adit_wire_head {
    struct adit_http1_head head;
    struct adit_http1_field fields[ADIT_WIRE_FIELDS_MAX];
    char *text;
    size_t used;
};

/* A request's head if it has a method, else a response's. out->err is set when a string is longer
 * than 65535 bytes or memory ran out. */
void adit_wire_put_head(struct adit_buf *out, const struct adit_http1_head *head);
void adit_wire_put_fields(struct adit_buf *out, const struct adit_http1_field *fields,
                          unsigned count);

/* -EPROTO: no such head can be; -ENOMEM. adit_wire_head_done in any case. */
ADIT_MUST_USE int adit_wire_get_request(struct adit_wire_head *w, const uint8_t *bytes, size_t n);
ADIT_MUST_USE int adit_wire_get_response(struct adit_wire_head *w, const uint8_t *bytes, size_t n);
/* Trailers: only fields and count are set. */
ADIT_MUST_USE int adit_wire_get_fields(struct adit_wire_head *w, const uint8_t *bytes, size_t n);
void adit_wire_head_done(struct adit_wire_head *w);

#endif
