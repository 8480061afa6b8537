/* signal_turn.h - what `adit signal` is told about its STUN and TURN server. */
#ifndef ADIT_CLI_SIGNAL_TURN_H
#define ADIT_CLI_SIGNAL_TURN_H

#include "cli/options.h"
#include "signal/serve.h"

struct adit_cli_turn {
    struct adit_hub_here here;
    struct adit_serve_turn_conf conf;
    struct adit_turnd_net allow[ADIT_OPTION_LIST_MAX];
    const char *local; /* where to listen, if only this host may come */
    char secret[65];   /* made here, for who has not given one */
};

/* local: only who is on this host may come. 0, or the exit code. *t is borrowed by what it is given
 * to. */
int adit_cli_turn_read(struct adit_cli_turn *t, const struct adit_options *o, bool local);
/* For the log, at the start and at the end. */
void adit_cli_turn_announce(const struct adit_cli_turn *t, const struct adit_serve *serve);
void adit_cli_turn_sum_up(const struct adit_serve *serve);

#endif
