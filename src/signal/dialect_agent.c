/* dialect_agent.c - WS /ws/<id>, register, messages routed by `to` (the MVP agent's server).
 *
 * The server knows us by the path; `register` is only logged there, and not every server answers
 * it, so we count as joined when the WebSocket stands. Its `error` has a field `message`. An URL
 * without a path is used as it is first, and as /ws/<id> when that is refused.
 *
 * Our own server answers "relay" in `register` with what it hands on, and then takes binary
 * messages (haul.h); hub_agent.c has the rest of that. */
#include <stdio.h>

#include "base/str.h"
#include "signal/say.h"

#define PING_EVERY (30 * ADIT_SEC)

struct agent {
    struct adit_dialect_state s;
    bool with_id; /* add /ws/<id> to the target */
    char authorization[1024 + 8];
    adit_time ping_at;
    adit_time packets; /* when the next may leave, and one second before it, at the server's rate */
};

static struct agent *agent_of(struct adit_dialect_state *s)
{
    return adit_container_of(s, struct agent, s);
}

/* The id that the path names: /ws/alice. */
static bool id_of_path(struct agent *a, const char *target)
{
    const char *name = strstr(target, "/ws/");
    size_t len = adit_say_path_len(target);

    if (!name || (size_t)(name - target) >= len)
        return false;
    name += 4;
    len -= (size_t)(name - target);
    return len && !memchr(name, '/', len) && !memchr(name, '%', len) &&
           adit_str_copy(a->s.id, sizeof a->s.id, name, len) == 0;
}

static int start(struct adit_dialect_state *s, struct adit_cause *ret_cause, adit_time now)
{
    struct agent *a = agent_of(s);
    const char *token = s->conf->token;

    (void)now;
    a->ping_at = ADIT_NEVER;
    if (token && (!adit_say_is_word(token) ||
                  snprintf(a->authorization, sizeof a->authorization, "Bearer %s", token) >=
                      (int)sizeof a->authorization)) {
        adit_cause_set(ret_cause, ADIT_REASON_LOCAL, EINVAL,
                       "the token must have at most 1024 bytes and no control characters");
        return -EINVAL;
    }
    if (!s->conf->id && id_of_path(a, s->conf->target))
        return 0;
    return adit_say_id(s, "adit-", ret_cause);
}

static bool may_add_id(const char *target)
{
    size_t len = adit_say_path_len(target);

    return target[len] == 0 &&
           (len <= 1 || strcmp(target, "/ws") == 0 || strcmp(target, "/ws/") == 0);
}

static void begin(struct adit_dialect_state *s, adit_time now)
{
    struct agent *a = agent_of(s);
    struct adit_dialect_request r = { .target = s->conf->target };
    struct adit_buf target;

    (void)now;
    adit_buf_init(&target, ADIT_DIALECT_TARGET_MAX);
    if (a->with_id) {
        adit_buf_printf(&target, "/ws/");
        adit_say_escaped(&target, s->id);
        r.target = adit_buf_str(&target);
    }
    if (a->authorization[0])
        r.headers[r.header_count++] =
            (struct adit_dialect_header){ "Authorization", a->authorization };
    s->ops->websocket(s->arg, &r);
    adit_buf_done(&target);
}

static void opened(struct adit_dialect_state *s, adit_time now)
{
    const char *token = s->conf->token;
    json_t *m = json_pack("{s:s, s:s, s:s?}", "type", "register", "id", s->id, "token", token);

    agent_of(s)->ping_at = now + PING_EVERY;
    if (m && s->conf->relay)
        json_object_set_new(m, "relay", json_true());
    if (adit_say_send(s, m) == 0)
        adit_say_joined(s);
    else
        adit_say_fail(s, false, false, "no memory to register");
}

static bool lost(struct adit_dialect_state *s, int http_status, unsigned close_code,
                 const char *close_reason, struct adit_cause *cause, bool *ret_final, adit_time now)
{
    struct agent *a = agent_of(s);
    bool refused = http_status == 403 || http_status == 404;

    (void)close_code, (void)close_reason, (void)cause, (void)ret_final, (void)now;
    a->ping_at = ADIT_NEVER;
    s->relay_rate = 0;
    if (refused && !a->with_id && may_add_id(s->conf->target)) {
        a->with_id = true;
        return true;
    }
    if (http_status)
        a->with_id = false; /* next time from the beginning: servers are replaced */
    return false;
}

/* "Target client <id> not found" */
static void on_error(struct adit_dialect_state *s, const json_t *m)
{
    static const char before[] = "Target client ", after[] = " not found";
    const char *text = adit_json_string(m, "message");
    char peer[ADIT_SIGNAL_PEER_MAX + 1];

    if (!text)
        text = adit_json_string(m, "error");
    if (!text)
        text = "an error without a reason";
    size_t n = strlen(text), frame = sizeof before + sizeof after - 2;
    if (n > frame && adit_str_starts(text, before) &&
        strcmp(text + n - (sizeof after - 1), after) == 0 &&
        adit_str_copy(peer, sizeof peer, text + sizeof before - 1, n - frame) == 0)
        adit_say_error(s, peer, ENOENT, "%s is not at the server", peer);
    else
        adit_say_error(s, "", 0, "the server says: %s", text);
}

static void on_registered(struct adit_dialect_state *s, const json_t *m)
{
    const json_t *rate = json_object_get(json_object_get(m, "relay"), "rate");
    json_int_t n = json_integer_value(rate);

    if (s->conf->relay)
        s->relay_rate = n < 0 ? 0 : n > UINT32_MAX ? UINT32_MAX : (unsigned)n;
}

