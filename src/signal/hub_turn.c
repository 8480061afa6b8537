/* hub_turn.c - credentials for a TURN server that last some hours: the user is "expiry:id", the
 * password its HMAC-SHA1 under a secret that the TURN server knows too (coturn: use-auth-secret).
 */
#include <stdio.h>

#include "base/digest.h"
#include "base/str.h"
#include "signal/hub_inner.h"

#define TTL 86400

static json_t *urls(const char *const *list, size_t n)
{
    json_t *out = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(out, json_string(list[i]));
    return out;
}

struct credentials {
    unsigned ttl;
    char user[ADIT_HUB_ID_MAX + 32], password[32];
};

static void make(const struct adit_hub *hub, const char *id, int64_t wall, struct credentials *out)
{
    const char *secret = hub->conf->turn_secret;
    uint8_t mac[20];

    out->ttl = hub->conf->turn_ttl ? hub->conf->turn_ttl : TTL;
    snprintf(out->user, sizeof out->user, "%lld:%.128s", (long long)wall + out->ttl, id);
    adit_hmac_sha1(mac, secret, strlen(secret), out->user, strlen(out->user));
    out->password[adit_base64_encode(out->password, mac, sizeof mac, false)] = '\0';
}

json_t *adit_hub_ice_servers(struct adit_hub *hub, const char *id, int64_t wall)
{
    const struct adit_hub_conf *conf = hub->conf;
    json_t *out = json_array();
    struct credentials turn;

    if (conf->stun_count)
        json_array_append_new(out,
                              json_pack("{s:o}", "urls", urls(conf->stun_urls, conf->stun_count)));
    if (conf->turn_secret && conf->turn_count) {
        make(hub, id, wall, &turn);
        json_array_append_new(out, json_pack("{s:o,s:s,s:s}", "urls",
                                             urls(conf->turn_urls, conf->turn_count), "username",
                                             turn.user, "credential", turn.password));
    }
    return out;
}

/* GET /turn[?username=ID]: both spellings that clients know. */
void adit_hub_turn(struct adit_hub_call *call)
{
    const struct adit_hub_conf *conf = call->hub->conf;
    int64_t wall = call->hub->ops->wall(call->hub->arg);
    char id[ADIT_HUB_ID_MAX + 1];
    struct credentials turn;

    if (adit_hub_query(call->request, "username", id, sizeof id) < 0 || !adit_hub_id_valid(id) ||
        strchr(id, ':'))
        strcpy(id, "adit");
    if (!conf->turn_secret || !conf->turn_count) {
        adit_hub_reply_json(call, 404,
                            json_pack("{s:s,s:o}", "detail", "No TURN server is known",
                                      "ice_servers", adit_hub_ice_servers(call->hub, id, wall)));
        return;
    }
    make(call->hub, id, wall, &turn);
    adit_hub_reply_json(call, 200,
                        json_pack("{s:s,s:s,s:i,s:o,s:o}", "username", turn.user, "password",
                                  turn.password, "ttl", (int)turn.ttl, "uris",
                                  urls(conf->turn_urls, conf->turn_count), "ice_servers",
                                  adit_hub_ice_servers(call->hub, id, wall)));
}
