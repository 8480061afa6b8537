#include "agent/inner.h"
#include "base/log.h"
#include "base/str.h"

#define STUN_PORT 3478 /* RFC 8489 section 9 */

int adit_servers_parse(const char *text, char ret_name[256], uint16_t *ret_port)
{
    const char *end = strchr(text, '?'), *colon;
    size_t len = end ? (size_t)(end - text) : strlen(text);
    struct adit_addr addr;
    uint64_t port = *ret_port;

    if (adit_addr_parse_port(&addr, text, len, *ret_port) == 0) {
        adit_addr_str_ip(&addr, ret_name);
        *ret_port = addr.port;
        return 0;
    }
    colon = memchr(text, ':', len);
    if ((colon &&
         adit_str_u64(&port, colon + 1, len - (size_t)(colon + 1 - text), 1, UINT16_MAX) < 0) ||
        colon == text || len == 0 ||
        adit_str_copy(ret_name, 256, text, colon ? (size_t)(colon - text) : len) < 0)
        return -EINVAL;
    *ret_port = (uint16_t)port;
    return 0;
}

/* With or without "stun:" before it (RFC 7064). */
int adit_servers_add(struct adit_peer *peer, const char *text, struct adit_cause *ret_cause)
{
    struct server *s = &peer->servers[peer->server_count];

    if (peer->server_count == STUN_MAX) {
        adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, ENOSPC, "more than %d STUN servers",
                       STUN_MAX);
        return -ENOSPC;
    }
    s->port = STUN_PORT;
    if (adit_servers_parse(adit_str_starts(text, "stun:") ? text + 5 : text, s->name, &s->port) <
        0) {
        adit_cause_set(ret_cause, ADIT_REASON_LOCAL, EINVAL,
                       "\"%.40s\" is no STUN server: give host or host:port", text);
        return -EINVAL;
    }
    s->peer = peer;
    peer->server_count++;
    return 0;
}

static void on_resolved(void *arg, int err, const struct adit_addr *addrs, size_t count,
                        adit_time now)
{
    struct server *s = arg;
    struct adit_peer *peer = s->peer;
    bool v4 = false, v6 = false;

    peer->resolving--;
    if (err)
        adit_log(ADIT_LOG_WARN, "agent", "STUN server %s: %s, continuing", s->name,
                 adit_resolve_error(err));
    /* One address of each family: more would only tell the same. */
    for (size_t i = 0; !err && i < count && !peer->freed; i++) {
        bool *seen = addrs[i].family == ADIT_FAMILY_V4 ? &v4 : &v6;

        if (!*seen)
            adit_engine_add_stun(peer->engine, &addrs[i], now);
        *seen = true;
    }
    s->resolve = adit_resolve_free(s->resolve); /* and with it addrs */
    adit_peer_check_complete(peer, now);
    adit_peer_touch(peer);
}

void adit_servers_start(struct adit_peer *peer, adit_time now)
{
    for (size_t i = 0; i < peer->server_count && !peer->freed; i++) {
        struct server *s = &peer->servers[i];
        struct adit_resolve_conf conf = { .host = s->name, .port = s->port };
        int err;

        peer->resolving++;
        err = adit_resolve_start(&s->resolve, peer->loop, &conf, on_resolved, s);
        if (err)
            on_resolved(s, err, NULL, 0, now);
    }
    adit_peer_check_complete(peer, now);
}

void adit_servers_stop(struct adit_peer *peer)
{
    for (size_t i = 0; i < peer->server_count; i++)
        peer->servers[i].resolve = adit_resolve_free(peer->servers[i].resolve);
}
