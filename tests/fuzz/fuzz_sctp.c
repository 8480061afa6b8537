/* fuzz_sctp.c - an established association is fed hostile chunks.
 *
 * Input: records of one byte of what to do, one or two of length, and bytes. The harness wraps
 * chunks into packets with the right ports, tag and checksum, as an authenticated peer would. */
#include "base/crc32c.h"
#include "sctp/chan.h"
#include "sctp/dcep.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PACKETS_MAX 64

struct end {
    struct adit_sctp *s;
    struct end *other;
    size_t count;
    struct {
        size_t n;
        uint8_t bytes[2048];
    } in[PACKETS_MAX];
    uint32_t tag; /* that packets to this end carry */
    uint32_t tsn; /* of the first DATA chunk that this end expects */
    struct adit_channel *channel;
};

static struct end ends[2];
static adit_time now;

static void on_send(void *arg, const void *bytes, size_t n)
{
    struct end *e = arg, *to = e->other;
    const uint8_t *p = bytes;

    if (p[12] == 1 || p[12] == 2) { /* INIT, INIT ACK: our tag and first TSN */
        e->tag = adit_get32(p + 16);
        to->tsn = adit_get32(p + 28);
    }
    if (to->count == PACKETS_MAX || n > sizeof to->in[0].bytes)
        return;
    memcpy(to->in[to->count].bytes, bytes, n);
    to->in[to->count++].n = n;
}

static void on_event(void *arg, const struct adit_sctp_event *ev)
{
    struct end *e = arg;
    volatile uint8_t sum = 0;

    if (ev->type == ADIT_SCTP_EV_ACCEPT)
        e->channel = ev->channel;
    if (ev->type == ADIT_SCTP_EV_CLOSED && e->channel == ev->channel)
        e->channel = NULL;
    for (size_t i = 0; i < ev->n; i++) /* every byte of a message is there */
        sum = (uint8_t)(sum + ((const uint8_t *)ev->bytes)[i]);
}

static const struct adit_sctp_ops ops = { .send = on_send, .event = on_event };

static void exchange(void)
{
    for (int turn = 0; turn < 8 && (ends[0].count || ends[1].count); turn++)
        for (int i = 0; i < 2; i++) {
            struct end *e = &ends[i];
            size_t n = e->count;

            for (size_t k = 0; k < n; k++)
                adit_sctp_feed(e->s, e->in[k].bytes, e->in[k].n, now);
            e->count -= n;
            memmove(e->in, e->in + n, e->count * sizeof e->in[0]);
        }
}

static void wake(void)
{
    for (int i = 0; i < 2; i++)
        if (adit_sctp_deadline(ends[i].s) <= now)
            adit_sctp_tick(ends[i].s, now);
    exchange();
}

static void inject(const uint8_t *chunks, size_t n)
{
    uint8_t packet[1500] = { 0x13, 0x88, 0x13, 0x88 };

    if (n > sizeof packet - 12)
        n = sizeof packet - 12;
    adit_put32(packet + 4, ends[1].tag);
    memcpy(packet + 12, chunks, n);
    /* DATA, I-DATA and FORWARD-TSN count from where the association stands. */
    if (n >= 8 && (packet[12] == 0 || packet[12] == 64 || packet[12] == 192 || packet[12] == 194))
        adit_put32(packet + 16, adit_get32(packet + 16) + ends[1].tsn);
    uint32_t crc = adit_crc32c(0, packet, 12 + n);
    for (int i = 0; i < 4; i++)
        packet[8 + i] = (uint8_t)(crc >> 8 * i);
    adit_sctp_feed(ends[1].s, packet, 12 + n, now);
}

static void open_channel(uint8_t how)
{
    struct adit_channel_conf conf = { .label = "fuzz",
                                      .label_len = 4,
                                      .unordered = how & 1,
                                      .max_retransmits = how & 2 ? 0 : ADIT_CHANNEL_RELIABLE,
                                      .max_lifetime_ms = ADIT_CHANNEL_RELIABLE,
                                      .id = ADIT_CHANNEL_ID_AUTO };
    int err;
    struct adit_channel *c = adit_channel_open(ends[1].s, &conf, &err, now);

    if (c && !ends[1].channel)
        ends[1].channel = c;
}

static void do_one(uint8_t what, const uint8_t *bytes, size_t n)
{
    struct end *e = &ends[1];

    switch (what % 8) {
    case 0:
    case 1:
    case 2:
        inject(bytes, n);
        break;
    case 3:
        now += (what >> 3) * 100 * ADIT_MS;
        wake();
        break;
    case 4:
        open_channel(what >> 3);
        break;
    case 5:
        if (e->channel && adit_channel_send(e->channel, bytes, n, what & 8, now) < 0)
            e->channel = NULL;
        break;
    case 6:
        if (e->channel && what & 8)
            adit_channel_close(e->channel, now);
        else
            exchange();
        break;
    case 7:
        if (what & 8)
            adit_sctp_pause(e->s);
        else
            adit_sctp_resume(e->s, now);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct adit_sctp_conf conf = { .channels_max = 16,
                                         .local_message_max = 4096,
                                         .recv_buffer = 65536 };
    struct adit_cursor c = adit_cursor(data, size);

    memset(ends, 0, sizeof ends);
    for (int i = 0; i < 2; i++) {
        ends[i].other = &ends[!i];
        ends[i].s = adit_sctp_new(&conf, &ops, &ends[i], now);
        if (!ends[i].s)
            return 0;
    }
    for (int i = 0; i < 2; i++)
        adit_sctp_start(ends[i].s, &(struct adit_sctp_peer){ .dtls_client = i == 0 }, now);
    exchange();
    while (adit_cursor_left(&c) >= 3) {
        uint8_t what = adit_cursor_get8(&c);
        size_t n = adit_cursor_get16(&c) % 1500;
        const uint8_t *bytes;

        if (n > adit_cursor_left(&c))
            n = adit_cursor_left(&c);
        bytes = adit_cursor_take(&c, n);
        do_one(what, bytes, n);
    }
    now += ADIT_SEC;
    wake();
    for (int i = 0; i < 2; i++)
        adit_sctp_free(ends[i].s);
    return 0;
}
