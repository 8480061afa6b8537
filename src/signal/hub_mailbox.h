/* hub_mailbox.h - mailboxes of the hub: limits, and what is kept over a restart. */
#ifndef ADIT_HUB_MAILBOX_H
#define ADIT_HUB_MAILBOX_H

#include "base/json.h"

struct adit_hub;

#define ADIT_HUB_BOX_LIFE        (600 * ADIT_SEC) /* of a message */
#define ADIT_HUB_BOX_WAIT_MAX    60               /* seconds that a GET may wait */
#define ADIT_HUB_BOX_PRICE       4096 /* bytes of a message that count as one more request */
#define ADIT_HUB_BOXES_BYTES_MAX (64 * 1024 * 1024) /* of all messages */

/* An array, NULL without memory. */
json_t *adit_hub_boxes_save(const struct adit_hub *hub, adit_time now);
/* What is not understood, too old or too much is left out. */
void adit_hub_boxes_load(struct adit_hub *hub, const json_t *all, adit_time now);

#endif
