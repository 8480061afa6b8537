/* carrier_v2.h - the inside of carrier_v2*.c.
 *
 * carrier_v2.c       what every exchange does
 * carrier_v2_http.c  requests and responses, whole in one message each
 * carrier_v2_ws.c    WebSockets */
#ifndef ADIT_CARRIER_V2_H
#define ADIT_CARRIER_V2_H

#include "app/framing.h"
#include "app/ws_bridge.h"
#include "base/buf.h"

#define ADIT_V2_BODY_MAX \
    (32 * 1024 * 1024) /* a message with its body, where the channel takes it */

enum adit_v2_type {
    ADIT_V2_REQUEST = 0x01,
    ADIT_V2_RESPONSE = 0x02,
    ADIT_V2_WS_CONNECT = 0x10,
    ADIT_V2_WS_DATA = 0x11,
    ADIT_V2_WS_CLOSE = 0x12,
};

/* Requests and WebSockets have numbers of their own. */
enum adit_v2_kind { ADIT_V2_HTTP, ADIT_V2_WS };

struct adit_v2_exchange {
    struct adit_framed f;
    struct adit_buf out; /* our message, which grows */
    size_t body_at;      /* in it, behind its length */
    bool sent;
    uint8_t *in; /* the other side's body, which is told piece by piece */
    size_t in_len, in_at;
    struct adit_ws_bridge *ws; /* NULL: no WebSocket */
};

/* carrier_v2.c */
struct adit_v2_exchange *adit_v2_new(struct adit_framing *f, uint32_t id, enum adit_v2_kind kind);
void adit_v2_add32(struct adit_buf *out, uint32_t v);
/* Takes json: its length and text. */
void adit_v2_add_json(struct adit_buf *out, json_t *json);
/* A copy as a C string; NULL: a zero byte in it, or no memory. */
char *adit_v2_string(const uint8_t *bytes, size_t n);

/* carrier_v2_http.c */
struct adit_exchange *adit_v2_begin_http(struct adit_framing *f, const struct adit_http1_head *head,
                                         int *ret_err);
int adit_v2_head_http(struct adit_v2_exchange *x, const struct adit_http1_head *head);
int adit_v2_body_http(struct adit_v2_exchange *x, const uint8_t *bytes, size_t n);
int adit_v2_end_http(struct adit_v2_exchange *x);
void adit_v2_drop_http(struct adit_v2_exchange *x, const char *text);
void adit_v2_request(struct adit_framing *f, const uint8_t *bytes, size_t n, adit_time now);
void adit_v2_response(struct adit_framing *f, const uint8_t *bytes, size_t n, adit_time now);
/* Tells of the body that came as much as may be. */
bool adit_v2_tell_body(struct adit_v2_exchange *x, adit_time now);

/* carrier_v2_ws.c */
struct adit_exchange *adit_v2_begin_ws(struct adit_framing *f, const struct adit_http1_head *head,
                                       int *ret_err, adit_time now);
int adit_v2_head_ws(struct adit_v2_exchange *x, const struct adit_http1_head *head);
/* WS_CONNECT, WS_DATA, WS_CLOSE. */
void adit_v2_ws(struct adit_framing *f, const uint8_t *bytes, size_t n, adit_time now);

#endif
