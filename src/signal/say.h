/* say.h - what dialects have in common: messages in JSON, and events out of them.
 *
 * Only for dialect*.c. What a message has too much or of the wrong kind is told as an ERROR event
 * by these functions, so callers just return. */
#ifndef ADIT_SIGNAL_SAY_H
#define ADIT_SIGNAL_SAY_H

#include "base/buf.h"
#include "base/json.h"
#include "signal/dialect.h"

/* An event with nothing in it. */
#define ADIT_SIGNAL_EVENT(what_)                                                          \
    {                                                                                     \
        .what = (what_), .peer = "", .text = "", .mid = "", .mline = -1, .transport = "", \
        .session = "", .relay_url = "", .relay_token = ""                                 \
    }

void adit_say_event(struct adit_dialect_state *s, enum adit_signal_what what, const char *peer);
void adit_say_joined(struct adit_dialect_state *s);
void adit_say_peer(struct adit_dialect_state *s, const char *peer, bool offer);
/* The text may quote the server: it is made printable. err: positive errno or 0. */
void adit_say_error(struct adit_dialect_state *s, const char *peer, int err, const char *fmt, ...)
    ADIT_PRINTF(4, 5);
/* As above, and this attempt is over. */
void adit_say_fail(struct adit_dialect_state *s, bool again, bool final, const char *fmt, ...)
    ADIT_PRINTF(4, 5);
void adit_say_description(struct adit_dialect_state *s, const char *peer,
                          enum adit_signal_type type, const json_t *text);
void adit_say_description_of(struct adit_dialect_state *s, const char *peer,
                             enum adit_signal_type type, const json_t *text, bool relay);
/* Every form of a candidate that was ever seen: null and "" are the end; an object with candidate,
 * sdpMid, sdpMLineIndex; that object as JSON in a string; a bare string, with sdpMid and
 * sdpMLineIndex beside it in `around`, which may be NULL. */
void adit_say_candidate(struct adit_dialect_state *s, const char *peer, const json_t *candidate,
                        const json_t *around);

/* An object with a type, to be given back; NULL after an ERROR event. */
json_t *adit_say_read(struct adit_dialect_state *s, const char *text, size_t n,
                      const char **ret_type);
/* A name that is not empty, fits, and has no control bytes; NULL. Borrowed. */
const char *adit_say_name(const json_t *message, const char *key);
/* Sends and gives back `message`, which may be NULL (no memory). 0, -ENOMEM, -EMSGSIZE. */
int adit_say_send(struct adit_dialect_state *s, json_t *message);
/* {"candidate","sdpMid","sdpMLineIndex"}; usernameFragment:null too if asked for. */
json_t *adit_say_candidate_object(const char *candidate, const char *mid, int mline, bool ufrag);

/* Is a token, an id … fit for a header and a message? */
bool adit_say_is_word(const char *text);
/* Sets s->id from the configuration or makes one: prefix and 8 random bytes in hex. -EINVAL. */
int adit_say_id(struct adit_dialect_state *s, const char *prefix, struct adit_cause *ret_cause);
/* Everything but letters, digits and -._~ as %XX (RFC 3986 section 2.3). */
void adit_say_escaped(struct adit_buf *out, const char *text);
/* The path of a target without its query. */
size_t adit_say_path_len(const char *target);

#endif
