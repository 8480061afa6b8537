/* fuzz_socks.c - a client of SOCKS: whole or byte by byte, the same comes of it; and the headers
 * of datagrams. The first byte says which. */
#include <stdlib.h>

#include "app/socks.h"
#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct result {
    struct adit_socks s;
    struct adit_buf out;
    size_t used;
};

static void converse(struct result *r, bool password, const uint8_t *data, size_t size, size_t step)
{
    adit_buf_init(&r->out, 1024);
    adit_socks_start(&r->s, password ? "me" : NULL, "pw");
    r->used = 0;
    for (size_t have = 0; have < size && r->s.state != ADIT_SOCKS_OVER;) {
        ssize_t got;

        have = step < size - have ? have + step : size;
        while ((got = adit_socks_feed(&r->s, data + r->used, have - r->used, &r->out)) > 0) {
            if ((size_t)got > have - r->used || got > ADIT_SOCKS_ASK_MAX)
                abort();
            r->used += (size_t)got;
        }
        if ((got < 0) != (r->s.state == ADIT_SOCKS_OVER))
            abort();
        if (r->s.state < ADIT_SOCKS_ASKED && have - r->used > ADIT_SOCKS_ASK_MAX)
            abort(); /* it must have had enough */
    }
}

static void datagram(const uint8_t *data, size_t size)
{
    struct adit_end to, again;
    uint8_t header[ADIT_SOCKS_UDP_MAX];
    ssize_t n = adit_socks_udp_decode(&to, data, size);

    if (n < 0)
        return;
    if ((size_t)n > size || n > ADIT_SOCKS_UDP_MAX)
        abort();
    size_t len = adit_socks_udp_encode(header, &to);
    if (adit_socks_udp_decode(&again, header, len) != (ssize_t)len ||
        memcmp(&to, &again, sizeof to) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct result whole, torn;

    if (size == 0)
        return 0;
    if (data[0] % 3 == 2) {
        datagram(data + 1, size - 1);
        return 0;
    }
    converse(&whole, data[0] % 3, data + 1, size - 1, SIZE_MAX);
    converse(&torn, data[0] % 3, data + 1, size - 1, 1);
    if (whole.s.state != torn.s.state || whole.used != torn.used || whole.out.len != torn.out.len ||
        (whole.out.len && memcmp(whole.out.data, torn.out.data, whole.out.len) != 0) ||
        memcmp(&whole.s.to, &torn.s.to, sizeof whole.s.to) != 0)
        abort();
    if (whole.s.state == ADIT_SOCKS_ASKED)
        adit_socks_answer(&whole.s, ADIT_MUX_DONE, NULL, &whole.out);
    if (whole.out.err)
        abort();
    adit_buf_done(&whole.out);
    adit_buf_done(&torn.out);
    return 0;
}
