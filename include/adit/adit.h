/* adit.h - libadit: WebRTC data channels between two hosts, without a browser and without a
 * framework.
 *
 * One `struct adit_loop` drives any number of `struct adit_peer`; a peer is what browsers call an
 * RTCPeerConnection with data channels only. Everything happens on the thread that runs the loop.
 * Functions return 0 or a count, or a negative errno; pointers are borrowed for the call unless the
 * comment says otherwise. Callbacks run from inside adit_loop_process(), or from inside a function
 * called on the same peer which brings something about (adit_peer_accept, adit_peer_close …). They
 * may call anything here, adit_peer_free() on their own peer included. */
#ifndef ADIT_ADIT_H
#define ADIT_ADIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ADIT_VERSION "0.1.0"

#if defined(__GNUC__)
#define ADIT_API      __attribute__((visibility("default")))
#define ADIT_MUST_USE __attribute__((warn_unused_result))
#else
#define ADIT_API
#define ADIT_MUST_USE
#endif

/* Nanoseconds on a monotonic clock whose zero means nothing. */
typedef uint64_t adit_time;

/* Why a peer or a channel ended. */
enum adit_reason {
    ADIT_REASON_NONE,          /* it has not ended */
    ADIT_REASON_LOCAL,         /* we closed it */
    ADIT_REASON_REMOTE,        /* the other side closed it */
    ADIT_REASON_NO_PATH,       /* ICE found no pair of candidates that works */
    ADIT_REASON_SILENCE,       /* the other side stopped answering (RFC 7675, consent) */
    ADIT_REASON_NOT_AUTHENTIC, /* the certificate is not the one that the description promised */
    ADIT_REASON_PROTOCOL,      /* the other side broke DTLS, SCTP or the channel protocol */
    ADIT_REASON_RESOURCE,      /* memory, descriptors or ports ran out here */
    ADIT_REASON_TIMEOUT,       /* it took longer than was allowed */
};

struct adit_cause {
    enum adit_reason reason;
    int err;       /* a positive errno, or 0 */
    char text[96]; /* one sentence for a person, without addresses or secrets */
};

/* ---- the loop -------------------------------------------------------------------------------- */

/* The loop. Two ways to run. Built in: adit_loop_run(). Inside a loop of your own: wait until
 * adit_loop_fd() is readable or adit_loop_timeout_ms() is over, then call adit_loop_process(); ask
 * for the time-out anew before every sleep, because any call into the library may have changed it.
 * A loop belongs to the thread that runs it; a program may have several. */
struct adit_loop;

/* NULL without memory or descriptors; errno says which. */
ADIT_API struct adit_loop *adit_loop_new(void);
/* To be called last: all that lives on the loop has been freed before. loop may be NULL. Returns
 * NULL. Not from a callback. */
ADIT_API struct adit_loop *adit_loop_free(struct adit_loop *loop);

/* Runs until adit_loop_stop(). 0, or -errno of epoll_wait. Not from a callback. */
ADIT_API ADIT_MUST_USE int adit_loop_run(struct adit_loop *loop);
/* Ends adit_loop_run() when the current round is over, or the next one before it begins. */
ADIT_API void adit_loop_stop(struct adit_loop *loop);

/* For poll(2), select(2), epoll(7): readable when there is something to process. Owned by the loop;
 * wait for it and do nothing else with it. */
ADIT_API int adit_loop_fd(const struct adit_loop *loop);
/* How long to sleep at most, rounded up; 0 = not at all, -1 = until the descriptor is readable. */
ADIT_API int adit_loop_timeout_ms(struct adit_loop *loop);
/* Does what is due and returns without waiting; all callbacks come from here (or from
 * adit_loop_run), or from a call on the peer they are about. Calling it too early or too often is
 * harmless. 0 or -errno; not from a callback. */
ADIT_API ADIT_MUST_USE int adit_loop_process(struct adit_loop *loop);

/* ---- descriptions ---------------------------------------------------------------------------- */

