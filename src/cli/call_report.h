/* call_report.h - `adit diag PEER`: what became of a call, pair by pair. */
#ifndef ADIT_CALL_REPORT_H
#define ADIT_CALL_REPORT_H

#include "agent/agent.h"
#include "cli/options.h"

/* Embedded by the owner; all zero = there is none. */
struct adit_call_report {
    const struct adit_options *o;
    struct adit_loop *loop;
    struct adit_timer timer;
    const struct adit_call *call; /* that is up */
    void (*over)(void *arg);
    void *arg;
    bool was_up, told;
};

/* `over` is called when a call that stands has been shown: it may be ended then. One that comes to
 * nothing is shown when it ends. */
void adit_call_report_init(struct adit_call_report *r, const struct adit_options *o,
                           struct adit_loop *loop, void (*over)(void *arg), void *arg);
void adit_call_report_done(struct adit_call_report *r);
/* For adit_agent_conf. */
void adit_call_report_watch(void *arg, const struct adit_call *call);

#endif
