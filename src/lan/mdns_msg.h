/* mdns_msg.h - the bytes of multicast DNS messages (RFC 6762 section 18, RFC 1035 section 4).
 *
 * Reading hands up questions and records one by one, names as text in small letters; a compression
 * pointer leads backwards only, so reading ends. Writing knows questions for addresses and records
 * with addresses, without compression but for one name asked for twice. */
#ifndef ADIT_MDNS_MSG_H
#define ADIT_MDNS_MSG_H

#include "base/addr.h"
#include "base/buf.h"

#define ADIT_MDNS_PORT     5353
#define ADIT_MDNS_MSG_MAX  9000 /* RFC 6762 section 17, with headers; larger ones are not read */
#define ADIT_MDNS_NAME_MAX 255

enum adit_mdns_type { ADIT_MDNS_A = 1, ADIT_MDNS_AAAA = 28, ADIT_MDNS_ANY = 255 };
#define ADIT_MDNS_IN 1
#define ADIT_MDNS_TOP_BIT                                                   \
    0x8000 /* of a class: unicast response wanted (5.4), cache flush (10.2) \
            */

/* A question or a record. */
struct adit_mdns_item {
    bool question;
    char name[ADIT_MDNS_NAME_MAX + 1]; /* "" if it has characters that no name of ours has */
    uint16_t type, class;              /* class without its top bit */
    bool top_bit;
    uint32_t ttl;          /* seconds */
    struct adit_addr addr; /* of an A or AAAA record; family NONE of all others */
};

struct adit_mdns_reader {
    const uint8_t *bytes;
    struct adit_cursor c;
    uint16_t id;
    bool response;
    unsigned questions, records; /* still to come */
};

/* False: no message that means anything to us (RFC 6762 section 18: opcode and rcode are zero). */
bool adit_mdns_read(struct adit_mdns_reader *ret_r, const void *bytes, size_t n);
/* The next one; false: that was all, or the rest is damaged. */
bool adit_mdns_next(struct adit_mdns_reader *r, struct adit_mdns_item *ret_item);

/* A name that can be asked for: labels of 1..63 letters, digits, '-' and '_', ".local" last. */
bool adit_mdns_name_valid(const char *name);

/* The header, with counts that are filled in at the end. */
void adit_mdns_begin(struct adit_buf *out, uint16_t id, bool response);
/* For A and AAAA; two questions. `name` is valid. */
void adit_mdns_put_questions(struct adit_buf *out, const char *name);
/* One question, as it came: what a one-shot query gets back (RFC 6762 section 6.7). */
void adit_mdns_put_question(struct adit_buf *out, const char *name, uint16_t type);
void adit_mdns_put_record(struct adit_buf *out, const char *name, const struct adit_addr *addr,
                          uint32_t ttl, bool flush);
void adit_mdns_finish(struct adit_buf *out, unsigned questions, unsigned records);

#endif