/* How a description is spelled. Whatever is read is recognised by itself. */
enum adit_form {
    ADIT_FORM_TICKET, /* one line of about 100 characters, adit to adit (docs/ticket.md) */
    ADIT_FORM_JSON,   /* {"type":"offer","sdp":"…"}, what browsers and scripts exchange */
    ADIT_FORM_SDP,
};

/* ---- peers ----------------------------------------------------------------------------------- */

struct adit_peer;
struct adit_dc;

/* As RTCPeerConnectionState in browsers. */
enum adit_peer_state {
    ADIT_PEER_NEW,
    ADIT_PEER_CONNECTING,
    ADIT_PEER_CONNECTED,
    ADIT_PEER_DISCONNECTED, /* no answer for some seconds; goes back to CONNECTED, or on to FAILED
                             */
    ADIT_PEER_FAILED,       /* for good */
    ADIT_PEER_CLOSED,       /* for good */
};

/* What is NULL is not called. `user` is the configuration's. */
struct adit_peer_callbacks {
    /* cause->reason is ADIT_REASON_NONE unless the state is FAILED or CLOSED; these two come once.
     */
    void (*state)(struct adit_peer *peer, enum adit_peer_state state,
                  const struct adit_cause *cause, void *user);
    /* All our candidates are known: adit_peer_describe() gives a complete description. */
    void (*gathered)(struct adit_peer *peer, void *user);
    /* A candidate was found, "candidate:…", for those who trickle (RFC 8838); NULL: that was the
     * last. */
    void (*candidate)(struct adit_peer *peer, const char *candidate, void *user);
    /* The NAT gave us another public address, or the host is in another network: what was described
     * before does not lead here any more. */
    void (*remapped)(struct adit_peer *peer, void *user);
    /* Another pair of addresses is in use; adit_peer_stats tells which. */
    void (*path)(struct adit_peer *peer, void *user);
    /* The other side opened a channel; set its callbacks now (adit_dc_set_callbacks). */
    void (*channel)(struct adit_peer *peer, struct adit_dc *dc, void *user);
};

/* Work that the kernel or a network card may do for many packets at once. */
enum adit_offload {
    ADIT_OFFLOAD_AUTO, /* where it is to be had */
    ADIT_OFFLOAD_ON,   /* or not at all: what would need it fails */
    ADIT_OFFLOAD_OFF,
};

/* Which paths may be used. */
enum adit_path {
    ADIT_PATH_AUTO,   /* the best one there is */
    ADIT_PATH_DIRECT, /* none over a relay, ours or theirs */
    ADIT_PATH_RELAY,  /* only over relays of ours: the other side sees none of our addresses */
};

/* May the router be asked to open a port for us (PCP, NAT-PMP; UPnP where it was built in)? */
enum adit_port_map {
    ADIT_PORT_MAP_AUTO, /* where a STUN server is asked for our address too */
    ADIT_PORT_MAP_ON,   /* and it is said if the router does not; our description waits for it */
    ADIT_PORT_MAP_OFF,
};

#define ADIT_ANNOUNCE_MAX 8

/* Connections by TCP where UDP does not get through (RFC 6544). */
enum adit_ice_tcp {
    ADIT_ICE_TCP_ACTIVE,  /* we call who can be called; with tcp_port_min we can be called too */
    ADIT_ICE_TCP_PASSIVE, /* we can only be called */
    ADIT_ICE_TCP_ON,      /* both, and simultaneous-open */
    ADIT_ICE_TCP_OFF,
};

/* A TURN server (RFC 8656). */
struct adit_turn_server {
    const char *uri; /* "turn:host[:port][?transport=udp|tcp]", "turns:host[:port]" (RFC 7065) */
    const char *user, *password; /* NULL = none */
    const char *secret; /* shared with the server, in place of the password: makes one that lasts a
                         * day (coturn: use-auth-secret); user may be NULL */
};

