/* frame.h - where messages end in a stream: STUN and ChannelData over TCP and TLS (RFC 8656 section
 * 12.5, RFC 8489 section 6.2.2). */
#ifndef ADIT_RELAY_FRAME_H
#define ADIT_RELAY_FRAME_H

#include "base/base.h"

#define ADIT_TURND_FRAME_MAX 2048 /* bytes: as much as a datagram may have */

/* A message may begin with this byte: of the others, the letters of HTTP among them, none does. */
static inline bool adit_turnd_frame_begins(uint8_t byte)
{
    return byte < 4;
}

/* > 0: the first message has so many bytes, padding included, and all are there; 0: more is needed;
 * -EPROTO: that is neither; -EMSGSIZE: it will be longer than ADIT_TURND_FRAME_MAX. */
ADIT_MUST_USE int adit_turnd_frame(const uint8_t *bytes, size_t n);

#endif
