/* hub_device.h - a device that is connected, or on its way. */
#ifndef ADIT_HUB_DEVICE_H
#define ADIT_HUB_DEVICE_H

#include "signal/hub_inner.h"

/* Those from TARGET on may be different the next time. */
enum adit_hub_reason {
    ADIT_HUB_AUTH_FAILED,
    ADIT_HUB_KEY_FAILED,
    ADIT_HUB_PROTOCOL,
    ADIT_HUB_SAME_DEVICE,
    ADIT_HUB_TARGET,
    ADIT_HUB_INTERNAL
};

struct adit_hub_handset {
    bool by_key;     /* of the second generation */
    bool challenged; /* its key is to sign `challenge` */
    bool in;
    int64_t user_id;
    char challenge[48];
    char device_id[ADIT_HUB_ID_MAX + 1]; /* that it wants to be */
};

#endif
