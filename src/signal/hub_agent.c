/* hub_agent.c - "agent": offers and answers by id. /ws/<id>, or register with an id on any path.
 *
 *   C: {"type":"register","id":"alice","token":null}
 *   S: {"type":"registered","id":"alice","status":"success"}
 *   C: {"type":"offer","from":"alice","to":"bob","sdp":"v=0…"}     also answer, candidate, bye
 *   S: {"type":"error","message":"Target client bob not found"}
 *
 * Messages are made anew from the fields that are known, with the sender's true id in `from`.
 *
 * A client that says "relay":true when it registers takes packets as well (haul.h), and is told
 * whether this server hands them on: "relay":{"rate":bytes a second}. If both sides of an offer or
 * an answer do, it carries "relay":true. Nobody else sees any of it. */
#include "base/alloc.h"
#include "signal/hub_carry.h"

static bool take_id(struct adit_hub_client *c, const char *id, adit_time now)
{
    static const char *const why[] = { "this id is taken", "the token does not allow this id",
                                       "that is no id", "no memory" };
    int err = adit_hub_claim(c, ADIT_HUB_AGENT, id, ADIT_HUB_CLOSE_POLICY,
                             "a newer connection has this id", now);
    const char *text;

    if (err == 0) {
        adit_hub_settled(c);
        adit_hub_emit(c, ADIT_HUB_JOINED, c->id, NULL);
        return true;
    }
    text = why[err == -EEXIST ? 0 : err == -EACCES ? 1 : err == -EINVAL ? 2 : 3];
    adit_hub_emit(c, ADIT_HUB_REFUSED, id, text);
    adit_hub_say_error(c, "%s", text);
    adit_hub_drop(c, ADIT_HUB_CLOSE_POLICY, text, now);
    return false;
}

void adit_hub_agent_open(struct adit_hub_client *c, const char *id, adit_time now)
{
    c->hint = adit_strdup(id); /* the path's id, until a token allows it */
    if (!c->hint)
        adit_hub_drop(c, ADIT_HUB_CLOSE_ERROR, "no memory", now);
    else if (c->known)
        take_id(c, id, now);
}

static void on_register(struct adit_hub_client *c, const json_t *message, adit_time now)
{
    /* The path's id counts, whatever the message says. */
    const char *id = c->hint ? c->hint : adit_json_string(message, "id");

    if (!adit_hub_admit(c, message, now) || (!c->id && !take_id(c, id, now)))
        return;
    c->carries = c->hub->conf->carry && json_is_true(json_object_get(message, "relay"));
    if (c->carries)
        adit_hub_say(c, "{s:s,s:s,s:s,s:{s:I}}", "type", "registered", "id", c->id, "status",
                     "success", "relay", "rate", (json_int_t)c->hub->limits.carry_rate);
    else
        adit_hub_say(c, "{s:s,s:s,s:s}", "type", "registered", "id", c->id, "status", "success");
}

#define CANDIDATE 2

/* What a kind of message carries, beside from and to. */
static const struct {
    const char *type, *field;
} carried[] = {
    { "offer", "sdp" },
    { "answer", "sdp" },
    [CANDIDATE] = { "candidate", "candidate" },
    { "bye", NULL },
};

static void forward(struct adit_hub_client *c, size_t kind, const json_t *message, adit_time now)
{
    const char *to = adit_json_string(message, "to"), *field = carried[kind].field;
    struct adit_hub_client *target;
    json_t *value = field ? json_object_get(message, field) : NULL, *out;

    if (!adit_hub_admit(c, message, now) || !c->id || !to || !*to)
        return;
    target = adit_hub_find(c->hub, ADIT_HUB_AGENT, adit_hub_account(c), to);
    if (!target) {
        if (field) /* nobody waits for the end of what is gone */
            adit_hub_say_error(c, "Target client %.128s not found", to);
        return;
    }
    out = json_pack("{s:s,s:s,s:s}", "type", carried[kind].type, "from", c->id, "to", to);
    if (out && field && json_object_set_new(out, field, value ? json_incref(value) : json_null())) {
        json_decref(out);
        out = NULL;
    }
    if (out && field && c->carries && target->carries && kind != CANDIDATE)
        json_object_set_new(out, "relay", json_true());
    adit_hub_say_json(target, out);
    if (kind == 0)
        adit_hub_emit(c, ADIT_HUB_MET, c->id, target->id);
}

static bool on_packet(struct adit_hub_client *c, bool binary, const char *bytes, size_t n,
                      adit_time now)
{
    if (!binary || !c->carries)
        return false;
    adit_hub_carry(c, bytes, n, now);
    return true;
}

static void left(struct adit_hub_client *c, adit_time now)
{
    (void)now;
    if (c->id)
        adit_hub_emit(c, ADIT_HUB_LEFT, c->id, NULL);
    adit_hub_release(c, ADIT_HUB_AGENT);
}

static void on_message(struct adit_hub_client *c, const json_t *message, const char *text, size_t n,
                       adit_time now)
{
    const char *type = adit_json_string(message, "type");

    if (!type)
        return;
    if (strcmp(type, "join") == 0 ||
        (strcmp(type, "register") == 0 && json_object_get(message, "role"))) {
        left(c, now);
        adit_hub_carry_left(c);
        c->dialect = &adit_hub_first;
        c->dialect->message(c, message, text, n, now);
        return;
    }
    if (strcmp(type, "register") == 0) {
        on_register(c, message, now);
        return;
    }
    for (size_t i = 0; i < ADIT_LEN(carried); i++)
        if (strcmp(type, carried[i].type) == 0)
            forward(c, i, message, now);
}

const struct adit_hub_dialect adit_hub_agent = {
    .name = "agent",
    .message = on_message,
    .left = left,
    .raw = on_packet,
};
