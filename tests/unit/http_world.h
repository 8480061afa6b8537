/* http_world.h - clients, the HTTP proxy, a carrier, the provider and an upstream, on one loop. The
 * parties at both ends are sockets whose words a test writes and reads. */
#ifndef ADIT_TEST_HTTP_WORLD_H
#define ADIT_TEST_HTTP_WORLD_H

#include "app/http_proxy.h"
#include "app/http_serve.h"
#include "core/listen.h"
#include "core/stream.h"
#include "direct_carrier.h"

#define HTTP_PARTIES 16

/* Somebody at an end of a connection. */
struct party {
    struct http_world *world;
    struct adit_stream *stream;
    struct adit_buf got;
    size_t seen;  /* of got, by party_hears */
    size_t count; /* bytes that came, also those that were not kept */
    bool discard; /* keeps nothing */
    bool eof, closed, reset;
};

struct http_world {
    struct adit_loop *loop;
    unsigned fds;
    struct adit_http_proxy_conf proxy_conf;
    struct adit_http_serve_conf serve_conf;
    struct adit_http_proxy *proxy;
    struct adit_http_serve *serve;
    struct direct direct;
    struct adit_listen *upstream;
    struct adit_tls_server *upstream_tls; /* NULL = none; the test's */
    char upstream_url[64];
    struct party client[HTTP_PARTIES], up[HTTP_PARTIES];
    unsigned ups;  /* calls that the upstream took */
    unsigned news; /* something happened */
};

/* What the upstream's sockets call, with the world as arg. */
extern const struct adit_listen_ops http_world_upstream;

/* Makes the loop and the upstream; configure then, and start. */
void http_world_init(struct http_world *w);
/* The proxy listens, the tunnel stands. */
void http_world_start(struct http_world *w);
/* Everything goes; nothing is left behind. */
void http_world_done(struct http_world *w);
void http_world_turn(struct http_world *w, int times);
void http_world_wait(struct http_world *w); /* for something to happen */

/* Client i calls the proxy. */
struct party *http_client(struct http_world *w, int i);
/* The upstream's i-th call, when it has come. */
struct party *http_up(struct http_world *w, unsigned i);

void party_says(struct party *p, const char *text);
/* Byte by byte, each in a read of its own, as far as the other side reads. */
void party_says_torn(struct party *p, const char *text);
/* The next bytes that come are these. */
void party_hears(struct party *p, const char *text);
/* The next bytes end with these; what came before them is passed over. */
void party_hears_up_to(struct party *p, const char *text);
/* The other side ends the connection, after nothing more; or resets it. */
void party_sees_end(struct party *p);
void party_sees_reset(struct party *p);
void party_leaves(struct party *p);
void party_aborts(struct party *p);

#define HTTP_UNTIL(w, condition)  \
    do {                          \
        while (!(condition))      \
            http_world_wait((w)); \
    } while (0)

#endif
