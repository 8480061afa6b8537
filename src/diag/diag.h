/* diag.h - what this host's network lets through, and what can be done about it.
 *
 * All checks run side by side on the loop, each in its own time and all of them within ten seconds:
 * the host itself, name servers, the signaling server step by step, STUN servers, and for each
 * uplink what the NAT before it does. What they find is one JSON object (docs/diag.md), which
 * adit_diag_print shows to people. */
#ifndef ADIT_DIAG_H
#define ADIT_DIAG_H

#include <jansson.h>

#include "base/buf.h"
#include "core/netif.h"
#include "core/reactor.h"

#define ADIT_DIAG_STUN_MAX 8
#define ADIT_DIAG_TURN_MAX 8

struct adit_diag;

/* Borrowed as long as the diagnosis runs. */
struct adit_diag_conf {
    const char *const *stun; /* "host", "host:port", with "stun:" before it or not */
    size_t stun_count;
    const struct adit_turn_server *turn;
    size_t turn_count;
    const char *signal; /* URL; NULL = none */
    const char *ca;
    const char *const *pins;
    size_t pin_count;
    bool insecure;
    const char *proxy;            /* URL; NULL = what the environment says; "" = none */
    struct adit_netif_conf netif; /* which interfaces */
    bool lives;                   /* three minutes more: how long mappings live */
};

struct adit_diag_ops {
    /* How far it is: `waits` is what it waits for, NULL behind the last. May call nothing. */
    void (*progress)(void *arg, unsigned done, unsigned all, const char *const *waits);
    /* Everything is known that can be. May call adit_diag_free. */
    void (*done)(void *arg);
};

/* NULL without memory. */
struct adit_diag *adit_diag_new(struct adit_loop *loop, const struct adit_diag_conf *conf,
                                const struct adit_diag_ops *ops, void *arg);
struct adit_diag *adit_diag_free(struct adit_diag *d); /* returns NULL */

/* After `done`; borrowed. */
const json_t *adit_diag_report(const struct adit_diag *d);
int adit_diag_exit_code(const struct adit_diag *d);

/* The report for a terminal. */
void adit_diag_print(struct adit_buf *out, const json_t *report);

#endif
