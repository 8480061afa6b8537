/* desc.c - see desc.h. */
#include "peer/desc.h"

void adit_desc_init(struct adit_desc *desc, enum adit_desc_type type)
{
    memset(desc, 0, sizeof *desc);
    desc->type = type;
    /* RFC 8842 section 5.3: the answerer SHOULD be the client. */
    desc->setup = type == ADIT_DESC_ANSWER ? ADIT_SETUP_ACTIVE : ADIT_SETUP_ACTPASS;
    desc->sctp_port = 5000;
    desc->max_message_size = ADIT_MESSAGE_SIZE_MAX;
    desc->bundle = true;
    desc->adit = true;
    strcpy(desc->mid, "0");
}
