/* fuzz_pcp.c - what comes from a gateway's port, PCP and NAT-PMP, in pieces of which each has its
 * length in front; the time between two is in the same byte's upper half. */
#include <stdlib.h>

#include "base/rng.h"
#include "lan/portmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_send(void *arg, const struct adit_addr *to, const void *bytes, size_t n)
{
    const uint8_t *b = bytes;

    (void)arg;
    (void)to;
    if (!(n == 60 && b[0] == 2) && !((n == 2 || n == 12) && b[0] == 0))
        abort();
}

static void on_news(void *arg, enum adit_portmap_news news, const struct adit_addr *external,
                    adit_time now)
{
    (void)arg;
    (void)now;
    if ((news == ADIT_PORTMAP_OPEN) != (external && external->family && external->port))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct adit_portmap_ops ops = { .send = on_send, .news = on_news };
    const struct adit_addr inside = { .family = ADIT_FAMILY_V4,
                                      .port = 5000,
                                      .ip = { 10, 0, 0, 2 } };
    const struct adit_addr gateway = { .family = ADIT_FAMILY_V4,
                                       .port = ADIT_PORTMAP_PORT,
                                       .ip = { 10, 0, 0, 1 } };
    struct adit_portmap p;
    struct adit_rng rng;
    adit_time now = 0;

    adit_rng_init_seed(&rng, 1);
    adit_portmap_start(&p, &inside, &gateway, &ops, NULL, &rng, now);
    memset(p.request.nonce, 'n', sizeof p.request.nonce); /* what an input can know */
    while (size) {
        size_t n = data[0] & 0x3f;
        static const adit_time steps[] = { 0, ADIT_SEC, 4 * ADIT_SEC, 2000 * ADIT_SEC };

        now += steps[data[0] >> 6];
        for (int i = 0; i < 20 && adit_portmap_deadline(&p) <= now; i++)
            adit_portmap_tick(&p, now);
        data++;
        size--;
        n = n < size ? n : size;
        if (!adit_portmap_feed(&p, &gateway, data, n, now))
            abort();
        data += n;
        size -= n;
    }
    if (adit_portmap_deadline(&p) == ADIT_NEVER)
        abort();
    adit_portmap_stop(&p);
    return 0;
}
