/* pairs.h - every pair of addresses that a connection has considered, what became of it and why:
 * for `adit status`, and for `adit diag PEER`. */
#ifndef ADIT_CTL_PAIRS_H
#define ADIT_CTL_PAIRS_H

#include <jansson.h>

#include "adit/adit.h"
#include "base/buf.h"

/* The caller gives them back with json_decref. An array of pairs, the one in use first, then what
 * works, then the rest; and {"local":[…],"remote":[…]}, the candidates of both sides. */
json_t *adit_pairs_json(const struct adit_peer *peer);
json_t *adit_candidates_json(const struct adit_peer *peer);

/* What follows takes pairs that may come from another process, and may be anything that is JSON. */

/* Why the pair in use is the one, as a sentence; NULL if none is. */
const char *adit_pairs_choice(const json_t *pairs);
/* What would have to be opened for a direct path: an array of sentences, empty if there is one. */
json_t *adit_pairs_advice(const json_t *pairs);
/* For a terminal: a line for each. */
void adit_pairs_print(struct adit_buf *out, const json_t *pairs, const char *indent);

#endif
