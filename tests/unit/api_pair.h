/* api_pair.h - two peers of the public API on one loop, over loopback, and what happened to them.
 *
 * Everything goes through include/adit/adit.h; descriptions are handed over by the test. Waiting is
 * bounded: api_until gives up after some seconds, which a passing test never sees. */
#ifndef TEST_API_PAIR_H
#define TEST_API_PAIR_H

#include "adit/adit.h"

#define API_TEXT_MAX 16384
#define API_CHANNELS 8

struct api_pair;

struct api_side {
    struct api_pair *pair;
    struct api_side *other;
    struct adit_peer *peer;
    /* seen */
    enum adit_peer_state state;
    unsigned states, seen[ADIT_PEER_CLOSED + 1];
    struct adit_cause cause;
    unsigned gathered, candidates, last_candidates, paths, accepted;
    struct adit_dc *dc[API_CHANNELS]; /* opened by us, or accepted; NULL when closed */
    unsigned dc_count;
    unsigned opened, closed, writable, low;
    struct adit_cause dc_cause;
    uint64_t messages, bytes;
    uint8_t last[256]; /* the beginning of the last message */
    size_t last_n;
    enum adit_dc_kind last_kind;
    uint32_t sum; /* over all bytes of all messages */
    /* does */
    bool trickle;    /* candidates go to the other side one by one */
    bool echo;       /* sends back what comes */
    uint64_t pushes; /* bytes still to be sent on dc[0], in messages of `push_size` */
    size_t push_size;
    uint32_t pushed_sum;
    /* Called first in every callback, with its name; may free the peer. NULL: nothing. */
    void (*hook)(struct api_side *s, const char *callback);
};

struct api_pair {
    struct adit_loop *loop;
    struct api_side side[2]; /* the first one offers */
    unsigned fds;            /* open before */
};

/* conf may be NULL; callbacks, user and loopback are filled in. */
void api_pair_init(struct api_pair *p, const struct adit_peer_conf *conf);
void api_pair_done(struct api_pair *p); /* and checks that no descriptor is left */
void api_peer_new(struct api_side *s, const struct adit_peer_conf *conf);

/* Runs the loop as a caller with poll(2) does until `done`, at most a minute. */
bool api_until(struct api_pair *p, bool (*done)(struct api_pair *p));
bool api_gathered(struct api_pair *p);
bool api_connected(struct api_pair *p);
bool api_open(struct api_pair *p); /* a channel is open at both */
bool api_over(struct api_pair *p); /* each is gone, failed or closed */
/* Some rounds of the loop, for what should not happen. */
void api_rounds(struct api_pair *p, unsigned n);

/* Describes `from` and has the other side accept it; the result of the latter. */
int api_hand_over(struct api_side *from, enum adit_form form, struct adit_cause *ret_cause);
/* Offer and answer in this form; connected when it returns. */
void api_connect(struct api_pair *p, enum adit_form form);
/* conf may be NULL. The callbacks are filled in. */
struct adit_dc *api_open_dc(struct api_side *s, const struct adit_dc_conf *conf);
/* Connected, with one channel opened by side 0. */
void api_pair_up(struct api_pair *p, const struct adit_dc_conf *conf);
void api_push(struct api_side *s); /* sends what is to be pushed, as far as it goes */
extern const struct adit_dc_callbacks api_dc_callbacks;

#endif
