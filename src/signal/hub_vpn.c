/* hub_vpn.c - "vpn": one offerer and one answerer in a room, on any path.
 *
 *   C: {"type":"register","role":"offerer","room":"branch-7"}
 *   S: {"type":"ready"}                        to both, when both are there
 *   C: offer, answer, candidate                to the other one, as they were written
 *   S: {"type":"peer_down"}                    when the other one has gone
 *
 * What comes too early is kept, the first offer and the candidates, and follows `ready`. */
#include <stdio.h>

#include "base/alloc.h"
#include "signal/hub_inner.h"

#define CANDIDATES_MAX 64
#define PENDING_MAX    (128 * 1024) /* bytes kept for a room */

enum { OFFERER, ANSWERER, ROLES };
static const char *const roles[ROLES] = { "offerer", "answerer" };

struct pending {
    struct adit_link link;
    size_t n;
    char text[];
};

struct adit_hub_pair {
    struct adit_map_node node;
    char *key;
    const char *name;
    struct adit_hub_client *in[ROLES];
    bool stale[ROLES]; /* said goodbye, or was told that the other one did: may be replaced */
    struct pending *offer;
    struct adit_link candidates[ROLES]; /* for this role */
    unsigned candidate_count;
    size_t bytes;
};

static void forget(struct adit_hub_pair *p, struct pending *what)
{
    if (!what)
        return;
    p->bytes -= what->n;
    adit_free(what);
}

static void forget_candidates(struct adit_hub_pair *p, int role)
{
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&p->candidates[role], it, tmp)
    {
        adit_list_del(it);
        p->candidate_count--;
        forget(p, adit_container_of(it, struct pending, link));
    }
}

static void forget_offer(struct adit_hub_pair *p)
{
    forget(p, p->offer);
    p->offer = NULL;
}

static struct pending *keep(struct adit_hub_pair *p, const char *text, size_t n)
{
    struct pending *what = p->bytes + n <= PENDING_MAX ? adit_malloc(sizeof *what + n) : NULL;

    if (what) {
        adit_list_init(&what->link);
        what->n = n;
        memcpy(what->text, text, n);
        p->bytes += n;
    }
    return what;
}

static struct adit_hub_pair *pair_get(struct adit_hub *hub, const char *account, const char *room)
{
    size_t n;
    char *key = adit_hub_key(account, room, &n);
    struct adit_map_node *found = key ? adit_map_find(&hub->pairs, key, n) : NULL;
    struct adit_hub_pair *p = key && !found ? adit_zalloc(sizeof *p) : NULL;

    if (found || !p) {
        adit_free(key);
        return found ? adit_container_of(found, struct adit_hub_pair, node) : NULL;
    }
    p->key = key;
    p->name = key + strlen(account) + 1;
    for (int i = 0; i < ROLES; i++)
        adit_list_init(&p->candidates[i]);
    if (adit_map_add(&hub->pairs, &p->node, key, n) == 0)
        return p;
    adit_free(key);
    adit_free(p);
    return NULL;
}

static void pair_release(struct adit_hub *hub, struct adit_hub_pair *p)
{
    if (p->in[OFFERER] || p->in[ANSWERER])
        return;
    forget_offer(p);
    for (int i = 0; i < ROLES; i++)
        forget_candidates(p, i);
    adit_map_remove(&hub->pairs, &p->node);
    adit_free(p->key);
    adit_free(p);
}

static void tell_ready(struct adit_hub_pair *p)
{
    struct adit_link *it, *tmp;

    if (!p->in[OFFERER] || !p->in[ANSWERER])
        return;
    adit_hub_emit(p->in[OFFERER], ADIT_HUB_MET, p->name, roles[ANSWERER]);
    for (int i = 0; i < ROLES; i++)
        adit_hub_say(p->in[i], "{s:s}", "type", "ready");
    if (p->offer)
        adit_hub_say_text(p->in[ANSWERER], p->offer->text, p->offer->n);
    forget_offer(p);
    for (int i = 0; i < ROLES; i++) {
        ADIT_LIST_EACH(&p->candidates[i], it, tmp)
        {
            struct pending *what = adit_container_of(it, struct pending, link);
            adit_hub_say_text(p->in[i], what->text, what->n);
        }
        forget_candidates(p, i);
    }
}

/* The room as a string: the original turns whatever it is into one. */
static bool room_of(const json_t *message, char *out, size_t size)
{
    const json_t *room = json_object_get(message, "room");
    int n;

    if (!room)
        n = snprintf(out, size, "default");
    else if (json_is_integer(room))
        n = snprintf(out, size, "%lld", (long long)json_integer_value(room));
    else
        n = snprintf(out, size, "%s", json_is_string(room) ? json_string_value(room) : "");
    return n > 0 && (size_t)n < size;
}

static void refuse(struct adit_hub_client *c, const char *room, const char *why, adit_time now)
{
    adit_hub_emit(c, ADIT_HUB_REFUSED, room, why);
    adit_hub_drop(c, ADIT_HUB_CLOSE_POLICY, why, now);
}

