/* hub_room.c - "room": two peers that know the name of a room, on any path.
 *
 *   C: {"type":"join","room":"my-lab"}
 *   S: {"type":"joined","peerId":"b7c0…","peers":["19af…"]}    and to the other one:
 *   S: {"type":"peer-joined","peerId":"b7c0…"}
 *   C: {"type":"offer","sdp":"v=0…"}       also answer, candidate (a string)
 *   S: {"type":"offer","peerId":"b7c0…","sdp":"v=0…"}
 *   C: {"type":"bye"}                      leaves the room; the socket stays
 *   S: {"type":"peer-left","peerId":"b7c0…"} */
#include <stdio.h>

#include "base/alloc.h"
#include "signal/hub_inner.h"

#define PEERS 2

struct adit_hub_room {
    struct adit_map_node node;
    char *key;
    struct adit_hub_client *in[PEERS]; /* in the order they came */
};

/* RFC 9562, version 4. */
static void make_uuid(struct adit_rng *rng, char out[37])
{
    uint8_t b[16];

    adit_rng_bytes(rng, b, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
             b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
             b[14], b[15]);
}

static struct adit_hub_client *other_of(const struct adit_hub_client *c)
{
    const struct adit_hub_room *room = c->u.room.room;

    return room->in[room->in[0] == c ? 1 : 0];
}

static struct adit_hub_room *room_get(struct adit_hub *hub, const char *account, const char *name)
{
    size_t n;
    char *key = adit_hub_key(account, name, &n);
    struct adit_map_node *found = key ? adit_map_find(&hub->rooms, key, n) : NULL;
    struct adit_hub_room *room = key && !found ? adit_zalloc(sizeof *room) : NULL;

    if (room) {
        room->key = key;
        if (adit_map_add(&hub->rooms, &room->node, key, n) == 0)
            return room;
        adit_free(room);
    }
    adit_free(key);
    return found ? adit_container_of(found, struct adit_hub_room, node) : NULL;
}

static void on_join(struct adit_hub_client *c, const json_t *message, adit_time now)
{
    const char *name = adit_json_string(message, "room");
    struct adit_hub_room *room;
    struct adit_hub_client *other;

    if (!name || !*name) {
        adit_hub_say_error(c, "room name required");
        return;
    }
    if (strlen(name) > ADIT_HUB_ID_MAX || (c->ids && !adit_hub_may_be(c->ids, name))) {
        adit_hub_say_error(c, strlen(name) > ADIT_HUB_ID_MAX
                                  ? "room name too long"
                                  : "the token does not allow this room");
        return;
    }
    room = room_get(c->hub, adit_hub_account(c), name);
    if (!room) {
        adit_hub_drop(c, ADIT_HUB_CLOSE_ERROR, "no memory", now);
        return;
    }
    if (room->in[1]) {
        adit_hub_say_error(c, "room '%s' is full (max %d)", name, PEERS);
        return;
    }
    make_uuid(c->hub->rng, c->u.room.peer_id);
    c->u.room.room = room;
    other = room->in[0];
    room->in[other ? 1 : 0] = c;
    adit_hub_settled(c);
    adit_hub_emit(c, ADIT_HUB_JOINED, c->u.room.peer_id, NULL);
    if (!other) {
        adit_hub_say(c, "{s:s,s:s,s:[]}", "type", "joined", "peerId", c->u.room.peer_id, "peers");
        return;
    }
    adit_hub_say(c, "{s:s,s:s,s:[s]}", "type", "joined", "peerId", c->u.room.peer_id, "peers",
                 other->u.room.peer_id);
    adit_hub_say(other, "{s:s,s:s}", "type", "peer-joined", "peerId", c->u.room.peer_id);
    adit_hub_emit(c, ADIT_HUB_MET, c->u.room.peer_id, other->u.room.peer_id);
}

static void left(struct adit_hub_client *c, adit_time now)
{
    struct adit_hub_room *room = c->u.room.room;
    struct adit_hub_client *other = room ? other_of(c) : NULL;

    (void)now;
    if (!room)
        return;
    c->u.room.room = NULL;
    room->in[0] = other;
    room->in[1] = NULL;
    adit_hub_emit(c, ADIT_HUB_LEFT, c->u.room.peer_id, NULL);
    if (other) {
        adit_hub_say(other, "{s:s,s:s}", "type", "peer-left", "peerId", c->u.room.peer_id);
        return;
    }
    adit_map_remove(&c->hub->rooms, &room->node);
    adit_free(room->key);
    adit_free(room);
}

/* Only the field that belongs to the kind is passed on, whatever it is; none if there is none. */
static void forward(struct adit_hub_client *c, const char *type, const json_t *message)
{
    const char *field = strcmp(type, "candidate") == 0 ? "candidate" : "sdp";
    struct adit_hub_client *other = other_of(c);
    json_t *value = json_object_get(message, field), *out;

    if (!other)
        return;
    out = json_pack("{s:s,s:s}", "type", type, "peerId", c->u.room.peer_id);
    if (out && value && json_object_set(out, field, value) < 0) {
        json_decref(out);
        out = NULL;
    }
    adit_hub_say_json(other, out);
}

static void on_message(struct adit_hub_client *c, const json_t *message, const char *text, size_t n,
                       adit_time now)
{
    const char *type = adit_json_string(message, "type");
    /* Before the first join it is not one of us yet (hub_first.c). */
    bool joined = c->dialect == &adit_hub_room && c->u.room.room;

    (void)text;
    (void)n;
    if (type && strcmp(type, "join") == 0) {
        if (joined)
            adit_hub_say_error(c, "already joined a room");
        else
            on_join(c, message, now);
    } else if (type && strcmp(type, "bye") == 0) {
        if (joined)
            left(c, now);
    } else if (!type || (strcmp(type, "offer") != 0 && strcmp(type, "answer") != 0 &&
                         strcmp(type, "candidate") != 0)) {
        adit_hub_say_error(c, "unknown message type");
    } else if (!joined) {
        adit_hub_say_error(c, "must join a room first");
    } else {
        forward(c, type, message);
    }
}

static void on_garbled(struct adit_hub_client *c, adit_time now)
{
    (void)now;
    adit_hub_say_error(c, "invalid JSON");
}

const struct adit_hub_dialect adit_hub_room = {
    .name = "room",
    .garbled = on_garbled,
    .message = on_message,
    .left = left,
    .binary = true,
};

size_t adit_hub_room_count(const struct adit_hub *hub)
{
    return hub->rooms.count + hub->pairs.count;
}
