/* client_inner.h - the inside of `struct adit_signal`; only for client*.c.
 *
 * client.c       what the owner calls, and events on their way up
 * client_try.c   attempts: begin, end, pause, again
 * client_conf.c  the configuration, copied and checked
 * client_ws.c    the WebSocket of an attempt
 * client_http.c  its HTTP calls
 * client_exec.c  a program in place of a server
 * client_file.c  a shared file in place of a server
 * client_packet.c  packets that came over the server
 *
 * Whoever calls into the engine calls adit_client_settle afterwards, as the last thing it does: the
 * engine may have given the attempt up, and everything of it is freed then. */
#ifndef ADIT_SIGNAL_CLIENT_INNER_H
#define ADIT_SIGNAL_CLIENT_INNER_H

#include "base/buf.h"
#include "base/list.h"
#include "core/proxy.h"
#include "core/spawn.h"
#include "core/stream.h"
#include "core/tls.h"
#include "http/url.h"
#include "http/ws_handshake.h"
#include "signal/client.h"

#define ADIT_CLIENT_HEADERS_MAX 16           /* of the user's */
#define ADIT_CLIENT_BODY_MAX    (256 * 1024) /* of an answer to an HTTP call */
#define ADIT_CLIENT_EVENTS_MAX  1024         /* waiting to be delivered */
#define ADIT_CLIENT_REASON_MAX  128

enum adit_client_state {
    ADIT_CLIENT_PAUSED, /* between attempts, or before the first */
    ADIT_CLIENT_TRYING, /* until joined */
    ADIT_CLIENT_JOINED,
    ADIT_CLIENT_LEAVING, /* goodbye has been said */
    ADIT_CLIENT_OVER
};

/* The WebSocket. */
struct adit_client_ws {
    struct adit_stream *stream;
    struct adit_stream *parting; /* an earlier one, which delivers its close frame */
    struct adit_http1 *http;
    struct adit_ws *ws; /* NULL until the handshake is done */
    struct adit_timer timer;
    struct adit_timer doubt; /* nothing has come since it was set */
    struct adit_buf request;
    char key[ADIT_WS_KEY_SIZE];
};

/* One HTTP call at a time; its connection is kept for the next. */
struct adit_client_call {
    struct adit_signal *s;
    unsigned tag;
    struct adit_stream *stream;
    struct adit_http1 *http;
    struct adit_buf request, body;
    struct adit_dialect_response response;
    adit_time timeout;
    bool busy;   /* an answer is due */
    bool reused; /* the connection served a call before: it may be dead without our knowing */
    char method[8];
};

/* A program: lines in both directions. */
struct adit_client_exec {
    struct adit_child child;
    struct adit_io in, out; /* its standard input and output */
    struct adit_buf pending, line;
};

/* A shared file, or rather two. */
struct adit_client_file {
    char *ours, *theirs;
    struct adit_timer timer;
    struct adit_buf text, seen; /* ours as it should be; theirs as far as read */
};

struct adit_client_event {
    struct adit_link link;
    struct adit_signal_event event;
    struct adit_signal_server servers[ADIT_SIGNAL_ICE_SERVERS_MAX];
    char strings[];
};

struct adit_signal {
    struct adit_loop *loop;
    const struct adit_signal_ops *ops;
    void *arg;
    struct adit_signal_conf conf; /* its strings are ours */
    char **strings;
    size_t string_count;
    struct adit_url url;
    struct adit_buf authority;
    struct adit_http1_field headers[ADIT_CLIENT_HEADERS_MAX];
    unsigned header_count;
    struct adit_tls_client *tls;
    struct adit_proxy proxy;
    bool has_proxy;
    struct adit_rng rng;

    const struct adit_dialect *dialect;
    struct adit_dialect_conf dialect_conf;
    struct adit_dialect_state *engine;

    enum adit_client_state state;
    struct adit_timer deadline; /* the engine's */
    struct adit_timer timer;    /* PAUSED: the next attempt; TRYING, LEAVING: its limit */
    unsigned tries, at_once;    /* attempts in a row that failed; that followed at once */
    adit_time joined_at;
    bool warned, stopped;

