/* fuzz_mdns.c - multicast DNS messages from a neighbour, towards an engine that asks and answers.
 */
#include <stdlib.h>

#include "lan/mdns.h"
#include "lan/mdns_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_send(void *arg, uint32_t index, enum adit_family family, const struct adit_addr *to,
                    const void *bytes, size_t n)
{
    struct adit_mdns_reader r;
    struct adit_mdns_item item;

    (void)arg;
    (void)family;
    (void)to;
    if (index != 2 || !adit_mdns_read(&r, bytes, n))
        abort();
    while (adit_mdns_next(&r, &item))
        if (!adit_mdns_name_valid(item.name))
            abort();
    if (r.c.bad)
        abort();
}

static void on_answer(void *arg, const char *name, const struct adit_addr *addr, adit_time now)
{
    (void)now;
    (void)addr;
    if (strcmp(name, "a.local") != 0 || ++*(unsigned *)arg > 1)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct adit_mdns_ops ops = { .send = on_send, .answer = on_answer };
    const struct adit_mdns_link link = {
        .index = 2,
        .addr = { .family = ADIT_FAMILY_V4, .ip = { 10, 0, 0, 1 } },
        .prefix_len = 8,
    };
    struct adit_addr from = { .family = ADIT_FAMILY_V4, .port = 5353, .ip = { 10, 0, 0, 2 } };
    unsigned answers = 0;
    struct adit_mdns *m = adit_mdns_new(&ops, &answers);

    if (!m || size == 0)
        goto out;
    from.port = data[0] & 1 ? 5353 : 1234;
    adit_mdns_set_links(m, &link, 1);
    if (adit_mdns_ask(m, "a.local", 0) < 0 || adit_mdns_own(m, "b.local", 2, &link.addr) < 0)
        abort();
    adit_mdns_tick(m, 0);
    adit_mdns_feed(m, 2, &from, data + 1, size - 1, ADIT_SEC);
    adit_mdns_tick(m, 10 * ADIT_SEC);
    if (answers != 1)
        abort();
out:
    adit_mdns_free(m);
    return 0;
}
