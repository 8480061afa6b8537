/* dialect_room.c - two in a room: join{room}, who waited offers (the HTTP tunnel's server).
 *
 * Who finds the room empty makes the offer, once somebody comes; who finds somebody answers.
 * Candidates travel as JSON in a string; an empty one would end the attempt of the original peers,
 * so the end of candidates is not told. `bye` leaves the room and the socket stays, so we join
 * again at once: that is how a new attempt begins. */
#include <stdlib.h>

#include "base/str.h"
#include "signal/say.h"

struct room {
    struct adit_dialect_state s;
    char peer[ADIT_SIGNAL_PEER_MAX + 1]; /* the other one; "" = alone */
    bool offer;                          /* it came after us */
    bool described;                      /* we have told it something: the attempt is used up */
};

static struct room *room_of(struct adit_dialect_state *s)
{
    return adit_container_of(s, struct room, s);
}

static int start(struct adit_dialect_state *s, struct adit_cause *ret_cause, adit_time now)
{
    const char *room = s->conf->room;

    (void)now;
    if (room && strlen(room) <= ADIT_SIGNAL_PEER_MAX && adit_say_is_word(room))
        return 0;
    adit_cause_set(ret_cause, ADIT_REASON_LOCAL, EINVAL,
                   "this server wants a room: --room with 1 to %d bytes", ADIT_SIGNAL_PEER_MAX);
    return -EINVAL;
}

static void begin(struct adit_dialect_state *s, adit_time now)
{
    struct adit_dialect_request r = { .target = s->conf->target };

    (void)now;
    room_of(s)->peer[0] = 0;
    s->ops->websocket(s->arg, &r);
}

static int join(struct adit_dialect_state *s)
{
    room_of(s)->peer[0] = 0;
    return adit_say_send(s, json_pack("{s:s, s:s}", "type", "join", "room", s->conf->room));
}

static void opened(struct adit_dialect_state *s, adit_time now)
{
    (void)now;
    if (join(s) < 0)
        adit_say_fail(s, false, false, "no memory to join");
}

static void met(struct adit_dialect_state *s, const char *peer, bool offer)
{
    memcpy(room_of(s)->peer, peer, strlen(peer) + 1);
    room_of(s)->described = false;
    room_of(s)->offer = offer;
    adit_say_peer(s, room_of(s)->peer, offer);
}

static void on_joined(struct adit_dialect_state *s, const json_t *m)
{
    const char *id = adit_say_name(m, "peerId");
    const json_t *other = json_array_get(json_object_get(m, "peers"), 0);
    const char *peer = json_string_value(other);

    if (!id || (other && (!peer || strlen(peer) > ADIT_SIGNAL_PEER_MAX ||
                          strlen(peer) != json_string_length(other) || !adit_say_is_word(peer)))) {
        adit_say_fail(s, false, false, "the server's `joined` names nobody");
        return;
    }
    memcpy(s->id, id, strlen(id) + 1);
    adit_say_joined(s);
    if (peer)
        met(s, peer, false);
}

static void on_error(struct adit_dialect_state *s, const json_t *m)
{
    const char *why = adit_json_string(m, "message");

    if (!s->joined)
        adit_say_fail(s, false, false, "the server says: %s", why ? why : "an error");
    else if (why && strcmp(why, "must join a room first") == 0 && join(s) == 0)
        s->joined = false;
    else
        adit_say_error(s, room_of(s)->peer, 0, "the server says: %s", why ? why : "an error");
}

static void text(struct adit_dialect_state *s, const char *bytes, size_t n, adit_time now)
{
    struct room *r = room_of(s);
    const char *type, *peer;
    json_t *m = adit_say_read(s, bytes, n, &type);

    (void)now;
    if (!m)
        return;
    peer = adit_say_name(m, "peerId");
    if (strcmp(type, "joined") == 0)
        on_joined(s, m);
    else if (strcmp(type, "error") == 0)
        on_error(s, m);
    else if (!s->joined || !peer)
        ; /* left over from before a bye */
    else if (strcmp(type, "peer-joined") == 0)
        met(s, peer, true);
    else if (strcmp(type, "peer-left") == 0) {
        r->peer[0] = 0;
        adit_say_event(s, ADIT_SIGNAL_PEER_GONE, peer);
    } else if (strcmp(type, "offer") == 0)
        adit_say_description(s, peer, ADIT_SIGNAL_OFFER, json_object_get(m, "sdp"));
    else if (strcmp(type, "answer") == 0)
        adit_say_description(s, peer, ADIT_SIGNAL_ANSWER, json_object_get(m, "sdp"));
    else if (strcmp(type, "candidate") == 0)
        adit_say_candidate(s, peer, json_object_get(m, "candidate"), m);
    json_decref(m);
}

static int describe(struct adit_dialect_state *s, const char *peer, enum adit_signal_type type,
                    const char *sdp, size_t n, adit_time now)
{
    (void)peer, (void)now;
    room_of(s)->described = true;
    return adit_say_send(s,
                         json_pack("{s:s, s:s%}", "type",
                                   type == ADIT_SIGNAL_OFFER ? "offer" : "answer", "sdp", sdp, n));
}

static int candidate(struct adit_dialect_state *s, const char *peer, const char *line,
                     const char *mid, int mline, adit_time now)
{
    json_t *o = line ? adit_say_candidate_object(line, mid, mline, true) : NULL;
    char *inner = o ? json_dumps(o, JSON_COMPACT) : NULL;
    int err = 0;

    (void)peer, (void)now;
    if (line)
        err =
            inner
                ? adit_say_send(s, json_pack("{s:s, s:s}", "type", "candidate", "candidate", inner))
                : -ENOMEM;
    json_decref(o);
    free(inner);
    return err;
}

static int bye(struct adit_dialect_state *s, const char *peer, adit_time now)
{
    int err = adit_say_send(s, json_pack("{s:s}", "type", "bye"));

    (void)peer, (void)now;
    s->joined = false;
    return err < 0 ? err : join(s);
}

/* The peer comes by itself, the first time. Whose turn it is to offer is said when somebody comes;
 * so who waits for another offer goes, and comes again. */
static int call(struct adit_dialect_state *s, const char *peer, adit_time now)
{
    const struct room *r = room_of(s);

    if (!r->peer[0])
        return 0;
    if (!r->offer && r->described)
        return bye(s, peer, now);
    adit_say_peer(s, r->peer, r->offer);
    return 0;
}

static void leave(struct adit_dialect_state *s, adit_time now)
{
    (void)now;
    if (s->joined && adit_say_send(s, json_pack("{s:s}", "type", "bye")) < 0)
        return; /* the socket closes, which says the same */
}

static const char *const stun[] = { "stun.l.google.com:19302", NULL };

const struct adit_dialect adit_dialect_room = {
    .name = "room",
    .summary = "join{room}, two in a room (HTTP tunnel with serve and proxy)",
    .traits = { .label = "tunnel",
                .mode = "http",
                .text_is_binary = true,
                .complete = true,
                .trickle = true,
                .bye_is_new = true,
                .keepalive = "",
                .stun = stun,
                .warning = "the name of the room is this server's only secret: only fingerprints "
                           "say who it is",
                .port = 8787,
                .retry_first = 2 * ADIT_SEC,
                .retry_max = 60 * ADIT_SEC,
                .retry_factor_x10 = 20,
                .retry_jitter_percent = 20,
                .retry_tries = 5 },
    .size = sizeof(struct room),
    .start = start,
    .begin = begin,
    .opened = opened,
    .text = text,
    .call = call,
    .describe = describe,
    .candidate = candidate,
    .bye = bye,
    .leave = leave,
};
