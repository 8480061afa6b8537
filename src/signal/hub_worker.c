/* hub_worker.c - "worker", the rendezvous service: /ws/register/<id>.
 *
 *   C: {"type":"register_public_ip","ip":"198.51.100.20"}
 *   C: {"type":"update_udp_endpoint","udp_ip":"198.51.100.20","udp_port":50110}
 *   S: {"type":"udp_endpoint_ack","status":"success"}
 *   S: {"type":"p2p_connection_offer","peer_worker_id":…,"peer_udp_ip":…,"peer_udp_port":…}
 *
 * Each endpoint that is told makes its worker ready, also one that was introduced before; the first
 * two of an account that are ready are introduced to each other and are ready no more. What one
 * adit tells another (adit_text, see parcel.h) is handed on; the originals do not know it. */
#include <ctype.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/str.h"
#include "signal/hub_inner.h"

static struct adit_hub_client *of_member(struct adit_link *link)
{
    return adit_container_of(link, struct adit_hub_client, member);
}

static void set_ready(struct adit_hub_client *c, bool ready)
{
    struct adit_hub_worker *w = c->u.worker;

    if (!adit_list_empty(&w->ready)) {
        if (ready) /* keeps its place */
            return;
        adit_list_del(&w->ready);
        c->hub->ready_count--;
    } else if (ready) {
        adit_list_add(&c->hub->ready, &w->ready);
        c->hub->ready_count++;
    }
}

static void left(struct adit_hub_client *c, adit_time now)
{
    (void)now;
    if (!c->u.worker)
        return;
    set_ready(c, false);
    if (c->id)
        adit_hub_emit(c, ADIT_HUB_LEFT, c->id, NULL);
    adit_hub_release(c, ADIT_HUB_WORKER);
    adit_free(c->u.worker);
    c->u.worker = NULL;
}

void adit_hub_worker_open(struct adit_hub_client *c, const char *id, adit_time now)
{
    int err;

    c->u.worker = adit_zalloc(sizeof *c->u.worker);
    if (!c->u.worker) {
        adit_hub_drop(c, ADIT_HUB_CLOSE_ERROR, "no memory", now);
        return;
    }
    c->u.worker->owner = c;
    adit_list_init(&c->u.worker->ready);
    err = adit_hub_claim(c, ADIT_HUB_WORKER, id, ADIT_HUB_CLOSE_RESTART,
                         "New connection from same worker ID / Service Restarting", now);
    if (err) {
        adit_hub_emit(c, ADIT_HUB_REFUSED, id, "this id is taken, or not allowed");
        adit_hub_drop(c, ADIT_HUB_CLOSE_POLICY, "this id is taken, or not allowed", now);
        return;
    }
    adit_hub_settled(c);
    adit_hub_emit(c, ADIT_HUB_JOINED, c->id, NULL);
}

/* ---- introductions --------------------------------------------------------------------------- */

static void offer(struct adit_hub_client *to, const struct adit_hub_client *peer)
{
    adit_hub_say(to, "{s:s,s:s,s:s,s:i}", "type", "p2p_connection_offer", "peer_worker_id",
                 peer->id, "peer_udp_ip", peer->u.worker->udp_text, "peer_udp_port",
                 (int)peer->u.worker->udp.port);
}

static void introduce(struct adit_hub_client *a, struct adit_hub_client *b)
{
    set_ready(a, false);
    set_ready(b, false);
    offer(a, b);
    offer(b, a);
    adit_hub_emit(a, ADIT_HUB_MET, a->id, b->id);
}

/* No account has more than two that are ready, so this walk is short. */
static void pair(struct adit_hub_client *newest)
{
    const char *account = adit_hub_account(newest);
    struct adit_hub_client *first = NULL, *second = NULL;
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&newest->hub->ready, it, tmp)
    {
        struct adit_hub_client *c = adit_container_of(it, struct adit_hub_worker, ready)->owner;
        if (!adit_hub_same(c, account))
            continue;
        if (first) {
            second = c;
            break;
        }
        first = c;
    }
    if (second)
        introduce(first, second);
}

