/* carrier_v3.h - the inside of carrier_v3*.c.
 *
 * carrier_v3.c          HELLO, what comes in
 * carrier_v3_exchange.c what every exchange does
 * carrier_v3_frames.c   frames on their way out
 * carrier_v3_request.c  the provider's side of a request
 * carrier_v3_response.c the consumer's
 * carrier_v3_ws.c       WebSockets, both sides */
#ifndef ADIT_CARRIER_V3_H
#define ADIT_CARRIER_V3_H

#include "app/framing.h"
#include "app/ws_bridge.h"
#include "base/buf.h"

#define ADIT_V3_CHUNK_MAX    49152
#define ADIT_V3_CHUNK_MIN    256                /* less is refused */
#define ADIT_V3_BODY_MAX     (32 * 1024 * 1024) /* bytes of one body, each way */
#define ADIT_V3_HEADERS_MAX  (256 * 1024)
#define ADIT_V3_URL_MAX      8192
#define ADIT_V3_REQUESTS_MAX 128 /* at a time */
#define ADIT_V3_SOCKETS_MAX  64
#define ADIT_V3_EARLY_MAX    16 /* frames kept until HELLO comes */
/* What may come of a cancelled number: the originals' 512 KiB, and what they keep on its way. */
#define ADIT_V3_DRAIN_MAX    (512 * 1024 + 1024 * 1024)
#define ADIT_V3_ON_ITS_WAY   (448 * 1024) /* bytes; their 512 KiB are not to be exceeded by us */
#define ADIT_V3_HELLO_TIME   (2 * ADIT_SEC)
#define ADIT_V3_HEAD_TIME    (30 * ADIT_SEC)
#define ADIT_V3_IDLE_TIME    (60 * ADIT_SEC)
#define ADIT_V3_CONNECT_TIME (10 * ADIT_SEC)

enum adit_v3_type {
    ADIT_V3_HELLO = 0x00,
    ADIT_V3_REQUEST_HEAD = 0x01,
    ADIT_V3_OLD_RESPONSE = 0x02, /* of version 2 */
    ADIT_V3_RESPONSE_HEAD = 0x03,
    ADIT_V3_RESPONSE_CHUNK = 0x04,
    ADIT_V3_CANCEL = 0x05,
    ADIT_V3_REQUEST_CHUNK = 0x06,
    ADIT_V3_WS_CONNECT = 0x10,
    ADIT_V3_WS_DATA = 0x11,
    ADIT_V3_WS_CLOSE = 0x12,
    ADIT_V3_WS_ACK = 0x13,
    ADIT_V3_WS_ERROR = 0x14,
};

/* Why something was cancelled. */
enum adit_v3_reason {
    ADIT_V3_NO_SESSION = 1000,
    ADIT_V3_DEVICE_MISMATCH,
    ADIT_V3_FORBIDDEN,
    ADIT_V3_NO_BRIDGE,
    ADIT_V3_TUNNEL_DOWN,
    ADIT_V3_CLOSED,
    ADIT_V3_HEAD_TIMEOUT,
    ADIT_V3_STREAM_TIMEOUT,
    ADIT_V3_TOO_LARGE,
    ADIT_V3_VERSION,
    ADIT_V3_V2_FRAME,
    ADIT_V3_MALFORMED,
    ADIT_V3_UPSTREAM,
    ADIT_V3_UNKNOWN_SERVICE,
    ADIT_V3_INTERNAL,
};

/* Codes of WebSockets that are the framing's own. */
#define ADIT_V3_WS_TIMEOUT  4003
#define ADIT_V3_WS_TOO_MANY 4004

enum adit_v3_kind { ADIT_V3_HTTP, ADIT_V3_WS };

struct adit_v3 {
    struct adit_framing f;
    struct adit_timer hello; /* the other side's */
    bool heard;
    size_t chunk_max; /* that they take */
    uint64_t body_max;
    struct adit_link early;
    unsigned early_count;
    unsigned counts[2]; /* exchanges of each kind */
    /* What still comes for numbers that are over. The oldest gives way. */
    struct {
        uint32_t id;
        size_t bytes;
    } drained[ADIT_V3_REQUESTS_MAX];
    unsigned drained_at;
};

