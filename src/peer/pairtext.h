/* pairtext.h - finds the other side's description in whatever was pasted.
 *
 * A ticket, JSON, SDP, or base64 of one of them; between words of a chat, behind a prompt, quoted
 * with "> ", broken over lines, with any line ends. Bytes go in as they come; the answer is: found,
 * go on reading, or certainly wrong. Memory is bounded by ADIT_PAIRTEXT_MAX.
 *
 * Where the pairing text ends: a ticket or JSON with the line in which it ends, SDP with an empty
 * line or the end of the input. What follows is somebody else's. */
#ifndef ADIT_PAIRTEXT_H
#define ADIT_PAIRTEXT_H

#include "base/buf.h"
#include "peer/desc.h"
#include "peer/ticket.h"

#define ADIT_PAIRTEXT_MAX (1024 * 1024)

enum adit_pairtext_form {
    ADIT_PAIRTEXT_NONE,
    ADIT_PAIRTEXT_TICKET,
    ADIT_PAIRTEXT_JSON,
    ADIT_PAIRTEXT_SDP,
};

struct adit_pairtext_conf {
    const struct adit_ticket *own; /* copied; ours, if there is one yet: it is not taken for the
                                    * other side's, and an answer must be to it. NULL: none */
    const char *own_ufrag;         /* the same for SDP and JSON; borrowed, or NULL */
    bool answer_due;               /* own is an offer: an answer ticket must name it */
    bool symmetric; /* both sides began alike: an offer, or SDP that looks like one, says no more
                     * than UNKNOWN. Else a=setup tells what bare SDP is */
    int64_t wall;   /* seconds since 1970, for the age of tickets */
};

struct adit_pairtext {
    struct adit_pairtext_conf conf;
    struct adit_ticket own;
    struct adit_buf text;
    size_t tried;    /* how much of the text the last try saw */
    uint64_t effort; /* bytes that all tries saw */
    /* what was found */
    enum adit_pairtext_form form;
    struct adit_ticket ticket; /* form TICKET */
    struct adit_desc desc;     /* every form */
    size_t end;                /* of the pairing text */
    struct adit_cause cause;   /* of a negative result */
};

void adit_pairtext_init(struct adit_pairtext *p, const struct adit_pairtext_conf *conf);
void adit_pairtext_done(struct adit_pairtext *p);
/* Forgets what was read, for the next try after an error. */
void adit_pairtext_clear(struct adit_pairtext *p);

/* Each returns 1: found; 0: more is needed; or a negative errno with p->cause: -EBADMSG damaged,
 * -ENOTSUP another version, -ESTALE expired, -EEXIST our own, -ESRCH an answer to another offer,
 * -EINVAL not a usable description, -EMSGSIZE too much noise, -ENODATA cut off, -ENOENT nothing
 * there, -ENOMEM. */
ADIT_MUST_USE int adit_pairtext_feed(struct adit_pairtext *p, const void *bytes, size_t n);
/* Nothing came for a while: take what is whole without the line end that would show it, complain
 * about what nothing can make right, and wait on for what is not whole. */
ADIT_MUST_USE int adit_pairtext_pause(struct adit_pairtext *p);
/* The end of the input. Never 0. */
ADIT_MUST_USE int adit_pairtext_end(struct adit_pairtext *p);

#endif
