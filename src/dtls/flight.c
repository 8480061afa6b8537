#include "dtls/flight.h"

#include "dtls/record.h"

#define US_EXPIRED  1          /* OpenSSL takes anything below 15 ms for expired */
#define US_NEVER    UINT32_MAX /* 71 minutes */
#define NO_DATAGRAM SIZE_MAX

void adit_flight_init(struct adit_flight *f, size_t mtu, adit_time rto)
{
    *f = (struct adit_flight){ .mtu = mtu, .rto = adit_time_max(rto, ADIT_FLIGHT_RTO) };
    adit_buf_init(&f->copies, ADIT_FLIGHT_BYTES_MAX);
}

void adit_flight_done(struct adit_flight *f)
{
    adit_buf_done(&f->copies);
    adit_flight_init(f, f->mtu, f->rto);
}

unsigned adit_flight_timer(struct adit_flight *f, unsigned us)
{
    if (us == 0) { /* the timer is started: the first message of a new flight is about to leave */
        adit_buf_consume(&f->copies, f->copies.len);
        f->made = f->sent = 0;
        f->mode = ADIT_FLIGHT_SEND;
        f->left = true;
        return US_EXPIRED;
    }
    if (f->made == ADIT_FLIGHT_COPIES) { /* the wall clock has jumped ahead */
        f->mode = ADIT_FLIGHT_DROP;
        return US_NEVER;
    }
    f->mode = ADIT_FLIGHT_KEEP;
    f->end[f->made++] = f->copies.len;
    f->last = NO_DATAGRAM;
    return f->made < ADIT_FLIGHT_COPIES ? US_EXPIRED : US_NEVER;
}

/* OpenSSL retransmits each message in a datagram of its own; several fit into one. */
static void keep(struct adit_flight *f, const uint8_t *bytes, size_t n)
{
    struct adit_buf *b = &f->copies;
    size_t len;

    if (b->err)
        return;
    len = f->last == NO_DATAGRAM ? 0 : adit_get16(b->data + f->last);
    if (!len || len + n > f->mtu) {
        f->last = b->len;
        len = 0;
        adit_buf_add16(b, 0);
    }
    adit_buf_add(b, bytes, n);
    if (b->err)
        return;
    adit_put16(b->data + f->last, (uint16_t)(len + n));
    f->end[f->made - 1] = b->len;
}

bool adit_flight_write(struct adit_flight *f, const void *bytes, size_t n)
{
    if (f->mode == ADIT_FLIGHT_SEND || (n && *(const uint8_t *)bytes == ADIT_RECORD_ALERT))
        return true;
    if (f->mode == ADIT_FLIGHT_KEEP && n <= UINT16_MAX)
        keep(f, bytes, n);
    return false;
}

struct adit_span adit_flight_join(struct adit_flight *f, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    struct adit_span out = { p, n };

    if (!n || f->again_len + n > sizeof f->again ||
        (p[0] != ADIT_RECORD_CCS && !(f->again_len && p[0] == ADIT_RECORD_HANDSHAKE)))
        return out;
    memcpy(f->again + f->again_len, p, n);
    f->again_len += n;
    out = (struct adit_span){ f->again, p[0] == ADIT_RECORD_CCS ? 0 : f->again_len };
    if (out.len)
        f->again_len = 0;
    return out;
}

bool adit_flight_arm(struct adit_flight *f, adit_time now)
{
    bool left = f->left;

    f->mode = ADIT_FLIGHT_SEND;
    f->left = false;
    if (left) {
        f->wait = f->rto;
        f->due = now + f->wait;
    }
    return left;
}

adit_time adit_flight_deadline(const struct adit_flight *f)
{
    return f->sent < f->made ? f->due : ADIT_NEVER;
}

void adit_flight_tick(struct adit_flight *f, void (*send)(void *arg, const void *bytes, size_t n),
                      void *arg, adit_time now)
{
    if (now < adit_flight_deadline(f))
        return;
    size_t at = f->sent ? f->end[f->sent - 1] : 0, end = f->end[f->sent];
    f->sent++;
    f->wait = adit_time_min(f->wait * 2, ADIT_FLIGHT_WAIT_MAX);
    f->due = now + f->wait;
    while (at < end) {
        size_t n = adit_get16(f->copies.data + at);
        send(arg, f->copies.data + at + 2, n);
        at += 2 + n;
    }
}
