/* fuzz_ice.c - an agent among hostile packets, candidates and interfaces.
 *
 * The input is a list of commands: a byte for what, a byte for from where, and what it needs. A
 * "signed" packet takes only its attributes from the input; header, transaction and integrity are
 * made right, so that what lies behind authentication is reached. */
#include <stdlib.h>

#include "base/buf.h"
#include "ice/ice.h"
#include "ice/stun.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PEER_PWD "peerpeerpeerpeerpeerpe"

struct world {
    struct adit_ice *ice;
    adit_time now;
    uint8_t last_id[ADIT_STUN_ID_SIZE]; /* of the last request that the agent sent */
    int last_base;
    struct adit_addr last_to;
};

static struct adit_addr address(uint8_t i)
{
    struct adit_addr a = { .family = ADIT_FAMILY_V4, .port = 1000u + i / 8, .ip = { 10, 0, 0 } };

    a.ip[3] = i % 8;
    if (i >= 0xc0) {
        a = (struct adit_addr){ .family = ADIT_FAMILY_V6, .port = 1000, .ip = { 0xfe, 0x80 } };
        a.ip[15] = i % 8;
        a.scope = 2;
    }
    return a;
}

static void on_send(void *arg, int base, const struct adit_addr *to, const void *bytes, size_t n)
{
    struct world *w = arg;
    struct adit_stun_head head;

    if (adit_ice_state(w->ice) == ADIT_ICE_FAILED || adit_ice_state(w->ice) == ADIT_ICE_CLOSED)
        abort();
    if (adit_stun_peek(&head, bytes, n) && head.class == ADIT_STUN_REQUEST) {
        memcpy(w->last_id, head.id, sizeof head.id);
        w->last_base = base;
        w->last_to = *to;
    }
}

static void on_event(void *arg, const struct adit_ice_event *ev)
{
    (void)arg;
    if (ev->cand && ev->cand->component != 1)
        abort(); /* it must be alive */
}

static void feed(struct world *w, int base, const struct adit_addr *from, const void *bytes,
                 size_t n)
{
    struct adit_span span = { .data = bytes, .len = n };

    if (adit_ice_feed(w->ice, base, from, &span, w->now) && (n == 0 || *span.data < 20))
        abort();
}

static void add_attributes(struct adit_stun_out *out, struct adit_cursor *c)
{
    uint8_t count = adit_cursor_get8(c) % 8;

    for (uint8_t i = 0; i < count; i++) {
        uint16_t type = adit_cursor_get16(c);
        uint8_t len = adit_cursor_get8(c) % 40;
        const uint8_t *value = adit_cursor_take(c, len);
        if (value)
            adit_stun_add(out, type, value, len);
    }
}

static void signed_request(struct world *w, uint8_t where, struct adit_cursor *c)
{
    struct adit_addr from = address(where);
    struct adit_stun_out out;
    const char *pwd = adit_ice_pwd(w->ice);
    uint8_t flags = adit_cursor_get8(c);

    adit_stun_begin(&out, ADIT_STUN_REQUEST, ADIT_STUN_BINDING, (const uint8_t *)"fuzzfuzzfuzz");
    adit_stun_add(&out, ADIT_STUN_USERNAME, "ownn:peer", 9);
    if (flags & 1)
        adit_stun_add32(&out, ADIT_STUN_PRIORITY, adit_cursor_get32(c));
    if (flags & 2)
        adit_stun_add64(&out, ADIT_STUN_ICE_CONTROLLING, adit_cursor_get8(c));
    if (flags & 4)
        adit_stun_add64(&out, ADIT_STUN_ICE_CONTROLLED, UINT64_MAX - adit_cursor_get8(c));
    if (flags & 8)
        adit_stun_add(&out, ADIT_STUN_USE_CANDIDATE, NULL, 0);
    add_attributes(&out, c);
    adit_stun_finish(&out, (struct adit_span){ (const uint8_t *)pwd, strlen(pwd) });
    feed(w, flags >> 4 & 3, &from, out.bytes, out.len);
}

static void signed_response(struct world *w, uint8_t where, struct adit_cursor *c)
{
    struct adit_addr mapped = address(adit_cursor_get8(c)), from = address(where);
    struct adit_stun_out out;
    uint8_t flags = adit_cursor_get8(c);

    adit_stun_begin(&out, flags & 1 ? ADIT_STUN_ERROR : ADIT_STUN_SUCCESS, ADIT_STUN_BINDING,
                    w->last_id);
    if (flags & 1)
        adit_stun_add_error(&out, flags & 2 ? 487 : 300 + adit_cursor_get8(c));
    if (flags & 4)
        adit_stun_add_mapped(&out, &mapped);
    add_attributes(&out, c);
    adit_stun_finish(&out, (struct adit_span){ (const uint8_t *)PEER_PWD, 22 });
    feed(w, w->last_base, flags & 8 ? &from : &w->last_to, out.bytes, out.len);
}

