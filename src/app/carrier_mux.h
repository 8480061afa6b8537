/* carrier_mux.h - HTTP exchanges between two adits, each a stream of a mux. */
#ifndef ADIT_CARRIER_MUX_H
#define ADIT_CARRIER_MUX_H

#include "app/exchange.h"
#include "app/mux.h"

/* The mux is borrowed, and what it receives goes to adit_mux_feed. conf->ops needs `request` alone,
 * and that for a provider. NULL without memory. */
struct adit_carrier *adit_carrier_mux_new(const struct adit_carrier_conf *conf,
                                          struct adit_mux *mux, adit_time now);
/* The mux was told of a stream of kind HTTP. */
void adit_carrier_mux_opened(struct adit_carrier *c, struct adit_mux_stream *s,
                             const uint8_t *target, size_t n, adit_time now);

#endif