struct adit_v3_exchange {
    struct adit_framed f;
    struct adit_timer timer;
    adit_time patience; /* of the timer; 0 = none */
    uint64_t sent, got; /* of the bodies */
    bool head_said;     /* provider: the response's; consumer: it has come */
    bool settled;       /* the other side is not to be told of the end any more */
    enum adit_v3_reason reason;
    struct adit_ws_bridge *ws; /* NULL: no WebSocket */
};

static inline struct adit_v3 *adit_v3_of(const struct adit_v3_exchange *x)
{
    return (struct adit_v3 *)x->f.x.carrier;
}

/* carrier_v3.c */
extern const struct adit_carrier_class adit_carrier_v3_greeted; /* whose HELLO was said before */

/* carrier_v3_exchange.c */
struct adit_v3_exchange *adit_v3_new(struct adit_v3 *v, uint32_t id, enum adit_v3_kind kind);
/* Within this time something has to come; 0 = no more. */
void adit_v3_patience(struct adit_v3_exchange *x, adit_time within, adit_time now);
/* Bytes for nobody. False: that was too much, and the carrier is broken. */
bool adit_v3_drain(struct adit_v3 *v, uint32_t id, size_t n, bool final, adit_time now);
/* Both sides are told. */
bool adit_v3_give_up(struct adit_v3_exchange *x, enum adit_v3_reason reason, adit_time now);
int adit_v3_status(unsigned reason);
const char *adit_v3_words(unsigned reason);
int adit_v3_body(struct adit_exchange *x, const uint8_t *bytes, size_t n, adit_time now);
int adit_v3_end(struct adit_exchange *x, const struct adit_http1_field *trailers, unsigned count,
                adit_time now);
void adit_v3_drop(struct adit_exchange *x, const char *text, adit_time now);

/* carrier_v3_frames.c */
void adit_v3_put_hello(struct adit_buf *out);
size_t adit_v3_chunk(const struct adit_v3 *v);
/* fields: pairs, taken. -EINVAL: too large. */
int adit_v3_send_request(struct adit_v3_exchange *x, const char *method, const char *path,
                         json_t *fields, bool body);
int adit_v3_send_response(struct adit_v3_exchange *x, int status, json_t *fields, bool body);
int adit_v3_send_chunks(struct adit_v3_exchange *x, const uint8_t *bytes, size_t n, bool final);
void adit_v3_send_cancel(struct adit_v3_exchange *x, enum adit_v3_reason reason);
/* A whole response that says what went wrong (RFC 9457). */
void adit_v3_send_problem(struct adit_v3_exchange *x, enum adit_v3_reason reason, const char *text);
void adit_v3_speak_problem(struct adit_v3 *v, uint32_t id, int status, enum adit_v3_reason reason,
                           const char *text);
void adit_v3_speak_cancel(struct adit_v3 *v, uint32_t id, enum adit_v3_reason reason);
int adit_v3_send_connect(struct adit_v3_exchange *x, const char *url, json_t *fields);
void adit_v3_send_ack(struct adit_v3_exchange *x, const char *protocol);
void adit_v3_send_message(struct adit_v3_exchange *x, bool text, const uint8_t *bytes, size_t n);
/* WS_CLOSE or WS_CONNECT_ERROR. */
void adit_v3_send_code(struct adit_v3_exchange *x, enum adit_v3_type type, unsigned code,
                       const uint8_t *reason, size_t n);
void adit_v3_speak_code(struct adit_v3 *v, enum adit_v3_type type, uint32_t id, unsigned code,
                        const char *reason);

/* carrier_v3_request.c */
void adit_v3_on_request(struct adit_v3 *v, uint32_t id, struct adit_cursor *c, adit_time now);
int adit_v3_respond(struct adit_v3_exchange *x, const struct adit_http1_head *head, adit_time now);

/* carrier_v3_response.c */
struct adit_exchange *adit_v3_begin_http(struct adit_v3 *v, const struct adit_http1_head *head,
                                         int *ret_err, adit_time now);
void adit_v3_on_response(struct adit_v3 *v, uint32_t id, struct adit_cursor *c, adit_time now);

/* carrier_v3_ws.c */
struct adit_exchange *adit_v3_begin_ws(struct adit_v3 *v, const struct adit_http1_head *head,
                                       int *ret_err, adit_time now);
int adit_v3_head_ws(struct adit_v3_exchange *x, const struct adit_http1_head *head);
void adit_v3_on_ws(struct adit_v3 *v, uint8_t type, uint32_t id, struct adit_cursor *c,
                   adit_time now);

#endif
