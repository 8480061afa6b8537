/* receive_inner.h - what receive.c (all of it) and receive_item.c (one file) share. */
#ifndef ADIT_RECEIVE_INNER_H
#define ADIT_RECEIVE_INNER_H

#include "app/file_frames.h"
#include "app/file_place.h"
#include "app/progress.h"
#include "app/receive.h"
#include "base/digest.h"
#include "base/log.h"

#define ADIT_RECEIVE_PIECE (64 * 1024)   /* one read */
#define ADIT_RECEIVE_TURN  (1024 * 1024) /* of what is here already, before others have theirs */

/* BUSY: another connection has its part; when that is found to be dead, it goes on here. OFFER:
 * reads what is here, to say it in HEAD. CONTENT: what comes is written. COMPARE: all of it is here
 * and right; is there such a file already? OVER: the result has been sent. */
enum adit_receive_state {
    ADIT_RECEIVE_BUSY,
    ADIT_RECEIVE_OFFER,
    ADIT_RECEIVE_CONTENT,
    ADIT_RECEIVE_COMPARE,
    ADIT_RECEIVE_OVER,
};

/* Something that is here and may be the file, or its beginning. */
struct adit_rival {
    unsigned number; /* NAME.number; of the part: nothing */
    struct adit_file_offer offer;
};

struct adit_receive_item {
    struct adit_link link; /* in r->items */
    struct adit_receive *r;
    struct adit_mux_stream *stream; /* NULL: forgotten */
    enum adit_receive_state state;
    bool asks, whole; /* whole: the sender thinks that it is here, and sends nothing */
    char *name;       /* as the sender calls it */
    const char *leaf; /* its last part */
    char part[ADIT_FILE_LEAF_MAX];
    mode_t mode;
    uint64_t size;
    struct timespec mtime;
    int dir, fd;             /* -1: not open */
    struct adit_timer again; /* BUSY */
    adit_time patient_until;
    /* What is compared with: the part, if it has anything, and then whole files. */
    bool part_is_rival;
    struct adit_rival rivals[ADIT_FILE_OFFERS_MAX];
    unsigned rival_count, rival_at;
    int reading; /* the rival that is being read, -1: none */
    uint64_t read_at;
    struct adit_sha256_state read_sha, part_sha;
    uint8_t start[ADIT_FILE_START_SIZE];
    unsigned start_n;
    uint64_t at; /* of the content: so much is here */
    struct adit_sha256_state sha;
    uint8_t digest[32]; /* as the sender says */
};

struct adit_receive {
    struct adit_receive_conf conf;
    struct adit_timer work;
    bool woken;
    int root;
    mode_t umask;
    struct adit_link items;
    unsigned item_count, unread; /* items; those whose rivals are being read */
    struct adit_mux_stream *batch;
    bool batch_answered, over, finished;
    uint32_t directories, stored, there, failed, sender_failed, told;
    uint64_t bytes_stored, bytes_coming;
    struct adit_progress progress;
    uint8_t piece[ADIT_RECEIVE_PIECE];
};

static inline void adit_receive_wake(struct adit_receive *r)
{
    r->woken = true;
    adit_timer_set(&r->work, 0);
}

/* A line to the user, above the bar. */
void adit_receive_tell(struct adit_receive *r, enum adit_log_level level, const char *fmt, ...)
    ADIT_PRINTF(3, 4);
/* A file is not to be: told, counted, and its stream reset. */
void adit_receive_refuse(struct adit_receive *r, struct adit_mux_stream *stream,
                         const uint8_t *name, size_t n, enum adit_mux_code code, const char *why);

/* Takes the stream, or refuses it. */
void adit_receive_item_open(struct adit_receive *r, struct adit_mux_stream *stream,
                            const struct adit_file_open *open, adit_time now);
/* Its stream, if it has one, is reset. */
void adit_receive_item_free(struct adit_receive_item *it);
/* A turn's work, after which it may be gone. */
void adit_receive_item_work(struct adit_receive_item *it, adit_time now);

/* Whole files that may be it; behind the part, if that is one. */
void adit_receive_find_rivals(struct adit_receive_item *it);
/* A turn of reading them. True: there is more to read. */
bool adit_receive_read_rivals(struct adit_receive_item *it);

#endif
