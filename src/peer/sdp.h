/* sdp.h - the part of SDP that data channels need (RFC 8866, 8829, 8839, 8841, 8842, 8122).
 *
 * Strict on what ends up in the description, tolerant on form: LF or CRLF, attributes at session or
 * media level, unknown lines skipped. */
#ifndef ADIT_SDP_H
#define ADIT_SDP_H

#include "base/buf.h"
#include "peer/desc.h"

#define ADIT_SDP_SIZE_MAX (64 * 1024)

/* type is taken from the caller (JSON or command line say it); setup is checked against it.
 * -EINVAL, *ret_desc is empty, and *ret_cause says in a sentence what is missing or wrong ("no data
 * channel section", "no fingerprint", …). */
ADIT_MUST_USE int adit_sdp_parse(struct adit_desc *ret_desc, enum adit_desc_type type,
                                 const char *text, size_t len, struct adit_cause *ret_cause);
/* CRLF line ends. With an `offer`, an answer mirrors its form: m-line, mids, rejected sections,
 * BUNDLE. */
void adit_sdp_print(struct adit_buf *out, const struct adit_desc *desc,
                    const struct adit_desc *offer);

/* Is this an adit's description, and not the first of its session? Then nobody who was not there
 * for the first has anything to answer. */
bool adit_sdp_is_later(const char *text, size_t n);

#endif
