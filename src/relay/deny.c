#include "relay/deny.h"

/* IANA's registries of special-purpose addresses, as far as packets to them would get somewhere.
 * Prefixes for documentation are not here: they lead nowhere, and laboratories use them. */
static const struct {
    uint8_t family, len;
    uint8_t ip[12];
} denied[] = {
    { ADIT_FAMILY_V4, 8, { 0 } },                    /* "this network": 0.0.0.0 is ourselves */
    { ADIT_FAMILY_V4, 8, { 10 } },                   /* RFC 1918 */
    { ADIT_FAMILY_V4, 10, { 100, 64 } },             /* RFC 6598 */
    { ADIT_FAMILY_V4, 8, { 127 } },                  /* loopback */
    { ADIT_FAMILY_V4, 16, { 169, 254 } },            /* link-local; clouds' 169.254.169.254 */
    { ADIT_FAMILY_V4, 12, { 172, 16 } },             /* RFC 1918 */
    { ADIT_FAMILY_V4, 24, { 192, 0, 0 } },           /* RFC 6890: DS-Lite, NAT64 discovery */
    { ADIT_FAMILY_V4, 24, { 192, 88, 99 } },         /* RFC 7526: 6to4 relays */
    { ADIT_FAMILY_V4, 16, { 192, 168 } },            /* RFC 1918 */
    { ADIT_FAMILY_V4, 15, { 198, 18 } },             /* RFC 2544: test networks */
    { ADIT_FAMILY_V4, 4, { 224 } },                  /* multicast */
    { ADIT_FAMILY_V4, 4, { 240 } },                  /* reserved, and broadcast */
    { ADIT_FAMILY_V6, 96, { 0 } },                   /* ::, ::1, IPv4-compatible */
    { ADIT_FAMILY_V6, 96, { [10] = 0xff, 0xff } },   /* IPv4-mapped */
    { ADIT_FAMILY_V6, 96, { 0, 0x64, 0xff, 0x9b } }, /* RFC 6052: NAT64 */
    { ADIT_FAMILY_V6, 48, { 0, 0x64, 0xff, 0x9b, 0, 1 } }, /* RFC 8215: NAT64, local */
    { ADIT_FAMILY_V6, 64, { 1 } },                         /* RFC 6666: discard */
    { ADIT_FAMILY_V6, 32, { 0x20, 0x01 } },                /* RFC 4380: Teredo has IPv4 in it */
    { ADIT_FAMILY_V6, 16, { 0x20, 0x02 } },                /* RFC 3056: so has 6to4 */
    { ADIT_FAMILY_V6, 16, { 0x5f } },                      /* RFC 9602: segment routing, inside */
    { ADIT_FAMILY_V6, 7, { 0xfc } },                       /* RFC 4193: unique local */
    { ADIT_FAMILY_V6, 10, { 0xfe, 0x80 } },                /* link-local */
    { ADIT_FAMILY_V6, 10, { 0xfe, 0xc0 } },                /* RFC 3879: site-local */
    { ADIT_FAMILY_V6, 8, { 0xff } },                       /* multicast */
};

bool adit_turnd_denied(const struct adit_addr *peer)
{
    for (size_t i = 0; i < ADIT_LEN(denied); i++) {
        struct adit_addr net = { .family = denied[i].family };

        memcpy(net.ip, denied[i].ip, sizeof denied[i].ip);
        if (adit_addr_in(peer, &net, denied[i].len))
            return true;
    }
    return peer->family == ADIT_FAMILY_NONE;
}
