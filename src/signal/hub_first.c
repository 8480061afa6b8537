/* hub_first.c - which dialect a WebSocket speaks, by its path or by its first message.
 *
 *   /ws/register/<id>   worker     /ws/<id>   agent     /signal   device     /relay/<id>   relay
 *   any other           "join": room; "register" with a role: vpn, with an id: agent;
 *                       "auth" with a device_id: device
 *
 * A client of /ws/<id> whose first word is that of another dialect moves there: the room server and
 * the first vpn server listen on every path. */
#include <stdio.h>

#include "base/alloc.h"
#include "base/str.h"
#include "signal/hub_accounts.h"
#include "signal/hub_inner.h"

/* ---- the first message ----------------------------------------------------------------------- */

static const struct adit_hub_dialect *dialect_of(const json_t *message)
{
    const char *type = adit_json_string(message, "type");

    if (!type)
        return NULL;
    if (strcmp(type, "join") == 0)
        return &adit_hub_room;
    if (strcmp(type, "auth") == 0 && json_object_get(message, "device_id"))
        return &adit_hub_device;
    if (strcmp(type, "register") == 0)
        return json_object_get(message, "id") && !json_object_get(message, "role") ? &adit_hub_agent
                                                                                   : &adit_hub_vpn;
    return NULL;
}

/* Until it is known what is spoken, the answers are those of the only server that has any. */
static void on_garbled(struct adit_hub_client *c, adit_time now)
{
    adit_hub_room.garbled(c, now);
}

static void on_message(struct adit_hub_client *c, const json_t *message, const char *text, size_t n,
                       adit_time now)
{
    const struct adit_hub_dialect *d = dialect_of(message);

    if (!d) {
        adit_hub_room.message(c, message, text, n, now);
        return;
    }
    if (d != &adit_hub_device && !adit_hub_admit(c, message, now))
        return;
    c->dialect = d;
    if (d == &adit_hub_device)
        adit_hub_device_open(c, NULL, now);
    if (!c->closing)
        d->message(c, message, text, n, now);
}

const struct adit_hub_dialect adit_hub_first = {
    .name = "undecided",
    .garbled = on_garbled,
    .message = on_message,
    .binary = true,
};

/* ---- browsers -------------------------------------------------------------------------------- */

/* Is the page from this host? For a server that trusts everybody who can reach it. */
static bool is_local(const char *origin)
{
    static const char *const hosts[] = { "localhost", "127.0.0.1", "[::1]" };
    const char *host = strstr(origin, "://");

    for (size_t i = 0; host && i < ADIT_LEN(hosts); i++) {
        size_t n = strlen(hosts[i]);
        if (strncmp(host + 3, hosts[i], n) == 0 && (!host[3 + n] || host[3 + n] == ':'))
            return true;
    }
    return false;
}

/* Only browsers send Origin, and a page cannot choose what it says. */
static bool page_is_welcome(const struct adit_hub *hub, const struct adit_hub_request *request)
{
    const char *origin = adit_hub_header(request, "origin");

    if (!origin)
        return true;
    for (size_t i = 0; i < hub->conf->origin_count; i++)
        if (strcmp(origin, hub->conf->origins[i]) == 0)
            return true;
    return hub->conf->origin_count == 0 && (!hub->conf->local_pages || is_local(origin));
}

/* ---- the handshake --------------------------------------------------------------------------- */

static struct adit_hub_client *refuse(struct adit_hub_call *call, int status, const char *why)
{
    struct adit_hub_event e = { .what = ADIT_HUB_REFUSED,
                                .dialect = call->request->websocket ? "websocket" : "http",
                                .account = call->who.account,
                                .a = "",
                                .b = why,
                                .remote = call->request->remote };
    char text[160];

    snprintf(text, sizeof text, "%s\n", why);
    adit_hub_reply_text(call, status, text);
    call->hub->ops->event(call->hub->arg, &e);
    return NULL;
}

/* A path by which a dialect is known, and who may come before the first message says who it is. */
struct route {
    const struct adit_hub_dialect *dialect;
    bool token_later;
    char id[ADIT_HUB_ID_MAX + 1]; /* of the path, or device_id */
};

