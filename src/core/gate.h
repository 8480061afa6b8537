/* gate.h - one TCP port for any number of users, who are told apart by the first packet of each
 * connection (frame.h).
 *
 * Whoever has connected is a stranger until then: there is room for few of them, a new one takes
 * the place of the oldest, and after some seconds without a packet, or with one that nobody knows,
 * he is out. Users of the same address in one loop share one listening socket. */
#ifndef ADIT_GATE_H
#define ADIT_GATE_H

#include "base/list.h"
#include "core/stream.h"

#define ADIT_GATE_STRANGERS 16
#define ADIT_GATE_PATIENCE  (5 * ADIT_SEC)
#define ADIT_GATE_PACKETS_MAX \
    (64 * 1024) /* bytes queued for a connection: packets beyond are lost */
#define ADIT_GATE_UNSENT_MAX (16 * 1024) /* and in the kernel, before they are on their way */
#define ADIT_GATE_STALL      (15 * ADIT_SEC)

struct adit_gate;

struct adit_gate_ops {
    /* Is this packet meant for us? */
    bool (*claim)(void *arg, const void *packet, size_t n);
    /* It was: the stream is the callee's, to be handed over at once (adit_stream_hand_over). Its
     * `data` will get that packet again, with its head. */
    void (*enter)(void *arg, struct adit_stream *stream, adit_time now);
};

/* Lives in its owner. All zero = not joined. */
struct adit_gate_user {
    struct adit_link link;
    struct adit_gate *gate;
    const struct adit_gate_ops *ops;
    void *arg;
};

/* Listens at addr (port 0: the kernel chooses one), or shares who does. -errno of bind and listen.
 * mark: SO_MARK of the first user; 0 = none. */
ADIT_MUST_USE int adit_gate_join(struct adit_gate_user *user, struct adit_loop *loop,
                                 const struct adit_addr *addr, uint32_t mark,
                                 const struct adit_gate_ops *ops, void *arg);
/* Not from inside claim or enter. Nothing if it has not joined. */
void adit_gate_leave(struct adit_gate_user *user);
const struct adit_addr *adit_gate_addr(const struct adit_gate_user *user); /* with its port */

#endif
