/* options_reader.h - from the tree of a configuration file to options; only for options_*.c. */
#ifndef ADIT_OPTIONS_READER_H
#define ADIT_OPTIONS_READER_H

#include "cli/options_inner.h"
#include "cli/tree.h"

#define ADIT_WHERE_MAX 300 /* bytes of "FILE:LINE" */

struct adit_reader {
    struct adit_options *o; /* what values go into */
    struct adit_tree *tree;
    const char *section;               /* of peers: that we are in; NULL = none */
    unsigned lines[ADIT_OPTION_COUNT]; /* where an option was said; 0 = nowhere yet */
    const struct adit_tree_node *stun_host, *stun_port;
    bool public; /* everybody may read the file */
    bool secret; /* there is something in it that not everybody should */
    struct adit_option_error *error;
};

#define ADIT_ROW_ANY   0u
#define ADIT_ROW_NEVER (1u << ADIT_COMMAND_NONE) /* no row has it */

/* Is it this name, which is written with '_', or with '-' instead? */
bool adit_reader_is(const char *key, const char *name);
/* The option behind a key, among the rows with this flag; or ADIT_OPTION_COUNT. */
enum adit_option adit_reader_find(const char *key, uint32_t flag);
/* Says that the key is unknown, and what may have been meant: one of those rows, or of `others`,
 * which end with NULL. -EINVAL. */
int adit_reader_unknown(const struct adit_reader *r, const struct adit_tree_node *n, uint32_t flag,
                        const char *const *others);
/* "FILE:LINE: KEY: …"; -EINVAL. */
int adit_reader_fail(const struct adit_reader *r, const struct adit_tree_node *n, const char *fmt,
                     ...) ADIT_PRINTF(3, 4);
/* The values of one option. */
ADIT_MUST_USE int adit_reader_option(struct adit_reader *r, enum adit_option option,
                                     const struct adit_tree_node *n);
/* options_peers.c: peers: */
ADIT_MUST_USE int adit_reader_peers(struct adit_reader *r, const struct adit_tree_node *n);

#endif
