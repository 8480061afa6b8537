/* trust.h - whom we know: names of peers, each with the fingerprint of its certificate.
 *
 * Signaling is not trusted with more than introductions: whatever name it gives somebody, the
 * certificate has to be the one that this name had before. The file is one line per peer,
 *
 *     NAME sha-256 AB:CD:…        (# begins a comment)
 *
 * read anew before each decision, for another adit or a person may have written it. */
#ifndef ADIT_TRUST_H
#define ADIT_TRUST_H

#include "peer/desc.h"

#define ADIT_TRUST_PEERS_MAX 4096 /* lines that count */
#define ADIT_TRUST_FILE_MAX  (1024 * 1024)
#define ADIT_TRUST_NAME_MAX  128

enum adit_trust_policy {
    ADIT_TRUST_ASK,   /* who is not known needs somebody's yes */
    ADIT_TRUST_FIRST, /* who is not known is remembered; from then on it must be the same */
    ADIT_TRUST_ANY,   /* nobody is checked or remembered: for peers with a new certificate each
                         time */
};

enum adit_trust_verdict {
    ADIT_TRUST_KNOWN,
    ADIT_TRUST_NEW,       /* policy FIRST: to be remembered once it is connected */
    ADIT_TRUST_UNKNOWN,   /* policy ASK */
    ADIT_TRUST_CHANGED,   /* this name has another certificate than it had */
    ADIT_TRUST_FORBIDDEN, /* its name is not among those allowed */
    ADIT_TRUST_BROKEN,    /* the file cannot be read, or the description has no sha-256 */
};

/* All borrowed. */
struct adit_trust_conf {
    const char *path; /* of the file; NULL: there is none, and nothing is remembered */
    enum adit_trust_policy policy;
    const char *const *allow; /* names, or "*"; none = every name. A name given here is as good as
                                 a yes: it is remembered without a question */
    size_t allow_count;
    const struct adit_fingerprint *fingerprints; /* good whatever their name */
    size_t fingerprint_count;
};

/* What is to be done with a peer of this name and these fingerprints, as its description has them.
 * UNKNOWN, CHANGED, FORBIDDEN and BROKEN fill *ret_cause with words for a person. */
enum adit_trust_verdict adit_trust_check(const struct adit_trust_conf *conf, const char *name,
                                         const struct adit_desc *desc,
                                         struct adit_cause *ret_cause);
/* The first name in the file that has this certificate. False: none, or it does not fit. */
bool adit_trust_name(const struct adit_trust_conf *conf, const struct adit_fingerprint *fingerprint,
                     char *ret_name, size_t size);
/* Adds a line for the peer, if it has none. 0 or -errno; -EINVAL: a name that no line can hold, or
 * no sha-256 fingerprint; -ENOSPC: ADIT_TRUST_PEERS_MAX. */
ADIT_MUST_USE int adit_trust_remember(const struct adit_trust_conf *conf, const char *name,
                                      const struct adit_desc *desc);

#endif
