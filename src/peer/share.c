#include "peer/share.h"

#include "base/alloc.h"
#include "ice/cred.h"
#include "ice/stun.h"

/* Behind the name: its bytes. */
struct adit_share_name {
    struct adit_map_node node;
    struct adit_share_peer *peer;
    char text[];
};

/* What a table is searched by: without padding, so that equal means equal. */
struct key {
    uint8_t socket, family;
    uint16_t port;
    uint32_t scope;
    uint8_t ip[16];
};

/* What success means for the 5-tuple. */
enum claim {
    CLAIM_NOTHING, /* a STUN server is everybody's */
    CLAIM_FREE,    /* a TURN server is who came first's: it knows us by the 5-tuple, too */
    CLAIM_TAKE,    /* of a check */
};

struct adit_share_path {
    struct adit_map_node node;
    struct adit_share_peer *peer;
    struct key key;
    uint64_t used;
};

struct adit_share_asked {
    struct adit_map_node node;
    struct adit_share_peer *peer;
    struct key to;
    uint8_t id[ADIT_STUN_ID_SIZE];
    enum claim claim;
};

static struct key key_of(unsigned socket, const struct adit_addr *a)
{
    struct key k = {
        .socket = (uint8_t)socket, .family = a->family, .port = a->port, .scope = a->scope
    };

    memcpy(k.ip, a->ip, sizeof k.ip);
    return k;
}

/* ---- life ------------------------------------------------------------------------------------ */

void adit_share_init(struct adit_share *s, struct adit_rng *rng)
{
    *s = (struct adit_share){ 0 };
    adit_map_init(&s->names, rng);
    adit_map_init(&s->paths, rng);
    adit_map_init(&s->asked, rng);
}

void adit_share_done(struct adit_share *s)
{
    assert(!s->names.count && !s->paths.count && !s->asked.count);
    adit_map_done(&s->names);
    adit_map_done(&s->paths);
    adit_map_done(&s->asked);
}

int adit_share_join(struct adit_share *s, struct adit_share_peer *p)
{
    *p = (struct adit_share_peer){ .share = s };
    p->paths = adit_zalloc(ADIT_SHARE_PATHS_MAX * sizeof *p->paths);
    p->asked = adit_zalloc(ADIT_SHARE_ASKED_MAX * sizeof *p->asked);
    if (p->paths && p->asked)
        return 0;
    adit_share_leave(p);
    return -ENOMEM;
}

static void forget_name(struct adit_share *s, struct adit_share_name *name)
{
    if (name)
        adit_map_remove(&s->names, &name->node);
    adit_free(name);
}

static void forget_path(struct adit_share *s, struct adit_share_path *path)
{
    if (s->last == path)
        s->last = NULL;
    adit_map_remove(&s->paths, &path->node);
}

void adit_share_leave(struct adit_share_peer *p)
{
    struct adit_share *s = p->share;

    if (!s)
        return;
    for (size_t i = 0; i < ADIT_SHARE_NAMES_MAX; i++)
        forget_name(s, p->names[i]);
    for (size_t i = 0; p->paths && i < ADIT_SHARE_PATHS_MAX; i++)
        forget_path(s, &p->paths[i]);
    for (size_t i = 0; p->asked && i < ADIT_SHARE_ASKED_MAX; i++)
        adit_map_remove(&s->asked, &p->asked[i].node);
    adit_free(p->paths);
    adit_free(p->asked);
    *p = (struct adit_share_peer){ 0 };
}

/* ---- names ----------------------------------------------------------------------------------- */

static struct adit_share_name *find_name(const struct adit_share *s, const void *text, size_t n)
{
    struct adit_map_node *node = adit_map_find(&s->names, text, n);

    return node ? adit_container_of(node, struct adit_share_name, node) : NULL;
}

int adit_share_name(struct adit_share_peer *p, const char *name, size_t n)
{
    struct adit_share *s = p->share;
    struct adit_share_name *x = find_name(s, name, n);

    if (x)
        return x->peer == p ? 0 : -EEXIST;
    if (n == 0 || n > ADIT_CRED_NAME_MAX)
        return -EINVAL;
    x = adit_zalloc(sizeof *x + n);
    if (!x)
        return -ENOMEM;
    x->peer = p;
    memcpy(x->text, name, n);
    if (adit_map_add(&s->names, &x->node, x->text, n) < 0) {
        adit_free(x);
        return -ENOMEM;
    }
    forget_name(s, p->names[p->next_name]);
    p->names[p->next_name] = x;
    p->next_name = (p->next_name + 1) % ADIT_SHARE_NAMES_MAX;
    return 0;
}

static struct adit_share_peer *by_name(const struct adit_share *s, const uint8_t *bytes, size_t n)
{
    struct adit_span name = adit_stun_username(bytes, n);
    const uint8_t *colon = name.len ? memchr(name.data, ':', name.len) : NULL;
    struct adit_share_name *x;

    if (!colon || name.len > ADIT_CRED_NAME_MAX)
        return NULL;
    x = find_name(s, name.data, name.len);
    if (!x)
        x = find_name(s, name.data, (size_t)(colon - name.data));
    return x ? x->peer : NULL;
}

/* The checks that answer ours have the two halves the other way round. */
static void learn_name(struct adit_share_peer *p, const uint8_t *bytes, size_t n)
{
    struct adit_span name = adit_stun_username(bytes, n);
    const uint8_t *colon = name.len ? memchr(name.data, ':', name.len) : NULL;
    char text[ADIT_CRED_NAME_MAX];
    size_t theirs, ours;

    if (!colon || name.len > sizeof text)
        return; /* to a server, or for nobody */
    theirs = (size_t)(colon - name.data);
    ours = name.len - theirs - 1;
    memcpy(text, colon + 1, ours);
    text[ours] = ':';
    memcpy(text + ours + 1, name.data, theirs);
    (void)!adit_share_name(p, text, name.len); /* then the half that was told must do */
}