/* Zero everywhere but in size is a good configuration. Strings and arrays are copied. */
struct adit_peer_conf {
    size_t
        size; /* sizeof(struct adit_peer_conf): a later library may know more fields, at the end */
    const char *const *stun; /* "host", "host:port", "stun:host:port" */
    size_t stun_count;
    const char *const *bind_devs; /* only these interfaces */
    size_t bind_dev_count;
    const char *const *ignore_devs; /* not these */
    size_t ignore_dev_count;
    uint16_t port_min, port_max; /* local UDP ports; 0 = any */
    bool loopback;               /* use 127.0.0.1 and ::1 too */
    bool patient;           /* the other side may be a person who is still pasting: no time limit */
    const char *cert, *key; /* PEM files; NULL = see identity */
    const char *identity; /* a stored identity: made at first use; NULL = one for this peer alone */
    uint32_t message_max; /* largest message we take; 0 = 256 KiB */
    unsigned channels_max; /* open at a time; 0 = 1024 */
    struct adit_peer_callbacks on;
    void *user;
    enum adit_offload udp_offload; /* many datagrams in one piece between us and the kernel */
    enum adit_path path;           /* which pairs of addresses may be used */
    uint32_t fwmark; /* SO_MARK of our sockets, for policy routing; needs CAP_NET_ADMIN; 0 = none */
    const struct adit_turn_server *turn; /* the first four are used */
    size_t turn_count;
    const char *turn_ca;    /* PEM file of who vouches for "turns:", in place of the system's */
    bool turn_insecure;     /* no certificate is checked */
    const char *turn_proxy; /* for TURN by TCP and TLS: "http://…", "socks5://…"; NULL = what the
                             * environment says; "" = none */
    /* Addresses of this host are told as random names under ".local", which hosts of the same links
     * can ask for; tickets leave them out. */
    bool hide_addresses;
    enum adit_port_map port_map;
    /* "IP" or "IP:PORT" that lead to our socket of that family, which is said nowhere else: a port
     * forward, 1:1 NAT. Without a port the socket's own, by TCP too. */
    const char *const *announce;
    size_t announce_count;
    /* How long a connection with another adit stays DISCONNECTED after half a minute of silence,
     * and a new path is looked for; 0 = not at all, it fails then. */
    adit_time hold;
    enum adit_ice_tcp ice_tcp;
    uint16_t tcp_port_min, tcp_port_max; /* to be called at; 0 = any; several peers may share one */
};

/* NULL, and *ret_cause (may be NULL) says why. Gathering starts with the first turn of the loop. */
ADIT_API struct adit_peer *adit_peer_new(struct adit_loop *loop, const struct adit_peer_conf *conf,
                                         struct adit_cause *ret_cause);
/* At once and silently; adit_peer_close says goodbye first. peer may be NULL. Returns NULL. */
ADIT_API struct adit_peer *adit_peer_free(struct adit_peer *peer);

/* We make the offer. Not called by who answers. */
ADIT_API void adit_peer_offer(struct adit_peer *peer);
/* Symmetric pairing: both sides call it, describe themselves with a ticket and accept the other's,
 * in any order; the fingerprints decide who offers. */
ADIT_API void adit_peer_pair(struct adit_peer *peer);
/* Writes our description as a C string and returns its length; -ENOSPC if it does not fit in size;
 * -EAGAIN before anything is known that could be told; -ENOMEM. An answer exists after the offer
 * was accepted. */
ADIT_API ADIT_MUST_USE int adit_peer_describe(struct adit_peer *peer, enum adit_form form,
                                              char *out, size_t size);
/* Takes the other side's description in any spelling. -EINVAL with *ret_cause (may be NULL) in
 * words for a person; the peer is as it was and another text may be tried. -EALREADY: it has one.
 */
ADIT_API ADIT_MUST_USE int adit_peer_accept(struct adit_peer *peer, const char *text, size_t len,
                                            struct adit_cause *ret_cause);
