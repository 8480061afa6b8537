/* streams.h - the app that joins a channel to what runs over it: HTTP, forwards, files.
 *
 * docs/streams.md has the beginning (HELLO, AGREE) and what follows it: adit's own streams between
 * two adits, otherwise HTTP in the framing of the other side's program. Listeners and what is to be
 * sent outlive the connection: then the app is persistent. */
#ifndef ADIT_STREAMS_H
#define ADIT_STREAMS_H

#include "app/app.h"
#include "app/forwards.h"
#include "app/http_proxy.h"
#include "app/http_serve.h"
#include "app/receive.h"
#include "app/send.h"

#define ADIT_STREAMS_LABEL       "tunnel"     /* of a channel that we open */
#define ADIT_STREAMS_AGENT_LABEL "http-proxy" /* of the Tunnel Agent's */
#define ADIT_STREAMS_HELLO_MAX   (30 * ADIT_SEC)

enum adit_framing {
    ADIT_FRAMING_AUTO,  /* by the channel's label */
    ADIT_FRAMING_ROOM,  /* HELLO, as the HTTP tunnel has it; between adits our own */
    ADIT_FRAMING_AGENT, /* the Tunnel Agent's */
};

/* What is NULL is not wanted. Borrowed as long as the app lives; loops are set by the app. */
struct adit_streams_conf {
    enum adit_framing framing;
    const struct adit_http_proxy_conf *proxy;
    const struct adit_http_serve_conf *serve;
    const struct adit_forwards_conf *forwards; /* without descriptors */
    const struct adit_send_conf *send;         /* without `done` */
    const struct adit_receive_conf *receive;   /* without `done` */
    size_t memory;                             /* of a connection; 0 = ADIT_MUX_MEMORY_DEFAULT */
    unsigned streams_max;                      /* that the other side may have open; 0 = default */
};

/* app_extra is a struct adit_streams_conf. The second one is for who only waits for the other side:
 * it ends with its channel, and there may be one for every peer. */
extern const struct adit_app_class adit_app_streams, adit_app_streams_passive;

#endif
