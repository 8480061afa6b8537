/* sctp.h - an SCTP association over DTLS and the data channels on it (RFC 8261, 8831, 8832, 6525,
 * 3758).
 *
 * An engine without I/O over usrsctp, whose process-wide state lives behind usr.c. We send an INIT
 * in both roles and accept one too. Channels are small structs owned by the association; an
 * application knows them by pointer until their CLOSED event.
 *
 * Events are collected and delivered at the end of feed, tick and of calls that cause them. */
#ifndef ADIT_SCTP_H
#define ADIT_SCTP_H

#include "base/base.h"

struct adit_sctp;
struct adit_channel;

enum adit_channel_state {
    ADIT_CHANNEL_OPENING, /* waits for the association or for the ACK; sending is allowed (RFC 8832
                             section 6) */
    ADIT_CHANNEL_OPEN,
    ADIT_CHANNEL_CLOSING, /* our outgoing stream is being reset, or waits for its data to leave */
    ADIT_CHANNEL_CLOSED,
};

#define ADIT_CHANNEL_ID_AUTO   0xffff /* 65535 is not a stream id, RFC 8832 section 4 */
#define ADIT_CHANNEL_RELIABLE  (-1)
#define ADIT_CHANNEL_LABEL_MAX 65535

struct adit_channel_conf {
    const char *label; /* UTF-8, label_len bytes; may be NULL */
    size_t label_len;
    const char *protocol; /* may be NULL */
    size_t protocol_len;
    bool unordered;
    int max_retransmits; /* ADIT_CHANNEL_RELIABLE or 0..65535 */
    int max_lifetime_ms; /* ADIT_CHANNEL_RELIABLE or 0..65535; not both (-EINVAL) */
    bool negotiated;     /* both ends know: no DCEP, `id` is given */
    uint16_t id; /* ADIT_CHANNEL_ID_AUTO unless negotiated or chosen; parity is checked when not
                    negotiated */
    uint16_t priority; /* RFC 8831 section 6.4; 0 = 256 (normal) */
};

struct adit_sctp_conf {
    size_t mtu;                      /* largest SCTP packet; 0 = 1150 */
    uint32_t local_message_max;      /* ours; 0 = 256 KiB */
    uint16_t local_port;             /* 0 = 5000 */
    unsigned channels_max;           /* open at a time; 0 = 1024 */
    uint16_t streams;                /* ids are below; 0 = 65535, some peers never use one again */
    size_t send_buffer, recv_buffer; /* budgets in bytes; 0 = 1.5 and 1 MiB */
};

/* What is known only when DTLS stands. */
struct adit_sctp_peer {
    bool dtls_client;     /* of us: decides the parity of our stream ids (RFC 8832 section 6) */
    adit_time rto;        /* first retransmission, from 500 ms to 3 s; 0 = 500 ms */
    uint16_t port;        /* 0 = 5000 */
    uint32_t message_max; /* the peer's max-message-size; 0 = no limit (RFC 8841 section 6) */
};

enum adit_sctp_event_type {
    ADIT_SCTP_EV_UP,      /* the association stands */
    ADIT_SCTP_EV_DOWN,    /* cause; channels have got their CLOSED before. adit_sctp_free is allowed
                             afterwards */
    ADIT_SCTP_EV_ACCEPT,  /* the peer opened `channel` */
    ADIT_SCTP_EV_OPEN,    /* the channel that we opened is open (ACK came, or negotiated and UP) */
    ADIT_SCTP_EV_MESSAGE, /* bytes, n, text */
    ADIT_SCTP_EV_WRITABLE, /* after an -EAGAIN of adit_channel_send: there is room again */
    ADIT_SCTP_EV_LOW,      /* bufferedAmount fell to the low mark or below */
    ADIT_SCTP_EV_CLOSED,   /* the channel is gone; the pointer dies when the handler returns */
};

struct adit_sctp_event {
    enum adit_sctp_event_type type;
    struct adit_channel *channel;
    const void *bytes; /* valid during the call */
    size_t n;
    bool text;
    struct adit_cause cause;
};

struct adit_sctp_ops {
    /* An SCTP packet for DTLS; may queue or send, nothing else. */
    void (*send)(void *arg, const void *bytes, size_t n);
    void (*event)(void *arg, const struct adit_sctp_event *ev); /* may not free the association */
};

