/* app.h - what travels over a data channel: one small object per channel and mode.
 *
 * An app knows neither peers nor channels. It is told what arrives, says what is to be sent, and
 * reports when it is done. Whoever composes it (agent/session) owns it. stdout carries only what a
 * program would want to read; words for people go to the log. */
#ifndef ADIT_APP_H
#define ADIT_APP_H

#include "base/addr.h"
#include "core/reactor.h"

struct adit_app;

struct adit_app_ops {
    /* One message. -EAGAIN: no room, adit_app_writable() follows; -EMSGSIZE; -EPIPE. */
    int (*send)(void *arg, const void *bytes, size_t n, bool text);
    /* For packets (a class with `datagram`): one, beside the channel, with nothing repeated; ecn
     * (RFC 3168) is that of the datagram around it. 0; -EOPNOTSUPP: not with this peer; -EMSGSIZE:
     * more than the path carries; either is for `send`. -ENOTCONN, -EPIPE. */
    int (*datagram)(void *arg, const uint8_t *bytes, size_t n, uint8_t ecn);
    bool (*datagrams)(void *arg);     /* the peer takes them */
    size_t (*buffered)(void *arg);    /* bytes sent and not yet acknowledged */
    size_t (*message_max)(void *arg); /* the largest message the other side takes */
    /* What is larger is better not sent: it would leave in pieces, each of which may be given up
     * with the others. SIZE_MAX: nothing is, or the path is not known yet. Where packets go beside
     * the channel: the largest of those. */
    size_t (*packet_max)(void *arg);
    bool (*lossy)(void *arg); /* the channel may give up messages */
    bool (*ours)(void *arg);  /* we opened the channel */
    /* Its name, as a terminal may show it. */
    void (*label)(void *arg, char *out, size_t size);
    void (*set_low)(void *arg, size_t bytes); /* when `low` is called; 0 at first */
    /* What congestion control lets be on its way, in bytes, and the last round trip; 0 = unknown.
     */
    void (*flow)(void *arg, size_t *ret_window, adit_time *ret_rtt);
    /* Of the whole connection; all zero where there is none. */
    void (*stats)(void *arg, struct adit_peer_stats *ret_stats);
    /* Stop and start receiving: the sender is made to wait. */
    void (*pause)(void *arg);
    void (*resume)(void *arg);
    /* The app has made this network interface: the connection itself must not go through it. For
     * init. 0 or -ENOMEM. */
    int (*device)(void *arg, const char *name);
    /* The app has come to its end, once: the channel is closed after everything sent has been
     * delivered. cause->reason NONE: all went well. Last thing of a call; the app may be freed when
     * it returns. */
    void (*done)(void *arg, const struct adit_cause *cause);
    /* What adit_app_end began is over. Last thing of a call. */
    void (*ended)(void *arg);
};

struct adit_app_conf {
    struct adit_loop *loop;
    int in, out;       /* descriptors of the payload; borrowed; -1 = none */
    bool peer_is_adit; /* it said so in its description */
    const void *extra; /* what only one mode needs: see its class */
    const struct adit_app_ops *ops;
    void *arg;
};

/* One per mode; all but `new` and `free` may be NULL. */
struct adit_app_class {
    const char *name;
    size_t size;      /* of the whole object, which begins with struct adit_app */
    bool many;        /* one for each channel that the peer opens, not only for the first */
    bool input;       /* it reads conf.in, and what it writes is no less the user's */
    bool lines;       /* its input is lines, which several of its kind may share */
    bool must_finish; /* stopped by the user before its end, it has failed */
    bool in_turn;     /* messages that overtook others wait for them, see adit_dc_set_in_turn */
    bool persistent;  /* outlives its channel: the session opens another one */
    /* The object is zeroed and app->conf set. 0 or a negative errno, after a line for the user was
     * logged unless it is -ENOMEM; -EPERM: a permission is missing. */
    int (*init)(struct adit_app *app);
    void (*free)(struct adit_app *app);
    void (*open)(struct adit_app *app); /* the channel is open */
    /* May be called while paused for what had already arrived. */
    void (*message)(struct adit_app *app, const void *bytes, size_t n, bool text);
    /* One packet that came beside the channel; before `open` too. NULL: this mode has no packets.
     */
    void (*datagram)(struct adit_app *app, const void *bytes, size_t n, uint8_t ecn);
    void (*writable)(struct adit_app *app);
    /* What is not acknowledged has fallen to the low mark: everything is, unless it was set. */
    void (*low)(struct adit_app *app);
    /* Of a persistent app: the peer is gone, and another one is waited for. */
    void (*lost)(struct adit_app *app);
    void (*report)(struct adit_app *app); /* counters, to the log */
    /* Another path is in use: its two ends. */
    void (*path)(struct adit_app *app, const struct adit_addr *local,
                 const struct adit_addr *remote);
    void (*sized)(struct adit_app *app); /* ops->packet_max has changed */
    /* Whether its device takes joined segments of TCP, and joined datagrams. NULL: it has none. */
    void (*offloads)(const struct adit_app *app, bool *ret_tcp, bool *ret_udp);
    /* Wind up, which may take time; ops->ended follows, never from inside this call. */
    void (*end)(struct adit_app *app);
    /* The channel is gone: no more sending. The app reports done if it has not yet; cause says why.
     */
    void (*closed)(struct adit_app *app, const struct adit_cause *cause);
};

struct adit_app {
    const struct adit_app_class *class;
    struct adit_app_conf conf;
    bool is_open, is_done;
};

/* NULL with a negative errno in *ret_err. */
struct adit_app *adit_app_new(const struct adit_app_class *class, const struct adit_app_conf *conf,
                              int *ret_err);
struct adit_app *adit_app_free(struct adit_app *app); /* returns NULL; app may be NULL */

void adit_app_open(struct adit_app *app);
void adit_app_message(struct adit_app *app, const void *bytes, size_t n, bool text);
void adit_app_datagram(struct adit_app *app, const void *bytes, size_t n, uint8_t ecn);
void adit_app_writable(struct adit_app *app);
void adit_app_low(struct adit_app *app);
void adit_app_path(struct adit_app *app, const struct adit_addr *local,
                   const struct adit_addr *remote);
void adit_app_sized(struct adit_app *app);
void adit_app_report(struct adit_app *app);
void adit_app_lost(struct adit_app *app);
void adit_app_closed(struct adit_app *app, const struct adit_cause *cause);
/* false: there is nothing to wind up. */
bool adit_app_end(struct adit_app *app);

/* For apps: an outbox on conf.out; what fails has been logged, but for -ENOMEM. */
struct adit_outbox;
ADIT_MUST_USE int adit_app_output(struct adit_app *app, struct adit_outbox *box, size_t limit,
                                  void (*drained)(struct adit_outbox *box));
/* For apps: reports the end, once; text NULL = all went well. The caller returns at once. */
void adit_app_done(struct adit_app *app, enum adit_reason reason, const char *text);

extern const struct adit_app_class adit_app_chat;  /* a line is a text message */
extern const struct adit_app_class adit_app_json;  /* a line is a JSON document */
extern const struct adit_app_class adit_app_bytes; /* a pipe */
extern const struct adit_app_class adit_app_echo;  /* every message goes back as it came */
extern const struct adit_app_class
    adit_app_check; /* a series against an echo, compared byte for byte */

#endif
