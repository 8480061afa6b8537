/* detour.h - where nothing else works, the packets of a connection go through the signaling server
 * (signal/haul.h), encrypted end to end like all others.
 *
 * To ICE that is one relayed base of the lowest priority, with an address that no network knows.
 * Whoever answers has it from the start, where both sides and the server can; whoever calls takes
 * it when there is no other way after ADIT_DETOUR_AFTER, at once where UDP leads nowhere, or when
 * there is none any more, so that the server is not burdened with what finds its own way. It
 * outlives the server: what is sent while there is none is lost, and when it is back, the rest goes
 * on. */
#ifndef ADIT_DETOUR_H
#define ADIT_DETOUR_H

#include "agent/agent_inner.h"

#define ADIT_DETOUR_AFTER (2 * ADIT_SEC)

void adit_detour_init(struct adit_member *m);
void adit_detour_stop(struct adit_member *m);
/* The state of its call has changed. */
void adit_detour_update(struct adit_member *m);
/* For struct adit_signal_ops. arg: the agent */
void adit_detour_packet(void *arg, const struct adit_haul *packet, adit_time now);
/* An attempt has ended: if no path was found, tells what would have helped. m: NULL = unknown. */
void adit_detour_advise(const struct adit_agent *a, const struct adit_member *m, int exit_code);

#endif
