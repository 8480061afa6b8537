/* stun.h - STUN messages (RFC 8489, RFC 8445 section 16, RFC 8656), over libnice's stun/ library.
 *
 * stun.c is the only file that knows libnice. Functions are pure: no state between messages, no
 * allocation, no clock, no randomness. Transactions, their ids and their retransmission are the
 * caller's (retry.h). Decoding checks the length of the whole message before it looks at any
 * attribute, then FINGERPRINT, then who sent it, and last whether all of it was understood. */
#ifndef ADIT_STUN_H
#define ADIT_STUN_H

#include "base/addr.h"
#include "base/base.h"

#define ADIT_STUN_ID_SIZE 12
#define ADIT_STUN_OUT_MAX 2048 /* longest we send: a packet of a peer's in a Data indication */
#define ADIT_STUN_IN_MAX  2048 /* longest we look at; real checks stay below 600 */

enum adit_stun_method {
    ADIT_STUN_BINDING = 0x001,
    ADIT_STUN_ALLOCATE = 0x003, /* RFC 8656 section 17, to the last */
    ADIT_STUN_REFRESH = 0x004,
    ADIT_STUN_SEND = 0x006,
    ADIT_STUN_DATA = 0x007,
    ADIT_STUN_CREATE_PERMISSION = 0x008,
    ADIT_STUN_CHANNEL_BIND = 0x009,
};

enum adit_stun_class {
    ADIT_STUN_REQUEST,
    ADIT_STUN_INDICATION,
    ADIT_STUN_SUCCESS,
    ADIT_STUN_ERROR,
};

enum adit_stun_attribute {
    ADIT_STUN_MAPPED_ADDRESS = 0x0001,
    ADIT_STUN_CHANGE_REQUEST = 0x0003, /* RFC 5780 */
    ADIT_STUN_USERNAME = 0x0006,
    ADIT_STUN_MESSAGE_INTEGRITY = 0x0008,
    ADIT_STUN_ERROR_CODE = 0x0009,
    ADIT_STUN_UNKNOWN_ATTRIBUTES = 0x000a,
    ADIT_STUN_CHANNEL_NUMBER = 0x000c,
    ADIT_STUN_LIFETIME = 0x000d,
    ADIT_STUN_XOR_PEER_ADDRESS = 0x0012,
    ADIT_STUN_DATA_VALUE = 0x0013, /* DATA, which is also the name of a method */
    ADIT_STUN_REALM = 0x0014,
    ADIT_STUN_NONCE = 0x0015,
    ADIT_STUN_XOR_RELAYED_ADDRESS = 0x0016,
    ADIT_STUN_REQUESTED_ADDRESS_FAMILY = 0x0017,
    ADIT_STUN_EVEN_PORT = 0x0018,
    ADIT_STUN_REQUESTED_TRANSPORT = 0x0019,
    ADIT_STUN_DONT_FRAGMENT = 0x001a,
    ADIT_STUN_XOR_MAPPED_ADDRESS = 0x0020,
    ADIT_STUN_RESERVATION_TOKEN = 0x0022,
    ADIT_STUN_PRIORITY = 0x0024,
    ADIT_STUN_USE_CANDIDATE = 0x0025,
    ADIT_STUN_PADDING = 0x0026,       /* RFC 5780 */
    ADIT_STUN_RESPONSE_PORT = 0x0027, /* RFC 5780 */
    ADIT_STUN_ADDITIONAL_ADDRESS_FAMILY = 0x8000,
    ADIT_STUN_ADDRESS_ERROR_CODE = 0x8001,
    ADIT_STUN_SOFTWARE = 0x8022,
    ADIT_STUN_ALTERNATE_SERVER = 0x8023,
    ADIT_STUN_FINGERPRINT = 0x8028,
    ADIT_STUN_ICE_CONTROLLED = 0x8029,
    ADIT_STUN_ICE_CONTROLLING = 0x802a,
    ADIT_STUN_RESPONSE_ORIGIN = 0x802b, /* RFC 5780 */
    ADIT_STUN_OTHER_ADDRESS = 0x802c,   /* RFC 5780 */
    /* Bytes that say nothing, for probes of the path MTU. PADDING of RFC 5780 has to be understood,
     * and who does not answers 420 or nothing; this number is unassigned and of the kind that is
     * passed over. */
    ADIT_STUN_FILLER = 0xc0ad,
    /* Which nomination this is, counted from 1: the greatest is in force. WebRTC's renomination
     * (draft-thatcher-ice-renomination) as libwebrtc has it; others pass it over. */
    ADIT_STUN_NOMINATION = 0xc001,
};

/* CHANGE-REQUEST: what the answer is to come from. */
#define ADIT_STUN_CHANGE_IP   4u
#define ADIT_STUN_CHANGE_PORT 2u

enum adit_stun_role { ADIT_STUN_ROLE_NONE, ADIT_STUN_ROLE_CONTROLLED, ADIT_STUN_ROLE_CONTROLLING };

/* --- reading */

/* The 20 bytes every message begins with; enough to find the transaction and with it the key. */
struct adit_stun_head {
    enum adit_stun_class class;
    uint16_t method;
    uint8_t id[ADIT_STUN_ID_SIZE];
};

