/* pairtext_clean.h - text as it was before it was pasted; only for pairtext.c. */
#ifndef ADIT_PAIRTEXT_CLEAN_H
#define ADIT_PAIRTEXT_CLEAN_H

#include "base/buf.h"

enum adit_clean {
    ADIT_CLEAN_LINES, /* without blanks and quotation marks at the beginnings of lines */
    ADIT_CLEAN_JOIN,  /* and without line ends: something long was broken anywhere, perhaps before
                       * a blank */
    ADIT_CLEAN_SPACE, /* and with a blank for each: it was broken between words */
};

/* Appends the cleaned text. Stops at `want` bytes; returns the offset in `text` behind the last
 * byte that was used. */
size_t adit_clean_text(struct adit_buf *out, const char *text, size_t len, enum adit_clean how,
                       size_t want);
/* Decodes base64 from the beginning of the text on, over lines and quotation marks, up to an empty
 * line, padding, or a byte that does not belong there. Returns the offset behind its last letter;
 * *ret_open: it goes to the end of the text, more may come. */
size_t adit_clean_base64(struct adit_buf *out, const char *text, size_t len, bool *ret_open);

#endif
