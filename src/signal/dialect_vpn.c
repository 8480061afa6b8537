/* dialect_vpn.c - a pair of roles in a room: register{role,room}, then `ready` (the layer-2 VPN).
 *
 * The server says nothing until both roles are there, and closes without a word when a role is
 * taken or the registration is wrong. It forwards the raw text to the other role. `ready` comes
 * again whenever a registration completes the pair. The peer's name is its role. Older servers take
 * any path, newer ones /ws alone. */
#include "base/str.h"
#include "signal/say.h"

struct vpn {
    struct adit_dialect_state s;
    bool other_path; /* "/" and "/ws" exchanged */
    bool ready;      /* the other one is there */
    bool paired;     /* and was, since the WebSocket stands */
};

static struct vpn *vpn_of(struct adit_dialect_state *s)
{
    return adit_container_of(s, struct vpn, s);
}

static bool offers(const struct adit_dialect_state *s)
{
    return s->conf->role == ADIT_DIALECT_OFFERER;
}

static const char *own_role(const struct adit_dialect_state *s)
{
    return offers(s) ? "offerer" : "answerer";
}

static const char *other_role(const struct adit_dialect_state *s)
{
    return offers(s) ? "answerer" : "offerer";
}

static int start(struct adit_dialect_state *s, struct adit_cause *ret_cause, adit_time now)
{
    const char *room = s->conf->room;

    (void)now;
    if (s->conf->role == ADIT_DIALECT_ROLE_ANY) {
        adit_cause_set(ret_cause, ADIT_REASON_LOCAL, EINVAL,
                       "this server wants a role: --role offerer or --role answerer");
        return -EINVAL;
    }
    if (room && (!adit_say_is_word(room) || strlen(room) > ADIT_SIGNAL_PEER_MAX)) {
        adit_cause_set(ret_cause, ADIT_REASON_LOCAL, EINVAL,
                       "--room must have 1 to %d bytes and no control characters",
                       ADIT_SIGNAL_PEER_MAX);
        return -EINVAL;
    }
    return adit_str_copy(s->id, sizeof s->id, own_role(s), strlen(own_role(s)));
}

static bool is_root(const char *target)
{
    return *target == 0 || strcmp(target, "/") == 0;
}

static void begin(struct adit_dialect_state *s, adit_time now)
{
    struct adit_dialect_request r = { .target = s->conf->target };

    (void)now;
    if (vpn_of(s)->other_path)
        r.target = is_root(r.target) ? "/ws" : "/";
    vpn_of(s)->ready = vpn_of(s)->paired = false;
    s->ops->websocket(s->arg, &r);
}

static void opened(struct adit_dialect_state *s, adit_time now)
{
    json_t *m = json_pack("{s:s, s:s}", "type", "register", "role", own_role(s));

    (void)now;
    if (m && s->conf->room && json_object_set_new(m, "room", json_string(s->conf->room)) < 0) {
        json_decref(m);
        m = NULL;
    }
    if (adit_say_send(s, m) == 0)
        adit_say_joined(s);
    else
        adit_say_fail(s, false, false, "no memory to register");
}

static bool lost(struct adit_dialect_state *s, int http_status, unsigned close_code,
                 const char *close_reason, struct adit_cause *cause, bool *ret_final, adit_time now)
{
    struct vpn *v = vpn_of(s);
    bool refused = http_status == 403 || http_status == 404;

    (void)close_reason, (void)ret_final, (void)now;
    if (refused && !v->other_path &&
        (is_root(s->conf->target) || strcmp(s->conf->target, "/ws") == 0)) {
        v->other_path = true;
        return true;
    }
    if (http_status)
        v->other_path = false;
    if (s->joined && !v->paired && close_code)
        adit_cause_set(cause, ADIT_REASON_REMOTE, 0,
                       "the server hung up: perhaps there is an %s already (see --role, --room)",
                       own_role(s));
    return false;
}

static void text(struct adit_dialect_state *s, const char *bytes, size_t n, adit_time now)
{
    const char *type, *peer = other_role(s);
    json_t *m = adit_say_read(s, bytes, n, &type);

    (void)now;
    if (!m)
        return;
    if (strcmp(type, "ready") == 0) {
        vpn_of(s)->ready = vpn_of(s)->paired = true;
        adit_say_peer(s, peer, offers(s));
    } else if (strcmp(type, "offer") == 0 && !offers(s)) {
        adit_say_description(s, peer, ADIT_SIGNAL_OFFER, json_object_get(m, "sdp"));
    } else if (strcmp(type, "answer") == 0 && offers(s)) {
        adit_say_description(s, peer, ADIT_SIGNAL_ANSWER, json_object_get(m, "sdp"));
    } else if (strcmp(type, "candidate") == 0) {
        adit_say_candidate(s, peer, json_object_get(m, "candidate"), m);
    } else if (strcmp(type, "peer_down") == 0) {
        vpn_of(s)->ready = false;
        adit_say_event(s, ADIT_SIGNAL_PEER_GONE, peer);
    }
    json_decref(m);
}

/* The peer comes by itself, with `ready`. */
static int call(struct adit_dialect_state *s, const char *peer, adit_time now)
{
    (void)peer, (void)now;
    if (vpn_of(s)->ready)
        adit_say_peer(s, other_role(s), offers(s));
    return 0;
}

static int describe(struct adit_dialect_state *s, const char *peer, enum adit_signal_type type,
                    const char *sdp, size_t n, adit_time now)
{
    (void)peer, (void)now;
    return adit_say_send(s, json_pack("{s:s, s:s, s:s%}", "type",
                                      type == ADIT_SIGNAL_OFFER ? "offer" : "answer", "target",
                                      other_role(s), "sdp", sdp, n));
}

/* As pion prints it, because the Go programs read nothing else. There is no word for the end. */
static int candidate(struct adit_dialect_state *s, const char *peer, const char *line,
                     const char *mid, int mline, adit_time now)
{
    (void)peer, (void)now;
    if (!line)
        return 0;
    return adit_say_send(s,
                         json_pack("{s:s, s:s, s:o}", "type", "candidate", "target", other_role(s),
                                   "candidate", adit_say_candidate_object(line, mid, mline, true)));
}

static int bye(struct adit_dialect_state *s, const char *peer, adit_time now)
{
    (void)peer, (void)now;
    return adit_say_send(s, json_pack("{s:s, s:s}", "type", "peer_down", "target", other_role(s)));
}

static const char *const stun[] = { "stun.l.google.com:19302",  "stun1.l.google.com:19302",
                                    "stun2.l.google.com:19302", "stun3.l.google.com:19302",
                                    "stun4.l.google.com:19302", NULL };

const struct adit_dialect adit_dialect_vpn = {
    .name = "vpn",
    .summary = "register{role,room}, ready (layer-2 VPN with offerer and answerer)",
    .traits = { .label = "vpntap",
                .mode = "tap",
                .text_is_binary = true,
                .complete = true,
                .trickle = true,
                .leaves = true,
                .keepalive = "ping",
                .keepalive_every = 10 * ADIT_SEC,
                .keepalive_answer = "pong",
                .stun = stun,
                .warning = "this server lets anybody take either role: only fingerprints say who "
                           "it is",
                .port = 8080,
                .retry_first = 3 * ADIT_SEC,
                .retry_max = 3 * ADIT_SEC,
                .retry_factor_x10 = 10,
                .retry_jitter_percent = 10 },
    .size = sizeof(struct vpn),
    .start = start,
    .begin = begin,
    .opened = opened,
    .text = text,
    .lost = lost,
    .call = call,
    .describe = describe,
    .candidate = candidate,
    .bye = bye,
};
