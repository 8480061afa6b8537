/* event.h - what signaling has to say, the same words whatever the server speaks.
 *
 * Everything in an event is borrowed for the call. All of it but `addr` and the numbers comes from
 * a server or a peer: adit_str_printable before a person sees it. */
#ifndef ADIT_SIGNAL_EVENT_H
#define ADIT_SIGNAL_EVENT_H

#include "base/addr.h"

#define ADIT_SIGNAL_PEER_MAX        128         /* bytes of a peer's name */
#define ADIT_SIGNAL_SDP_MAX         (64 * 1024) /* bytes of a description */
#define ADIT_SIGNAL_CANDIDATE_MAX   512         /* bytes of a candidate */
#define ADIT_SIGNAL_MID_MAX         64
#define ADIT_SIGNAL_ICE_SERVERS_MAX 16
#define ADIT_SIGNAL_TEXT_MAX        4096 /* bytes of a message for people */

/* In answers of HTTP: the address that a server of ours sees the client at. */
#define ADIT_SIGNAL_SEEN_HEADER "Adit-Address"

enum adit_signal_what {
    /* The server knows us; commands reach it from here on. Comes again after every reconnect: tell
     * again what a peer that is not connected yet may have missed. */
    ADIT_SIGNAL_JOINED,
    /* A peer is there to talk to. `offer`: it is ours to make the offer, else theirs will come.
     * May come again for the same peer: a peer in conversation is left alone, any other begins
     * anew. */
    ADIT_SIGNAL_PEER,
    /* A peer has left the server. Its connection, if it has one, goes on. */
    ADIT_SIGNAL_PEER_GONE,
    ADIT_SIGNAL_DESCRIPTION,    /* type, text: SDP, or a ticket where both sides are adits */
    ADIT_SIGNAL_CANDIDATE,      /* text: "candidate:…", never empty; mid, mline */
    ADIT_SIGNAL_CANDIDATES_END, /* no more will come */
    ADIT_SIGNAL_BYE,            /* the peer ends its session with us */
    ADIT_SIGNAL_ICE_SERVERS,    /* servers */
    /* The server, or our own judgement of what it sent, refused something; cause, and peer if it
     * concerns one; cause.err ENOENT: that peer is not there, which may change. Signaling goes on.
     */
    ADIT_SIGNAL_ERROR,
    ADIT_SIGNAL_REQUEST,  /* device: a peer asks to be connected; transport, session, relay */
    ADIT_SIGNAL_OUTCOME,  /* device: what a peer says of it; transport, session, text = status */
    ADIT_SIGNAL_MESSAGE,  /* rendezvous: text of a person */
    ADIT_SIGNAL_RTT,      /* rendezvous: `rtt` of adit_signal_ping */
    ADIT_SIGNAL_ENDPOINT, /* rendezvous: addr is where the peer is reached; punching has begun */
    ADIT_SIGNAL_REMAP,    /* rendezvous: tell our public address (again): adit_signal_endpoint */
    ADIT_SIGNAL_SEEN,     /* the server sees us at `addr` (no port), and saw us elsewhere before */
    ADIT_SIGNAL_BENCH,    /* rendezvous: a benchmark came in; bench */
    /* The connection to the server is gone; cause. It is tried again unless `final`. */
    ADIT_SIGNAL_DOWN,
    ADIT_SIGNAL_STOPPED, /* after adit_signal_stop: the last event */
};

enum adit_signal_type { ADIT_SIGNAL_OFFER, ADIT_SIGNAL_ANSWER };

struct adit_signal_server {
    const char *url, *username, *credential; /* the latter two may be NULL */
};

struct adit_signal_bench {
    uint64_t chunks, bytes; /* datagrams, their headers included */
    adit_time took;
};

struct adit_signal_event {
    enum adit_signal_what what;
    const char *peer; /* never NULL; "" where the server is meant */
    bool offer, final;
    bool relay; /* DESCRIPTION: the server hands on packets between this peer and us */
    enum adit_signal_type type;
    const char *text;                                          /* never NULL */
    size_t len;                                                /* of text */
    const char *mid;                                           /* never NULL; "" = not given */
    int mline;                                                 /* -1 = not given */
    const char *transport, *session, *relay_url, *relay_token; /* never NULL */
    const struct adit_signal_server *servers;
    unsigned server_count;
    struct adit_addr addr;
    adit_time rtt;
    struct adit_signal_bench bench;
    struct adit_cause cause;
};

#endif
