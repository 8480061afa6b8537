/* carrier_room.c - the HTTP tunnel's frames: u8 type, u32 stream, payload.
 *
 *     REQ_HEADERS 10  {"stream_id","method","path","headers"}     RES_HEADERS 20  {"stream_id",
 *     REQ_BODY    11  bytes                                         "status","headers"}
 *     REQ_END     12                                              RES_BODY 21, RES_END 22
 *     PING 3, PONG 4  stream 0                                    ERROR 99  text
 *
 * HELLO and AGREE (1, 2) have been said when this begins. Requests go out as they come in, and a
 * provider passes them on as they come; the originals collect them, and notice no difference. What
 * a client gives up is not told to the provider: there is no frame for it. */
#include "app/carrier_room.h"

#include <stdlib.h>

static void release(struct adit_framed *x)
{
    adit_framing_head_done(&((struct adit_room_exchange *)x)->kept);
}

struct adit_room_exchange *adit_room_new(struct adit_framing *f, uint32_t id)
{
    struct adit_framed *x = adit_framed_new(f, sizeof(struct adit_room_exchange), id, 0);

    if (x)
        x->release = release;
    return (struct adit_room_exchange *)x;
}

static void put_header(uint8_t header[ADIT_ROOM_HEADER], uint8_t type, uint32_t id)
{
    header[0] = type;
    adit_put32(header + 1, id);
}

int adit_room_send(struct adit_room_exchange *x, enum adit_room_type type, const void *bytes,
                   size_t n)
{
    struct adit_framing *f = adit_framing_of(&x->f);
    uint8_t header[ADIT_ROOM_HEADER];
    struct adit_span parts[] = { { header, ADIT_ROOM_HEADER }, { bytes, n } };

    put_header(header, type, x->f.key[0]);
    return adit_framing_send(f, x->f.lane, parts, 2);
}

void adit_room_speak(struct adit_framing *f, enum adit_room_type type, uint32_t id,
                     const char *text)
{
    uint8_t header[ADIT_ROOM_HEADER];
    struct adit_span parts[] = { { header, ADIT_ROOM_HEADER },
                                 { (const uint8_t *)text, strlen(text) } };

    put_header(header, type, id);
    adit_framing_speak(f, parts, 2);
}

int adit_room_send_json(struct adit_room_exchange *x, enum adit_room_type type, json_t *json)
{
    size_t n;
    char *text = adit_framing_text(json, &n);
    int err = !text ? -ENOMEM
              : n + ADIT_ROOM_HEADER > adit_framing_message_max(adit_framing_of(&x->f))
                  ? -EINVAL
                  : adit_room_send(x, type, text, n);

    free(text);
    return err;
}

static size_t chunk_max(const struct adit_framing *f)
{
    size_t max = adit_framing_message_max(f);

    return max <= ADIT_ROOM_HEADER                    ? 0
           : max - ADIT_ROOM_HEADER < ADIT_ROOM_CHUNK ? max - ADIT_ROOM_HEADER
                                                      : ADIT_ROOM_CHUNK;
}

static int send_body(struct adit_room_exchange *x, uint8_t type, const uint8_t *bytes, size_t n)
{
    size_t most = chunk_max(adit_framing_of(&x->f));
    int err = 0;

    while (n > 0 && !err) {
        size_t part = n < most ? n : most;
        err = part ? adit_room_send(x, type, bytes, part) : -EPIPE;
        bytes += part;
        n -= part;
    }
    return err;
}

/* ---- what both sides do ---- */

static int room_body(struct adit_exchange *exchange, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_room_exchange *x = (struct adit_room_exchange *)exchange;
    bool provider = adit_framing_of(&x->f)->c.conf.provider;

    (void)now;
    if (x->f.over || x->f.out_ended)
        return -EPIPE;
    return send_body(x, provider ? ADIT_ROOM_RES_BODY : ADIT_ROOM_REQ_BODY, bytes, n);
}

static int room_end(struct adit_exchange *exchange, const struct adit_http1_field *trailers,
                    unsigned count, adit_time now)
{
    struct adit_room_exchange *x = (struct adit_room_exchange *)exchange;
    bool provider = adit_framing_of(&x->f)->c.conf.provider;

    (void)trailers, (void)count, (void)now; /* there is no frame for them */
    if (x->f.over)
        return -EPIPE;
    if (x->f.out_ended)
        return 0;
    x->f.out_ended = true;
    return adit_room_send(x, provider ? ADIT_ROOM_RES_END : ADIT_ROOM_REQ_END, NULL, 0);
}

static void room_drop(struct adit_exchange *exchange, const char *text, adit_time now)
{
    struct adit_room_exchange *x = (struct adit_room_exchange *)exchange;
    struct adit_framing *f = adit_framing_of(&x->f);
    bool whole = x->f.out_ended;

    (void)now;
    if (!whole && f->c.conf.provider && !f->dead) {
        adit_room_say_failure(x, text);
        whole = true;
    }
    adit_framed_free(&x->f, !whole);
}

/* ---- the carrier ---- */

static void room_message(struct adit_carrier *c, const uint8_t *bytes, size_t n, bool text,
                         adit_time now)
{
    struct adit_framing *f = (struct adit_framing *)c;
    uint32_t id;

    if (text || n < ADIT_ROOM_HEADER || f->dead)
        return; /* skipped, as the originals do */
    id = adit_get32(bytes + 1);
    if (bytes[0] == ADIT_ROOM_PING)
        adit_room_speak(f, ADIT_ROOM_PONG, 0, "");
    else if (c->conf.provider)
        adit_room_provide(f, bytes[0], id, bytes + ADIT_ROOM_HEADER, n - ADIT_ROOM_HEADER, now);
    else
        adit_room_consume(f, bytes[0], id, bytes + ADIT_ROOM_HEADER, n - ADIT_ROOM_HEADER, now);
}

static int room_init(struct adit_carrier *c, adit_time now)
{
    struct adit_framing *f = (struct adit_framing *)c;

    (void)now;
    adit_framing_init(f);
    adit_framing_greet(f);
    return 0;
}

static void room_free(struct adit_carrier *c)
{
    adit_framing_done((struct adit_framing *)c);
}

const struct adit_carrier_class adit_carrier_room = {
    .name = "httptunnel",
    .size = sizeof(struct adit_framing),
    .init = room_init,
    .free = room_free,
    .message = room_message,
    .writable = adit_framing_writable,
    .lost = adit_framing_lost,
    .begin = adit_room_begin,
    .head = adit_room_head,
    .room = adit_framed_room,
    .body = room_body,
    .end = room_end,
    .consumed = adit_framed_consumed,
    .drop = room_drop,
};
