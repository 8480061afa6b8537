/* hub.c - clients: opened, fed, closed; see hub.h. */
#include "signal/hub.h"

#include "base/alloc.h"
#include "signal/hub_accounts.h"
#include "signal/hub_carry.h"
#include "signal/hub_inner.h"

struct adit_hub *adit_hub_new(const struct adit_hub_conf *conf, const struct adit_hub_ops *ops,
                              void *arg, struct adit_rng *rng)
{
    struct adit_hub *hub = adit_zalloc(sizeof *hub);

    if (!hub)
        return NULL;
    hub->ops = ops;
    hub->arg = arg;
    hub->rng = rng;
    adit_list_init(&hub->clients);
    adit_list_init(&hub->leaving);
    adit_list_init(&hub->ready);
    hub->box_number = (uint64_t)ops->wall(arg) * 1000000; /* above what was before a restart */
    for (int i = 0; i < ADIT_HUB_KINDS; i++)
        adit_list_init(&hub->members[i]);
    adit_map_init(&hub->addresses, rng);
    adit_map_init(&hub->names, rng);
    adit_map_init(&hub->pairs, rng);
    adit_map_init(&hub->rooms, rng);
    adit_map_init(&hub->boxes, rng);
    adit_hub_limit_start(hub);
    adit_hub_configure(hub, conf);
    hub->accounts = adit_hub_accounts_new(hub);
    hub->carries = adit_hub_carries_new(hub);
    return hub->accounts && hub->carries ? hub : adit_hub_free(hub);
}

struct adit_hub *adit_hub_free(struct adit_hub *hub)
{
    if (!hub)
        return NULL;
    assert(hub->client_count == 0);
    adit_hub_boxes_free(hub);
    adit_hub_accounts_free(hub->accounts);
    adit_hub_carries_free(hub->carries);
    adit_hub_addresses_free(hub);
    adit_map_done(&hub->names);
    adit_map_done(&hub->pairs);
    adit_map_done(&hub->rooms);
    adit_map_done(&hub->boxes);
    adit_free(hub);
    return NULL;
}

void adit_hub_configure(struct adit_hub *hub, const struct adit_hub_conf *conf)
{
    hub->conf = conf;
    hub->limits = conf->limits;
    adit_hub_limits_fill(&hub->limits);
}

size_t adit_hub_count(const struct adit_hub *hub)
{
    return hub->client_count;
}

/* ---- time ------------------------------------------------------------------------------------ */

void adit_hub_timer_set(struct adit_hub *hub, struct adit_hub_timer *timer, adit_time at)
{
    adit_heap_remove(&hub->timers, &timer->node);
    if (at != ADIT_NEVER)
        adit_heap_add(&hub->timers, &timer->node, at);
}

adit_time adit_hub_deadline(const struct adit_hub *hub)
{
    const struct adit_heap_node *first = adit_heap_first(&hub->timers);

    return first ? first->at : ADIT_NEVER;
}

void adit_hub_tick(struct adit_hub *hub, adit_time now)
{
    struct adit_heap_node *first;

    while ((first = adit_heap_first(&hub->timers)) != NULL && first->at <= now) {
        struct adit_hub_timer *timer = adit_container_of(first, struct adit_hub_timer, node);
        adit_heap_remove(&hub->timers, first);
        timer->fire(timer, now);
    }
}

static void on_hello(struct adit_hub_timer *timer, adit_time now)
{
    adit_hub_drop(adit_container_of(timer, struct adit_hub_client, timer), ADIT_HUB_CLOSE_POLICY,
                  "nothing was said in time", now);
}

void adit_hub_settled(struct adit_hub_client *c)
{
    if (c->timer.fire == on_hello)
        adit_hub_timer_set(c->hub, &c->timer, ADIT_NEVER);
}

/* ---- clients --------------------------------------------------------------------------------- */

void adit_hub_emit(const struct adit_hub_client *c, enum adit_hub_what what, const char *a,
                   const char *b)
{
    struct adit_hub_event e = {
        .what = what,
        .dialect = c->dialect->name,
        .account = adit_hub_account(c),
        .a = a ? a : "",
        .b = b ? b : "",
        .remote = c->remote,
    };

    c->hub->ops->event(c->hub->arg, &e);
}

static void free_client(struct adit_hub_client *c)
{
    c->address->clients--;
    c->hub->client_count--;
    adit_list_del(&c->link);
    adit_hub_timer_set(c->hub, &c->timer, ADIT_NEVER);
    adit_free(c->account);
    adit_free(c->ids);
    adit_free(c->hint);
    adit_free(c->host);
    adit_free(c->name_key);
    adit_free(c);
}

/* Only where it will be told from it where the TURN server is. */
static int keep_host(struct adit_hub_client *c, const struct adit_hub_request *request)
{
    const struct adit_hub_here *here = &c->hub->conf->here;
    const char *host = here->stun || here->turn ? adit_hub_header(request, "host") : NULL;

    if (!host)
        return 0;
    c->host = adit_strdup(host);
    return c->host ? 0 : -ENOMEM;
}

