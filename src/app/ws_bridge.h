/* ws_bridge.h - a WebSocket that goes through a framing as messages, between its handshake at one
 * end and the one at the other. Only for carrier_v*.c.
 *
 * HTTP's side of an exchange knows a head with an upgrade, and then bytes as they are. Here they
 * become messages, and messages become bytes: at a consumer as the server of the client that asked,
 * at a provider as a client of the upstream. As in framing.h, what is named `tell` calls up, and
 * returns false if the exchange is gone then; the others leave it to adit_framed_later, and their
 * owner calls adit_ws_bridge_tell from there. */
#ifndef ADIT_WS_BRIDGE_H
#define ADIT_WS_BRIDGE_H

#include "app/framing.h"
#include "http/ws.h"
#include "http/ws_handshake.h"

#define ADIT_WS_BRIDGE_MAX   (8 * 1024 * 1024) /* bytes of a message */
#define ADIT_WS_BRIDGE_EARLY (256 * 1024)      /* bytes for a WebSocket that does not stand yet */

struct adit_ws_bridge;

/* Both only send; they call nothing here. */
struct adit_ws_bridge_ops {
    /* A whole message for the other end. */
    void (*message)(struct adit_framed *x, bool text, const uint8_t *bytes, size_t n);
    /* Once: this end is closed. code as in RFC 6455, 1006 among them; reason is UTF-8. */
    void (*closed)(struct adit_framed *x, unsigned code, const uint8_t *reason, size_t n);
};

struct adit_ws_bridge_conf {
    struct adit_framed *x;
    bool server;        /* we are it: a consumer */
    size_t message_max; /* both ways */
    const struct adit_ws_bridge_ops *ops;
};

/* NULL without memory. */
struct adit_ws_bridge *adit_ws_bridge_new(const struct adit_ws_bridge_conf *conf, adit_time now);
struct adit_ws_bridge *adit_ws_bridge_free(struct adit_ws_bridge *b); /* returns NULL */

/* ---- handshakes ------------------------------------------------------------------------------ */

/* Consumer: the client's request. 0, or the status to refuse it with. */
int adit_ws_bridge_asked(struct adit_ws_bridge *b, const struct adit_http1_head *head);
/* The first subprotocol that the client offers, "" if none. */
const char *adit_ws_bridge_offer(const struct adit_ws_bridge *b);
/* The other end stands: tells the client so. protocol: "" = none. */
bool adit_ws_bridge_tell_open(struct adit_ws_bridge *b, const char *protocol, adit_time now);
/* What goes to the other end of the client's request: without what is about its handshake or its
 * connection alone.
 * Returns the fields, to be freed; NULL without memory. */
struct adit_http1_field *adit_ws_bridge_strip(struct adit_http1_head *ret_head,
                                              const struct adit_http1_head *head);
/* Provider: the path and query of what the other end wants, an URL or a path; to be freed. NULL: it
 * is none, or no memory. */
char *adit_ws_bridge_path(const char *url, size_t n);
/* Provider: makes a request for a WebSocket of it; its method and target are set. 0, -EPROTO,
 * -ENOMEM; h is to be done in any case. */
ADIT_MUST_USE int adit_ws_bridge_ask(struct adit_ws_bridge *b, struct adit_framing_head *h,
                                     json_t *headers);
/* The upstream's answer: true, it stands. The protocol that it chose, "" = none. */
bool adit_ws_bridge_answered(struct adit_ws_bridge *b, const struct adit_http1_head *head,
                             const char **ret_protocol);
/* ---- bytes and messages ---------------------------------------------------------------------- */

/* Bytes of HTTP's side. */
void adit_ws_bridge_feed(struct adit_ws_bridge *b, const uint8_t *bytes, size_t n, adit_time now);
void adit_ws_bridge_eof(struct adit_ws_bridge *b, adit_time now);
/* A message of the other end, or a part of one. Opcodes are RFC 6455's. */
void adit_ws_bridge_data(struct adit_ws_bridge *b, unsigned opcode, bool fin, const uint8_t *bytes,
                         size_t n, adit_time now);
/* The other end is closed. */
void adit_ws_bridge_close(struct adit_ws_bridge *b, unsigned code, const uint8_t *reason, size_t n,
                          adit_time now);
/* Tells what there is to tell: bytes, the end. */
bool adit_ws_bridge_tell(struct adit_ws_bridge *b, adit_time now);
/* We let go of it: ops->closed, unless it was called before. */
void adit_ws_bridge_leave(struct adit_ws_bridge *b, const char *text);

#endif