static void on_endpoint(struct adit_hub_client *c, const json_t *message)
{
    const char *ip = adit_json_string(message, "udp_ip"), *text;
    const json_t *port = json_object_get(message, "udp_port");
    struct adit_addr addr = { 0 };
    uint64_t number = 0;

    text = json_string_value(port);
    if (json_is_integer(port) && json_integer_value(port) > 0)
        number = (uint64_t)json_integer_value(port);
    else if (text && adit_str_u64(&number, text, strlen(text), 1, 65535) < 0)
        number = 0;
    if (!ip || number == 0 || number > 65535 || strlen(ip) >= sizeof c->u.worker->udp_text ||
        adit_addr_parse(&addr, ip, strlen(ip)) < 0) {
        adit_hub_say(c, "{s:s,s:s,s:s}", "type", "udp_endpoint_ack", "status", "error", "detail",
                     "Missing IP or Port");
        return;
    }
    addr.port = (uint16_t)number;
    c->u.worker->udp = addr;
    strcpy(c->u.worker->udp_text, ip);
    adit_hub_say(c, "{s:s,s:s}", "type", "udp_endpoint_ack", "status", "success");
    set_ready(c, true);
    pair(c);
}

static void on_echo(struct adit_hub_client *c, const json_t *message)
{
    const json_t *payload = json_object_get(message, "payload");
    const char *text = payload ? adit_json_string(message, "payload") : "";
    struct adit_buf out;
    size_t n;

    if (!text)
        return;
    n = strlen(text);
    adit_buf_init(&out, ADIT_HUB_MESSAGE_MAX + 256);
    adit_buf_printf(&out, "Rendezvous processed: '");
    for (size_t i = 0; i < n; i++)
        adit_buf_add8(&out, (uint8_t)toupper((unsigned char)text[i]));
    adit_buf_printf(&out, "' for worker %s", c->id);
    if (!out.err)
        adit_hub_say(c, "{s:s,s:s,s:s}", "type", "echo_response", "original_payload", text,
                     "processed_by_rendezvous", adit_buf_str(&out));
    adit_buf_done(&out);
}

static void on_deregister(struct adit_hub_client *c, const json_t *message, adit_time now)
{
    const char *id = adit_json_string(message, "worker_id");

    if (!id || strcmp(id, c->id) != 0)
        return;
    adit_hub_say(c, "{s:s,s:s,s:s}", "type", "deregister_ack", "worker_id", c->id, "status",
                 "success");
    adit_hub_drop(c, 1000, "deregistered", now);
}

static void forward(struct adit_hub_client *c, const json_t *message)
{
    const char *to = adit_json_string(message, "to_worker_id");
    struct adit_hub_client *target =
        to ? adit_hub_find(c->hub, ADIT_HUB_WORKER, adit_hub_account(c), to) : NULL;
    json_t *out = target ? json_copy((json_t *)message) : NULL;

    if (out && json_object_set_new(out, "from_worker_id", json_string(c->id))) {
        json_decref(out);
        out = NULL;
    }
    if (out)
        adit_hub_say_json(target, out);
}

static void on_message(struct adit_hub_client *c, const json_t *message, const char *text, size_t n,
                       adit_time now)
{
    const char *type = adit_json_string(message, "type");

    (void)text;
    (void)n;
    if (!type)
        return;
    if (strcmp(type, "register_public_ip") == 0) {
        const char *ip = adit_json_string(message, "ip");
        if (ip && adit_str_copy(c->u.worker->public_text, sizeof c->u.worker->public_text, ip,
                                strlen(ip)) < 0)
            return;
    } else if (strcmp(type, "update_udp_endpoint") == 0) {
        on_endpoint(c, message);
    } else if (strcmp(type, "echo_request") == 0) {
        on_echo(c, message);
    } else if (strcmp(type, "explicit_deregister") == 0) {
        on_deregister(c, message, now);
    } else if (strcmp(type, "adit_text") == 0) {
        forward(c, message);
    }
}

static void on_garbled(struct adit_hub_client *c, adit_time now)
{
    (void)c;
    (void)now; /* passed over, as the original does */
}

const struct adit_hub_dialect adit_hub_worker = {
    .name = "rendezvous",
    .garbled = on_garbled,
    .message = on_message,
    .left = left,
};

/* ---- HTTP ------------------------------------------------------------------------------------ */

static json_t *text_or_null(const char *text)
{
    return *text ? json_string(text) : json_null();
}

static json_t *port_or_null(const struct adit_hub_worker *w)
{
    return w->udp.port ? json_integer(w->udp.port) : json_null();
}

static bool is_ready(const struct adit_hub_client *c)
{
    return !adit_list_empty(&c->u.worker->ready);
}

