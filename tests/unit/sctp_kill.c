#include "unit/sctp_kill.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "sctp/chan.h"

enum { INIT = 1 }; /* RFC 9260 section 3.2 */

static void on_send(void *arg, const void *bytes, size_t n)
{
    struct sctp_spy *spy = arg;
    const uint8_t *b = bytes;

    if (n > 12 && b[12] != INIT)
        spy->tag = adit_get32(b + 4);
    spy->send(spy->arg, bytes, n);
}

void sctp_spy_on(struct sctp_spy *spy, struct adit_sctp *s)
{
    *spy = (struct sctp_spy){ .s = s, .send = s->usr.send, .arg = s->usr.arg };
    s->usr.send = on_send;
    s->usr.arg = spy;
}

void sctp_kill_peer(struct sctp_spy *spy, struct adit_sctp *peer, adit_time now)
{
    uint8_t packet[] = { 0x13, 0x88, 0x13, 0x88, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 8, 0, 13, 0, 4 };

    assert_int_not_equal(spy->tag, 0);
    spy->s->usr.send = spy->send;
    spy->s->usr.arg = spy->arg;
    adit_put32(packet + 4, spy->tag);
    uint32_t crc = adit_crc32c(0, packet, sizeof packet);
    for (int i = 0; i < 4; i++)
        packet[8 + i] = (uint8_t)(crc >> 8 * i);
    adit_sctp_feed(peer, packet, sizeof packet, now);
}
