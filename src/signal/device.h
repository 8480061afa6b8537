/* device.h - what both generations of the device server share: accounts, the list of devices, and
 * messages routed by `target_device_id`.
 *
 * HTTP calls come first, and only those that are needed: a token is fetched with e-mail and
 * password when none is given; the device is registered when the server does not know it. */
#ifndef ADIT_SIGNAL_DEVICE_H
#define ADIT_SIGNAL_DEVICE_H

#include "base/digest.h"
#include "signal/say.h"

#define ADIT_DEVICE_TOKEN_MAX   4096 /* bytes of a JWT */
#define ADIT_DEVICE_KEY         32   /* bytes of an Ed25519 key */
#define ADIT_DEVICE_SIG         64   /* and of a signature */
#define ADIT_DEVICE_WAITING_MAX 32   /* messages from one that is not known yet */
#define ADIT_DEVICE_LIST_MAX    1024 /* devices of an account */
#define ADIT_DEVICE_ASKED_MAX   16   /* calls that wait for the server's word at a time */

enum adit_device_step {
    ADIT_DEVICE_LOGIN,
    ADIT_DEVICE_ACCOUNT,
    ADIT_DEVICE_LIST,
    ADIT_DEVICE_CHALLENGE,
    ADIT_DEVICE_REGISTER,
    ADIT_DEVICE_WEBSOCKET,
    ADIT_DEVICE_LOOK_AGAIN /* connected, and somebody calls whom we do not know */
};

struct adit_device_asked {
    uint32_t reply; /* the how manieth of the server's it will be */
    char peer[ADIT_SIGNAL_PEER_MAX + 1];
};

struct adit_device {
    struct adit_dialect_state s;
    enum adit_device_step step;            /* what is being waited for */
    char token[ADIT_DEVICE_TOKEN_MAX + 1]; /* given or fetched; "" = to be fetched */
    bool fetched;                          /* token is from a login: another may help */
    bool look; /* before the WebSocket, look whether we are registered */
    bool has_key, listed;
    uint8_t key[ADIT_DEVICE_KEY];
    json_t *devices;        /* of our account; NULL = not known */
    json_t *waiting;        /* device-b: messages of a device that may be new in our account */
    uint32_t sent, replies; /* on this connection: each message of ours has one, in order */
    struct adit_device_asked asked[ADIT_DEVICE_ASKED_MAX]; /* whom we call, first come first */
    unsigned asked_count;
};

static inline struct adit_device *adit_device_of(struct adit_dialect_state *s)
{
    return adit_container_of(s, struct adit_device, s);
}

/* device_http.c */
int adit_device_start(struct adit_dialect_state *s, struct adit_cause *ret_cause, adit_time now);
void adit_device_done(struct adit_dialect_state *s);
void adit_device_begin(struct adit_dialect_state *s, adit_time now);
void adit_device_answered(struct adit_dialect_state *s,
                          const struct adit_dialect_response *response, adit_time now);
void adit_device_look_again(struct adit_device *d);
/* What is known of our account, from an answer to it. False: nothing new. */
bool adit_device_take_list(struct adit_device *d, int status, json_t *list);
bool adit_device_in_account(const struct adit_device *d, const char *id);
/* Signs ASCII `context:id:challenge` and writes it in base64. -EPROTO: not 32 bytes of challenge in
 * base64; -ENOMEM. */
#define ADIT_DEVICE_SIGNATURE 89
int adit_device_sign(struct adit_device *d, char out[ADIT_DEVICE_SIGNATURE], const char *context,
                     const char *challenge);

/* dialect_device.c */
void adit_device_message(struct adit_dialect_state *s, const char *type, const json_t *m);
int adit_device_describe(struct adit_dialect_state *s, const char *peer, enum adit_signal_type type,
                         const char *sdp, size_t n, adit_time now);
int adit_device_candidate(struct adit_dialect_state *s, const char *peer, const char *line,
                          const char *mid, int mline, adit_time now);
int adit_device_outcome(struct adit_dialect_state *s, const char *peer, bool connected,
                        adit_time now);

#endif
