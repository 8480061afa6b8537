/* streams_inner.h - the inside of the streams app; only for streams*.c.
 *
 * streams.c      its life, and the parts it joins
 * streams_way.c  the way: HELLO, then a mux or another program's framing */
#ifndef ADIT_STREAMS_INNER_H
#define ADIT_STREAMS_INNER_H

#include "app/exchange.h"
#include "app/streams.h"

enum adit_way {
    ADIT_WAY_NONE,    /* no channel */
    ADIT_WAY_HELLO,   /* the other side's first message is awaited */
    ADIT_WAY_MUX,     /* adit's streams */
    ADIT_WAY_CARRIER, /* HTTP in another program's framing */
    ADIT_WAY_BROKEN,  /* the channel is being closed */
};

struct adit_streams {
    struct adit_app app;
    const struct adit_streams_conf *conf;
    enum adit_way way;
    struct adit_mux *mux;
    struct adit_carrier *carrier; /* over the mux too */
    struct adit_http_proxy *proxy;
    struct adit_http_serve *serve;
    struct adit_forwards *forwards;
    struct adit_forwards_conf forwards_conf;
    struct adit_send *send;
    struct adit_receive *receive;
    struct adit_task flush;
    struct adit_timer limit; /* of HELLO */
    const char *why;         /* BROKEN */
    struct adit_task broken;
};

static inline struct adit_streams *adit_streams_of(struct adit_app *app)
{
    return adit_container_of(app, struct adit_streams, app);
}

/* streams_way.c */
void adit_way_init(struct adit_streams *s);
void adit_way_open(struct adit_streams *s);
void adit_way_message(struct adit_streams *s, const uint8_t *bytes, size_t n, bool text);
void adit_way_writable(struct adit_streams *s);
/* The channel is gone: whatever was on its way is told. */
void adit_way_lost(struct adit_streams *s);

/* streams.c */
void adit_streams_ready(struct adit_streams *s, adit_time now); /* a carrier or mux stands */
void adit_streams_detach(struct adit_streams *s, adit_time now);

#endif
