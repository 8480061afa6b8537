/* activation.h - sockets that the service manager has opened for us (systemd.socket(5)).
 *
 * sd_listen_fds(3) by hand: LISTEN_PID is ours, LISTEN_FDS of them begin at descriptor 3, their
 * names are in LISTEN_FDNAMES. Which ones are taken already is seen by their FD_CLOEXEC: they are
 * passed without it. When all are taken the variables are unset. */
#ifndef ADIT_ACTIVATION_H
#define ADIT_ACTIVATION_H

#include "base/base.h"

/* Takes those with this name (NULL: all that are left): the caller's now, non-blocking, not for
 * children. Returns how many, 0 if there are none; -EINVAL: one of them is no listening stream
 * socket, or the variables are nonsense; -ENOSPC: more than max. On failure nothing is taken. */
ADIT_MUST_USE int adit_activation_take(int *ret_fds, size_t max, const char *name);

#endif
