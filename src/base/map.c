#include "base/map.h"

#include "base/alloc.h"

#define SIZE_FIRST 16

static inline uint64_t rotate(uint64_t v, unsigned n)
{
    return v << n | v >> (64 - n);
}

static inline void round_of(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 (Aumasson, Bernstein): one round for each word, three at the end. */
uint64_t adit_map_hash(const uint64_t seed[2], const void *key, size_t len)
{
    uint64_t v[4] = { seed[0] ^ 0x736f6d6570736575, seed[1] ^ 0x646f72616e646f6d,
                      seed[0] ^ 0x6c7967656e657261, seed[1] ^ 0x7465646279746573 };
    const uint8_t *p = key;
    uint64_t word;

    for (size_t left = len; left >= 8; left -= 8, p += 8) {
        memcpy(&word, p, 8);
        v[3] ^= word;
        round_of(v);
        v[0] ^= word;
    }
    word = (uint64_t)len << 56;
    for (size_t i = 0; i < (len & 7); i++)
        word |= (uint64_t)p[i] << (8 * i);
    v[3] ^= word;
    round_of(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        round_of(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void adit_map_init(struct adit_map *m, struct adit_rng *rng)
{
    *m = (struct adit_map){ .seed = { adit_rng_u64(rng), adit_rng_u64(rng) } };
}

void adit_map_done(struct adit_map *m)
{
    adit_free(m->slots);
    m->slots = NULL;
    m->size = m->count = 0;
}

static void link_in(struct adit_map *m, struct adit_map_node *node)
{
    struct adit_map_node **slot = &m->slots[node->hash & (m->size - 1)];

    node->next = *slot;
    *slot = node;
}

static bool grow(struct adit_map *m)
{
    size_t size = m->size ? 2 * m->size : SIZE_FIRST;
    struct adit_map_node **slots = adit_zalloc(size * sizeof *slots);
    struct adit_map old = *m;

    if (!slots)
        return m->size != 0;
    m->slots = slots;
    m->size = size;
    for (size_t i = 0; i < old.size; i++) {
        for (struct adit_map_node *node = old.slots[i], *next; node; node = next) {
            next = node->next;
            link_in(m, node);
        }
    }
    adit_free(old.slots);
    return true;
}

int adit_map_add(struct adit_map *m, struct adit_map_node *node, const void *key, size_t len)
{
    assert(!adit_map_has(node) && key);
    if (m->count >= m->size && !grow(m))
        return -ENOMEM;
    node->key = key;
    node->len = len;
    node->hash = adit_map_hash(m->seed, key, len);
    link_in(m, node);
    m->count++;
    return 0;
}

struct adit_map_node *adit_map_find(const struct adit_map *m, const void *key, size_t len)
{
    uint64_t hash = adit_map_hash(m->seed, key, len);

    if (!m->size)
        return NULL;
    for (struct adit_map_node *node = m->slots[hash & (m->size - 1)]; node; node = node->next)
        if (node->hash == hash && node->len == len && memcmp(node->key, key, len) == 0)
            return node;
    return NULL;
}

void adit_map_remove(struct adit_map *m, struct adit_map_node *node)
{
    struct adit_map_node **at;

    if (!adit_map_has(node))
        return;
    for (at = &m->slots[node->hash & (m->size - 1)]; *at != node; at = &(*at)->next)
        assert(*at);
    *at = node->next;
    *node = (struct adit_map_node){ 0 };
    m->count--;
}

struct adit_map_node *adit_map_next(const struct adit_map *m, const struct adit_map_node *node)
{
    size_t i = 0;

    if (node && node->next)
        return node->next;
    if (node)
        i = (node->hash & (m->size - 1)) + 1;
    for (; i < m->size; i++)
        if (m->slots[i])
            return m->slots[i];
    return NULL;
}
