#include "unit/turn_lease.h"

#include <stdlib.h>

struct adit_addr lease_addr(const char *text)
{
    struct adit_addr a;

    if (adit_addr_parse_port(&a, text, strlen(text), 0) < 0)
        abort();
    return a;
}

static void on_send(void *arg, const void *bytes, size_t n)
{
    struct lease *s = arg;

    memcpy(s->sent, bytes, n);
    s->sent_n = n;
    s->sends++;
}

static void on_event(void *arg, const struct adit_turn_event *ev)
{
    struct lease *s = arg;

    s->event = *ev;
    s->events++;
}

static const struct adit_turn_ops ops = { .send = on_send, .event = on_event };

void lease_init(struct lease *s, bool stream)
{
    *s = (struct lease){ .now = 1000 * ADIT_SEC };
    adit_rng_init_seed(&s->rng, 7);
    s->turn = adit_turn_new(
        &(struct adit_turn_conf){
            .user = LEASE_USER, .password = LEASE_PASSWORD, .stream = stream, .rng = &s->rng },
        &ops, s);
    if (!s->turn)
        abort();
    adit_stun_long_term_key(s->key, LEASE_USER, LEASE_REALM, LEASE_PASSWORD);
}

void lease_done(struct lease *s)
{
    s->turn = adit_turn_free(s->turn);
}

void lease_start(struct lease *s)
{
    struct adit_addr server = lease_addr(LEASE_SERVER);

    adit_turn_start(s->turn, &server, 0, s->now);
}

unsigned lease_method(const struct lease *s)
{
    struct adit_stun_head head;

    return adit_stun_peek(&head, s->sent, s->sent_n) ? head.method : 0;
}

struct adit_span lease_attr(const struct lease *s, enum adit_stun_attribute type)
{
    return adit_stun_find(s->sent, s->sent_n, type);
}

bool lease_is_signed(const struct lease *s)
{
    const struct adit_stun_auth auth = {
        .key = { s->key, sizeof s->key },
        .username = { (const uint8_t *)LEASE_USER, strlen(LEASE_USER) },
    };
    struct adit_stun msg;

    return adit_stun_decode(&msg, s->sent, s->sent_n, &auth) == ADIT_STUN_OK;
}

void lease_begin(const struct lease *s, struct adit_stun_out *out, enum adit_stun_class class)
{
    struct adit_stun_head head;

    if (!adit_stun_peek(&head, s->sent, s->sent_n))
        abort();
    adit_stun_begin(out, class, head.method, head.id);
}

static enum adit_turn_fed feed(struct lease *s, const void *bytes, size_t n, struct adit_span *pkt,
                               struct adit_addr *peer)
{
    uint8_t *exact = malloc(n);
    enum adit_turn_fed fed;

    memcpy(exact, bytes, n);
    *pkt = (struct adit_span){ exact, n };
    fed = adit_turn_feed(s->turn, pkt, peer, s->now);
    if (fed == ADIT_TURN_DATA) { /* it points into what is about to go */
        static uint8_t kept[ADIT_TURN_FRAME_MAX];
        memcpy(kept, pkt->data, pkt->len);
        pkt->data = kept;
    }
    free(exact);
    return fed;
}

void lease_say(struct lease *s, struct adit_stun_out *out, bool key)
{
    struct adit_span none = { 0 }, with = { s->key, sizeof s->key }, pkt;
    struct adit_addr peer;
    size_t n = adit_stun_finish(out, key ? with : none);

    feed(s, out->bytes, n, &pkt, &peer);
}

void lease_error(struct lease *s, unsigned code, const char *nonce)
{
    bool challenge = code == 401 || code == 438;
    struct adit_stun_out out;

    lease_begin(s, &out, ADIT_STUN_ERROR);
    adit_stun_add_error(&out, code);
    if (challenge) {
        adit_stun_add(&out, ADIT_STUN_REALM, LEASE_REALM, strlen(LEASE_REALM));
        adit_stun_add(&out, ADIT_STUN_NONCE, nonce, strlen(nonce));
    }
    lease_say(s, &out, !challenge && code != 300);
}

void lease_allocated(struct lease *s, const char *v4, const char *v6, uint32_t lifetime)
{
    struct adit_addr mapped = lease_addr(LEASE_MAPPED), a;
    struct adit_stun_out out;

    lease_begin(s, &out, ADIT_STUN_SUCCESS);
    if (v4) {
        a = lease_addr(v4);
        adit_stun_add_xor(&out, ADIT_STUN_XOR_RELAYED_ADDRESS, &a);
    }
    if (v6) {
        a = lease_addr(v6);
        adit_stun_add_xor(&out, ADIT_STUN_XOR_RELAYED_ADDRESS, &a);
    }
    adit_stun_add_mapped(&out, &mapped);
    adit_stun_add32(&out, ADIT_STUN_LIFETIME, lifetime);
    lease_say(s, &out, true);
}

void lease_success(struct lease *s, bool lifetime)
{
    struct adit_stun_out out;

    lease_begin(s, &out, ADIT_STUN_SUCCESS);
    if (lifetime)
        adit_stun_add32(&out, ADIT_STUN_LIFETIME, 600);
    lease_say(s, &out, true);
}

void lease_ready(struct lease *s)
{
    lease_start(s);
    lease_error(s, 401, "nonce-1");
    lease_allocated(s, LEASE_RELAYED, NULL, 600);
    if (!adit_turn_ready(s->turn))
        abort();
}

enum adit_turn_fed lease_data(struct lease *s, const char *peer, const char *text,
                              struct adit_span *ret, struct adit_addr *ret_peer)
{
    static const uint8_t id[ADIT_STUN_ID_SIZE] = { 9 };
    struct adit_addr a = lease_addr(peer);
    struct adit_stun_out out;

    adit_stun_begin(&out, ADIT_STUN_INDICATION, ADIT_STUN_DATA, id);
    adit_stun_add_xor(&out, ADIT_STUN_XOR_PEER_ADDRESS, &a);
    adit_stun_add(&out, ADIT_STUN_DATA_VALUE, text, strlen(text));
    return feed(s, out.bytes, adit_stun_finish_bare(&out), ret, ret_peer);
}

void lease_wait(struct lease *s, adit_time until)
{
    while (adit_turn_deadline(s->turn) <= until) {
        s->now = adit_time_max(s->now, adit_turn_deadline(s->turn));
        adit_turn_tick(s->turn, s->now);
    }
    s->now = until;
}

void lease_send(struct lease *s, const char *peer, const char *text)
{
    struct adit_addr a = lease_addr(peer);

    adit_turn_send(s->turn, &a, text, strlen(text), s->now);
}
