/* framing.h - what the framings of others have in common: exchanges by number, messages that wait
 * for the channel, bytes that wait to be passed on. Only for carrier_*.c and ws_bridge.c.
 *
 * None of these framings has flow control. What we send waits here, about
 * ADIT_FRAMING_QUEUE_MAX bytes in all with a fair part for each exchange, and exchanges take turns,
 * a message each. What was told as body and is not consumed is counted; above ADIT_FRAMING_HELD_MAX
 * the channel is paused, and so it is at a provider whose answers are not read.
 *
 * Functions named `tell` call up, and the exchange may be gone when they return: then they return
 * false. All others call nothing up; what has to be told is told in the loop's next turn. */
#ifndef ADIT_FRAMING_H
#define ADIT_FRAMING_H

#include "app/exchange.h"
#include "base/json.h"
#include "base/list.h"
#include "base/map.h"

#define ADIT_FRAMING_QUEUE_MAX   (256 * 1024)       /* bytes of bodies that wait to be sent */
#define ADIT_FRAMING_PIECE       (16 * 1024)        /* what every exchange may have waiting */
#define ADIT_FRAMING_HELD_MAX    (1024 * 1024)      /* bytes told and not consumed */
#define ADIT_FRAMING_UNREAD_MAX  (512 * 1024)       /* bytes of answers that nobody takes */
#define ADIT_FRAMING_SPOKEN_MAX  (64 * 1024)        /* bytes of what belongs to no exchange */
#define ADIT_FRAMING_COLLECT_MAX (32 * 1024 * 1024) /* bytes of what has to be whole */
#define ADIT_FRAMING_FIELDS_MAX  1024
#define ADIT_FRAMING_EXCHANGES   1024

struct adit_framed;

/* Messages of one exchange; outlives it until they have left. */
struct adit_lane {
    struct adit_link turn; /* in f->turns while there are any */
    struct adit_link messages;
    size_t queued;
    bool alone; /* its exchange is gone */
};

/* What a carrier of such a framing begins with. */
struct adit_framing {
    struct adit_carrier c;
    struct adit_map by_id;
    struct adit_link all, turns, starved, due;
    struct adit_lane spoken; /* what belongs to no exchange; goes first */
    struct adit_task work;
    struct adit_timer again; /* while more than high_water is on its way */
    size_t queued, held;
    size_t collected;  /* bytes of what is not whole yet */
    size_t high_water; /* bytes on their way at which we wait; 0 = the channel decides */
    unsigned count;
    uint32_t last; /* number that we gave */
    bool greeted;  /* requests may be made */
    bool ready_due, paused, dead;
    /* What adit_framed_later asked for. */
    void (*late)(struct adit_framed *x, adit_time now);
};

/* What an exchange of such a framing begins with. */
struct adit_framed {
    struct adit_exchange x;
    struct adit_map_node node; /* in f->by_id while frames may come for it */
    struct adit_link link, starved, due;
    struct adit_lane *lane;
    uint32_t key[2];                        /* number, kind */
    bool *gone;                             /* set when it is freed inside a callback */
    void (*release)(struct adit_framed *x); /* frees what the framing added; may be NULL */
    size_t held;
    /* The other side's body, as its head promised it. */
    uint64_t left;
    bool counted, none;
    bool asks_head;  /* HEAD: the response has no body whatever its head says */
    bool out_ended;  /* we have said all */
    bool in_ended;   /* the other side has, and it was told */
    bool over;       /* failed was told */
    int fail_status; /* to be told later; 0 = nothing */
    char fail_text[160];
};

static inline struct adit_framing *adit_framing_of(const struct adit_framed *x)
{
    return (struct adit_framing *)x->x.carrier;
}

void adit_framing_init(struct adit_framing *f);
void adit_framing_done(struct adit_framing *f);
/* May another exchange begin? 0, -EAGAIN, -EPIPE. */
int adit_framing_admits(const struct adit_framing *f);
/* Requests may be made from now on; the owner is told in the next turn. */
void adit_framing_greet(struct adit_framing *f);
/* The other side broke the rules: told at once, the last thing its caller does. */
void adit_framing_break(struct adit_framing *f, const char *text, adit_time now);

/* ---- exchanges ------------------------------------------------------------------------------- */

/* size: of the whole, zeroed. NULL without memory. */
struct adit_framed *adit_framed_new(struct adit_framing *f, size_t size, uint32_t id,
                                    uint32_t kind);
