/* send_inner.h - what send.c (the batch) and send_item.c (one file) share. */
#ifndef ADIT_SEND_INNER_H
#define ADIT_SEND_INNER_H

#include "app/file_frames.h"
#include "app/file_walk.h"
#include "app/progress.h"
#include "app/send.h"
#include "base/digest.h"
#include "base/log.h"

#define ADIT_SEND_PIECE     (64 * 1024)  /* one read */
#define ADIT_SEND_TURN      (256 * 1024) /* of one file, before others have their turn */
#define ADIT_SEND_LARGE_MAX 4            /* large ones whose content is on its way, at a time */
#define ADIT_SEND_ASKS_MIN                                                 \
    (1024 * 1024) /* files from this size on are resumed: worth a question \
                   */

/* IDLE: not begun, or its connection was lost. ASK: waits for HEAD. PROVE: reads what the other
 * side has, to compare. SEND: content is on its way. WAIT: for the result. */
enum adit_send_state {
    ADIT_SEND_IDLE,
    ADIT_SEND_ASK,
    ADIT_SEND_PROVE,
    ADIT_SEND_SEND,
    ADIT_SEND_WAIT,
    ADIT_SEND_STATES,
};

struct adit_send_item {
    struct adit_link link; /* in s->items */
    struct adit_send *s;
    struct adit_mux_stream *stream;
    enum adit_send_state state;
    enum adit_file_what what;
    bool large, named, answered;
    char *path, *name;
    uint16_t mode;
    uint64_t size;
    int64_t mtime;
    uint32_t mtime_ns;
    int fd;                              /* -1: not open */
    uint8_t start[ADIT_FILE_START_SIZE]; /* what DATA begins with */
    unsigned start_n;                    /* bytes of it that were sent */
    uint64_t at;
    struct adit_sha256_state sha;
    struct adit_file_offer offers[ADIT_FILE_OFFERS_MAX];
    unsigned offer_count, offer_at;
    uint64_t proven; /* the longest beginning that is the same there */
    struct adit_sha256_state proven_sha;
    enum adit_file_result result;
    uint64_t shown; /* bytes of it that progress counts as done */
};

enum adit_send_phase { ADIT_SEND_COUNTING, ADIT_SEND_SENDING, ADIT_SEND_OVER };

struct adit_send {
    struct adit_send_conf conf;
    struct adit_mux *mux;
    struct adit_timer work;
    enum adit_send_phase phase;
    bool woken;  /* while it worked */
    bool walked; /* the walk has come to its end */
    struct adit_file_walk walk;
    struct adit_link items;
    unsigned in_state[2][ADIT_SEND_STATES]; /* [large] */
    struct adit_mux_stream *batch;
    bool batch_ended, refused;
    uint32_t files, sent, there, failed, there_told, failed_told;
    uint64_t bytes;
    struct adit_progress progress;
    uint8_t piece[ADIT_SEND_PIECE];
};

/* Something happened: work is due, in this round of the loop or the next one. */
static inline void adit_send_wake(struct adit_send *s)
{
    s->woken = true;
    adit_timer_set(&s->work, 0);
}

/* A line to the user, above the bar. */
void adit_send_tell(struct adit_send *s, enum adit_log_level level, const char *fmt, ...)
    ADIT_PRINTF(3, 4);

/* One that is not sent: counted, and told. */
void adit_send_failed(struct adit_send *s, const char *path, const char *why);

/* NULL without memory. */
struct adit_send_item *adit_send_item_new(struct adit_send *s, const struct adit_file_entry *e);
/* Its stream, if it has one, is reset. */
void adit_send_item_free(struct adit_send_item *it);
/* Opens file and stream. -EAGAIN: no stream now; otherwise it has begun, or is gone and told. */
ADIT_MUST_USE int adit_send_item_begin(struct adit_send_item *it);
/* A turn's work, which may be its last. True: there is more that could be done at once. */
bool adit_send_item_work(struct adit_send_item *it, adit_time now);
/* The connection is gone: from the beginning with the next one. */
void adit_send_item_lost(struct adit_send_item *it);

#endif
