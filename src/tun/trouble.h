/* trouble.h - what went wrong with a device, as a sentence, and what would help.
 *
 * The one place where errno values of the kernel become advice: `adit` prints text and help, and
 * ends with 77 where a permission is missing. Pure: the facts are passed in. */
#ifndef ADIT_TROUBLE_H
#define ADIT_TROUBLE_H

#include "base/base.h"

struct adit_trouble {
    int err;         /* negative errno */
    bool permission; /* an administrator can mend it */
    char text[192];  /* "cannot create the device adit0: Operation not permitted" */
    char help[512];  /* lines to type or to think about; "" if there is nothing to say */
};

enum adit_trouble_at {
    ADIT_TROUBLE_OPEN,    /* /dev/net/tun itself */
    ADIT_TROUBLE_CREATE,  /* TUNSETIFF */
    ADIT_TROUBLE_LINK,    /* up, MTU */
    ADIT_TROUBLE_ADDRESS, /* what: the address */
    ADIT_TROUBLE_ROUTE,   /* what: the route */
};

struct adit_trouble_facts {
    enum adit_trouble_at at;
    int err; /* negative errno */
    const char *device;
    bool tap;
    const char *what;           /* address or route; NULL elsewhere */
    const char *who;            /* who has the device, address or route already; NULL = unknown */
    const char *kernel;         /* its own words; NULL or "" = none */
    const char *program, *user; /* for lines to copy: path of this program, name of the user */
};

void adit_trouble_set(struct adit_trouble *ret_trouble, const struct adit_trouble_facts *facts);

#endif
