/* http_proxy.h - the consumer of an HTTP tunnel: a local port on which the far side's service
 * answers.
 *
 * It listens at once, and says 503 until a carrier is attached. A connection has one exchange at a
 * time; requests that come behind it wait unread. Bodies pass through in both directions as they
 * come: what waits here is what one read has brought, and what the carrier's windows have let come
 * for a client that reads slowly. What breaks after its head was sent breaks the client's
 * connection: no short body looks whole. */
#ifndef ADIT_HTTP_PROXY_H
#define ADIT_HTTP_PROXY_H

#include "app/exchange.h"
#include "app/http_head.h"

#define ADIT_HTTP_PROXY_LISTEN    "127.0.0.1:8000"
#define ADIT_HTTP_HEAD_MAX        (16 * 1024)
#define ADIT_HTTP_CONNECTIONS_MAX 1024
#define ADIT_HTTP_HEAD_TIME       (20 * ADIT_SEC)  /* for a whole head */
#define ADIT_HTTP_RESPONSE_TIME   (60 * ADIT_SEC)  /* from the request to its response's head */
#define ADIT_HTTP_IDLE_TIME       (300 * ADIT_SEC) /* between requests, and within one */
#define ADIT_HTTP_RETRY_AFTER     (2 * ADIT_SEC)
#define ADIT_HTTP_HALF_CLOSE_TIME ADIT_SEC    /* see http_proxy_conn.c */
#define ADIT_HTTP_OWED_MAX        (16 * 1024) /* bytes of a complete body on their way */

struct adit_http_proxy;

/* Zero is a good configuration but for the loop. Strings are copied. */
struct adit_http_proxy_conf {
    struct adit_loop *loop;
    const char *const *listen; /* as in core/listen.h; count 0 = ADIT_HTTP_PROXY_LISTEN */
    size_t listen_count;
    const char *basic_auth;   /* "user:password" that clients must know; NULL = none */
    const char *const *allow; /* prefixes of paths, by whole segments; count 0 = all */
    size_t allow_count;
    bool readonly; /* GET, HEAD and OPTIONS, no upgrades */
    enum adit_http_forwarded forwarded;
    /* Limits; 0 = the default above. Times may be ADIT_NEVER. */
    size_t head_max;
    unsigned connections_max;
    adit_time head_time, response_time, idle_time;
    adit_time total_time; /* from a request's head to the end of its response; 0 = none */
    adit_time retry_after;
};

/* NULL, and a cause for the person who configured it. */
struct adit_http_proxy *adit_http_proxy_new(const struct adit_http_proxy_conf *conf,
                                            struct adit_cause *ret_cause);
/* Cuts all connections. Returns NULL; p may be NULL. */
struct adit_http_proxy *adit_http_proxy_free(struct adit_http_proxy *p);

/* The tunnel stands: the carrier is ready, and lives until it is detached. */
void adit_http_proxy_attach(struct adit_http_proxy *p, struct adit_carrier *carrier);
/* It is lost: what is on its way fails, and is told so; the carrier has no exchange of ours any
 * more. Nothing if none is attached. */
void adit_http_proxy_detach(struct adit_http_proxy *p, adit_time now);

/* Where it really listens, "127.0.0.1:8000"; NULL behind the last. */
const char *adit_http_proxy_at(const struct adit_http_proxy *p, size_t i);
size_t adit_http_proxy_connections(const struct adit_http_proxy *p);
size_t adit_http_proxy_exchanges(const struct adit_http_proxy *p);

#endif
