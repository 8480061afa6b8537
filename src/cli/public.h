/* public.h - connections without a server: the ticket that a listener prints, and those of
 * listeners that are called. */
#ifndef ADIT_PUBLIC_H
#define ADIT_PUBLIC_H

#include "agent/gate.h"
#include "cli/options.h"
#include "core/file.h"

#define ADIT_PUBLIC_NAME 24

/* Points into itself and into the options. */
struct adit_public {
    struct adit_gate_conf gate;
    char secret_path[ADIT_PATH_MAX];
    struct adit_agent_ticket tickets[ADIT_OPTION_LIST_MAX];
    char names[ADIT_OPTION_LIST_MAX][ADIT_PUBLIC_NAME];
    const char *targets[ADIT_OPTION_LIST_MAX]; /* whom to call, tickets by their names */
    size_t target_count, ticket_count;
};

/* 0, or an exit code after it was logged. */
ADIT_MUST_USE int adit_public_load(struct adit_public *p, const struct adit_options *o);
/* There is a way to the other side that needs no server. */
bool adit_public_given(const struct adit_public *p, const struct adit_options *o);

#endif
