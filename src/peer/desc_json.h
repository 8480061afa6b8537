/* desc_json.h - a description as browsers and other stacks hand it over:
 * {"type":"offer","sdp":"v=0…"}. */
#ifndef ADIT_DESC_JSON_H
#define ADIT_DESC_JSON_H

#include "base/buf.h"
#include "peer/desc.h"

/* Keys other than type and sdp are passed over. -EINVAL or -ENOMEM, *ret_desc is empty, and a
 * cause.
 */
ADIT_MUST_USE int adit_desc_json_parse(struct adit_desc *ret_desc, const char *text, size_t len,
                                       struct adit_cause *ret_cause);
/* One line without its end; `offer` as in adit_sdp_print. A description of type UNKNOWN (symmetric
 * pairing) is told as an offer. */
void adit_desc_json_print(struct adit_buf *out, const struct adit_desc *desc,
                          const struct adit_desc *offer);

#endif