struct adit_hub_client *adit_hub_client_new(struct adit_hub *hub,
                                            const struct adit_hub_request *request,
                                            const struct adit_hub_who *who,
                                            const struct adit_hub_dialect *dialect, void *conn,
                                            adit_time now)
{
    struct adit_hub_address *address = adit_hub_address_get(hub, &request->remote, now);
    struct adit_hub_client *c = address ? adit_zalloc(sizeof *c) : NULL;

    if (!c)
        return NULL;
    *c = (struct adit_hub_client){ .hub = hub,
                                   .conn = conn,
                                   .dialect = dialect,
                                   .address = address,
                                   .remote = request->remote,
                                   .waiting = !request->websocket };
    address->clients++;
    hub->client_count++;
    adit_list_add(&hub->clients, &c->link);
    adit_list_init(&c->member);
    adit_list_init(&c->pairs);
    if (adit_hub_client_is(c, who) < 0 || keep_host(c, request) < 0) {
        free_client(c);
        return NULL;
    }
    if (!c->waiting) {
        c->timer.fire = on_hello;
        adit_hub_timer_set(hub, &c->timer, now + ADIT_HUB_HELLO);
    }
    return c;
}

struct adit_hub_client *adit_hub_client_waits(const struct adit_hub_call *call,
                                              const struct adit_hub_dialect *dialect)
{
    struct adit_hub *hub = call->hub;
    struct adit_hub_client *c = NULL;

    if (hub->client_count < hub->limits.clients && call->address->clients < hub->limits.per_address)
        c = adit_hub_client_new(hub, call->request, &call->who, dialect, call->conn, call->now);
    if (!c)
        adit_hub_reply_text(call, 429, "too many wait already\n");
    return c;
}

/* Out of everything; what it was told so far may still leave. */
static void take_out(struct adit_hub_client *c, adit_time now)
{
    c->closing = true;
    adit_hub_timer_set(c->hub, &c->timer, ADIT_NEVER);
    if (c->dialect->left)
        c->dialect->left(c, now);
    adit_hub_carry_left(c);
}

void adit_hub_drop(struct adit_hub_client *c, unsigned code, const char *reason, adit_time now)
{
    if (c->closing)
        return;
    take_out(c, now);
    c->hub->ops->close(c->hub->arg, c->conn, code, reason);
}

void adit_hub_closed(struct adit_hub_client *c, adit_time now)
{
    if (!c->closing)
        take_out(c, now);
    free_client(c);
}

void adit_hub_answer(struct adit_hub_client *c, int status, const char *type, const void *body,
                     size_t n, const char *header, adit_time now)
{
    struct adit_hub_reply reply = {
        .status = status, .type = type, .header = header, .body = body, .n = n
    };

    take_out(c, now);
    c->hub->ops->reply(c->hub->arg, c->conn, &reply);
    free_client(c);
}

/* Nobody is told that another one left: that is not what happened, and it would end what two peers
 * are about to agree on. */
void adit_hub_shutdown(struct adit_hub *hub, adit_time now)
{
    struct adit_link *it, *tmp;

    hub->down = true;
    adit_hub_keep(hub, now);
    ADIT_LIST_EACH(&hub->clients, it, tmp)
    {
        struct adit_hub_client *c = adit_container_of(it, struct adit_hub_client, link);
        if (c->waiting) {
            adit_hub_answer(c, 503, "text/plain", "the server is going away\n", 25, "", now);
        } else if (!c->closing) {
            c->closing = true;
            hub->ops->close(hub->arg, c->conn, ADIT_HUB_CLOSE_RESTART, "the server is restarting");
            adit_list_del(&c->link);
            adit_list_add(&hub->leaving, &c->link);
        }
    }
    ADIT_LIST_EACH(&hub->leaving, it, tmp)
    take_out(adit_container_of(it, struct adit_hub_client, link), now);
}

/* ---- messages -------------------------------------------------------------------------------- */

static void take_json(struct adit_hub_client *c, const char *bytes, size_t n, adit_time now)
{
    struct adit_cause cause;
    json_t *message = adit_json_read(bytes, n, &cause);

    if (message)
        c->dialect->message(c, message, bytes, n, now);
    else if (c->dialect->garbled)
        c->dialect->garbled(c, now);
    else
        adit_hub_drop(c, ADIT_HUB_CLOSE_POLICY, "that was no JSON", now);
    json_decref(message);
}

void adit_hub_message(struct adit_hub_client *c, bool binary, const char *bytes, size_t n,
                      adit_time now)
{
    const struct adit_hub_limits *l = &c->hub->limits;

    if (c->closing || c->waiting)
        return;
    if (c->dialect->raw && c->dialect->raw(c, binary, bytes, n, now))
        return;
    if (!adit_hub_rate_take(&c->messages, l->message_rate, l->message_burst, 1, now)) {
        adit_hub_emit(c, ADIT_HUB_REFUSED, c->id, "too many messages");
        adit_hub_drop(c, ADIT_HUB_CLOSE_POLICY, "too many messages", now);
    } else if (binary && !c->dialect->binary) {
        adit_hub_drop(c, ADIT_HUB_CLOSE_DATA, "text is spoken here", now);
    } else if (n <= ADIT_HUB_MESSAGE_MAX) {
        take_json(c, bytes, n, now);
    } else if (c->dialect->too_long) {
        c->dialect->too_long(c, now);
    } else {
        adit_hub_drop(c, ADIT_HUB_CLOSE_SIZE, "a message may have 64 KiB", now);
    }
}
