/* fwd_world.h - two hosts with forwards, a tunnel between them, and servers that echo. */
#ifndef ADIT_TEST_FWD_WORLD_H
#define ADIT_TEST_FWD_WORLD_H

#include "app/forwards.h"
#include "core/dgram.h"
#include "mux_pair.h"
#include "stream_ends.h"

#define FW_FORWARDS 4

struct fw_world {
    struct adit_loop *loop;
    struct mux_pair pair;
    struct adit_forwards *a, *b; /* who asks; who is asked */
    struct adit_fwd list[FW_FORWARDS];
    struct adit_permits permits; /* of b */
    struct adit_end stdio;
    struct adit_forwards_conf conf_a, conf_b;
    unsigned done;
    struct adit_cause done_cause;
    /* echoes: TCP until its end, which it answers with its own; UDP */
    struct adit_listen *echo;
    struct adit_link echoes;
    struct adit_dgram udp;
    unsigned echo_count, udp_count;
};

/* The echo servers listen; forwards come next. */
void fw_init(struct fw_world *w, struct adit_loop *loop);
uint16_t fw_tcp(const struct fw_world *w); /* ports of 127.0.0.1 */
uint16_t fw_udp(const struct fw_world *w);
/* Adds a forward of a's; "%u" in text is that port. */
void fw_forward(struct fw_world *w, enum adit_fwd_kind kind, const char *text, unsigned port);
void fw_permit(struct fw_world *w, const char *text, unsigned port);
/* Starts both, and the tunnel. */
void fw_start(struct fw_world *w);
void fw_up(struct fw_world *w); /* a (new) tunnel */
void fw_down(struct fw_world *w);
void fw_done(struct fw_world *w);

/* Connects `e` to where a's n-th forward listens; returns without waiting. */
void fw_call(struct fw_world *w, struct end *e, size_t n);
/* Until the two sides have no connections (flows: nor datagrams) open. False: they keep some. */
bool fw_quiet(struct fw_world *w, bool flows);
/* Until it is so. */
#define FW_UNTIL(w, cond)                                         \
    do {                                                          \
        adit_time end_ = adit_loop_now((w)->loop) + 5 * ADIT_SEC; \
        while (!(cond)) {                                         \
            fw_turn(w);                                           \
            assert_true(adit_loop_now((w)->loop) < end_);         \
        }                                                         \
    } while (0)
void fw_turn(struct fw_world *w); /* sleeps until there is something, 20 ms at most */

#endif
