/* hub_grant.c - what lets a device into a relayed session, once: a JSON Web Token that we signed
 * ourselves (hub_device.c). Those that were used are remembered until they are too old anyway. */
#include "base/alloc.h"
#include "signal/hub_carry.h"

#define GRANTS_MAX   65536
#define GRANT_ID_MAX 64

json_t *adit_hub_grant_read(const struct adit_hub *hub, const char *token)
{
    struct adit_span secret = adit_hub_secret(hub);
    const struct adit_jwt_keys keys = { .secret = secret.data,
                                        .secret_len = secret.len,
                                        .skew = hub->conf->keys.skew };
    struct adit_cause cause;
    json_t *claims = adit_jwt_read(token, strlen(token), &keys, hub->ops->wall(hub->arg), &cause);
    const char *scope = adit_json_string(claims, "scope");

    if (scope && strcmp(scope, "relay-session") == 0)
        return claims;
    json_decref(claims);
    return NULL;
}

struct grant {
    struct adit_map_node node;
    int64_t expires;
    char id[GRANT_ID_MAX + 1];
};

static void forget_grant(struct adit_hub_carries *carries, struct adit_map_node *n)
{
    adit_map_remove(&carries->grants, n);
    adit_free(adit_container_of(n, struct grant, node));
}

void adit_hub_grants_sweep(struct adit_hub_carries *carries, adit_time now)
{
    const struct adit_hub *hub = carries->hub;
    int64_t wall = hub->ops->wall(hub->arg);
    struct adit_map_node *next;

    (void)now;
    for (struct adit_map_node *n = adit_map_next(&carries->grants, NULL); n; n = next) {
        next = adit_map_next(&carries->grants, n);
        if (adit_container_of(n, struct grant, node)->expires + hub->conf->keys.skew < wall)
            forget_grant(carries, n);
    }
}

void adit_hub_grants_free(struct adit_hub_carries *carries)
{
    for (struct adit_map_node *n; (n = adit_map_next(&carries->grants, NULL)) != NULL;)
        forget_grant(carries, n);
}

const char *adit_hub_grant_use(struct adit_hub *hub, const json_t *claims, adit_time now)
{
    struct adit_hub_carries *carries = hub->carries;
    const char *id = adit_json_string(claims, "jti");
    struct grant *g;

    if (!id || !*id || strlen(id) > GRANT_ID_MAX)
        return "auth-failed";
    if (adit_map_find(&carries->grants, id, strlen(id)))
        return "grant-already-used";
    g = carries->grants.count < GRANTS_MAX ? adit_zalloc(sizeof *g) : NULL;
    if (!g)
        return "relay-at-capacity";
    strcpy(g->id, id);
    g->expires = json_integer_value(json_object_get(claims, "exp"));
    if (adit_map_add(&carries->grants, &g->node, g->id, strlen(g->id)) < 0) {
        adit_free(g);
        return "relay-at-capacity";
    }
    adit_hub_carry_sweep_soon(hub, now);
    return NULL;
}
