/* control.h - records between two adits that are neither SCTP nor packets: what each tells the
 * other about its addresses. docs/restart.md has every byte. */
#ifndef ADIT_CONTROL_H
#define ADIT_CONTROL_H

#include "base/buf.h"
#include "ice/cand.h"

#define ADIT_CONTROL_TYPE      0x02 /* the first byte; SCTP with port 5000 begins with 0x13 */
#define ADIT_CONTROL_CANDS_MAX 16   /* of one agent */

enum adit_control_kind { ADIT_CONTROL_STATE = 1, ADIT_CONTROL_ACK = 2 };

struct adit_control_agent {
    char ufrag[ADIT_UFRAG_MAX + 1], pwd[ADIT_PWD_MAX + 1]; /* pwd "" = not told */
    struct adit_cand cands[ADIT_CONTROL_CANDS_MAX];
    unsigned cand_count;
};

struct adit_control {
    enum adit_control_kind kind;
    uint32_t seq;
    /* of STATE */
    bool under_way;                       /* the next agent is there */
    struct adit_control_agent used, next; /* next: the credentials it will have */
};

static inline bool adit_control_is(const uint8_t *bytes, size_t n)
{
    return n && bytes[0] == ADIT_CONTROL_TYPE;
}

/* Candidates that do not fit into `most` bytes are left out. */
void adit_control_put(struct adit_buf *out, const struct adit_control *c, size_t most);
/* -EINVAL. What comes behind is of a later version. */
ADIT_MUST_USE int adit_control_get(struct adit_control *ret_control, const uint8_t *bytes,
                                   size_t n);

#endif
