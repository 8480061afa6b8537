/* dialect_none.c - no server at all: who calls, and who is called, has a ticket. */
#include "signal/say.h"

static void opened(struct adit_dialect_state *s, adit_time now)
{
    (void)now;
    adit_say_joined(s);
}

const struct adit_dialect adit_dialect_none = {
    .name = "none",
    .summary = "no server: by ticket",
    .traits = { .keepalive = "" },
    .size = sizeof(struct adit_dialect_state),
    .opened = opened,
};