/* 0, or the HTTP status. */
static int find_route(const struct adit_hub_request *request, struct route *r)
{
    int err;

    r->id[0] = '\0';
    r->token_later = true;
    if (strcmp(request->path, "/signal") == 0) {
        r->dialect = &adit_hub_device;
        err = adit_hub_query(request, "device_id", r->id, sizeof r->id);
        return err && err != -ENOENT ? 400 : 0;
    }
    r->dialect = &adit_hub_session;
    err = adit_hub_path_id(request, "/relay/", r->id, sizeof r->id);
    if (err != -ENOENT)
        return err || !adit_hub_id_valid(r->id) ? 400 : 0;
    r->dialect = &adit_hub_worker;
    r->token_later = false;
    err = adit_hub_path_id(request, "/ws/register/", r->id, sizeof r->id);
    if (err == -ENOENT) {
        r->dialect = &adit_hub_agent;
        r->token_later = true;
        err = adit_hub_path_id(request, "/ws/", r->id, sizeof r->id);
    }
    if (err == 0 && !adit_hub_id_valid(r->id))
        err = r->id[0] ? -EINVAL : -ENOENT; /* "/ws/" is any path */
    if (err == -ENOENT) {
        r->dialect = &adit_hub_first;
        r->token_later = true;
        err = 0;
    }
    return err ? 400 : 0;
}

/* For connect-requests: the relay of this server, as the client itself names the server. */
static void name_relay(struct adit_hub_client *c, const struct adit_hub_request *request)
{
    const char *host = adit_hub_header(request, "host");
    char url[300];

    if (!c->hub->conf->carry || !host || strlen(host) > ADIT_HUB_ID_MAX)
        return;
    snprintf(url, sizeof url, "%s://%s", request->secure ? "wss" : "ws", host);
    c->hint = adit_strdup(url); /* without memory it is not told */
}

static struct adit_hub_client *open_websocket(struct adit_hub_call *call)
{
    struct adit_hub *hub = call->hub;
    struct adit_hub_address *address = call->address;
    struct adit_hub_client *c;
    struct adit_cause cause = { .text = "" };
    char token[ADIT_JWT_MAX + 1];
    struct route route;
    int err, status = find_route(call->request, &route);
    bool shown = adit_hub_token_of(call->request, token, sizeof token);

    bool session = route.dialect == &adit_hub_session;

    if (status)
        return refuse(call, status, "that is no id");
    if (session && !hub->conf->carry)
        return refuse(call, 404, "nothing is relayed here");
    if (hub->client_count >= hub->limits.clients)
        return refuse(call, 503, "too many clients");
    if (call->request->remote.family != ADIT_FAMILY_NONE &&
        address->clients >= hub->limits.per_address)
        return refuse(call, 429, "too many clients from this address");
    err = adit_hub_identify(hub, shown ? token : NULL, &call->who, &cause);
    if (err == -EACCES)
        adit_hub_address_ask(hub, address, ADIT_HUB_WRONG_COST, call->now);
    if ((err == -EACCES && !session) || (err && !route.token_later))
        return refuse(call, route.dialect == &adit_hub_device ? 403 : 401, cause.text);
    if (route.dialect == &adit_hub_device && shown &&
        !adit_hub_device_may(hub, &call->who, route.id))
        return refuse(call, 403, "this device is not registered for this account");
    c = adit_hub_client_new(hub, call->request, &call->who, route.dialect, call->conn, call->now);
    if (!c)
        return refuse(call, 503, "no memory");
    if (route.dialect == &adit_hub_device)
        name_relay(c, call->request);
    hub->ops->accept(hub->arg, call->conn, session);
    if (route.dialect == &adit_hub_worker)
        adit_hub_worker_open(c, route.id, call->now);
    else if (route.dialect == &adit_hub_agent)
        adit_hub_agent_open(c, route.id, call->now);
    else if (route.dialect == &adit_hub_device)
        adit_hub_device_open(c, shown ? route.id : NULL, call->now);
    else if (session)
        adit_hub_session_open(c, route.id, shown, call->now);
    return c;
}

struct adit_hub_client *adit_hub_open(struct adit_hub *hub, const struct adit_hub_request *request,
                                      void *conn, adit_time now)
{
    struct adit_hub_call call = { .hub = hub, .request = request, .conn = conn, .now = now };
    struct adit_hub_address *address = adit_hub_address_get(hub, &request->remote, now);

    call.address = address;
    if (!address)
        return refuse(&call, 503, "too many addresses");
    if (!adit_hub_address_ask(hub, address, 1, now))
        return refuse(&call, 429, "too many requests");
    if (!page_is_welcome(hub, request))
        return refuse(&call, 403, "pages from this origin are not welcome");
    if (hub->down)
        return refuse(&call, 503, "the server is going away");
    return request->websocket ? open_websocket(&call) : adit_hub_http(&call);
}
