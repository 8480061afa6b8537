/* frame.h - packets on a stream: before each its length in two bytes (RFC 4571 section 2). */
#ifndef ADIT_FRAME_H
#define ADIT_FRAME_H

#include <sys/types.h>

#include "base/base.h"

#define ADIT_FRAME_HEAD 2
#define ADIT_FRAME_MAX  16384 /* bytes of a packet; a stream with a longer one is nonsense to us */

/* The first packet of what came in. How many bytes it takes up, *ret_packet points to it (it may be
 * empty, which means nothing); 0: not all of it is there; -EMSGSIZE. */
ssize_t adit_frame_next(struct adit_span *ret_packet, const uint8_t *bytes, size_t n);
/* What goes before a packet of n bytes, at most ADIT_FRAME_MAX. */
void adit_frame_head(uint8_t ret_head[ADIT_FRAME_HEAD], size_t n);

#endif
