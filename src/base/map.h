/* map.h - names to objects: a hash table whose links are embedded in the objects.
 *
 * Keys are bytes that live as long as the object is in the map; they are not copied. The hash
 * (SipHash-1-3) is keyed, so that whoever chooses names cannot choose collisions. Only the first
 * adit_map_add of a map can fail: one that cannot grow goes on with longer chains. */
#ifndef ADIT_MAP_H
#define ADIT_MAP_H

#include "base/base.h"
#include "base/rng.h"

/* All zero = in no map. */
struct adit_map_node {
    struct adit_map_node *next;
    const void *key; /* NULL = in no map */
    size_t len;
    uint64_t hash;
};

struct adit_map {
    struct adit_map_node **slots;
    size_t size, count; /* size: 0 or a power of two */
    uint64_t seed[2];
};

void adit_map_init(struct adit_map *m, struct adit_rng *rng);
/* Frees the table; the objects are the caller's. */
void adit_map_done(struct adit_map *m);
/* The node is in no map, and no node has this key. -ENOMEM. */
ADIT_MUST_USE int adit_map_add(struct adit_map *m, struct adit_map_node *node, const void *key,
                               size_t len);
/* The hash by itself, for who has a table of another kind. */
uint64_t adit_map_hash(const uint64_t seed[2], const void *key, size_t len);
/* NULL if there is none. */
struct adit_map_node *adit_map_find(const struct adit_map *m, const void *key, size_t len);
/* Nothing if the node is in no map. */
void adit_map_remove(struct adit_map *m, struct adit_map_node *node);
/* The one after `node`, NULL = the first; in no order. To remove one on the way: take its successor
 * first. */
struct adit_map_node *adit_map_next(const struct adit_map *m, const struct adit_map_node *node);

static inline bool adit_map_has(const struct adit_map_node *node)
{
    return node->key != NULL;
}

#endif
