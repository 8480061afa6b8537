/* tokens.h - the token file of the server: who may come, for which account, with which ids.
 *
 *   # one per line: TOKEN [ACCOUNT [ID,ID-*,…]]
 *   3q8…Zk       office   gw-*,printer
 *   Yx7…91       office
 *   p0L…aa                              an account of its own */
#ifndef ADIT_SIGNAL_TOKENS_H
#define ADIT_SIGNAL_TOKENS_H

#include "signal/hub.h"

#define ADIT_TOKENS_FILE_MAX (1024 * 1024)
#define ADIT_TOKENS_MAX      10000
#define ADIT_TOKEN_MIN       8 /* characters: what is shorter is guessed */

/* The tokens point into the text, which is changed. *ret_tokens is for adit_free, NULL if there are
 * none. -EINVAL: *ret_cause says in which line, never what is in it. -ENOMEM. */
ADIT_MUST_USE int adit_tokens_read(char *text, struct adit_hub_token **ret_tokens,
                                   size_t *ret_count, struct adit_cause *ret_cause);

#endif
