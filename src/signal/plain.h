/* plain.h - messages between two who need no routing: files, programs, mailboxes, datagrams.
 *
 *   {"type":"offer","sdp":"v=0…"}   {"type":"answer","sdp":"v=0…"}   as browsers print them
 *   {"type":"candidate","candidate":{"candidate":"candidate:…","sdpMid":"0","sdpMLineIndex":0}}
 *   {"type":"candidate","candidate":null}      that was the last
 *   {"type":"bye"}
 *
 * What is no JSON is taken for a bare description (SDP, or a ticket) of the kind that is due. */
#ifndef ADIT_SIGNAL_PLAIN_H
#define ADIT_SIGNAL_PLAIN_H

#include "signal/say.h"

/* All four: NULL without memory, or for text that is not UTF-8. */
json_t *adit_plain_description(enum adit_signal_type type, const char *text, size_t n);
json_t *adit_plain_candidate(const char *candidate, const char *mid, int mline); /* NULL: the end */
json_t *adit_plain_bye(void);

/* Tells what a text says. `due`: what a bare description is. Anything else is an ERROR event. */
void adit_plain_read(struct adit_dialect_state *s, const char *peer, enum adit_signal_type due,
                     const char *text, size_t n);
/* The same of what was read already: an object with a type. */
void adit_plain_tell(struct adit_dialect_state *s, const char *peer, const json_t *message);

#endif