/* false: no STUN message of RFC 8489, or not the whole of it and nothing else. */
bool adit_stun_peek(struct adit_stun_head *ret_head, const void *bytes, size_t n);

/* USERNAME of a message, not verified: to find out whose it is. Empty if there is none, or it is no
 * message. */
struct adit_span adit_stun_username(const void *bytes, size_t n);

/* What a message must prove. */
struct adit_stun_auth {
    struct adit_span key; /* for MESSAGE-INTEGRITY; empty: the sender has no credentials (a plain
                           * STUN server) and none are checked */
    struct adit_span username; /* a request's USERNAME must be this … */
    bool prefix;               /* … or begin with it and go on */
    bool fingerprint;          /* FINGERPRINT must be there (all connectivity checks) */
};

enum adit_stun_verdict {
    ADIT_STUN_OK,
    ADIT_STUN_MALFORMED,      /* not worth an answer */
    ADIT_STUN_NO_CREDENTIALS, /* a request without USERNAME or MESSAGE-INTEGRITY: 400 */
    ADIT_STUN_UNAUTHORIZED,   /* wrong name or wrong integrity: 401 if it is a request */
    ADIT_STUN_UNKNOWN,        /* authentic, with attributes that we would have to understand: 420 */
};

/* What an authentic message says; absent attributes are zero. */
struct adit_stun {
    struct adit_stun_head head;
    bool authenticated; /* MESSAGE-INTEGRITY was there and right. Not so: a message of a sender
                         * without credentials, an error 400 or 401 */
    struct adit_span username; /* points into the message */
    struct adit_addr mapped;   /* XOR-MAPPED-ADDRESS, or else MAPPED-ADDRESS */
    struct adit_addr other;    /* OTHER-ADDRESS: the server's other address and other port */
    int error;                 /* of ERROR: 300..699, 0 if unreadable */
    bool has_priority, use_candidate;
    uint32_t priority;
    uint32_t nomination; /* 0 = none, or with USE-CANDIDATE alone 1 */
    enum adit_stun_role role;
    uint64_t tie_breaker;
};

/* *ret is complete for OK and UNKNOWN, otherwise zero. */
enum adit_stun_verdict adit_stun_decode(struct adit_stun *ret_msg, const void *bytes, size_t n,
                                        const struct adit_stun_auth *auth);

/* What the above does not name, attribute by attribute, up to MESSAGE-INTEGRITY or FINGERPRINT
 * (RFC 8489 section 14.5: what follows is ignored). value.data NULL = the first. False: no more, or
 * the message breaks off. */
struct adit_stun_attr {
    uint16_t type;
    struct adit_span value; /* points into the message */
};
bool adit_stun_next(struct adit_stun_attr *attr, const void *bytes, size_t n);
/* The first of this type; data NULL: there is none. A value without bytes has data all the same. */
struct adit_span adit_stun_find(const void *bytes, size_t n, enum adit_stun_attribute type);
/* The value of an XOR-…-ADDRESS. An IPv4-mapped IPv6 address stays IPv6 here, so that who has to
 * refuse it sees it. -EPROTO: a wrong length; -EAFNOSUPPORT. */
ADIT_MUST_USE int adit_stun_get_xor(struct adit_addr *ret_addr, struct adit_span value,
                                    const uint8_t id[ADIT_STUN_ID_SIZE]);

/* --- writing: begin, add…, finish. What does not fit makes finish return 0. */

struct adit_stun_out {
    size_t len;
    bool full;
    uint8_t bytes[ADIT_STUN_OUT_MAX];
};

void adit_stun_begin(struct adit_stun_out *out, enum adit_stun_class class, uint16_t method,
                     const uint8_t id[ADIT_STUN_ID_SIZE]);
void adit_stun_add(struct adit_stun_out *out, uint16_t type, const void *bytes, size_t n);
void adit_stun_add32(struct adit_stun_out *out, uint16_t type, uint32_t v);
void adit_stun_add64(struct adit_stun_out *out, uint16_t type, uint64_t v);
/* XOR-MAPPED-ADDRESS and its kin; _addr: those without the XOR. */
void adit_stun_add_xor(struct adit_stun_out *out, uint16_t type, const struct adit_addr *addr);
void adit_stun_add_addr(struct adit_stun_out *out, uint16_t type, const struct adit_addr *addr);
static inline void adit_stun_add_mapped(struct adit_stun_out *out, const struct adit_addr *addr)
{
    adit_stun_add_xor(out, ADIT_STUN_XOR_MAPPED_ADDRESS, addr);
}
void adit_stun_add_error(struct adit_stun_out *out, unsigned code);
/* Adds FILLER so that adit_stun_finish with a key will give `size` bytes; nothing if it is that
 * long already. */
void adit_stun_pad(struct adit_stun_out *out, size_t size);
/* Adds MESSAGE-INTEGRITY unless the key is empty, and FINGERPRINT. Returns the length. */
size_t adit_stun_finish(struct adit_stun_out *out, struct adit_span key);
/* Neither of both: for indications, and for answers that may not be longer. */
size_t adit_stun_finish_bare(struct adit_stun_out *out);

/* The whole answer 420 to a request that decoded as UNKNOWN. Returns the length. */
size_t adit_stun_answer_unknown(struct adit_stun_out *out, const void *request, size_t n,
                                struct adit_span key);

#endif
