/* engine_pair.h - two engines joined by a function, on a clock of their own.
 *
 * What one sends reaches the other after `delay`, unless `pass` says no. Time goes on from one pair
 * to the next in a process, because usrsctp has one clock for all associations. */
#ifndef TEST_ENGINE_PAIR_H
#define TEST_ENGINE_PAIR_H

#include "peer/inner.h"

#define ENGINE_STATES_MAX 16

struct engine_pair;

struct engine_side {
    struct engine_pair *pair;
    struct engine_side *other;
    int index;
    struct adit_engine *e;
    struct adit_engine_conf conf; /* may be changed before engine_start */
    struct adit_rng rng;
    struct adit_addr addr;
    int start_err;
    /* seen */
    enum adit_peer_state states[ENGINE_STATES_MAX];
    unsigned state_count;
    struct adit_cause cause;
    unsigned restarts, gathered, selected, associated, accepted, opened, closed, messages;
    unsigned dtls_sent; /* datagrams */
    adit_time dtls_first;
    uint8_t last[64];
    size_t last_n;
    struct adit_channel *channel; /* the newest; NULL when it has closed */
    void (*hook)(struct engine_side *s, const struct adit_engine_event *ev); /* may be NULL */
};

struct engine_pair {
    adit_time now, delay;
    struct engine_side side[2]; /* the first one offers */
    /* May be NULL: everything passes. */
    bool (*pass)(struct engine_pair *p, int from, const uint8_t *bytes, size_t n);
    /* What leaves any base but the first; may be NULL: none does. */
    void (*detour)(struct engine_side *s, const struct adit_addr *to, const void *bytes, size_t n);
    struct engine_packet *packets; /* on the way, in order */
};

void engine_pair_init(struct engine_pair *p);
void engine_pair_done(struct engine_pair *p);
/* Makes the engine and gathers. False without memory. */
bool engine_start(struct engine_side *s);
/* Opens a reliable channel; NULL without memory. */
struct adit_channel *engine_open(struct engine_side *s, const char *label);
/* Our description, perhaps changed by `tamper`, to the other side; its answer to that. */
int engine_hand_over(struct engine_side *from, void (*tamper)(struct adit_desc *desc),
                     struct adit_cause *ret_cause);
/* Until `done` (may be NULL) or the time is over; the former is told. */
bool engine_run(struct engine_pair *p, adit_time span, bool (*done)(struct engine_pair *p));

bool engine_connected(struct engine_pair *p); /* both, with a channel open at both */
bool engine_over(struct engine_pair *p);      /* both have ended */
/* Offer, answer and a channel, as usual; stands when it returns. */
void engine_pair_up(struct engine_pair *p);
bool engine_talks(struct engine_pair *p); /* a message each way */

#endif
