#include "sctp/dcep.h"

#include "base/buf.h"

/* RFC 8832 section 8.2.2: the top bit is "unordered", the rest says what the parameter means. */
enum { RELIABLE = 0x00, REXMIT = 0x01, TIMED = 0x02, UNORDERED = 0x80 };

#define PRIORITY_NORMAL 256 /* RFC 8831 section 6.4 */
#define PARAM_MAX       65535

void adit_dcep_encode_open(uint8_t *out, const struct adit_channel_conf *conf)
{
    uint8_t type = conf->unordered ? UNORDERED : 0;
    uint32_t param = 0;

    if (conf->max_retransmits != ADIT_CHANNEL_RELIABLE) {
        type |= REXMIT;
        param = (uint32_t)conf->max_retransmits;
    } else if (conf->max_lifetime_ms != ADIT_CHANNEL_RELIABLE) {
        type |= TIMED;
        param = (uint32_t)conf->max_lifetime_ms;
    }
    out[0] = ADIT_DCEP_OPEN;
    out[1] = type;
    adit_put16(out + 2, conf->priority ? conf->priority : PRIORITY_NORMAL);
    adit_put32(out + 4, param);
    adit_put16(out + 8, (uint16_t)conf->label_len);
    adit_put16(out + 10, (uint16_t)conf->protocol_len);
    if (conf->label_len)
        memcpy(out + ADIT_DCEP_OPEN_HEAD, conf->label, conf->label_len);
    if (conf->protocol_len)
        memcpy(out + ADIT_DCEP_OPEN_HEAD + conf->label_len, conf->protocol, conf->protocol_len);
}

static int decode_open(struct adit_channel_conf *ret_conf, struct adit_cursor *c)
{
    uint8_t type = adit_cursor_get8(c);
    struct adit_channel_conf conf = {
        .unordered = type & UNORDERED,
        .max_retransmits = ADIT_CHANNEL_RELIABLE,
        .max_lifetime_ms = ADIT_CHANNEL_RELIABLE,
        .id = ADIT_CHANNEL_ID_AUTO,
        .priority = adit_cursor_get16(c),
    };
    uint32_t param = adit_cursor_get32(c);

    conf.label_len = adit_cursor_get16(c);
    conf.protocol_len = adit_cursor_get16(c);
    conf.label = (const char *)adit_cursor_take(c, conf.label_len);
    conf.protocol = (const char *)adit_cursor_take(c, conf.protocol_len);
    if (c->bad)
        return -EPROTO;
    if (adit_cursor_left(c)) {
        /* aiortc 1.4 states lengths in characters, not in bytes: what is left then belongs to the
         * label, and with a protocol behind it nobody can tell where that begins. */
        if (conf.protocol_len)
            return -EPROTO;
        conf.label_len += adit_cursor_left(c);
    }
    if (param > PARAM_MAX) /* more than an application can ask for is as good as its maximum */
        param = PARAM_MAX;
    switch (type & ~UNORDERED) {
    case RELIABLE: /* section 5.1: the parameter is ignored */
        break;
    case REXMIT:
        conf.max_retransmits = (int)param;
        break;
    case TIMED:
        conf.max_lifetime_ms = (int)param;
        break;
    default:
        return -EPROTO;
    }
    *ret_conf = conf;
    return ADIT_DCEP_OPEN;
}

int adit_dcep_decode(struct adit_channel_conf *ret_conf, const void *bytes, size_t n)
{
    struct adit_cursor c = adit_cursor(bytes, n);

    switch (adit_cursor_get8(&c)) {
    case ADIT_DCEP_OPEN:
        return decode_open(ret_conf, &c);
    case ADIT_DCEP_ACK:
        return ADIT_DCEP_ACK; /* pion v3 sends three zero bytes behind it */
    default:                  /* includes "no byte at all": the cursor then gives a zero */
        return -EPROTO;
    }
}
