/* sections.h - peers: of the configuration file, as what an agent wants to know of its peers. */
#ifndef ADIT_SECTIONS_H
#define ADIT_SECTIONS_H

#include "agent/agent.h"
#include "cli/carry.h"

#define ADIT_SECTION_FINGERPRINTS_MAX 16

struct adit_section_own {
    struct adit_options view; /* the options as they are for this peer */
    struct adit_carry carry;
    struct adit_fingerprint fingerprints[ADIT_SECTION_FINGERPRINTS_MAX];
};

/* Borrows from the options; may not move while it is in use. */
struct adit_sections {
    struct adit_agent_peer *peers;
    struct adit_section_own *own;
    size_t count;
};

/* 0, or an exit code after it was logged. `routes_follow`: as in adit_vpn_conf. */
ADIT_MUST_USE int adit_sections_load(struct adit_sections *s, const struct adit_options *o,
                                     bool routes_follow);
void adit_sections_done(struct adit_sections *s);

/* Those of --peer-fingerprint, at most ADIT_SECTION_FINGERPRINTS_MAX. As above. */
ADIT_MUST_USE int adit_fingerprints_load(struct adit_fingerprint *out, size_t *ret_count,
                                         const struct adit_options *o);

#endif
