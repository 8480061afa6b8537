/* sdp_text.h - SDP as lines, words and sections; only for sdp_parse.c and sdp_sections.c.
 *
 * Nothing is copied: everything points into the text that is being read. */
#ifndef ADIT_SDP_TEXT_H
#define ADIT_SDP_TEXT_H

#include "peer/sdp.h"

#define ADIT_SDP_SECTIONS_MAX (ADIT_DESC_MIDS_MAX + 1)

/* Text between two pointers: a part of the description, a line, a word. */
struct adit_sdp_text {
    const char *p, *end;
};

struct adit_sdp_section {
    struct adit_sdp_text part; /* from behind its m= line to the next */
    struct adit_sdp_text mline, mid;
};

struct adit_sdp_sections {
    struct adit_sdp_text session;
    struct adit_sdp_section list[ADIT_SDP_SECTIONS_MAX];
    unsigned count;
    unsigned ours; /* the data channel's */
};

/* Takes the next line off *rest. CR, LF and CRLF all end a line, so none of them is ever inside a
 * value; blanks around a line come from copying and are left out. */
bool adit_sdp_line(struct adit_sdp_text *rest, struct adit_sdp_text *ret_line);
/* Takes the next word off *rest; empty at the end. */
struct adit_sdp_text adit_sdp_word(struct adit_sdp_text *rest);
size_t adit_sdp_len(struct adit_sdp_text t);
bool adit_sdp_is(struct adit_sdp_text t, const char *s); /* case is ignored */
bool adit_sdp_same(struct adit_sdp_text a, struct adit_sdp_text b);
/* Is the line "<prefix><value>"? The value is without blanks before it. */
bool adit_sdp_value(struct adit_sdp_text line, const char *prefix, struct adit_sdp_text *ret_value);
/* One or more characters of visible ASCII, without blanks. */
bool adit_sdp_visible(struct adit_sdp_text t);

/* Sets the cause; -EINVAL. */
int adit_sdp_fail(struct adit_cause *cause, const char *sentence);
/* Cuts the text into sections and finds the data channel's. -EINVAL with a cause. */
ADIT_MUST_USE int adit_sdp_cut(struct adit_sdp_sections *ret_sdp, const char *text, size_t len,
                               struct adit_cause *ret_cause);
/* The section that the BUNDLE group with ours in it begins with; NULL without such a group. */
const struct adit_sdp_section *adit_sdp_bundle_tag(const struct adit_sdp_sections *sdp);

#endif
