/* exchange.h - one HTTP request and its response on their way through a tunnel, and what carries
 * them: the interface between HTTP and framings.
 *
 * The consumer (http_proxy.h) has clients and begins exchanges; the provider (http_serve.h) has an
 * upstream and is told of them. In between is a carrier, one for each framing: adit's own
 * (carrier_mux.c), the HTTP tunnel's (carrier_room.c), the Tunnel Agent's two (carrier_v2.c,
 * carrier_v3.c). Heads are those of http1.h without what belongs to one connection: no
 * Transfer-Encoding, Connection, Keep-Alive, Proxy-* or Upgrade-Insecure fields; Upgrade stays
 * where head->upgrade is set. head->body says whether a body may follow; head->chunked that its
 * length is not known, head->length otherwise.
 *
 * After a response with status 101 both directions carry raw bytes until each has ended. */
#ifndef ADIT_EXCHANGE_H
#define ADIT_EXCHANGE_H

#include "core/reactor.h"
#include "http/http1.h"

struct adit_exchange;
struct adit_carrier;

/* What one side is told. Each may call anything on its exchange, adit_exchange_free included. */
struct adit_exchange_ops {
    /* Consumer: the response's head, after any number of interim ones (1xx). */
    void (*head)(void *arg, const struct adit_http1_head *head, adit_time now);
    /* Say with adit_exchange_consumed when these bytes have been passed on. */
    void (*body)(void *arg, const uint8_t *bytes, size_t n, adit_time now);
    /* The other side's message is complete. */
    void (*end)(void *arg, const struct adit_http1_field *trailers, unsigned count, adit_time now);
    /* After adit_exchange_room was less than wanted: there is more. */
    void (*writable)(void *arg, adit_time now);
    /* The last call: it broke off, was cancelled, or the tunnel ended. status: what a client that
     * has seen no head is to be told (502, 503, 504 …). text: printable, for a person. */
    void (*failed)(void *arg, int status, const char *text, adit_time now);
};

/* The part that every framing's exchange begins with. */
struct adit_exchange {
    struct adit_carrier *carrier;
    const struct adit_exchange_ops *ops; /* NULL until the provider has taken it */
    void *arg;
};

struct adit_carrier_ops {
    /* To the channel: 0; -EAGAIN: adit_carrier_writable follows; -EMSGSIZE; -EPIPE. */
    int (*send)(void *arg, const void *bytes, size_t n, bool text);
    size_t (*buffered)(void *arg);    /* bytes sent and not yet acknowledged */
    size_t (*message_max)(void *arg); /* the largest message the other side takes */
    /* Stop and start receiving, where the framing has no flow control of its own. */
    void (*pause)(void *arg);
    void (*resume)(void *arg);
    /* Provider: a request came. Take it (adit_exchange_take) or free it before returning. */
    void (*request)(void *arg, struct adit_exchange *x, const struct adit_http1_head *head,
                    adit_time now);
    /* The framing's own handshake is over: requests may be made. Once. */
    void (*ready)(void *arg, adit_time now);
    /* The other side broke the rules or refuses to go on: the channel is to be closed, then
     * adit_carrier_lost called. Nothing more is sent. text is a literal. */
    void (*broken)(void *arg, const char *text, adit_time now);
};

struct adit_carrier_conf {
    struct adit_loop *loop; /* for timers */
    bool provider;          /* else consumer */
    unsigned exchanges_max; /* at a time; 0 = 1024 */
    const struct adit_carrier_ops *ops;
    void *arg;
};

/* One per framing. `writable` may be NULL. */
struct adit_carrier_class {
    const char *name;
    size_t size; /* of the whole object, which begins with struct adit_carrier */
    int (*init)(struct adit_carrier *c, adit_time now); /* 0 or -ENOMEM; may send */
    void (*free)(struct adit_carrier *c);               /* exchanges are gone by then */
    void (*message)(struct adit_carrier *c, const uint8_t *bytes, size_t n, bool text,
                    adit_time now);
    void (*writable)(struct adit_carrier *c, adit_time now);
    /* The channel is gone: every exchange fails. */
    void (*lost)(struct adit_carrier *c, adit_time now);

    /* Consumer. NULL: *ret_err -EAGAIN (too many, or not ready), -EINVAL (this framing cannot carry
     * it), -ENOMEM, -EPIPE. */
    struct adit_exchange *(*begin)(struct adit_carrier *c, const struct adit_http1_head *head,
                                   int *ret_err, adit_time now);
    /* Provider: the response's head. 0, -EINVAL, -ENOMEM, -EPIPE. */
    int (*head)(struct adit_exchange *x, const struct adit_http1_head *head, adit_time now);
    size_t (*room)(struct adit_exchange *x); /* bytes of body that it takes now */
    int (*body)(struct adit_exchange *x, const uint8_t *bytes, size_t n, adit_time now);
    int (*end)(struct adit_exchange *x, const struct adit_http1_field *trailers, unsigned count,
               adit_time now);
    void (*consumed)(struct adit_exchange *x, size_t n, adit_time now);
    /* Lets go of it; if it was not complete the other side is told, as far as the framing can. */
    void (*drop)(struct adit_exchange *x, const char *text, adit_time now);
};

struct adit_carrier {
    const struct adit_carrier_class *class;
    struct adit_carrier_conf conf;
};

extern const struct adit_carrier_class adit_carrier_room; /* the HTTP tunnel's */
extern const struct adit_carrier_class adit_carrier_v2;   /* the Tunnel Agent's, both generations */
extern const struct adit_carrier_class adit_carrier_v3;
extern const struct adit_carrier_class adit_carrier_agent; /* either, as the peer speaks */

struct adit_carrier *adit_carrier_new(const struct adit_carrier_class *class,
                                      const struct adit_carrier_conf *conf, adit_time now);
struct adit_carrier *adit_carrier_free(struct adit_carrier *c); /* returns NULL; c may be NULL */
void adit_carrier_message(struct adit_carrier *c, const uint8_t *bytes, size_t n, bool text,
                          adit_time now);
void adit_carrier_writable(struct adit_carrier *c, adit_time now);
void adit_carrier_lost(struct adit_carrier *c, adit_time now);

/* ---- for http_proxy and http_serve ------------------------------------------------------------
 */

ADIT_MUST_USE struct adit_exchange *adit_exchange_begin(struct adit_carrier *c,
                                                        const struct adit_http1_head *head,
                                                        const struct adit_exchange_ops *ops,
                                                        void *arg, int *ret_err, adit_time now);
void adit_exchange_take(struct adit_exchange *x, const struct adit_exchange_ops *ops, void *arg);
ADIT_MUST_USE int adit_exchange_head(struct adit_exchange *x, const struct adit_http1_head *head,
                                     adit_time now);
size_t adit_exchange_room(struct adit_exchange *x);
/* At most adit_exchange_room bytes. */
ADIT_MUST_USE int adit_exchange_body(struct adit_exchange *x, const uint8_t *bytes, size_t n,
                                     adit_time now);
ADIT_MUST_USE int adit_exchange_end(struct adit_exchange *x,
                                    const struct adit_http1_field *trailers, unsigned count,
                                    adit_time now);
void adit_exchange_consumed(struct adit_exchange *x, size_t n, adit_time now);
/* Nothing is called any more. What was incomplete is told to the other side, with this text (a
 * consumer's: NULL). Returns NULL; x may be NULL. */
struct adit_exchange *adit_exchange_free(struct adit_exchange *x, const char *text, adit_time now);

#endif
