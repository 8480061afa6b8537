/* dialect_lines.c - one other side, reached through a program or a shared file: a message a line.
 *
 * `text` gets one line. Nobody says whether the other side is there, so the offerer just offers. */
#include "signal/plain.h"

#define PEER "peer"

static bool offers(const struct adit_dialect_state *s)
{
    return s->conf->role == ADIT_DIALECT_OFFERER;
}

static int start(struct adit_dialect_state *s, struct adit_cause *ret_cause, adit_time now)
{
    (void)now;
    if (s->conf->role != ADIT_DIALECT_ROLE_ANY)
        return 0;
    adit_cause_set(ret_cause, ADIT_REASON_LOCAL, EINVAL,
                   "signaling this way wants a role: --role offerer or --role answerer");
    return -EINVAL;
}

static void opened(struct adit_dialect_state *s, adit_time now)
{
    (void)now;
    adit_say_joined(s);
    if (offers(s))
        adit_say_peer(s, PEER, true);
}

static void text(struct adit_dialect_state *s, const char *bytes, size_t n, adit_time now)
{
    (void)now;
    adit_plain_read(s, PEER, offers(s) ? ADIT_SIGNAL_ANSWER : ADIT_SIGNAL_OFFER, bytes, n);
}

static int call(struct adit_dialect_state *s, const char *peer, adit_time now)
{
    (void)peer, (void)now;
    if (offers(s))
        adit_say_peer(s, PEER, true);
    return 0;
}

static int describe(struct adit_dialect_state *s, const char *peer, enum adit_signal_type type,
                    const char *sdp, size_t n, adit_time now)
{
    (void)peer, (void)now;
    return adit_say_send(s, adit_plain_description(type, sdp, n));
}

static int candidate(struct adit_dialect_state *s, const char *peer, const char *line,
                     const char *mid, int mline, adit_time now)
{
    (void)peer, (void)now;
    return adit_say_send(s, adit_plain_candidate(line, mid, mline));
}

static int bye(struct adit_dialect_state *s, const char *peer, adit_time now)
{
    (void)peer, (void)now;
    return adit_say_send(s, adit_plain_bye());
}

const struct adit_dialect adit_dialect_lines = {
    .name = "lines",
    .summary = "a message a line, through a program or a shared file",
    .traits = { .label = "adit",
                .mode = "chat",
                .complete = true,
                .trickle = true,
                .keepalive = "",
                .retry_first = ADIT_SEC,
                .retry_max = 60 * ADIT_SEC,
                .retry_factor_x10 = 20,
                .retry_jitter_percent = 20 },
    .size = sizeof(struct adit_dialect_state),
    .start = start,
    .opened = opened,
    .text = text,
    .call = call,
    .describe = describe,
    .candidate = candidate,
    .bye = bye,
};
