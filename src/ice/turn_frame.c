#include "ice/turn_frame.h"

#include "ice/ice.h"
#include "ice/stun_attr.h"

#define HEADER          20
#define COOKIE          0x2112a442u
#define SEND_INDICATION 0x0016 /* class 01 of method 006, RFC 8489 section 5 */

static size_t padded_to_four(size_t n)
{
    return (n + 3) / 4 * 4;
}

bool adit_turn_get_channel(uint16_t *ret_channel, struct adit_span *ret_data, const void *bytes,
                           size_t n)
{
    const uint8_t *p = bytes;

    if (!adit_turn_is_channel_data(bytes, n) || adit_get16(p + 2) > n - ADIT_TURN_CHANNEL_HEADER)
        return false;
    *ret_channel = adit_get16(p);
    *ret_data = (struct adit_span){ p + ADIT_TURN_CHANNEL_HEADER, adit_get16(p + 2) };
    return true;
}

bool adit_turn_get_data(struct adit_addr *ret_peer, struct adit_span *ret_data,
                        const struct adit_stun_head *head, const void *bytes, size_t n)
{
    struct adit_span peer = adit_stun_find(bytes, n, ADIT_STUN_XOR_PEER_ADDRESS);

    *ret_data = adit_stun_find(bytes, n, ADIT_STUN_DATA_VALUE);
    return ret_data->data && peer.data && adit_stun_get_xor(ret_peer, peer, head->id) == 0;
}

static size_t pad(uint8_t *out, size_t n)
{
    size_t end = padded_to_four(n);

    memset(out + n, 0, end - n);
    return end;
}

size_t adit_turn_put_channel(uint8_t out[ADIT_TURN_FRAME_MAX], uint16_t channel, const void *bytes,
                             size_t n, bool padded)
{
    adit_put16(out, channel);
    adit_put16(out + 2, (uint16_t)n);
    memcpy(out + ADIT_TURN_CHANNEL_HEADER, bytes, n);
    n += ADIT_TURN_CHANNEL_HEADER;
    return padded ? pad(out, n) : n;
}

size_t adit_turn_put_send(uint8_t out[ADIT_TURN_FRAME_MAX], const uint8_t id[ADIT_STUN_ID_SIZE],
                          const struct adit_addr *peer, const void *bytes, size_t n)
{
    size_t at = HEADER, len;

    adit_put16(out, SEND_INDICATION);
    adit_put32(out + 4, COOKIE);
    memcpy(out + 8, id, ADIT_STUN_ID_SIZE);
    len = adit_stun_put_xor(out + at + 4, peer, id);
    adit_put16(out + at, ADIT_STUN_XOR_PEER_ADDRESS);
    adit_put16(out + at + 2, (uint16_t)len);
    at += 4 + len;
    adit_put16(out + at, ADIT_STUN_DATA_VALUE);
    adit_put16(out + at + 2, (uint16_t)n);
    memcpy(out + at + 4, bytes, n);
    at = pad(out, at + 4 + n);
    adit_put16(out + 2, (uint16_t)(at - HEADER));
    return at;
}

int adit_turn_frame(const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    size_t len;

    if (n == 0)
        return 0;
    if (p[0] >> 6 > 1)
        return -EPROTO;
    if (n < 4)
        return 0;
    len = p[0] >> 6 ? ADIT_TURN_CHANNEL_HEADER + padded_to_four(adit_get16(p + 2))
                    : HEADER + (size_t)adit_get16(p + 2);
    if (p[0] >> 6 == 0 && len % 4)
        return -EPROTO;
    return (int)len;
}

/* What leaves inside of a message to a TURN server, or the message itself. */
static struct adit_span inner(const uint8_t *p, size_t n)
{
    struct adit_span data = { p, n };
    uint16_t channel;

    if (adit_turn_is_channel_data(p, n))
        adit_turn_get_channel(&channel, &data, p, n);
    else if (n > HEADER && adit_get16(p) == SEND_INDICATION)
        data = adit_stun_find(p, n, ADIT_STUN_DATA_VALUE);
    return data;
}

bool adit_turn_is_probe(const void *bytes, size_t n)
{
    struct adit_span data;

    if (n <= ADIT_PMTU_BASE)
        return false;
    data = inner(bytes, n);
    return data.len > ADIT_PMTU_BASE && data.data[0] <= 3; /* STUN, RFC 7983 section 7 */
}
