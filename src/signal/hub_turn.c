/* hub_turn.c - credentials for a TURN server that last some hours: the user is "expiry:id", the
 * password its HMAC-SHA1 under a secret that the TURN server knows too (coturn: use-auth-secret).
 *
 * Where that server is we ourselves, clients find it under the name by which they have found us.
 */
#include <ctype.h>
#include <stdio.h>

#include "base/digest.h"
#include "relay/credentials.h"
#include "signal/hub_inner.h"

#define TTL      86400
#define HOST_MAX 254 /* bytes of a name */

/* ---- where ----------------------------------------------------------------------------------- */

static json_t *urls(const char *const *list, size_t n)
{
    json_t *out = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(out, json_string(list[i]));
    return out;
}

/* "name:8080" or "[::1]:8080" without its port, which goes to *ret_port: 0 = none was said. False:
 * that is no name; whoever writes a Host field can write anything. */
static bool split_host(const char *text, char out[HOST_MAX], unsigned *ret_port)
{
    size_t n = text[0] == '[' ? strcspn(text, "]") + 1 : strcspn(text, ":");

    *ret_port = 0;
    if (n == 0 || n > strlen(text) || n >= HOST_MAX || (text[n] && text[n] != ':') ||
        (text[n] && sscanf(text + n, ":%5u", ret_port) != 1))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr(text[0] == '[' ? "[:.]" : "-._", text[i]))
            return false;
    snprintf(out, HOST_MAX, "%.*s", (int)n, text);
    return true;
}

static void add_url(json_t *list, const char *scheme, const char *host, unsigned port,
                    const char *rest)
{
    char url[HOST_MAX + 48];

    snprintf(url, sizeof url, "%s:%s:%u%s", scheme, host, port, rest);
    json_array_append_new(list, json_string(url));
}

/* Our own, STUN or TURN; nothing if the client's name for us is none. */
static json_t *urls_here(const struct adit_hub *hub, const char *named, bool turn)
{
    const struct adit_hub_here *here = &hub->conf->here;
    json_t *out = json_array();
    char host[HOST_MAX];
    unsigned port = 0;

    if (!(named && split_host(named, host, &port)) && !here->host)
        return out;
    if (here->host)
        snprintf(host, sizeof host, "%s", here->host);
    if (!turn) {
        add_url(out, "stun", host, here->port, "");
        return out;
    }
    add_url(out, "turn", host, here->port, "?transport=udp");
    add_url(out, "turn", host, here->port, "?transport=tcp");
    if (here->tls) /* where nothing else gets through, what the client came by does */
        add_url(out, "turns", host, port ? port : 443, "?transport=tcp");
    return out;
}

static bool has_turn(const struct adit_hub *hub)
{
    const struct adit_hub_conf *conf = hub->conf;

    return conf->turn_secret && (conf->turn_count || conf->here.turn);
}

static json_t *turn_urls(const struct adit_hub *hub, const char *host)
{
    const struct adit_hub_conf *conf = hub->conf;

    return conf->turn_count ? urls(conf->turn_urls, conf->turn_count) : urls_here(hub, host, true);
}

/* ---- who ------------------------------------------------------------------------------------- */

struct credentials {
    unsigned ttl;
    char user[ADIT_HUB_ID_MAX + 32], password[ADIT_TURND_PASSWORD_SIZE];
};

static void make(const struct adit_hub *hub, const char *id, int64_t wall, struct credentials *out)
{
    out->ttl = hub->conf->turn_ttl ? hub->conf->turn_ttl : TTL;
    snprintf(out->user, sizeof out->user, "%lld:%.128s", (long long)wall + out->ttl, id);
    adit_turnd_password(out->password, hub->conf->turn_secret,
                        (struct adit_span){ (const uint8_t *)out->user, strlen(out->user) });
}

json_t *adit_hub_ice_servers(struct adit_hub *hub, const char *id, const char *host, int64_t wall)
{
    const struct adit_hub_conf *conf = hub->conf;
    json_t *out = json_array(), *stun = urls(conf->stun_urls, conf->stun_count);
    struct credentials turn;

    if (conf->here.stun) {
        json_t *own = urls_here(hub, host, false);
        json_array_extend(stun, own);
        json_decref(own);
    }
    if (json_array_size(stun))
        json_array_append_new(out, json_pack("{s:O}", "urls", stun));
    json_decref(stun);
    if (has_turn(hub)) {
        make(hub, id, wall, &turn);
        json_array_append_new(out, json_pack("{s:o,s:s,s:s}", "urls", turn_urls(hub, host),
                                             "username", turn.user, "credential", turn.password));
    }
    return out;
}

/* Whoever gives no name goes by one; at our own server by one for each address, because names have
 * quotas there. */
static void name_of(const struct adit_hub_call *call, char id[ADIT_HUB_ID_MAX + 1])
{
    const struct adit_hub_conf *conf = call->hub->conf;
    const struct adit_addr *remote = &call->request->remote;
    uint8_t digest[32];

    if (adit_hub_query(call->request, "username", id, ADIT_HUB_ID_MAX + 1) == 0 &&
        adit_hub_id_valid(id) && !strchr(id, ':'))
        return;
    strcpy(id, "adit");
    if (!conf->here.turn || conf->turn_count)
        return;
    adit_sha256(digest, remote->ip, sizeof remote->ip);
    snprintf(id, ADIT_HUB_ID_MAX + 1, "adit-%02x%02x%02x%02x", digest[0], digest[1], digest[2],
             digest[3]);
}

/* GET /turn[?username=ID]: both spellings that clients know. */
void adit_hub_turn(struct adit_hub_call *call)
{
    const char *host = adit_hub_header(call->request, "host");
    int64_t wall = call->hub->ops->wall(call->hub->arg);
    char id[ADIT_HUB_ID_MAX + 1];
    struct credentials turn;

    name_of(call, id);
    if (!has_turn(call->hub)) {
        adit_hub_reply_json(call, 404,
                            json_pack("{s:s,s:o}", "detail", "No TURN server is known",
                                      "ice_servers",
                                      adit_hub_ice_servers(call->hub, id, host, wall)));
        return;
    }
    make(call->hub, id, wall, &turn);
    adit_hub_reply_json(call, 200,
                        json_pack("{s:s,s:s,s:i,s:o,s:o}", "username", turn.user, "password",
                                  turn.password, "ttl", (int)turn.ttl, "uris",
                                  turn_urls(call->hub, host), "ice_servers",
                                  adit_hub_ice_servers(call->hub, id, host, wall)));
}
