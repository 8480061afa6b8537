/* tree.h - a configuration file as a small tree of scalars, lists and mappings, each with its line.
 *
 * Read from JSON (RFC 8259) or from what of YAML 1.1 is as plain: anchors, aliases, tags and a
 * second document are refused. A scalar is its text, whatever its type. What is in the tree is
 * UTF-8 without zero bytes, and no name is in a mapping twice. */
#ifndef ADIT_TREE_H
#define ADIT_TREE_H

#include "cli/options.h"

#define ADIT_TREE_DEPTH_MAX 8 /* the root is the first */
#define ADIT_TREE_NODES_MAX 4096

enum adit_tree_kind { ADIT_TREE_SCALAR, ADIT_TREE_LIST, ADIT_TREE_MAPPING };

struct adit_tree_node {
    enum adit_tree_kind kind;
    unsigned line;
    char *key;                           /* in a mapping; else NULL */
    char *text;                          /* of a scalar; NULL = null, nothing was said */
    struct adit_tree_node *first, *last; /* what is in it */
    struct adit_tree_node *next;         /* behind it */
    struct adit_tree_node *made;         /* before it, for adit_tree_free */
};

struct adit_tree {
    const char *path; /* for messages; borrowed */
    struct adit_tree_node *root, *made;
    size_t count;
};

/* An empty text is a tree without a root. -EINVAL, -ENOMEM, and *ret_error; then *ret_tree is
 * empty. */
ADIT_MUST_USE int adit_tree_read(struct adit_tree *ret_tree, const char *path, const char *text,
                                 size_t len, struct adit_option_error *ret_error);
void adit_tree_free(struct adit_tree *t);
/* Sets "PATH:LINE: …" and returns -EINVAL. */
int adit_tree_fail(const struct adit_tree *t, unsigned line, struct adit_option_error *ret_error,
                   const char *fmt, ...) ADIT_PRINTF(4, 5);

/* ---- for tree_json.c and tree_yaml.c ----------------------------------------------------------
 */

/* What is added next, and where. */
struct adit_tree_spot {
    struct adit_tree_node *parent; /* NULL: the root */
    char *key;                     /* in a mapping; NULL as long as it is due. Owned */
    unsigned line;                 /* of the key */
    unsigned depth;                /* of the parent; 0 = none */
};

/* Takes the name of what follows. 0; -EINVAL: it is there already; -ENOMEM. */
ADIT_MUST_USE int adit_tree_name(struct adit_tree *t, struct adit_tree_spot *spot, const char *key,
                                 unsigned line, struct adit_option_error *ret_error);
/* Uses the name up. NULL and *ret_error: too deep, too many, no memory. text may be NULL. */
struct adit_tree_node *adit_tree_add(struct adit_tree *t, struct adit_tree_spot *spot,
                                     enum adit_tree_kind kind, const char *text, unsigned line,
                                     struct adit_option_error *ret_error);
ADIT_MUST_USE int adit_tree_json(struct adit_tree *t, const char *text, size_t len,
                                 struct adit_option_error *ret_error);
ADIT_MUST_USE int adit_tree_yaml(struct adit_tree *t, const char *text, size_t len,
                                 struct adit_option_error *ret_error);

#endif