/* Does the server hand on packets between the sender of this and us? */
static bool relays(const struct adit_dialect_state *s, const json_t *m)
{
    return s->relay_rate && json_is_true(json_object_get(m, "relay"));
}

static void text(struct adit_dialect_state *s, const char *bytes, size_t n, adit_time now)
{
    const char *type, *from, *to;
    json_t *m = adit_say_read(s, bytes, n, &type);

    (void)now;
    if (!m)
        return;
    from = adit_say_name(m, "from");
    to = adit_json_string(m, "to");
    if (strcmp(type, "error") == 0)
        on_error(s, m);
    else if (strcmp(type, "registered") == 0)
        on_registered(s, m);
    else if (strcmp(type, "ping") == 0 || strcmp(type, "pong") == 0)
        ; /* nothing to do */
    else if (!from || (to && strcmp(to, s->id) != 0))
        ; /* not for us; the original peers say nothing either */
    else if (strcmp(type, "offer") == 0)
        adit_say_description_of(s, from, ADIT_SIGNAL_OFFER, json_object_get(m, "sdp"),
                                relays(s, m));
    else if (strcmp(type, "answer") == 0)
        adit_say_description_of(s, from, ADIT_SIGNAL_ANSWER, json_object_get(m, "sdp"),
                                relays(s, m));
    else if (strcmp(type, "candidate") == 0)
        adit_say_candidate(s, from, json_object_get(m, "candidate"), m);
    else if (strcmp(type, "bye") == 0)
        adit_say_event(s, ADIT_SIGNAL_BYE, from);
    json_decref(m);
}

/* Of a server that was not asked for any, it is what the original servers send: text. */
static void binary(struct adit_dialect_state *s, const void *bytes, size_t n, adit_time now)
{
    struct adit_haul packet;

    if (!s->relay_rate)
        text(s, bytes, n, now);
    else if (adit_haul_read(&packet, bytes, n) == 0 && adit_say_is_word(packet.name))
        s->ops->packet(s->arg, &packet);
}

static adit_time deadline(const struct adit_dialect_state *s)
{
    return adit_container_of(s, const struct agent, s)->ping_at;
}

/* The server has no handler for it; it shows that the way there is alive. */
static void tick(struct adit_dialect_state *s, adit_time now)
{
    struct agent *a = agent_of(s);

    if (now < a->ping_at)
        return;
    a->ping_at = now + PING_EVERY;
    if (adit_say_send(s, json_pack("{s:s}", "type", "ping")) < 0)
        adit_say_error(s, "", ENOMEM, "no memory for a ping");
}

static int call(struct adit_dialect_state *s, const char *peer, adit_time now)
{
    (void)now;
    adit_say_peer(s, peer, true);
    return 0;
}

static int describe(struct adit_dialect_state *s, const char *peer, enum adit_signal_type type,
                    const char *sdp, size_t n, adit_time now)
{
    (void)now;
    return adit_say_send(s, json_pack("{s:s, s:s, s:s, s:s%}", "type",
                                      type == ADIT_SIGNAL_OFFER ? "offer" : "answer", "from", s->id,
                                      "to", peer, "sdp", sdp, n));
}

static int candidate(struct adit_dialect_state *s, const char *peer, const char *line,
                     const char *mid, int mline, adit_time now)
{
    json_t *o = line ? adit_say_candidate_object(line, mid, mline, false) : json_null();

    (void)now;
    return adit_say_send(s, json_pack("{s:s, s:s, s:s, s:o}", "type", "candidate", "from", s->id,
                                      "to", peer, "candidate", o));
}

static int bye(struct adit_dialect_state *s, const char *peer, adit_time now)
{
    (void)now;
    return adit_say_send(s, json_pack("{s:s, s:s, s:s}", "type", "bye", "from", s->id, "to", peer));
}

/* Faster than the server hands it on, it would be lost there, and we with it. */
static int packet(struct adit_dialect_state *s, const struct adit_haul *p, adit_time now)
{
    struct agent *a = agent_of(s);
    uint8_t out[ADIT_HAUL_MAX];
    size_t n = adit_haul_write(out, p);
    adit_time level;

    if (!s->relay_rate)
        return -ENOTSUP;
    if (n == 0)
        return -EMSGSIZE;
    level = adit_time_max(a->packets, now) + n * ADIT_SEC / s->relay_rate;
    if (level > now + ADIT_SEC)
        return -EAGAIN;
    a->packets = level;
    s->ops->carry(s->arg, out, n);
    return 0;
}

const struct adit_dialect adit_dialect_agent = {
    .name = "agent",
    .summary = "register{id}, messages with from and to (MVP Agent); the default",
    .traits = { .label = "mvp",
                .mode = "chat",
                .text_is_binary = true,
                .complete = true,
                .trickle = true,
                .keepalive = "",
                .warning = "this server lets anybody take any name, and lists who is there: "
                           "only fingerprints say who it is",
                .port = 8000,
                .retry_first = ADIT_SEC,
                .retry_max = 60 * ADIT_SEC,
                .retry_factor_x10 = 20,
                .retry_jitter_percent = 30,
                .retry_tries = 10 },
    .size = sizeof(struct agent),
    .start = start,
    .begin = begin,
    .opened = opened,
    .text = text,
    .binary = binary,
    .packet = packet,
    .lost = lost,
    .deadline = deadline,
    .tick = tick,
    .call = call,
    .describe = describe,
    .candidate = candidate,
    .bye = bye,
};
