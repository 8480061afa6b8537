/* cred.h - the credentials of one ICE session (RFC 8445 sections 5.3, 7.1.2 and 7.2.2): what names,
 * signs and verifies its checks, ours and those of the other side.
 *
 * All that changes in a restart (section 9) is in here; who composes or verifies a message is told
 * whose. */
#ifndef ADIT_CRED_H
#define ADIT_CRED_H

#include "base/rng.h"
#include "ice/cand.h"
#include "ice/stun.h"

#define ADIT_CRED_NAME_MAX (2 * ADIT_UFRAG_MAX + 1)

struct adit_cred {
    char ufrag[ADIT_UFRAG_MAX + 1], pwd[ADIT_PWD_MAX + 1];
    bool complete; /* the other side's are known: */
    char remote_ufrag[ADIT_UFRAG_MAX + 1], remote_pwd[ADIT_PWD_MAX + 1];
    char name_in[ADIT_CRED_NAME_MAX + 1]; /* of checks that come in; "ours:" until complete */
    char name_out[ADIT_CRED_NAME_MAX + 1];
};

/* ufrag, pwd: copied; NULL = made up. */
void adit_cred_init(struct adit_cred *c, const char *ufrag, const char *pwd, struct adit_rng *rng);
/* -EINVAL for lengths outside RFC 8445 section 5.3. */
ADIT_MUST_USE int adit_cred_set_remote(struct adit_cred *c, const char *ufrag, const char *pwd);

/* How a request that came in is verified (before the other side is known by the first half of its
 * user name), and an answer that came in. Points into *c. */
struct adit_stun_auth adit_cred_of_request(const struct adit_cred *c);
struct adit_stun_auth adit_cred_of_answer(const struct adit_cred *c);
/* Who called before we knew: the second half of the user name. False if it is none. */
bool adit_cred_caller(const struct adit_cred *c, const struct adit_stun *request,
                      char ret_ufrag[ADIT_UFRAG_MAX + 1]);
/* The end of an answer of ours, and the beginning and the end of a check. */
size_t adit_cred_finish_answer(const struct adit_cred *c, struct adit_stun_out *out);
void adit_cred_begin_check(const struct adit_cred *c, struct adit_stun_out *out,
                           const uint8_t id[ADIT_STUN_ID_SIZE]);
size_t adit_cred_finish_check(const struct adit_cred *c, struct adit_stun_out *out);

#endif