/* GET /debug/list_workers */
static json_t *describe(const struct adit_hub_client *c)
{
    const struct adit_hub_worker *w = c->u.worker;
    char ip[ADIT_ADDR_STR];

    return json_pack("{s:s,s:i,s:o,s:o,s:o,s:b}", "websocket_observed_ip",
                     adit_addr_str_ip(&c->remote, ip), "websocket_observed_port",
                     (int)c->remote.port, "http_reported_public_ip", text_or_null(w->public_text),
                     "stun_reported_udp_ip", text_or_null(w->udp_text), "stun_reported_udp_port",
                     port_or_null(w), "websocket_connected", 1);
}

void adit_hub_list_workers(struct adit_hub_call *call)
{
    json_t *workers = json_object(), *ready = json_array();
    struct adit_link *it, *tmp;
    size_t n = 0;

    ADIT_LIST_EACH(&call->hub->members[ADIT_HUB_WORKER], it, tmp)
    {
        struct adit_hub_client *c = of_member(it);
        if (!adit_hub_same(c, call->who.account))
            continue;
        json_object_set_new(workers, c->id, describe(c));
        n++;
    }
    ADIT_LIST_EACH(&call->hub->ready, it, tmp)
    {
        struct adit_hub_client *c = adit_container_of(it, struct adit_hub_worker, ready)->owner;
        if (adit_hub_same(c, call->who.account))
            json_array_append_new(ready, json_string(c->id));
    }
    adit_hub_reply_json(call, 200,
                        json_pack("{s:I,s:o,s:I,s:o}", "connected_workers_count", (json_int_t)n,
                                  "workers", workers, "ready_for_pairing_count",
                                  (json_int_t)json_array_size(ready), "ready_list", ready));
}

/* GET /api/workers */
void adit_hub_api_workers(struct adit_hub_call *call)
{
    json_t *workers = json_array();
    struct adit_link *it, *tmp;
    json_int_t ready = 0;

    ADIT_LIST_EACH(&call->hub->members[ADIT_HUB_WORKER], it, tmp)
    {
        struct adit_hub_client *c = of_member(it);
        const struct adit_hub_worker *w = c->u.worker;
        char ip[ADIT_ADDR_STR];
        if (!adit_hub_same(c, call->who.account))
            continue;
        ready += is_ready(c);
        json_array_append_new(
            workers, json_pack("{s:s,s:b,s:b,s:b,s:s,s:i,s:o,s:o,s:o}", "worker_id", c->id,
                               "websocket_connected", 1, "has_udp_endpoint", w->udp.port != 0,
                               "ready_for_pairing", is_ready(c), "websocket_ip",
                               adit_addr_str_ip(&c->remote, ip), "websocket_port",
                               (int)c->remote.port, "public_ip", text_or_null(w->public_text),
                               "udp_ip", text_or_null(w->udp_text), "udp_port", port_or_null(w)));
    }
    json_int_t n = (json_int_t)json_array_size(workers);
    adit_hub_reply_json(call, 200,
                        json_pack("{s:o,s:I,s:I,s:I}", "workers", workers, "total_count", n,
                                  "connected_count", n, "ready_count", ready));
}

/* POST /api/connect {"worker_a_id":…,"worker_b_id":…} */
void adit_hub_api_connect(struct adit_hub_call *call)
{
    static const char *const names[] = { "worker_a_id", "worker_b_id" };
    struct adit_hub_client *c[2];
    const char *id[2];
    struct adit_cause cause;
    char text[2 * ADIT_HUB_ID_MAX + 64];
    json_t *body = adit_json_read(call->request->body, call->request->body_len, &cause);

    for (int i = 0; i < 2; i++) {
        id[i] = adit_json_string(body, names[i]);
        if (!adit_hub_id_valid(id[i])) {
            adit_hub_reply_detail(call, 422, "worker_a_id and worker_b_id are needed");
            goto out;
        }
        c[i] = adit_hub_find(call->hub, ADIT_HUB_WORKER, call->who.account, id[i]);
    }
    if (strcmp(id[0], id[1]) == 0) {
        adit_hub_reply_detail(call, 400, "Cannot connect a worker to itself");
        goto out;
    }
    for (int i = 0; i < 2; i++) {
        if (c[i] && c[i]->u.worker->udp.port)
            continue;
        snprintf(text, sizeof text,
                 c[i] ? "Worker '%s' UDP endpoint not available" : "Worker '%s' not found", id[i]);
        adit_hub_reply_detail(call, c[i] ? 400 : 404, text);
        goto out;
    }
    introduce(c[0], c[1]);
    snprintf(text, sizeof text, "Connection initiated between %s and %s", id[0], id[1]);
    adit_hub_reply_json(call, 200, json_pack("{s:b,s:s}", "success", 1, "message", text));
out:
    json_decref(body);
}
