/* notify.h - tells programs what changes: a JSON object per line, and a program run per state.
 *
 *     {"time":1700000000,"event":"peer","peer":"bob","state":"connected"}
 *
 * Neither may hold the tunnel up: a reader that does not read loses lines, and is told how many;
 * programs run one at a time, and of states that come faster the last one of each peer counts. */
#ifndef ADIT_NOTIFY_H
#define ADIT_NOTIFY_H

#include "core/reactor.h"

struct adit_notify_conf {
    int events;           /* descriptor for the lines; -1 = none */
    const char *on_state; /* a command line, see core/spawn.h; NULL = none */
};

struct adit_notify;

/* -ENOMEM. */
ADIT_MUST_USE int adit_notify_new(struct adit_notify **ret_notify, struct adit_loop *loop,
                                  const struct adit_notify_conf *conf);
struct adit_notify *adit_notify_free(struct adit_notify *n); /* returns NULL */

/* event: "signaling" (peer "") or "peer"; cause may be NULL. The program finds ADIT_EVENT,
 * ADIT_PEER, ADIT_STATE and ADIT_REASON in its environment. */
void adit_notify_state(struct adit_notify *n, const char *event, const char *peer,
                       const char *state, const struct adit_cause *cause);

#endif
