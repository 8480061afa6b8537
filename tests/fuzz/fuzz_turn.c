/* fuzz_turn.c - what a TURN server may say to its client: responses, indications, ChannelData, and
 * how they are cut out of a stream.
 *
 * The input is a series of messages: a byte that says what to do with it, a length, the bytes. The
 * id of a response is made to fit, so that it is looked at; every second client has credentials. */
#include <stdlib.h>

#include "ice/stun_attr.h"
#include "ice/turn.h"
#include "ice/turn_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct client {
    struct adit_turn *turn;
    uint8_t id[ADIT_STUN_ID_SIZE];
    unsigned sends;
    adit_time now;
};

static void on_send(void *arg, const void *bytes, size_t n)
{
    struct client *c = arg;
    struct adit_stun_head head;

    if (n > ADIT_TURN_FRAME_MAX)
        abort();
    if (adit_stun_peek(&head, bytes, n) && head.class == ADIT_STUN_REQUEST)
        memcpy(c->id, head.id, sizeof c->id);
    c->sends++;
}

static void on_event(void *arg, const struct adit_turn_event *ev)
{
    struct client *c = arg;

    if (ev->type == ADIT_TURN_EV_ALLOCATED &&
        (!adit_turn_ready(c->turn) || (!adit_turn_relayed(c->turn, ADIT_FAMILY_V4).family &&
                                       !adit_turn_relayed(c->turn, ADIT_FAMILY_V6).family)))
        abort();
    if ((ev->type == ADIT_TURN_EV_LOST || ev->type == ADIT_TURN_EV_FAILED) &&
        (adit_turn_ready(c->turn) || !ev->cause.reason))
        abort();
}

static const struct adit_turn_ops ops = { .send = on_send, .event = on_event };

static void feed(struct client *c, uint8_t how, const uint8_t *bytes, size_t n)
{
    uint8_t *exact = malloc(n ? n : 1);
    struct adit_span pkt = { exact, n };
    struct adit_addr peer;

    memcpy(exact, bytes, n);
    if (how & 1 && n >= 20)
        memcpy(exact + 8, c->id, sizeof c->id);
    if (adit_turn_feed(c->turn, &pkt, &peer, c->now) == ADIT_TURN_DATA) {
        if (pkt.data < exact || pkt.data + pkt.len > exact + n)
            abort();
        if (how & 2)
            adit_turn_send(c->turn, &peer, pkt.data, pkt.len, c->now);
    }
    if (n && adit_turn_frame(exact, n) > 4 + 65536 + 20)
        abort();
    (void)adit_turn_is_probe(exact, n);
    free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct adit_addr server = { .family = ADIT_FAMILY_V4, .port = 3478, .ip = { 203, 0, 113, 1 } };
    struct adit_addr peer = { .family = ADIT_FAMILY_V4, .port = 6000, .ip = { 198, 51, 100, 5 } };
    struct client c = { .now = ADIT_SEC };
    struct adit_rng rng;

    if (size < 1)
        return 0;
    adit_rng_init_seed(&rng, 1);
    c.turn = adit_turn_new(&(struct adit_turn_conf){ .user = data[0] & 1 ? "alice" : NULL,
                                                     .password = "x",
                                                     .stream = data[0] & 2,
                                                     .rng = &rng },
                           &ops, &c);
    if (!c.turn)
        abort();
    adit_turn_start(c.turn, &server, 0, c.now);
    for (size_t at = 1; at + 3 <= size && c.sends < 2000;) {
        uint8_t how = data[at];
        size_t n = adit_get16(data + at + 1);

        at += 3;
        if (n > size - at)
            n = size - at;
        feed(&c, how, data + at, n);
        at += n;
        if (how & 4)
            adit_turn_send(c.turn, &peer, "hello", 5, c.now);
        if (how & 8) {
            c.now = adit_time_min(adit_turn_deadline(c.turn), c.now + 300 * ADIT_SEC);
            adit_turn_tick(c.turn, c.now);
        }
        if (how & 16)
            adit_turn_doubt(c.turn, c.now);
        if (how & 32)
            adit_turn_start(c.turn, &server, 0, c.now);
    }
    adit_turn_release(c.turn, c.now);
    adit_turn_free(c.turn);
    return 0;
}
