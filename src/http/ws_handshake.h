/* ws_handshake.h - how an HTTP/1.1 connection becomes a WebSocket (RFC 6455 section 4).
 *
 * Composes and checks heads; reading them is http1.h's, and what follows END of the 101, or of the
 * request, is the WebSocket's first bytes (ws.h). */
#ifndef ADIT_WS_HANDSHAKE_H
#define ADIT_WS_HANDSHAKE_H

#include "base/rng.h"
#include "http/http1.h"

#define ADIT_WS_KEY_SIZE      25 /* base64 of 16 bytes, and a zero byte */
#define ADIT_WS_ACCEPT_SIZE   29 /* base64 of 20 bytes, and a zero byte */
#define ADIT_WS_PROTOCOL_SIZE 64 /* the name of a subprotocol that we know, and a zero byte */

/* ---- client ---------------------------------------------------------------------------------- */

struct adit_ws_request {
    const char *host, *target;             /* adit_url_authority, and path with query */
    const char *origin;                    /* NULL = none, as programs do */
    const char *protocols;                 /* "a, b" in order of preference; NULL = none */
    const struct adit_http1_field *fields; /* more of them, as Authorization */
    unsigned field_count;
};

/* A new one for every connection. */
void adit_ws_make_key(char key[ADIT_WS_KEY_SIZE], struct adit_rng *rng);
/* out->err is -EINVAL when something has a line end in it. */
void adit_ws_put_request(struct adit_buf *out, const struct adit_ws_request *request,
                         const char *key);
/* Is this head the answer that makes it a WebSocket? 0; -ECONNREFUSED: an answer other than 101
 * (which one, says head->status); -EPROTO: a 101 that breaks the rules. The cause says it in words.
 * ret_protocol: what the server chose, "" = nothing. */
ADIT_MUST_USE int adit_ws_check_response(const struct adit_http1_head *head,
                                         const struct adit_ws_request *request, const char *key,
                                         char ret_protocol[ADIT_WS_PROTOCOL_SIZE],
                                         struct adit_cause *ret_cause);

/* ---- server ---------------------------------------------------------------------------------- */

struct adit_ws_policy {
    /* Who may connect from a page: exact origins ("https://example.org"), without case. None: any.
     * A client that names no origin is no browser and always may (section 10.2). */
    const char *const *origins;
    unsigned origin_count;
    /* What we speak. The first that the client offers is chosen, none if none fits. */
    const char *const *protocols;
    unsigned protocol_count;
};

struct adit_ws_verdict {
    int status;           /* 101: welcome; 400, 403, 405, 426 */
    const char *why;      /* for a person; "" with 101 */
    const char *protocol; /* chosen, one of the policy's; NULL = none */
    /* More to say with 101, borrowed, set by who asks us afterwards; no name = nothing. */
    struct adit_http1_field field;
    char accept[ADIT_WS_ACCEPT_SIZE];
};

/* Does this request want to be a WebSocket at all? */
bool adit_ws_wanted(const struct adit_http1_head *head);
void adit_ws_check_request(const struct adit_http1_head *head, const struct adit_ws_policy *policy,
                           struct adit_ws_verdict *ret_verdict);
/* The whole answer: 101, or a refusal with the reason as text, after which the connection is
 * closed. */
void adit_ws_put_response(struct adit_buf *out, const struct adit_ws_verdict *verdict);

/* Section 4.2.2, step 5.4: what proves that the server has read the key. */
void adit_ws_accept(char out[ADIT_WS_ACCEPT_SIZE], const char *key);

#endif
