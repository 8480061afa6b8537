/* hub_http.c - requests that are no WebSockets: which is for whom, and what the server says of
 * itself. */
#include "base/str.h"
#include "signal/hub_accounts.h"

enum need { NOTHING, SOMEBODY };

/* GET /: the fields of all original servers that answer here. */
static void on_root(struct adit_hub_call *call)
{
    adit_hub_reply_json(call, 200,
                        json_pack("{s:s,s:s,s:I,s:I}", "message", "WebSocket server running",
                                  "version", "1.0.0", "connected_clients",
                                  (json_int_t)call->hub->member_count[ADIT_HUB_AGENT],
                                  "active_rooms", (json_int_t)adit_hub_room_count(call->hub)));
}

static void on_health(struct adit_hub_call *call)
{
    char date[24];

    adit_hub_date(date, call->hub->ops->wall(call->hub->arg));
    adit_hub_reply_json(call, 200, json_pack("{s:s,s:s}", "status", "ok", "timestamp", date));
}

/* GET /status: who is there, of the caller's account. Names of rooms are secrets and stay here. */
static void on_status(struct adit_hub_call *call)
{
    json_t *clients = json_array();
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&call->hub->members[ADIT_HUB_AGENT], it, tmp)
    {
        const struct adit_hub_client *c = adit_container_of(it, struct adit_hub_client, member);
        if (adit_hub_same(c, call->who.account))
            json_array_append_new(clients, json_string(c->id));
    }
    adit_hub_reply_json(call, 200,
                        json_pack("{s:I,s:o,s:I,s:{}}", "connected_clients",
                                  (json_int_t)json_array_size(clients), "clients", clients,
                                  "active_rooms", (json_int_t)adit_hub_room_count(call->hub),
                                  "rooms"));
}

/* Browsers ask before they send what a form could not. Tokens are never sent by themselves, so any
 * page may ask. */
static void on_options(struct adit_hub_call *call)
{
    adit_hub_reply_empty(call, 204,
                         "Access-Control-Allow-Methods: GET, POST, PUT, DELETE\r\n"
                         "Access-Control-Allow-Headers: Authorization, Content-Type\r\n"
                         "Access-Control-Max-Age: 86400\r\n");
}

static const struct {
    const char *method, *path; /* "GET" is good for HEAD as well */
    enum need need;
    void (*run)(struct adit_hub_call *call);
} pages[] = {
    { "GET", "/", NOTHING, on_root },
    { "GET", "/health", NOTHING, on_health },
    { "GET", "/status", SOMEBODY, on_status },
    { "GET", "/debug/list_workers", SOMEBODY, adit_hub_list_workers },
    { "GET", "/api/workers", SOMEBODY, adit_hub_api_workers },
    { "POST", "/api/connect", SOMEBODY, adit_hub_api_connect },
    { "GET", "/turn", SOMEBODY, adit_hub_turn },
};

static bool is_method(const char *given, const char *wanted)
{
    return strcmp(given, wanted) == 0 || (strcmp(given, "HEAD") == 0 && strcmp(wanted, "GET") == 0);
}

static bool known(struct adit_hub_call *call)
{
    if (call->who.known)
        return true;
    adit_hub_reply_detail(call, 401,
                          call->shown ? "This token is not good here"
                                      : "A token is needed: Authorization: Bearer …");
    return false;
}

struct adit_hub_client *adit_hub_http(struct adit_hub_call *call)
{
    const struct adit_hub_request *request = call->request;
    char token[ADIT_JWT_MAX + 1];
    struct adit_cause cause;
    bool other_method = false;

    if (strcmp(request->method, "OPTIONS") == 0) {
        on_options(call);
        return NULL;
    }
    call->shown = adit_hub_token_of(request, token, sizeof token);
    if (adit_hub_identify(call->hub, call->shown ? token : NULL, &call->who, &cause) == -EACCES)
        adit_hub_address_ask(call->hub, call->address, ADIT_HUB_WRONG_COST, call->now);
    for (size_t i = 0; i < ADIT_LEN(pages); i++) {
        if (strcmp(request->path, pages[i].path) != 0)
            continue;
        other_method = !is_method(request->method, pages[i].method);
        if (!other_method) {
            if (pages[i].need == NOTHING || known(call))
                pages[i].run(call);
            return NULL;
        }
    }
    if (adit_str_starts(request->path, "/box/"))
        return known(call) ? adit_hub_box_call(call) : NULL;
    if ((strcmp(request->path, "/auth/register") == 0 ||
         strcmp(request->path, "/auth/login") == 0) &&
        strcmp(request->method, "POST") == 0)
        return adit_hub_auth_call(call);
    if (strcmp(request->path, "/devices") == 0 || adit_str_starts(request->path, "/devices/"))
        adit_hub_devices_call(call);
    else
        adit_hub_reply_detail(call, other_method ? 405 : 404,
                              other_method ? "Method Not Allowed" : "Not Found");
    return NULL;
}
