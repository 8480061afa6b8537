/* handout.h - where our description goes: to whoever carries it across, and as a QR code to people.
 *
 * Neither a reader that is slow nor a terminal that was stopped with ^S keeps us waiting. */
#ifndef ADIT_HANDOUT_H
#define ADIT_HANDOUT_H

#include "app/outbox.h"

struct adit_handout {
    struct adit_outbox out, people;
    /* The description cannot be written, and why. Last thing of a call. */
    void (*failed)(struct adit_handout *h, const char *text);
};

/* qr: on stderr. An exit code other than 0 was logged. The object is zeroed before. */
ADIT_MUST_USE int adit_handout_open(struct adit_handout *h, struct adit_loop *loop, int fd, bool qr,
                                    void (*failed)(struct adit_handout *h, const char *text));
void adit_handout_close(struct adit_handout *h);
/* text[n] is zero; it is written with a line end in its place. */
void adit_handout_give(struct adit_handout *h, const char *text, size_t n);

#endif
