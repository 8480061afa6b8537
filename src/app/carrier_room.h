/* carrier_room.h - the inside of carrier_room*.c.
 *
 * carrier_room.c          frames, and what both sides do
 * carrier_room_consume.c  requests out, responses in
 * carrier_room_provide.c  requests in, responses out */
#ifndef ADIT_CARRIER_ROOM_H
#define ADIT_CARRIER_ROOM_H

#include "app/framing.h"

#define ADIT_ROOM_HEADER 5
#define ADIT_ROOM_CHUNK  65408 /* the originals' */

enum adit_room_type {
    ADIT_ROOM_PING = 3,
    ADIT_ROOM_PONG = 4,
    ADIT_ROOM_REQ_HEADERS = 10,
    ADIT_ROOM_REQ_BODY = 11,
    ADIT_ROOM_REQ_END = 12,
    ADIT_ROOM_RES_HEADERS = 20,
    ADIT_ROOM_RES_BODY = 21,
    ADIT_ROOM_RES_END = 22,
    ADIT_ROOM_ERROR = 99,
};

struct adit_room_exchange {
    struct adit_framed f;
    bool head_said;                /* provider: the response's has left; consumer: it has come */
    bool waits;                    /* provider: is there a body? The next frame tells */
    struct adit_framing_head kept; /* until then */
};

/* carrier_room.c */
struct adit_room_exchange *adit_room_new(struct adit_framing *f, uint32_t id);
int adit_room_send(struct adit_room_exchange *x, enum adit_room_type type, const void *bytes,
                   size_t n);
/* Takes json. -EINVAL: too large for one message. */
int adit_room_send_json(struct adit_room_exchange *x, enum adit_room_type type, json_t *json);
/* What belongs to no exchange. */
void adit_room_speak(struct adit_framing *f, enum adit_room_type type, uint32_t id,
                     const char *text);

/* carrier_room_consume.c */
struct adit_exchange *adit_room_begin(struct adit_carrier *c, const struct adit_http1_head *head,
                                      int *ret_err, adit_time now);
void adit_room_consume(struct adit_framing *f, uint8_t type, uint32_t id, const uint8_t *bytes,
                       size_t n, adit_time now);

/* carrier_room_provide.c */
int adit_room_head(struct adit_exchange *x, const struct adit_http1_head *head, adit_time now);
void adit_room_say_failure(struct adit_room_exchange *x, const char *text);
void adit_room_provide(struct adit_framing *f, uint8_t type, uint32_t id, const uint8_t *bytes,
                       size_t n, adit_time now);

#endif
