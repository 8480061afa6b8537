/* verdict.h - what the facts about a network mean: which kind it is, who is reached from there
 * directly, what would help. Pure, so that a table is its test. */
#ifndef ADIT_DIAG_VERDICT_H
#define ADIT_DIAG_VERDICT_H

#include "ice/behaviour.h"

/* From the best to the worst. */
enum adit_diag_kind {
    ADIT_DIAG_OPEN,            /* a public address, and anybody may call */
    ADIT_DIAG_FULL_CONE,       /* NAT; anybody may call */
    ADIT_DIAG_NO_NAT,          /* a public address; who may call is not known */
    ADIT_DIAG_FIREWALL,        /* a public address; who was called may call */
    ADIT_DIAG_RESTRICTED,      /* NAT; a host that was called may call */
    ADIT_DIAG_PORT_RESTRICTED, /* NAT; a port that was called may call */
    ADIT_DIAG_CONE,            /* NAT, the same address for everybody; who may call is not known */
    ADIT_DIAG_SYMMETRIC,       /* NAT, another address for everybody */
    ADIT_DIAG_UNKNOWN,         /* UDP works, and no more is known */
    ADIT_DIAG_UNASKED,         /* there was no STUN server to ask */
    ADIT_DIAG_UDP_BLOCKED,     /* only TCP gets out */
    ADIT_DIAG_WEB_ONLY,        /* and that only to ports 80 and 443 */
    ADIT_DIAG_OFFLINE,         /* nothing answers */
    ADIT_DIAG_KINDS
};

#define ADIT_DIAG_PEER_KINDS  7
#define ADIT_DIAG_ADVICE_MAX  12
#define ADIT_DIAG_ADVICE_SIZE 256

/* What was found out. */
struct adit_diag_facts {
    bool address;        /* there is one that could be used */
    bool stun_given;     /* a STUN server is configured … */
    bool stun_asked;     /* … and was asked, because its address is known */
    bool udp;            /* one of them has answered */
    bool tcp, tcp_other; /* some server was reached by TCP; at another port than 80 and 443 */
    bool tcp_tried;      /* at another port than those */
    bool stun_tcp;       /* a STUN server takes connections */
    enum adit_mapping mapping;
    enum adit_filtering filtering;
    bool six;          /* UDP over IPv6 works, and without NAT */
    bool map_offered;  /* a router offers to open ports, in a way that we know */
    bool double_nat;   /* what that router calls its public address is not the one that is seen */
    bool signal_given; /* a signaling server is configured … */
    bool signal_ok;    /* … and answers as one */
    bool dns_needed, dns_ok;
    bool clock_ok;
    bool relay;            /* a relay can be used */
    unsigned path_payload; /* the largest datagram that gets through; 0 = not known */
};

struct adit_diag_verdict {
    enum adit_diag_kind kind;
    const char *text; /* a sentence for a person */
    /* Which kinds of peers are reached without a relay: a bit for each of
     * adit_diag_peer_kind(). */
    unsigned direct;
    char advice[ADIT_DIAG_ADVICE_MAX][ADIT_DIAG_ADVICE_SIZE];
    unsigned advice_count;
    int exit_code;
};

enum adit_diag_kind adit_diag_kind_of(enum adit_mapping mapping, enum adit_filtering filtering);
const char *adit_diag_kind_name(enum adit_diag_kind kind); /* "port-restricted" */
/* The i-th kind of peer of the table, for its name. */
enum adit_diag_kind adit_diag_peer_kind(unsigned i);
/* Can two such hosts meet without a relay? */
bool adit_diag_meet(enum adit_diag_kind a, enum adit_diag_kind b);

void adit_diag_judge(const struct adit_diag_facts *f, struct adit_diag_verdict *ret);

#endif
