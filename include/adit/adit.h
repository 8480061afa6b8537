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
 * adit_loop_run). Calling it too early or too often is harmless. 0 or -errno; not from a callback.
 */
ADIT_API ADIT_MUST_USE int adit_loop_process(struct adit_loop *loop);

#ifdef __cplusplus
}
#endif

#endif
