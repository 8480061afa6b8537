/* fuzz_door.c - strangers at a public listener, and whose packets are at a shared port: no memory
 * is taken, and only what has the right integrity opens the door. */
#include <stdlib.h>

#include "ice/stun.h"
#include "peer/door.h"
#include "peer/share.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t secret[ADIT_TICKET_NONCE] = { 1 }, print[32] = { 2 };

/* The attributes are the fuzzer's, name and integrity are as he says: the inside is reached, too.
 */
static size_t dress(struct adit_stun_out *out, const uint8_t *data, size_t size, bool *ret_signed)
{
    const uint8_t id[ADIT_STUN_ID_SIZE] = { 3 };
    struct adit_cursor c = adit_cursor(data, size);
    uint8_t how = adit_cursor_get8(&c);
    char ufrag[ADIT_TICKET_UFRAG + 1], pwd[ADIT_TICKET_PWD + 1];
    char name[ADIT_TICKET_UFRAG + 1 + ADIT_TICKET_CALLER];
    const uint8_t *caller = adit_cursor_take(&c, ADIT_TICKET_CALLER);

    adit_ticket_door_credentials(secret, print, ufrag, pwd);
    memcpy(name, ufrag, ADIT_TICKET_UFRAG);
    name[ADIT_TICKET_UFRAG] = ':';
    memset(name + ADIT_TICKET_UFRAG + 1, 'A', ADIT_TICKET_CALLER);
    if (caller && (how & 1))
        memcpy(name + ADIT_TICKET_UFRAG + 1, caller, ADIT_TICKET_CALLER);
    adit_stun_begin(out, (enum adit_stun_class)(how >> 6), ADIT_STUN_BINDING, id);
    if (how & 2)
        adit_stun_add(out, ADIT_STUN_USERNAME, name, sizeof name);
    while (!c.bad && adit_cursor_left(&c) >= 3) {
        uint16_t type = adit_cursor_get16(&c);
        uint8_t len = adit_cursor_get8(&c) & 31;
        const uint8_t *value = adit_cursor_take(&c, len);
        if (value)
            adit_stun_add(out, type, value, len);
    }
    *ret_signed = how & 4;
    return adit_stun_finish(out, (struct adit_span){ (const uint8_t *)pwd, how & 4 ? 24 : 0 });
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct adit_addr from = { .family = ADIT_FAMILY_V4, .port = 9, .ip = { 192, 0, 2, 1 } };
    struct adit_share_peer peer;
    static struct adit_door door;
    struct adit_share share;
    struct adit_stun_out out;
    struct adit_caller caller;
    struct adit_rng rng;
    bool is_signed;
    size_t n;

    adit_door_init(&door, secret, print);
    if (adit_door_knock(&door, &caller, data, size, 0) == ADIT_DOOR_CALLER)
        abort(); /* nobody guesses 160 bits */
    n = dress(&out, data, size, &is_signed);
    if (n && adit_door_knock(&door, &caller, out.bytes, n, 0) == ADIT_DOOR_CALLER && !is_signed)
        abort();

    adit_rng_init_seed(&rng, 1);
    adit_share_init(&share, &rng);
    if (adit_share_join(&share, &peer) == 0) {
        if (adit_share_name(&peer, "AAAA", 4) < 0)
            abort();
        (void)adit_share_route(&share, 0, &from, data, size);
        (void)adit_share_route(&share, 0, &from, out.bytes, n);
        if (share.paths.count || share.asked.count || share.names.count != 1)
            abort();
        adit_share_sent(&peer, 0, &from, data, size);
        adit_share_sent(&peer, 1, &from, out.bytes, n);
        (void)adit_share_route(&share, 0, &from, data, size);
        (void)adit_share_route(&share, 1, &from, out.bytes, n);
    }
    adit_share_leave(&peer);
    adit_share_done(&share);
    return 0;
}
