/* adit.h - libadit: WebRTC data channels between two hosts, without a browser and without a
 * framework.
 *
 * One `struct adit_loop` drives any number of `struct adit_peer`; a peer is what browsers call an
 * RTCPeerConnection with data channels only. Everything happens on the thread that runs the loop.
 * Functions return 0 or a count, or a negative errno; pointers are borrowed for the call unless the
 * comment says otherwise. Callbacks run from inside adit_loop_process() and may call anything here,
 * adit_peer_free() on their own peer included. */
#ifndef ADIT_ADIT_H
#define ADIT_ADIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

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

/* As RTCPeerConnectionState in browsers. */
enum adit_peer_state {
    ADIT_PEER_NEW,
    ADIT_PEER_CONNECTING,
    ADIT_PEER_CONNECTED,
    ADIT_PEER_DISCONNECTED, /* no answer for some seconds; goes back to CONNECTED, or on to FAILED
                             */
    ADIT_PEER_FAILED,
    ADIT_PEER_CLOSED,
};

#ifdef __cplusplus
}
#endif

#endif
