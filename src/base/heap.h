/* heap.h - what is due next: a priority queue whose links are embedded in the objects.
 *
 * A pairing heap: insert O(1), take and remove O(log n) amortised, and no memory of its own, so
 * that arming a timer cannot fail. Equal times leave in the order they came, so that runs repeat.
 */
#ifndef ADIT_HEAP_H
#define ADIT_HEAP_H

#include "base/base.h"

/* All zero = in no heap. */
struct adit_heap_node {
    adit_time at;
    uint64_t seq;                   /* tie-break; 0 = in no heap */
    struct adit_heap_node *child;   /* the first one; later than we are, all of them */
    struct adit_heap_node *next;    /* sibling */
    struct adit_heap_node **inlink; /* the pointer that points at us: parent's child or its next */
};

/* All zero = empty. */
struct adit_heap {
    struct adit_heap_node *root;
    uint64_t seq; /* of the last insertion */
    size_t count;
};

/* The node must be in no heap. */
void adit_heap_add(struct adit_heap *h, struct adit_heap_node *node, adit_time at);
/* Nothing if the node is in no heap. */
void adit_heap_remove(struct adit_heap *h, struct adit_heap_node *node);

static inline bool adit_heap_has(const struct adit_heap_node *node)
{
    return node->seq != 0;
}

/* The earliest, or NULL. */
static inline struct adit_heap_node *adit_heap_first(const struct adit_heap *h)
{
    return h->root;
}

#endif