static void add_remote(struct world *w, uint8_t where, struct adit_cursor *c)
{
    struct adit_cand cand = { .transport = ADIT_TRANSPORT_UDP,
                              .component = 1,
                              .type = adit_cursor_get8(c) % 4,
                              .priority = adit_cursor_get16(c),
                              .addr = address(where) };

    cand.foundation[0] = '0' + where % 10;
    if (adit_ice_add_remote(w->ice, &cand, w->now) > 0)
        abort();
}

static void look_at(const struct world *w)
{
    struct adit_ice_stun_view said;
    struct adit_ice_pair_view v;
    unsigned in_use = 0, backups = 0;

    for (size_t i = 0; adit_ice_pair_at(w->ice, i, &v); i++) {
        in_use += v.in_use;
        backups += v.backup;
        if (!v.local || !v.remote || v.why >= ADIT_WHY_COUNT || (v.in_use && v.backup) ||
            (v.in_use && !v.valid) || v.loss > 1000)
            abort();
    }
    if (in_use > 1 || backups > 1)
        abort();
    for (size_t i = 0; adit_ice_stun_at(w->ice, i, &said); i++)
        if (!said.server->family || !said.base->family || (said.mapped && !said.settled) ||
            (said.rtt && !said.mapped))
            abort();
}

static void control(struct world *w, uint8_t what)
{
    switch (what % 8) {
    case 0:
        if (adit_ice_set_remote(w->ice, "peer", PEER_PWD, what & 8, w->now) > 0)
            abort();
        break;
    case 1:
        adit_ice_set_role(w->ice, what & 8);
        break;
    case 2:
        adit_ice_remote_done(w->ice, w->now);
        break;
    case 3:
        adit_ice_bases_done(w->ice, w->now);
        break;
    case 4:
        adit_ice_remove_base(w->ice, what >> 3 & 3, w->now);
        break;
    case 5: {
        struct adit_addr a = address(0xf0u | what >> 3);
        struct adit_ice_relay relay = { .addr = a, .server = address(9), .preference = what };
        if (what & 0x40) {
            if (adit_ice_add_relay(w->ice, what >> 3 & 3, &relay, w->now) > 0)
                abort();
            break;
        }
        if (adit_ice_add_base(w->ice, what >> 3 & 3, &a, what, what & 0x80, w->now) > 0)
            abort();
        break;
    }
    case 6:
        if (adit_ice_send(w->ice, "\x16", 1) == 0 && !adit_ice_selected(w->ice, NULL))
            abort();
        break;
    case 7:
        if (what == 0xff)
            adit_ice_close(w->ice);
        else
            look_at(w);
        break;
    }
}

/* Time passes; a deadline that does not move on would be a busy loop. */
static void pass(struct world *w, adit_time by)
{
    adit_time until = w->now + by;

    for (unsigned rounds = 0; adit_ice_deadline(w->ice) <= until; rounds++) {
        if (rounds > 20000)
            abort();
        w->now = adit_time_max(w->now, adit_ice_deadline(w->ice));
        adit_ice_tick(w->ice, w->now);
    }
    w->now = until;
}

static void command(struct world *w, struct adit_cursor *c)
{
    uint8_t what = adit_cursor_get8(c), where = adit_cursor_get8(c);
    struct adit_addr addr = address(where);
    const uint8_t *raw;
    uint8_t n;

    switch (what % 8) {
    case 0:
        pass(w, where * 50 * ADIT_MS);
        break;
    case 1:
        n = adit_cursor_get8(c);
        raw = adit_cursor_take(c, n);
        if (raw)
            feed(w, what >> 3 & 3, &addr, raw, n);
        break;
    case 2:
        signed_request(w, where, c);
        break;
    case 3:
    case 4:
        signed_response(w, where, c);
        break;
    case 5:
        add_remote(w, where, c);
        break;
    case 6:
        control(w, where);
        break;
    case 7:
        adit_ice_send_failed(w->ice, what >> 3 & 3, &addr, ENETUNREACH, w->now);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct adit_ice_ops ops = { .send = on_send, .event = on_event };
    struct adit_rng rng;
    struct world w = { .now = 1000 * ADIT_SEC };
    struct adit_addr base = address(1), stun = address(7);
    struct adit_cursor c = adit_cursor(data, size);
    struct adit_ice_conf conf = { .ufrag = "ownn",
                                  .pwd = "ownpwdownpwdownpwdownp",
                                  .stun = &stun,
                                  .stun_count = 1,
                                  /* from what is no command, so that the corpus means the same */
                                  .path = size % 7 == 0    ? ADIT_PATH_DIRECT
                                          : size % 11 == 0 ? ADIT_PATH_RELAY
                                                           : ADIT_PATH_AUTO,
                                  .limits = { 6, 12, 20, 4 },
                                  .rng = &rng };

    adit_rng_init_seed(&rng, 1);
    w.ice = adit_ice_new(&conf, &ops, &w, w.now);
    if (!w.ice || adit_ice_add_base(w.ice, 0, &base, 100, true, w.now) < 0)
        abort();
    for (unsigned i = 0; i < 200 && !c.bad && adit_cursor_left(&c); i++)
        command(&w, &c);
    pass(&w, 60 * ADIT_SEC);
    if (adit_ice_local_count(w.ice) > 6)
        abort();
    adit_ice_free(w.ice);
    return 0;
}