/* ---- 5-tuples -------------------------------------------------------------------------------- */

static struct adit_share_path *find_path(const struct adit_share *s, const struct key *key)
{
    struct adit_map_node *node = adit_map_find(&s->paths, key, sizeof *key);

    return node ? adit_container_of(node, struct adit_share_path, node) : NULL;
}

/* A free one, or the one that has been silent for longest. */
static struct adit_share_path *oldest_path(const struct adit_share_peer *p)
{
    struct adit_share_path *oldest = &p->paths[0];

    for (size_t i = 0; i < ADIT_SHARE_PATHS_MAX && adit_map_has(&oldest->node); i++)
        if (!adit_map_has(&p->paths[i].node) || p->paths[i].used < oldest->used)
            oldest = &p->paths[i];
    return oldest;
}

static void own(struct adit_share_peer *p, const struct key *key, bool proved)
{
    struct adit_share *s = p->share;
    struct adit_share_path *path = find_path(s, key);

    if (path && (path->peer == p || !proved))
        return;
    if (path)
        forget_path(s, path);
    path = oldest_path(p);
    forget_path(s, path);
    path->peer = p;
    path->key = *key;
    path->used = s->used;
    (void)!adit_map_add(&s->paths, &path->node, &path->key, sizeof path->key);
}

static struct adit_share_peer *by_path(struct adit_share *s, unsigned socket,
                                       const struct adit_addr *from)
{
    struct key key = key_of(socket, from);
    struct adit_share_path *path = s->last;

    if (!path || memcmp(&path->key, &key, sizeof key) != 0)
        path = find_path(s, &key);
    if (!path)
        return NULL;
    s->last = path;
    path->used = ++s->used;
    return path->peer;
}

/* ---- transactions ---------------------------------------------------------------------------- */

static struct adit_share_asked *find_asked(const struct adit_share *s, const uint8_t *id)
{
    struct adit_map_node *node = adit_map_find(&s->asked, id, ADIT_STUN_ID_SIZE);

    return node ? adit_container_of(node, struct adit_share_asked, node) : NULL;
}

static enum claim claim_of(const struct adit_stun_head *head, const uint8_t *bytes, size_t n)
{
    if (head->method != ADIT_STUN_BINDING)
        return CLAIM_FREE;
    return adit_stun_username(bytes, n).len ? CLAIM_TAKE : CLAIM_NOTHING;
}

static void remember(struct adit_share_peer *p, unsigned socket, const struct adit_addr *to,
                     const struct adit_stun_head *head, enum claim claim)
{
    struct adit_share *s = p->share;
    struct adit_share_asked *a = find_asked(s, head->id);

    if (a)
        return; /* repeated */
    a = &p->asked[p->next_asked];
    p->next_asked = (p->next_asked + 1) % ADIT_SHARE_ASKED_MAX;
    adit_map_remove(&s->asked, &a->node);
    a->peer = p;
    a->to = key_of(socket, to);
    a->claim = claim;
    memcpy(a->id, head->id, sizeof a->id);
    (void)!adit_map_add(&s->asked, &a->node, a->id, sizeof a->id);
}

static struct adit_share_peer *by_transaction(struct adit_share *s, unsigned socket,
                                              const struct adit_addr *from,
                                              const struct adit_stun_head *head)
{
    struct adit_share_asked *a = find_asked(s, head->id);
    struct key key = key_of(socket, from);

    if (!a)
        return NULL;
    if (head->class == ADIT_STUN_SUCCESS && a->claim != CLAIM_NOTHING &&
        memcmp(&a->to, &key, sizeof key) == 0)
        own(a->peer, &key, a->claim == CLAIM_TAKE);
    return a->peer;
}

/* ---- packets --------------------------------------------------------------------------------- */

static bool is_stun(const uint8_t *bytes, size_t n)
{
    return n && bytes[0] <= 3; /* RFC 7983 section 7 */
}

void adit_share_sent(struct adit_share_peer *p, unsigned socket, const struct adit_addr *to,
                     const uint8_t *bytes, size_t n)
{
    struct adit_stun_head head;
    struct key key;

    if (!is_stun(bytes, n) || !adit_stun_peek(&head, bytes, n))
        return;
    if (head.class == ADIT_STUN_REQUEST) {
        remember(p, socket, to, &head, claim_of(&head, bytes, n));
        learn_name(p, bytes, n);
    } else if (head.class == ADIT_STUN_SUCCESS) {
        key = key_of(socket, to);
        own(p, &key, false);
    }
}

struct adit_share_peer *adit_share_route(struct adit_share *s, unsigned socket,
                                         const struct adit_addr *from, const uint8_t *bytes,
                                         size_t n)
{
    struct adit_stun_head head;

    if (!is_stun(bytes, n))
        return by_path(s, socket, from);
    if (!adit_stun_peek(&head, bytes, n))
        return NULL;
    switch (head.class) {
    case ADIT_STUN_REQUEST:
        return by_name(s, bytes, n);
    case ADIT_STUN_SUCCESS:
    case ADIT_STUN_ERROR:
        return by_transaction(s, socket, from, &head);
    case ADIT_STUN_INDICATION:
        break;
    }
    return by_path(s, socket, from);
}