/* A trickled candidate; NULL: there will be no more. -EINVAL. */
ADIT_API ADIT_MUST_USE int adit_peer_add_candidate(struct adit_peer *peer, const char *candidate);
/* Delivers what is queued, then ends in ADIT_PEER_CLOSED. */
ADIT_API void adit_peer_close(struct adit_peer *peer);

ADIT_API enum adit_peer_state adit_peer_state(const struct adit_peer *peer);
ADIT_API const char *adit_peer_state_name(enum adit_peer_state state);

struct adit_peer_stats {
    uint64_t packets_sent, packets_received, bytes_sent,
        bytes_received; /* UDP, checks not counted */
    uint64_t messages_sent, messages_received, message_bytes_sent, message_bytes_received;
    uint64_t retransmissions; /* of SCTP */
    uint64_t checks_dropped;  /* STUN that was not authentic */
    adit_time rtt;            /* of the path; 0 = unknown */
    /* How long each phase took, counted from the remote description; 0 = not reached. */
    adit_time ice_after, dtls_after, sctp_after, channel_after;
    char cipher[48]; /* "ECDHE-ECDSA-AES128-GCM-SHA256", "" before DTLS stands */
    char local[80],
        remote[80];         /* the pair in use: "host 192.0.2.1:4711", "host tcp …"; "" if none */
    uint32_t sctp_cwnd;     /* bytes that may be on their way */
    uint32_t sctp_restarts; /* associations that were aborted and set up again */
    uint64_t datagrams_dropped; /* here, UDP both ways: no room, too large, refused by the kernel */
    /* Packets of tun and tap beside the channels. */
    uint64_t inner_sent, inner_received, inner_bytes_sent, inner_bytes_received;
};

/* size is sizeof *ret_stats; what the library does not know is 0. */
ADIT_API void adit_peer_stats(struct adit_peer *peer, struct adit_peer_stats *ret_stats,
                              size_t size);

/* Why a pair of addresses is not the one in use. */
enum adit_why {
    ADIT_WHY_IN_USE,      /* it is */
    ADIT_WHY_NOT_TRIED,   /* its turn has not come */
    ADIT_WHY_TRYING,      /* a check is on its way */
    ADIT_WHY_NO_ANSWER,   /* nothing came back */
    ADIT_WHY_REFUSED,     /* by this host or its network: `err` */
    ADIT_WHY_ELSEWHERE,   /* answered from another address than the one that was asked */
    ADIT_WHY_CONFLICT,    /* both sides want to control, and neither gives in */
    ADIT_WHY_TURNED_DOWN, /* the other side answered with an error */
    ADIT_WHY_BY_PATH,     /* the option --path forbids it */
    ADIT_WHY_NO_ROOM,     /* as many addresses were called as routers are asked to remember */
    /* It works, but … */
    ADIT_WHY_LOWER,    /* the one in use has the higher priority */
    ADIT_WHY_RELAYED,  /* over a relay or TCP, and the one in use more directly */
    ADIT_WHY_SLOWER,   /* the one in use has the shorter round trip, or about the same */
    ADIT_WHY_LOSSY,    /* it loses more */
    ADIT_WHY_UNPROVEN, /* it looks better, and has to show it for a while */
    ADIT_WHY_THEIRS,   /* the other side, which decides, uses another one */
    ADIT_WHY_COUNT
};
/* In words, "no answer"; never NULL. */
ADIT_API const char *adit_why_text(enum adit_why why);

/* A pair of addresses that was considered. */
struct adit_pair_info {
    char local[80], remote[80]; /* "host 192.0.2.1:4711"; remote "guess …": named by nobody */
    char base[80];              /* the socket or relayed address that it leaves from */
    const char *state;          /* of its checks: "waiting", "in progress" …; static */
    bool valid, nominated, in_use, backup, relayed;
    adit_time rtt;     /* smoothed; 0 = unknown */
    unsigned loss;     /* checks without an answer lately, of 1000 */
    unsigned failures; /* in a row */
    uint64_t checks_sent, checks_answered;
    enum adit_why why;
    int err; /* errno of ADIT_WHY_REFUSED */
};
/* Fills *ret_info with pair i, in no particular order; size is sizeof *ret_info, what the library
 * does not know is 0. False: there are no more. Only to look at: nothing is sent, nothing changes.
 */
