/* fuzz_ticket.c - a ticket anywhere in a text; what is found must print to the same ticket. */
#include <stdlib.h>

#include "peer/ticket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Random letters never have the right checksum, so the bytes themselves are also tried as one. */
static void as_bytes(const uint8_t *data, size_t size)
{
    struct adit_ticket t = { .kind = ADIT_TICKET_OFFER }, back;
    struct adit_cursor c = adit_cursor(data, size);
    static struct adit_desc desc;
    struct adit_buf out;
    struct adit_cause cause;
    size_t end;
    uint8_t first = adit_cursor_get8(&c);

    t.kind = first % 4;
    t.dated = t.kind != ADIT_TICKET_ANSWER && (first & 128);
    t.date = t.dated ? adit_cursor_get16(&c) : 0;
    t.of_tag = t.kind == ADIT_TICKET_ANSWER ? adit_cursor_get16(&c) : 0;
    t.cand_count = (first >> 2) % (ADIT_TICKET_CANDS_MAX + 1);
    for (unsigned i = 0; i < t.cand_count; i++) {
        static const enum adit_cand_type types[] = { ADIT_CAND_HOST, ADIT_CAND_SRFLX,
                                                     ADIT_CAND_RELAY };
        uint8_t how = adit_cursor_get8(&c);
        const uint8_t *ip = adit_cursor_take(&c, how & 1 ? 16 : 4);
        t.cands[i].type = types[how / 2 % 3];
        t.cands[i].addr.family = how & 1 ? ADIT_FAMILY_V6 : ADIT_FAMILY_V4;
        if (ip)
            memcpy(t.cands[i].addr.ip, ip, how & 1 ? 16 : 4);
        if ((how & 1) && t.cands[i].addr.ip[0] == 0)
            t.cands[i].addr.ip[0] = 0x20; /* not IPv4-mapped */
        t.cands[i].addr.port = adit_cursor_get16(&c);
    }
    adit_buf_init(&out, 4096);
    adit_ticket_print(&out, &t);
    if (out.err || adit_ticket_find(&back, &end, (char *)out.data, out.len, &cause) < 0 ||
        end != out.len || memcmp(&t, &back, sizeof t) != 0)
        abort();
    adit_ticket_desc(&back, &desc);
    adit_buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct adit_ticket t, again;
    struct adit_cause cause;
    struct adit_buf out;
    size_t end;

    as_bytes(data, size);
    if (adit_ticket_find(&t, &end, (const char *)data, size, &cause) < 0)
        return 0;
    adit_buf_init(&out, 4096);
    adit_ticket_print(&out, &t);
    if (out.err || end > size ||
        adit_ticket_find(&again, &end, (char *)out.data, out.len, &cause) < 0 ||
        memcmp(&t, &again, sizeof t) != 0)
        abort();
    adit_buf_done(&out);
    return 0;
}
