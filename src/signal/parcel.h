/* parcel.h - texts over datagrams that may get lost: cut, numbered, acknowledged, put together.
 *
 *   {"type":"adit_part","from_worker_id":…,"session":S,"n":N,"part":I,"parts":K,"data":base64}
 *   {"type":"adit_ack","from_worker_id":…,"session":S,"n":N,"part":I}
 *
 * Texts arrive in the order in which they were pushed, each once. A text may also come whole by
 * another way (adit_parcels_whole), under the same number: the first to arrive counts. Parts that
 * were not acknowledged are sent again after 0.5, 1, 2, 4, 4 … s, nine times in all; then the text
 * is given up. Sans-I/O; the operations only queue. */
#ifndef ADIT_PARCEL_H
#define ADIT_PARCEL_H

#include "base/json.h"

#define ADIT_PARCEL_PART      720 /* bytes of text in a datagram, 960 in base64 */
#define ADIT_PARCEL_PARTS_MAX 64
#define ADIT_PARCEL_TEXT_MAX  (ADIT_PARCEL_PART * ADIT_PARCEL_PARTS_MAX)
#define ADIT_PARCEL_WINDOW    32 /* texts on their way, in each direction */
#define ADIT_PARCEL_TRIES     9

struct adit_parcel_ops {
    void (*send)(void *arg, const char *datagram, size_t n);
    /* A text has come. May call adit_parcels_push. */
    void (*text)(void *arg, const char *text, size_t n, adit_time now);
};

struct adit_parcel {
    uint8_t *bytes; /* NULL = free */
    size_t len;
    uint32_t n;
    unsigned parts, tries;
    uint64_t have; /* parts that came, or that were acknowledged */
    adit_time at;
};

struct adit_parcels {
    const struct adit_parcel_ops *ops; /* borrowed, outlives us */
    void *arg;
    const char *id; /* ours, borrowed */
    uint32_t session, next;
    bool heard;
    uint32_t their_session, their_next; /* the number of the text that is due */
    struct adit_parcel out[ADIT_PARCEL_WINDOW], in[ADIT_PARCEL_WINDOW];
};

/* session: random. p is zeroed, or done. */
void adit_parcels_start(struct adit_parcels *p, const struct adit_parcel_ops *ops, void *arg,
                        const char *id, uint32_t session);
void adit_parcels_done(struct adit_parcels *p);

/* Its number in *ret_n. -EAGAIN: too many are on their way; -EMSGSIZE; -ENOMEM. */
ADIT_MUST_USE int adit_parcels_push(struct adit_parcels *p, const char *text, size_t len,
                                    uint32_t *ret_n, adit_time now);
/* A message of type adit_part or adit_ack. Anything odd is passed over. */
void adit_parcels_feed(struct adit_parcels *p, const json_t *message, adit_time now);
/* A text that came by another way. */
void adit_parcels_whole(struct adit_parcels *p, uint32_t session, uint32_t n, const char *text,
                        size_t len, adit_time now);
adit_time adit_parcels_deadline(const struct adit_parcels *p);
void adit_parcels_tick(struct adit_parcels *p, adit_time now);

#endif