ADIT_API bool adit_peer_pair_at(const struct adit_peer *peer, size_t i,
                                struct adit_pair_info *ret_info, size_t size);

/* ---- data channels --------------------------------------------------------------------------- */

enum adit_dc_kind { ADIT_BINARY, ADIT_TEXT };

struct adit_dc_callbacks {
    void (*open)(struct adit_dc *dc, void *user);
    void (*message)(struct adit_dc *dc, const void *bytes, size_t n, enum adit_dc_kind kind,
                    void *user);
    void (*writable)(struct adit_dc *dc, void *user); /* after -EAGAIN: there is room again */
    void (*low)(struct adit_dc *dc, void *user);      /* adit_dc_buffered fell to the low mark */
    /* The last call; dc is gone when it returns. */
    void (*closed)(struct adit_dc *dc, const struct adit_cause *cause, void *user);
};

#define ADIT_RELIABLE (-1)

/* RFC 8832. Zero is an ordered channel that loses nothing, except for the two limits: set them, or
 * use ADIT_DC_CONF as a start. */
struct adit_dc_conf {
    size_t size;                  /* sizeof(struct adit_dc_conf) */
    const char *label, *protocol; /* UTF-8; NULL = "" */
    bool unordered;
    int max_retransmits; /* ADIT_RELIABLE, or 0..65535 */
    int max_lifetime_ms; /* ADIT_RELIABLE, or 0..65535; not both */
    bool negotiated;     /* both ends call adit_dc_open with this id, nothing is announced */
    uint16_t id;
    struct adit_dc_callbacks on;
    void *user;
};

#define ADIT_DC_CONF                                                           \
    {                                                                          \
        .size = sizeof(struct adit_dc_conf), .max_retransmits = ADIT_RELIABLE, \
        .max_lifetime_ms = ADIT_RELIABLE                                       \
    }

/* May be called before the connection stands. The channel is owned by the peer and lives until
 * `closed`. NULL with a negative errno in *ret_err (may be NULL). */
ADIT_API struct adit_dc *adit_dc_open(struct adit_peer *peer, const struct adit_dc_conf *conf,
                                      int *ret_err);
ADIT_API void adit_dc_set_callbacks(struct adit_dc *dc, const struct adit_dc_callbacks *on,
                                    void *user);
/* One message, whole or not at all. -EAGAIN: no room, `writable` follows; -EMSGSIZE: larger than
 * the other side takes; -EPIPE: closed. */
ADIT_API ADIT_MUST_USE int adit_dc_send(struct adit_dc *dc, const void *bytes, size_t n,
                                        enum adit_dc_kind kind);
/* What was accepted is delivered first; `closed` follows. */
ADIT_API void adit_dc_close(struct adit_dc *dc);
ADIT_API size_t
adit_dc_buffered(const struct adit_dc *dc); /* bytes accepted and not yet acknowledged */
ADIT_API void adit_dc_set_low(struct adit_dc *dc, size_t bytes);
ADIT_API size_t adit_dc_message_max(const struct adit_dc *dc); /* SIZE_MAX: no limit */
ADIT_API bool adit_dc_is_open(const struct adit_dc *dc);
/* Copies as a C string what a terminal may show of it (a label comes from the other side). Returns
 * out. */
ADIT_API char *adit_dc_label(const struct adit_dc *dc, char *out, size_t size);
ADIT_API struct adit_peer *adit_dc_peer(const struct adit_dc *dc);
/* No more messages are delivered, and none acknowledged: the sender waits. For all channels of the
 * peer. */
ADIT_API void adit_peer_pause(struct adit_peer *peer);
ADIT_API void adit_peer_resume(struct adit_peer *peer);

#ifdef __cplusplus
}
#endif

#endif