    /* What ends the attempt, if anything does. */
    bool failed, again, final;
    struct adit_cause cause;
    int http_status;
    unsigned close_code;
    char close_reason[ADIT_CLIENT_REASON_MAX];

    struct adit_addr seen[2]; /* where the server saw us last, IPv4 and IPv6 */

    struct adit_client_ws ws;
    struct adit_client_call calls[ADIT_DIALECT_TAGS];
    struct adit_client_exec exec;
    struct adit_client_file file;

    struct adit_link events;
    unsigned event_count;
    struct adit_link packets;
    size_t packet_bytes;
    struct adit_task deliver;
    bool delivering, freed;
};

/* client_conf.c */
ADIT_MUST_USE int adit_client_configure(struct adit_signal *s, const struct adit_signal_conf *conf,
                                        struct adit_cause *cause);
void adit_client_unconfigure(struct adit_signal *s);

/* client.c */
void adit_client_event(struct adit_signal *s, const struct adit_signal_event *event);
void adit_client_tell(struct adit_signal *s, enum adit_signal_what what,
                      const struct adit_cause *cause, bool final);
/* What the server's answer says of our address; behind a proxy it is not ours. */
void adit_client_seen(struct adit_signal *s, const struct adit_http1_head *head);
extern const struct adit_dialect_ops adit_client_dialect_ops;

/* client_try.c */
void adit_client_init(struct adit_signal *s);
/* The attempt cannot go on; adit_client_settle acts on it. The first cause counts. */
void adit_client_fail(struct adit_signal *s, const struct adit_cause *cause);
void adit_client_fail_text(struct adit_signal *s, enum adit_reason reason, int err,
                           const char *text);
void adit_client_settle(struct adit_signal *s, adit_time now);
/* The way to the server stands: the engine is told. */
void adit_client_opened(struct adit_signal *s, adit_time now);
void adit_client_text(struct adit_signal *s, const char *text, size_t n, adit_time now);
/* Everything that was to be said has been sent, or cannot be any more. */
void adit_client_left(struct adit_signal *s);
void adit_client_close(struct adit_signal *s); /* everything of the attempt, silently */
/* A connection to the server of the URL. */
ADIT_MUST_USE int adit_client_connect(struct adit_signal *s, struct adit_stream **ret_stream,
                                      const struct adit_stream_ops *ops, void *arg);

/* client_ws.c */
void adit_client_ws_start(struct adit_signal *s, const struct adit_dialect_request *request);
void adit_client_ws_send(struct adit_signal *s, const char *text, size_t n);
void adit_client_ws_carry(struct adit_signal *s, const void *bytes, size_t n);
void adit_client_ws_leave(struct adit_signal *s, adit_time now);
void adit_client_ws_stop(struct adit_signal *s);
void adit_client_ws_forget(struct adit_signal *s); /* what is still parting */

/* client_http.c */
void adit_client_http_init(struct adit_signal *s);
void adit_client_http_start(struct adit_signal *s, const struct adit_dialect_request *request);
bool adit_client_http_busy(const struct adit_signal *s); /* a message of ours is not through */
void adit_client_http_stop(struct adit_signal *s);

/* client_packet.c: kept until the loop's round is over, and then told. Beyond so many they are
 * lost.
 */
#define ADIT_CLIENT_PACKETS_MAX (256 * 1024) /* bytes */
void adit_client_packet_keep(struct adit_signal *s, const struct adit_haul *packet);
void adit_client_packets_tell(struct adit_signal *s, adit_time now);
void adit_client_packets_drop(struct adit_signal *s);

/* client_exec.c */
void adit_client_exec_start(struct adit_signal *s);
void adit_client_exec_send(struct adit_signal *s, const char *text, size_t n);
void adit_client_exec_stop(struct adit_signal *s);

/* client_file.c */
ADIT_MUST_USE int adit_client_file_init(struct adit_signal *s);
void adit_client_file_done(struct adit_signal *s);
void adit_client_file_start(struct adit_signal *s);
void adit_client_file_send(struct adit_signal *s, const char *text, size_t n);
void adit_client_file_stop(struct adit_signal *s);

#endif
