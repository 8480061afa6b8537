/* carry_streams.h - from options to what runs over a channel with streams. */
#ifndef ADIT_CARRY_STREAMS_H
#define ADIT_CARRY_STREAMS_H

#include "app/fwd_spec.h"
#include "app/permit.h"
#include "app/streams.h"
#include "cli/options.h"

/* Points into itself and into the options. All zero is empty. */
struct adit_carry_streams {
    struct adit_streams_conf conf;
    struct adit_http_proxy_conf proxy;
    struct adit_http_serve_conf serve;
    struct adit_send_conf send;
    struct adit_receive_conf receive;
    struct adit_forwards_conf forwards;
    struct adit_fwd *list;
    struct adit_end stdio;
    struct adit_permits permits;
    struct adit_tls_client *tls; /* of an https upstream */
    const struct adit_app_class *app;
};

/* 0, or an exit code after it was logged. adit_carry_streams_done in any case. */
ADIT_MUST_USE int adit_carry_streams_load(struct adit_carry_streams *c,
                                          const struct adit_options *o);
void adit_carry_streams_done(struct adit_carry_streams *c);

#endif