/* A number that nobody has, from 1 upward. */
uint32_t adit_framing_next(struct adit_framing *f, uint32_t kind);
struct adit_framed *adit_framed_find(const struct adit_framing *f, uint32_t id, uint32_t kind);
/* Frees it; purge: what it had waiting is dropped. */
void adit_framed_free(struct adit_framed *x, bool purge);
/* No frame comes for it any more. */
void adit_framed_forget(struct adit_framed *x);
/* f->late is called with it in the next turn. */
void adit_framed_later(struct adit_framed *x);
void adit_framed_fail_later(struct adit_framed *x, int status, const char *text);

bool adit_framed_tell_request(struct adit_framed *x, const struct adit_http1_head *head,
                              adit_time now);
bool adit_framed_tell_head(struct adit_framed *x, const struct adit_http1_head *head,
                           adit_time now);
/* Fails if it is more than the head promised. n may be 0. */
bool adit_framed_tell_body(struct adit_framed *x, const uint8_t *bytes, size_t n, adit_time now);
/* Fails if it was less. */
bool adit_framed_tell_end(struct adit_framed *x, adit_time now);
/* Always false. */
bool adit_framed_tell_failed(struct adit_framed *x, int status, const char *text, adit_time now);

/* For struct adit_carrier_class. */
size_t adit_framed_room(struct adit_exchange *x);
void adit_framed_consumed(struct adit_exchange *x, size_t n, adit_time now);
void adit_framing_writable(struct adit_carrier *c, adit_time now);
void adit_framing_lost(struct adit_carrier *c, adit_time now);

/* ---- sending --------------------------------------------------------------------------------- */

/* The parts as one message, in this lane's turn. 0, -ENOMEM, -EPIPE. */
ADIT_MUST_USE int adit_framing_send(struct adit_framing *f, struct adit_lane *lane,
                                    const struct adit_span *parts, unsigned count);
/* What belongs to no exchange. Dropped when ADIT_FRAMING_SPOKEN_MAX bytes wait: a peer that asks
 * and does not listen. */
void adit_framing_speak(struct adit_framing *f, const struct adit_span *parts, unsigned count);
void adit_framing_flush(struct adit_framing *f);
size_t adit_framing_message_max(const struct adit_framing *f);
/* What waits in this lane is dropped. */
void adit_framing_purge(struct adit_framing *f, struct adit_lane *lane);
/* A lane without exchange from now on: freed when it is empty. */
void adit_framing_leave(struct adit_framing *f, struct adit_lane *lane);
void adit_framing_lane_init(struct adit_lane *lane);
size_t adit_framing_room(struct adit_framing *f, const struct adit_lane *lane);
/* Pauses or resumes, as it should be. */
void adit_framing_regulate(struct adit_framing *f);

/* ---- heads as JSON --------------------------------------------------------------------------- */

/* A head that came, or is to be told. */
struct adit_framing_head {
    struct adit_http1_head head;
    struct adit_http1_field *fields;
    json_t *json; /* where the strings are */
    char length[24];
};

/* One string for each name, or pairs, without Host. Names in small letters; what belongs to one
 * connection and what is no UTF-8 is left out. Of names that come more than once an object has the
 * values joined as RFC 9110 section 5.3 has it, cookies by "; ", and the last one of those that are
 * no lists, as Set-Cookie. To be freed with json_decref; NULL without memory. */
json_t *adit_framing_object(const struct adit_http1_head *head);
json_t *adit_framing_pairs(const struct adit_http1_head *head);
/* Takes json, which may be NULL; as text, to be freed with free(). NULL without memory. */
char *adit_framing_text(json_t *json, size_t *ret_n);

/* Reads fields, an object or pairs; holds a reference to json. Sets the head's fields and what they
 * say of the body; method, target and status are set before. -EPROTO: no such head can be;
 * -ENOMEM. To be done also then. `fresh` more fields fit behind. */
ADIT_MUST_USE int adit_framing_read(struct adit_framing_head *h, json_t *json, unsigned fresh);
void adit_framing_head_done(struct adit_framing_head *h);
/* Takes fields of this name out. */
void adit_framing_remove(struct adit_framing_head *h, const char *name);
/* One of the fresh ones. */
void adit_framing_add(struct adit_framing_head *h, const char *name, const char *value);
/* The whole body is here: that is its length, whatever the head said. */
void adit_framing_set_length(struct adit_framing_head *h, uint64_t n);
/* Remembers what the head says of the body. */
void adit_framed_expect(struct adit_framed *x, const struct adit_http1_head *head);
/* May this be a request's line? No CONNECT; a path, or * for OPTIONS. */
bool adit_framing_is_request(const char *method, const char *target);

#endif
