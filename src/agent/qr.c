#include "agent/qr.h"

#include "base/log.h"

#ifdef ADIT_HAVE_QRENCODE

#include <qrencode.h>

#define QUIET_ZONE 2 /* modules; the standard's 4 are more than terminals need */

static bool dark(const QRcode *qr, int x, int y)
{
    return x >= 0 && y >= 0 && x < qr->width && y < qr->width && qr->data[y * qr->width + x] & 1;
}

void adit_qr_print(struct adit_outbox *out, const char *text)
{
    /* Light modules are drawn, for terminals are dark: upper, lower, both, none. */
    static const char *const blocks[2][2] = { { "\xe2\x96\x88", "\xe2\x96\x80" },
                                              { "\xe2\x96\x84", " " } };
    QRcode *qr = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);
    struct adit_buf b;

    if (!qr) {
        adit_log(ADIT_LOG_WARN, "qr", "too long for a QR code; use --as ticket, continuing");
        return;
    }
    adit_buf_init(&b, 256 * 1024);
    for (int y = -QUIET_ZONE; y < qr->width + QUIET_ZONE; y += 2) {
        for (int x = -QUIET_ZONE; x < qr->width + QUIET_ZONE; x++)
            adit_buf_printf(&b, "%s", blocks[dark(qr, x, y)][dark(qr, x, y + 1)]);
        adit_buf_printf(&b, "\n");
    }
    QRcode_free(qr);
    if (!b.err)
        adit_outbox_add(out, b.data, b.len);
    adit_buf_done(&b);
}

#else

void adit_qr_print(struct adit_outbox *out, const char *text)
{
    (void)out;
    (void)text;
    adit_log(ADIT_LOG_WARN, "qr", "this adit was built without QR codes, continuing");
}

#endif
