/* http_serve.h - the provider of an HTTP tunnel: requests that come through it are made to one
 * upstream, and to nobody else whatever they say.
 *
 * Connections to the upstream are used again. Bodies pass through as they come. What the far side
 * claims about connections, lengths and who called is not believed: heads are written anew. */
#ifndef ADIT_HTTP_SERVE_H
#define ADIT_HTTP_SERVE_H

#include "app/exchange.h"
#include "app/http_head.h"

#define ADIT_HTTP_SERVE_HEAD_MAX      (16 * 1024)
#define ADIT_HTTP_SERVE_EXCHANGES_MAX 1024 /* at a time; more are told 503 */
#define ADIT_HTTP_SERVE_IDLE_MAX      256  /* connections kept for the next request */
/* For how long: shorter than the 5 s after which many a server closes them. */
#define ADIT_HTTP_SERVE_KEEP_TIME     (4 * ADIT_SEC)
#define ADIT_HTTP_SERVE_CONNECT_TIME  (10 * ADIT_SEC)
#define ADIT_HTTP_SERVE_RESPONSE_TIME (60 * ADIT_SEC)
#define ADIT_HTTP_SERVE_SILENT_TIME   (300 * ADIT_SEC)

struct adit_http_serve;
struct adit_tls_client;

/* Zero is a good configuration but for loop and upstream. Strings are copied. */
struct adit_http_serve_conf {
    struct adit_loop *loop;
    const char *upstream; /* "http://host:3001[/prefix]", "https://…" or "unix:PATH[:/prefix]" */
    struct adit_tls_client *tls; /* for https; borrowed, outlives the provider */
    const char *advertise; /* a prefix that requests have and the upstream has not; NULL = / */
    bool keep_host;        /* Host is the client's; else the upstream's */
    enum adit_http_forwarded forwarded;
    const char *forwarded_for; /* with ADD: who the far side is; NULL = not told */
    /* Limits; 0 = the default above. Times may be ADIT_NEVER. */
    size_t head_max; /* of a response */
    unsigned exchanges_max, idle_max;
    adit_time connect_time, response_time, idle_time, keep_time;
    adit_time total_time; /* 0 = none */
};

/* NULL, and a cause for the person who configured it. */
struct adit_http_serve *adit_http_serve_new(const struct adit_http_serve_conf *conf,
                                            struct adit_cause *ret_cause);
/* Cuts all exchanges. Returns NULL; s may be NULL. */
struct adit_http_serve *adit_http_serve_free(struct adit_http_serve *s);

/* For the carriers' `request`: takes the exchange, or frees it. Any number of carriers. */
void adit_http_serve_request(struct adit_http_serve *s, struct adit_exchange *x,
                             const struct adit_http1_head *head, adit_time now);

size_t adit_http_serve_exchanges(const struct adit_http_serve *s);
size_t adit_http_serve_connections(const struct adit_http_serve *s); /* to the upstream */

#endif
