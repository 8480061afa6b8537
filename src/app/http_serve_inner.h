/* http_serve_inner.h - what the files behind http_serve.h share.
 *
 *   http_serve.c         where the upstream is
 *   http_serve_call.c    an exchange: what the far side asks, and is answered
 *   http_serve_request.c its head, as the upstream gets it
 *   http_serve_up.c      a connection to the upstream: its life
 *   http_serve_read.c    what the upstream says */
#ifndef ADIT_HTTP_SERVE_INNER_H
#define ADIT_HTTP_SERVE_INNER_H

#include "app/http_serve.h"
#include "base/list.h"
#include "core/stream.h"

struct adit_http_up;

enum adit_http_call_state {
    ADIT_HTTP_CALL_WAITING,   /* for the response's head */
    ADIT_HTTP_CALL_ANSWERING, /* it was passed on */
    ADIT_HTTP_CALL_RAW,       /* after 101 */
    ADIT_HTTP_CALL_DRAINING,  /* the response is complete; the request's rest is passed over */
    ADIT_HTTP_CALL_GONE,      /* freed at the end of the round */
};

struct adit_http_call {
    struct adit_http_serve *serve;
    enum adit_http_call_state state;
    struct adit_exchange *x;
    struct adit_http_up *up; /* NULL: none, or no more */
    bool to_head, upgrade;
    bool again; /* may be asked twice: nothing of it changes anything (RFC 9110 9.2.2) */
    bool has_body, chunked;
    bool began;    /* some of its body was passed on */
    bool req_done; /* the far side's message is complete */
    bool res_done; /* RAW: the upstream has ended */
    unsigned interims;
    uint64_t left; /* of a body that is counted */
    size_t owed;   /* bytes of body that wait in the stream */
    adit_time end_by;
    struct adit_task bury;
    struct adit_link link;
};

/* A connection to the upstream: in use, or idle and in serve->idle. */
struct adit_http_up {
    struct adit_http_serve *serve;
    struct adit_http_call *call; /* NULL: idle, or about to be or to go */
    struct adit_stream *stream;
    struct adit_http1 *http;
    struct adit_buf head; /* the request's, until its response begins */
    bool idle;
    bool used;  /* it has answered before */
    bool heard; /* some of the response came */
    bool held;  /* the stream is paused: the exchange takes nothing now */
    bool gone;
    adit_time deadline, armed;
    adit_time idle_since;
    struct adit_timer timer;
    struct adit_task bury;
    struct adit_link link;
};

struct adit_http_serve {
    struct adit_loop *loop;
    char *host; /* a name, an address or unix:PATH */
    uint16_t port;
    struct adit_tls_client *tls;
    char *authority; /* for the Host field */
    char *base;      /* what all targets begin with; "" = nothing */
    char *advertise; /* "" = nothing */
    char *forwarded_for;
    bool keep_host;
    enum adit_http_forwarded forwarded;
    size_t head_max;
    unsigned exchanges_max, idle_max;
    adit_time connect_time, response_time, idle_time, keep_time, total_time;
    struct adit_link calls, ups, idle; /* idle: the longest first */
    size_t call_count, up_count, idle_count;
    struct adit_timer idle_timer;
    struct adit_task bury;
};

/* ---- http_serve_call.c ----------------------------------------------------------------------- */

/* The upstream failed, or is not asked: told to the far side in words, or by breaking off. */
void adit_http_call_fail(struct adit_http_call *call, int status, const char *text, adit_time now);
void adit_http_call_end(struct adit_http_call *call, const char *text, adit_time now);
/* What the upstream says, for the far side. The call may be over then, and has let go of `up`. */
void adit_http_call_head(struct adit_http_call *call, const struct adit_http1_head *head,
                         adit_time now);
void adit_http_call_body(struct adit_http_call *call, const uint8_t *bytes, size_t n,
                         adit_time now);
/* The response is complete; `up` was let go of. */
void adit_http_call_done(struct adit_http_call *call, const struct adit_http1_field *trailers,
                         unsigned count, adit_time now);
/* RAW: the upstream sends no more. */
void adit_http_call_raw_end(struct adit_http_call *call, adit_time now);
/* Some of what was queued for the upstream has left. */
void adit_http_call_sent(struct adit_http_call *call, adit_time now);

/* ---- http_serve_request.c -------------------------------------------------------------------- */

/* Writes the head for the upstream. 0; -EINVAL: it would break out of its lines. */
ADIT_MUST_USE int adit_http_call_put_head(struct adit_buf *out, const struct adit_http_call *call,
                                          const struct adit_http1_head *head);

/* ---- http_serve_up.c ------------------------------------------------------------------------- */

/* Gives the call a connection: one that is idle, or unless `fresh`, a new one. -errno. */
ADIT_MUST_USE int adit_http_up_get(struct adit_http_call *call, bool fresh, adit_time now);
/* Sends the head that stands in up->head. -errno. */
ADIT_MUST_USE int adit_http_up_ask(struct adit_http_up *up, bool to_head, adit_time now);
/* At once; reset: the upstream sees an error. */
void adit_http_up_free(struct adit_http_up *up, bool reset, adit_time now);
/* Its call needs it no more; it is freed or idle next. */
void adit_http_up_part(struct adit_http_up *up);
void adit_http_up_idle(struct adit_http_up *up, adit_time now);
void adit_http_up_patience(struct adit_http_up *up, adit_time time, adit_time now);
/* Closes those that were idle too long: serve->idle_timer. */
void adit_http_up_on_idle(struct adit_timer *timer, adit_time now);

/* ---- http_serve_read.c ----------------------------------------------------------------------- */

extern const struct adit_stream_ops adit_http_up_ops;

void adit_http_up_unhold(struct adit_http_up *up);

#endif
