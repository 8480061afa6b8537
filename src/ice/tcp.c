#include "ice/tcp.h"

/* RFC 8445 section 5.1.2.2 less 27: what is told by host candidates lies below 100, which
 * server-reflexive ones by UDP have. There is no relayed TCP here. */
static const uint8_t type_preference[] = {
    [ADIT_CAND_HOST] = 99,
    [ADIT_CAND_PRFLX] = 83,
    [ADIT_CAND_SRFLX] = 73,
    [ADIT_CAND_RELAY] = 0,
};

/* RFC 6544 section 4.2: recommended. */
static const uint8_t direction_host[] = {
    [ADIT_TCP_ACTIVE] = 6,
    [ADIT_TCP_PASSIVE] = 4,
    [ADIT_TCP_SO] = 2,
};
static const uint8_t direction_reflexive[] = {
    [ADIT_TCP_ACTIVE] = 4,
    [ADIT_TCP_PASSIVE] = 2,
    [ADIT_TCP_SO] = 6,
};

#define OTHER_MAX 8191u /* 13 bits behind the direction */

uint32_t adit_tcp_priority(enum adit_cand_type type, enum adit_tcptype tcptype, uint16_t preference)
{
    bool reflexive = type == ADIT_CAND_SRFLX || type == ADIT_CAND_PRFLX;
    uint32_t direction = reflexive ? direction_reflexive[tcptype] : direction_host[tcptype];
    uint32_t below = 65535u - preference; /* of the best one: what tells addresses apart is small */
    uint32_t other = below < OTHER_MAX ? OTHER_MAX - below : 0;

    return (uint32_t)type_preference[type] << 24 | (direction << 13 | other) << 8 | (256 - 1);
}

bool adit_tcp_pairs(enum adit_tcptype local, enum adit_tcptype remote)
{
    return (local == ADIT_TCP_ACTIVE && remote == ADIT_TCP_PASSIVE) ||
           (local == ADIT_TCP_SO && remote == ADIT_TCP_SO);
}

enum adit_tcptype adit_tcp_opposite(enum adit_tcptype tcptype)
{
    switch (tcptype) {
    case ADIT_TCP_ACTIVE:
        return ADIT_TCP_PASSIVE;
    case ADIT_TCP_PASSIVE:
        return ADIT_TCP_ACTIVE;
    case ADIT_TCP_NONE:
    case ADIT_TCP_SO:
        break;
    }
    return tcptype;
}

void adit_tcp_retry_start(struct adit_retry *r, adit_time now)
{
    *r = (struct adit_retry){ .rto = ADIT_TCP_TRANSACTION,
                              .gap_max = ADIT_NEVER,
                              .next = now + ADIT_TCP_TRANSACTION,
                              .sends = ADIT_RETRY_SENDS_MAX };
}
