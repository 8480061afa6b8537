/* qr.h - a description as a QR code on a terminal, for a phone to carry across. */
#ifndef ADIT_QR_H
#define ADIT_QR_H

#include "app/outbox.h"

/* Draws with half blocks, two modules to a character. Without libqrencode, or if the text is too
 * long for a QR code, it says so. */
void adit_qr_print(struct adit_outbox *out, const char *text);

#endif
