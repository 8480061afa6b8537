/* portmap_msg.h - the bytes that ask a gateway for a port: PCP (RFC 6887 sections 7 and 11) and
 * NAT-PMP (RFC 6886 section 3), which tell each other apart by their first byte. UDP alone. */
#ifndef ADIT_PORTMAP_MSG_H
#define ADIT_PORTMAP_MSG_H

#include "base/addr.h"

#define ADIT_PORTMAP_PORT        5351 /* the gateway's */
#define ADIT_PORTMAP_CLIENT_PORT 5350 /* where gateways announce that they have begun anew */
#define ADIT_PORTMAP_MAX         60   /* bytes of a request */
#define ADIT_PCP_NONCE           12

/* Results that both protocols have in common with nothing else; all others mean "no". */
#define ADIT_PORTMAP_SUCCESS     0
#define ADIT_PORTMAP_BAD_VERSION 1
#define ADIT_PCP_NOT_AUTHORIZED  2

struct adit_portmap_request {
    struct adit_addr internal;  /* our socket */
    struct adit_addr suggested; /* the external address we had or would like; family NONE: any */
    uint8_t nonce[ADIT_PCP_NONCE];
    uint32_t lifetime; /* seconds; 0 = give it up */
};

/* Each writes a request and returns its length. */
size_t adit_pcp_put_map(uint8_t out[ADIT_PORTMAP_MAX], const struct adit_portmap_request *request);
/* ANNOUNCE (section 14.1), which opens nothing: is anybody there? */
size_t adit_pcp_put_announce(uint8_t out[ADIT_PORTMAP_MAX], const struct adit_addr *client);
size_t adit_pmp_put_address(uint8_t out[ADIT_PORTMAP_MAX]);
size_t adit_pmp_put_map(uint8_t out[ADIT_PORTMAP_MAX], const struct adit_portmap_request *request);

enum adit_portmap_kind {
    ADIT_PCP_MAP,     /* nonce, internal_port, external, lifetime */
    ADIT_PCP_OTHER,   /* ANNOUNCE, or an error without a body */
    ADIT_PMP_ADDRESS, /* external without a port */
    ADIT_PMP_MAP,     /* internal_port, external_port, lifetime */
    ADIT_PMP_OTHER,
};

struct adit_portmap_answer {
    enum adit_portmap_kind kind;
    unsigned result;
    uint32_t epoch;    /* seconds since the gateway has known its mappings */
    uint32_t lifetime; /* seconds; of an error of PCP: for how long it holds */
    uint8_t nonce[ADIT_PCP_NONCE];
    uint16_t internal_port, external_port;
    struct adit_addr external;
};

/* False: no answer of either protocol. */
bool adit_portmap_read(struct adit_portmap_answer *ret_answer, const void *bytes, size_t n);

#endif
