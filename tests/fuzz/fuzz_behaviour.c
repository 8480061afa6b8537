/* fuzz_behaviour.c - what servers answer to behaviour discovery. A packet is a byte for the
 * question it answers, one for where it comes from and in, one for its length, and so many bytes of
 * STUN, whose transaction id becomes the question's. */
#include <stdlib.h>

#include "ice/behaviour.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    bool done;
};

static void on_send(void *arg, unsigned socket, const struct adit_addr *to, const void *bytes,
                    size_t n)
{
    (void)arg;
    if (socket >= ADIT_BEHAVIOUR_SOCKETS || to->family == ADIT_FAMILY_NONE || n < 20 || !bytes)
        abort();
}

static void on_done(void *arg)
{
    struct run *r = arg;

    if (r->done)
        abort();
    r->done = true;
}

static struct adit_addr server_of(const struct adit_behaviour *b, uint8_t where)
{
    struct adit_addr a = b->servers[where >> 4 & 1];

    if (where & 0x20)
        a.ip[3] ^= 3;
    if (where & 0x40)
        a.port ^= 1;
    return a;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct adit_behaviour_ops ops = { .send = on_send, .done = on_done };
    const struct adit_addr servers[] = {
        { .family = ADIT_FAMILY_V4, .port = 3478, .ip = { 203, 0, 113, 1 } },
        { .family = ADIT_FAMILY_V4, .port = 3478, .ip = { 203, 0, 113, 2 } },
    };
    const struct adit_addr local = { .family = ADIT_FAMILY_V4,
                                     .port = 5000,
                                     .ip = { 10, 0, 0, 1 } };
    struct adit_behaviour_result result;
    struct adit_behaviour b;
    struct adit_rng rng;
    struct run run = { 0 };
    adit_time now = ADIT_SEC;
    uint8_t packet[256];

    adit_rng_init_seed(&rng, 1);
    adit_behaviour_start(&b,
                         &(struct adit_behaviour_conf){ .servers = servers,
                                                        .server_count = ADIT_LEN(servers),
                                                        .local = local,
                                                        .lives = size & 1,
                                                        .rng = &rng },
                         &ops, &run, now);
    for (size_t i = 0; i + 3 <= size;) {
        const struct adit_question *q = &b.questions[data[i] % ADIT_QUESTIONS];
        struct adit_addr from = server_of(&b, data[i + 1]);
        size_t n = data[i + 2];

        i += 3;
        n = n < size - i ? n : size - i;
        memcpy(packet, data + i, n);
        i += n;
        if (n >= 20)
            memcpy(packet + 8, q->id, sizeof q->id);
        adit_behaviour_feed(&b, data[i - n - 2] & 7, &from, packet, n, now);
        now = adit_time_max(now, adit_time_min(adit_behaviour_deadline(&b), now + 400 * ADIT_MS));
        adit_behaviour_tick(&b, now);
        adit_behaviour_result(&b, &result);
        if (!adit_mapping_name(result.mapping) || !adit_filtering_name(result.filtering) ||
            (result.server >= 0) != (b.server >= 0))
            abort();
    }
    for (int i = 0; i < 2000 && !run.done; i++) {
        if (adit_behaviour_deadline(&b) == ADIT_NEVER)
            abort();
        adit_behaviour_tick(&b, adit_behaviour_deadline(&b));
    }
    if (!run.done)
        abort();
    return 0;
}
