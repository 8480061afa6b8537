#include "base/heap.h"

static bool earlier(const struct adit_heap_node *a, const struct adit_heap_node *b)
{
    return a->at < b->at || (a->at == b->at && a->seq < b->seq);
}

/* Both are roots of their trees, without siblings; so is the result. */
static struct adit_heap_node *join(struct adit_heap_node *a, struct adit_heap_node *b)
{
    if (!a || !b)
        return a ? a : b;
    if (earlier(b, a)) {
        struct adit_heap_node *swap = a;
        a = b;
        b = swap;
    }
    b->next = a->child;
    if (b->next)
        b->next->inlink = &b->next;
    b->inlink = &a->child;
    a->child = b;
    return a;
}

/* Makes one tree of a list of siblings: pairs from the left, then one by one from the right, which
 * is what keeps the amortised cost logarithmic. */
static struct adit_heap_node *join_siblings(struct adit_heap_node *first)
{
    struct adit_heap_node *pairs = NULL, *tree = NULL;

    while (first) {
        struct adit_heap_node *a = first, *b = a->next;

        first = b ? b->next : NULL;
        a->next = NULL;
        if (b)
            b->next = NULL;
        a = join(a, b);
        a->next = pairs;
        pairs = a;
    }
    while (pairs) {
        struct adit_heap_node *a = pairs;

        pairs = a->next;
        a->next = NULL;
        tree = join(tree, a);
    }
    return tree;
}

static void set_root(struct adit_heap *h, struct adit_heap_node *root)
{
    h->root = root;
    if (root)
        root->inlink = &h->root;
}

void adit_heap_add(struct adit_heap *h, struct adit_heap_node *node, adit_time at)
{
    assert(!adit_heap_has(node));
    *node = (struct adit_heap_node){ .at = at, .seq = ++h->seq };
    set_root(h, join(h->root, node));
    h->count++;
}

void adit_heap_remove(struct adit_heap *h, struct adit_heap_node *node)
{
    if (!adit_heap_has(node))
        return;
    bool is_root = h->root == node;
    *node->inlink = node->next;
    if (node->next)
        node->next->inlink = node->inlink;
    struct adit_heap_node *rest = join_siblings(node->child);
    set_root(h, is_root ? rest : join(h->root, rest));
    h->count--;
    *node = (struct adit_heap_node){ 0 };
}