static void on_register(struct adit_hub_client *c, const json_t *message, adit_time now)
{
    const char *role_name = adit_json_string(message, "role");
    char room[ADIT_HUB_ID_MAX + 1];
    struct adit_hub_pair *p;
    int role = 0;

    while (role < ROLES && (!role_name || strcmp(role_name, roles[role]) != 0))
        role++;
    if (role == ROLES || !room_of(message, room, sizeof room)) {
        refuse(c, NULL, "register needs a role, offerer or answerer, and a room", now);
        return;
    }
    if (c->u.vpn.pair || (c->ids && !adit_hub_may_be(c->ids, room))) {
        refuse(c, room, c->u.vpn.pair ? "registered already" : "the token does not allow this room",
               now);
        return;
    }
    p = pair_get(c->hub, adit_hub_account(c), room);
    if (!p) {
        adit_hub_drop(c, ADIT_HUB_CLOSE_ERROR, "no memory", now);
        return;
    }
    if (p->in[role] && !p->stale[role]) {
        refuse(c, room, "somebody has this role in this room", now);
        return;
    }
    if (p->in[role]) {
        struct adit_hub_client *old = p->in[role];
        old->u.vpn.pair = NULL;
        adit_hub_drop(old, ADIT_HUB_CLOSE_POLICY, "a newer connection has this role", now);
    }
    p->in[role] = c;
    p->stale[role] = false;
    c->u.vpn.pair = p;
    c->u.vpn.role = (unsigned)role;
    adit_hub_settled(c);
    adit_hub_emit(c, ADIT_HUB_JOINED, room, roles[role]);
    tell_ready(p);
}

static void on_offer(struct adit_hub_pair *p, const char *text, size_t n)
{
    if (p->in[ANSWERER])
        adit_hub_say_text(p->in[ANSWERER], text, n);
    else if (!p->offer) /* one that follows belongs to a restart nobody could see */
        p->offer = keep(p, text, n);
}

static void on_candidate(struct adit_hub_pair *p, int to, const char *text, size_t n)
{
    struct pending *what;

    if (p->in[to]) {
        adit_hub_say_text(p->in[to], text, n);
        return;
    }
    what = p->candidate_count < CANDIDATES_MAX ? keep(p, text, n) : NULL;
    if (what) {
        adit_list_add(&p->candidates[to], &what->link);
        p->candidate_count++;
    }
}

/* What one who is gone, or starts over, has left behind. */
static void forget_from(struct adit_hub_pair *p, unsigned role)
{
    if (role == OFFERER)
        forget_offer(p);
    forget_candidates(p, role == OFFERER ? ANSWERER : OFFERER);
}

static void left(struct adit_hub_client *c, adit_time now)
{
    struct adit_hub_pair *p = c->u.vpn.pair;
    unsigned role = c->u.vpn.role;
    struct adit_hub_client *other = p ? p->in[!role] : NULL;

    (void)now;
    if (!p)
        return;
    c->u.vpn.pair = NULL;
    p->in[role] = NULL;
    forget_from(p, role);
    if (other)
        adit_hub_say(other, "{s:s}", "type", "peer_down");
    adit_hub_emit(c, ADIT_HUB_LEFT, p->name, roles[role]);
    pair_release(c->hub, p);
}

static void on_disconnect(struct adit_hub_client *c, adit_time now)
{
    struct adit_hub_pair *p = c->u.vpn.pair;

    if (p && p->in[!c->u.vpn.role]) /* who stays behind may come back over another socket */
        p->stale[!c->u.vpn.role] = true;
    adit_hub_drop(c, 1000, "", now);
}

static void on_message(struct adit_hub_client *c, const json_t *message, const char *text, size_t n,
                       adit_time now)
{
    const char *type = adit_json_string(message, "type");
    struct adit_hub_pair *p = c->u.vpn.pair;
    unsigned role = c->u.vpn.role;

    if (!type || (!p && strcmp(type, "register") != 0)) {
        adit_hub_drop(c, ADIT_HUB_CLOSE_POLICY, "a type is missing", now);
        return;
    }
    if (p)
        p->stale[role] = false;
    if (strcmp(type, "register") == 0) {
        on_register(c, message, now);
    } else if (strcmp(type, "disconnect") == 0) {
        on_disconnect(c, now);
    } else if (strcmp(type, "offer") == 0) {
        on_offer(p, text, n);
    } else if (strcmp(type, "answer") == 0) {
        if (p->in[OFFERER])
            adit_hub_say_text(p->in[OFFERER], text, n);
    } else if (strcmp(type, "candidate") == 0) {
        on_candidate(p, !role, text, n);
    } else if (strcmp(type, "peer_down") == 0) {
        if (p->in[!role])
            adit_hub_say_text(p->in[!role], text, n);
        forget_from(p, role);
    }
}

const struct adit_hub_dialect adit_hub_vpn = {
    .name = "vpn",
    .message = on_message,
    .left = left,
};
