/* relayed.h - an app over the Tunnel Agent's relay, where otherwise a peer and its channel would
 * be.
 *
 * The relay carries what an `http-proxy` channel would, and sees it. It is entered again when it
 * closes; a persistent app waits meanwhile. */
#ifndef ADIT_RELAYED_H
#define ADIT_RELAYED_H

#include "app/app.h"
#include "app/relay.h"

struct adit_relayed;

struct adit_relayed_conf {
    struct adit_relay_conf relay; /* without a proxy */
    const char *proxy;            /* as in client.h: NULL = what the environment says; "" = none */
    const struct adit_app_class *app; /* persistent */
    const void *app_extra;
};

/* `ended` comes from the loop, once. NULL and an exit code after it was logged. */
struct adit_relayed *adit_relayed_new(struct adit_loop *loop, const struct adit_relayed_conf *conf,
                                      void (*ended)(void *arg, int exit_code), void *arg,
                                      int *ret_exit);
struct adit_relayed *adit_relayed_free(struct adit_relayed *r); /* returns NULL; r may be NULL */

#endif
