/* turn_frame.h - what carries a peer's bytes between a TURN client and its server: ChannelData and
 * the Send and Data indications (RFC 8656 sections 11, 12), and how they follow each other in a
 * stream (section 12.5).
 *
 * Pure functions; nothing is copied on the way in. */
#ifndef ADIT_TURN_FRAME_H
#define ADIT_TURN_FRAME_H

#include "ice/stun.h"

#define ADIT_TURN_CHANNEL_FIRST  0x4000
#define ADIT_TURN_CHANNEL_LAST   0x4fff
#define ADIT_TURN_CHANNEL_HEADER 4
#define ADIT_TURN_SEND_HEADER    48   /* at most: 36 for an IPv4 peer */
#define ADIT_TURN_DATA_MAX       2000 /* bytes of a peer's packet that we pass on */
#define ADIT_TURN_FRAME_MAX      (ADIT_TURN_DATA_MAX + ADIT_TURN_SEND_HEADER + 4)

/* RFC 7983 section 7 */
static inline bool adit_turn_is_channel_data(const void *bytes, size_t n)
{
    return n >= ADIT_TURN_CHANNEL_HEADER && (*(const uint8_t *)bytes & 0xc0) == 0x40;
}

/* The payload of ChannelData; padding behind it is passed over. False: it is cut off. */
bool adit_turn_get_channel(uint16_t *ret_channel, struct adit_span *ret_data, const void *bytes,
                           size_t n);
/* A Data indication whose header adit_stun_peek has read. False: something is missing. */
bool adit_turn_get_data(struct adit_addr *ret_peer, struct adit_span *ret_data,
                        const struct adit_stun_head *head, const void *bytes, size_t n);
/* Both write a whole message and return its length, n <= ADIT_TURN_DATA_MAX. `padded`: to a
 * multiple of four, as a stream wants it. */
size_t adit_turn_put_channel(uint8_t out[ADIT_TURN_FRAME_MAX], uint16_t channel, const void *bytes,
                             size_t n, bool padded);
size_t adit_turn_put_send(uint8_t out[ADIT_TURN_FRAME_MAX], const uint8_t id[ADIT_STUN_ID_SIZE],
                          const struct adit_addr *peer, const void *bytes, size_t n);

/* A stream's first message: > 0 its length, padding included, whether all of it has come or not; 0:
 * not even that is known yet; -EPROTO: no STUN message and no ChannelData begins so, and nothing
 * behind it can be made out. */
ADIT_MUST_USE int adit_turn_frame(const void *bytes, size_t n);

/* Is it a probe of the path MTU (pmtu.h), or does it carry one? Such a datagram is sent whole or
 * not at all. */
bool adit_turn_is_probe(const void *bytes, size_t n);

#endif