struct adit_sctp_stats {
    uint64_t messages_sent, messages_received, bytes_sent, bytes_received, retransmissions;
    uint64_t channels_refused; /* OPENs of the peer: too many, id in use, malformed */
    adit_time srtt;
    uint32_t cwnd;
};

/* What congestion control lets be on its way, in bytes, and the last round trip; 0 = unknown. */
void adit_sctp_flow(const struct adit_sctp *s, uint32_t *ret_window, adit_time *ret_rtt);

struct adit_sctp *adit_sctp_new(const struct adit_sctp_conf *conf, const struct adit_sctp_ops *ops,
                                void *arg, adit_time now); /* NULL without memory */
/* Says nothing to anybody; adit_sctp_abort tells the peer. */
struct adit_sctp *adit_sctp_free(struct adit_sctp *s);
/* Sends INIT. Channels opened before get their ids and their OPEN now. */
void adit_sctp_start(struct adit_sctp *s, const struct adit_sctp_peer *peer, adit_time now);
void adit_sctp_feed(struct adit_sctp *s, const void *bytes, size_t n, adit_time now);
adit_time adit_sctp_deadline(const struct adit_sctp *s);
void adit_sctp_tick(struct adit_sctp *s, adit_time now);
/* The largest SCTP packet from now on; what is in flight and larger is sent again in smaller
 * pieces. */
void adit_sctp_set_mtu(struct adit_sctp *s, size_t mtu);
/* There is another path: what was retransmitted in vain leaves again at once. */
void adit_sctp_hurry(struct adit_sctp *s, adit_time now);
/* The largest message that makes one packet of `mtu` bytes: chunks are padded to four bytes, and
 * have 12 bytes before them and 16 of their own (RFC 9260 sections 3.1, 3.3.1). */
static inline size_t adit_sctp_payload_for(size_t mtu)
{
    return (mtu & ~(size_t)3) - 28;
}
/* Everything queued is delivered first (SHUTDOWN); DOWN follows. */
void adit_sctp_shutdown(struct adit_sctp *s, adit_time now);
void adit_sctp_abort(struct adit_sctp *s, adit_time now); /* at once */
/* Something came that a paused owner has not taken yet. */
bool adit_sctp_unread(const struct adit_sctp *s);
/* Stops reading from the association: its receive window closes and the sender waits. */
void adit_sctp_pause(struct adit_sctp *s);
void adit_sctp_resume(struct adit_sctp *s, adit_time now);
void adit_sctp_stats(struct adit_sctp *s, struct adit_sctp_stats *ret_stats);

/* May be called before the association is up. NULL with *ret_err: -EINVAL, -ENOSPC (limit), -EEXIST
 * (id in use), -ENOMEM, -EPIPE. */
struct adit_channel *adit_channel_open(struct adit_sctp *s, const struct adit_channel_conf *conf,
                                       int *ret_err, adit_time now);
/* One message, whole or not at all. -EAGAIN: the send buffer is full, WRITABLE follows; -EMSGSIZE:
 * above what the peer takes; -EPIPE: closing or closed. An empty message is legal (PPIDs 56 and
 * 57). */
ADIT_MUST_USE int adit_channel_send(struct adit_channel *c, const void *bytes, size_t n, bool text,
                                    adit_time now);
/* Queued messages are delivered, then the stream is reset; CLOSED follows. */
void adit_channel_close(struct adit_channel *c, adit_time now);
size_t adit_channel_buffered(
    const struct adit_channel *c); /* bytes accepted and not yet acknowledged or dropped */
void adit_channel_set_low(struct adit_channel *c, size_t bytes);
/* Unordered messages that overtook others wait for them, for a while, when that happens often on
 * this path (sctp/order.h): for packets of protocols that take reordering for loss. */
void adit_channel_set_in_turn(struct adit_channel *c);
enum adit_channel_state adit_channel_state(const struct adit_channel *c);
uint16_t
adit_channel_id(const struct adit_channel *c); /* ADIT_CHANNEL_ID_AUTO while not assigned */
/* Borrowed until CLOSED; not necessarily a string a terminal may see (see adit_str_printable). */
struct adit_span adit_channel_label(const struct adit_channel *c);
void adit_channel_conf_get(const struct adit_channel *c, struct adit_channel_conf *ret_conf);
void adit_channel_set_user(struct adit_channel *c, void *user);
void *adit_channel_user(const struct adit_channel *c);
/* The largest message that the peer takes on this association; SIZE_MAX for no limit. */
size_t adit_sctp_message_max(const struct adit_sctp *s);

#endif
