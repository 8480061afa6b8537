#include <arpa/inet.h>
#include <sys/socket.h>

#include <usrsctp.h>

#include <usrsctp-extra.h>

#include "sctp/usr.h"

/* The cost of one piece in usrsctp's queues beside its bytes: chunk, mbufs and cluster. */
#define PIECE_COST 512

#define CAUSE_USER_ABORT 12 /* RFC 9260 section 3.3.10.12 */

int adit_usr_send(struct adit_usr *u, const struct adit_usr_out *out, const void *bytes, size_t n,
                  adit_time now)
{
    struct sctp_sendv_spa spa = {
        .sendv_flags = SCTP_SEND_SNDINFO_VALID,
        .sendv_sndinfo = { .snd_sid = out->sid,
                           .snd_ppid = htonl(out->ppid),
                           .snd_flags = out->unordered ? SCTP_UNORDERED : 0 },
    };

    if (out->max_retransmits >= 0 || out->max_lifetime_ms >= 0) { /* RFC 3758, RFC 7496 */
        bool by_count = out->max_retransmits >= 0;

        spa.sendv_flags |= SCTP_SEND_PRINFO_VALID;
        spa.sendv_prinfo.pr_policy = by_count ? SCTP_PR_SCTP_RTX : SCTP_PR_SCTP_TTL;
        spa.sendv_prinfo.pr_value =
            (uint32_t)(by_count ? out->max_retransmits : out->max_lifetime_ms);
    }
    adit_usr_enter(now);
    if (!adit_usrsctp_grow_out(u->so, out->sid))
        return -ENOMEM;
    ssize_t sent = usrsctp_sendv(u->so, bytes, n, NULL, 0, &spa, sizeof spa, SCTP_SENDV_SPA, 0);
    if (sent < 0)
        return errno == ENOBUFS ? -ENOMEM : errno ? -errno : -EIO;
    assert((size_t)sent == n); /* without SCTP_EXPLICIT_EOR it is all or nothing */
    return 0;
}

/* RFC 9260 section 3.3.7: an ABORT carries causes; we look at the first. */
static uint16_t first_cause(const struct sctp_assoc_change *change)
{
    if (change->sac_length < sizeof *change + 8)
        return 0;
    return adit_get16(change->sac_info + 4);
}

static void on_change(const struct adit_usr *u, const struct sctp_assoc_change *change,
                      struct adit_usr_in *ret_in)
{
    int err = adit_usrsctp_error(u->so);
    uint16_t code;

    ret_in->kind = ADIT_USR_DOWN;
    switch (change->sac_state) {
    case SCTP_COMM_UP:
        ret_in->kind = ADIT_USR_UP;
        break;
    case SCTP_SHUTDOWN_COMP:
        adit_cause_set(&ret_in->cause, ADIT_REASON_REMOTE, 0, "the SCTP association was shut down");
        break;
    case SCTP_RESTART: /* section 5.2.4.1: streams and channels of before do not exist there */
        adit_cause_set(&ret_in->cause, ADIT_REASON_PROTOCOL, 0,
                       "the other side began its SCTP association anew");
        break;
    default: /* SCTP_COMM_LOST, SCTP_CANT_STR_ASSOC */
        code = first_cause(change);
        if (err == ETIMEDOUT)
            adit_cause_set(&ret_in->cause, ADIT_REASON_TIMEOUT, err, "SCTP got no answer");
        else if (code == CAUSE_USER_ABORT)
            adit_cause_set(&ret_in->cause, ADIT_REASON_REMOTE, err,
                           "the other side ended the SCTP association");
        else if (err == ECONNRESET || err == ECONNREFUSED)
            adit_cause_set(&ret_in->cause, ADIT_REASON_PROTOCOL, err,
                           "the other side aborted the SCTP association (cause %u)", code);
        else
            adit_cause_set(&ret_in->cause, ADIT_REASON_PROTOCOL, err,
                           "SCTP stopped at a packet of the other side");
        break;
    }
}

static void on_reset(const struct sctp_stream_reset_event *event, struct adit_usr_in *ret_in)
{
    ret_in->kind = ADIT_USR_RESET;
    ret_in->incoming = event->strreset_flags & SCTP_STREAM_RESET_INCOMING_SSN;
    ret_in->refused = event->strreset_flags & (SCTP_STREAM_RESET_DENIED | SCTP_STREAM_RESET_FAILED);
    ret_in->sids = event->strreset_stream_list;
    ret_in->sid_count = (event->strreset_length - sizeof *event) / sizeof(uint16_t);
}

static void on_news(const struct adit_usr *u, const void *buffer, size_t n,
                    struct adit_usr_in *ret_in)
{
    const union sctp_notification *news = buffer;

    ret_in->kind = ADIT_USR_NOTHING;
    if (n < sizeof news->sn_header || news->sn_header.sn_length > n)
        return;
    switch (news->sn_header.sn_type) {
    case SCTP_ASSOC_CHANGE:
        on_change(u, &news->sn_assoc_change, ret_in);
        break;
    case SCTP_STREAM_RESET_EVENT:
        on_reset(&news->sn_strreset_event, ret_in);
        break;
    case SCTP_SHUTDOWN_EVENT:
        ret_in->kind = ADIT_USR_BYE;
        break;
    case SCTP_PARTIAL_DELIVERY_EVENT:
        ret_in->kind = ADIT_USR_CUT;
        break;
    default:
        break;
    }
}

int adit_usr_recv(struct adit_usr *u, void *buffer, size_t size, struct adit_usr_in *ret_in,
                  adit_time now)
{
    struct sctp_rcvinfo info = { 0 };
    socklen_t info_len = sizeof info, from_len = 0;
    unsigned info_type = 0;
    int flags = 0;

    adit_usr_enter(now);
    ssize_t n =
        usrsctp_recvv(u->so, buffer, size, NULL, &from_len, &info, &info_len, &info_type, &flags);
    if (n < 0)
        return errno == EWOULDBLOCK ? -EAGAIN : errno ? -errno : -EIO;
    if (n == 0 && !(flags & MSG_NOTIFICATION))
        return -EPIPE; /* end of file */
    *ret_in = (struct adit_usr_in){ .kind = ADIT_USR_DATA,
                                    .sid = info.rcv_sid,
                                    .ppid = ntohl(info.rcv_ppid),
                                    .tsn = info.rcv_tsn,
                                    .end = flags & MSG_EOR };
    if (flags & MSG_NOTIFICATION)
        on_news(u, buffer, (size_t)n, ret_in);
    return (int)n;
}

bool adit_usr_readable(const struct adit_usr *u)
{
    return adit_usrsctp_readable(u->so);
}

bool adit_usr_starved(const struct adit_usr *u)
{
    return u->starved || adit_usrsctp_starved(u->so);
}

bool adit_usr_whole(const struct adit_usr *u, uint32_t after, uint32_t before)
{
    return adit_usrsctp_whole(u->so, after, before) != 0;
}

bool adit_usr_failed(const struct adit_usr *u)
{
    return adit_usrsctp_error(u->so) != 0;
}

int adit_usr_reset(struct adit_usr *u, uint16_t sid, adit_time now)
{
    union {
        struct sctp_reset_streams head;
        uint8_t bytes[sizeof(struct sctp_reset_streams) + sizeof(uint16_t)];
    } request = { .head = { .srs_flags = SCTP_STREAM_RESET_OUTGOING, .srs_number_streams = 1 } };

    adit_usr_enter(now);
    if (!adit_usrsctp_grow_out(u->so, sid)) {
        u->starved = true;
        return -ENOMEM;
    }
    memcpy(request.bytes + offsetof(struct sctp_reset_streams, srs_stream_list), &sid, sizeof sid);
    if (usrsctp_setsockopt(u->so, IPPROTO_SCTP, SCTP_RESET_STREAMS, &request, sizeof request) < 0)
        return errno ? -errno : -EIO;
    return 0;
}

size_t adit_usr_queued(const struct adit_usr *u)
{
    uint32_t bytes, pieces;

    adit_usrsctp_queued(u->so, &bytes, &pieces);
    return (size_t)bytes + (size_t)pieces * PIECE_COST;
}

uint64_t adit_usr_left(const struct adit_usr *u, uint16_t sid)
{
    return adit_usrsctp_left(u->so, sid);
}

uint16_t adit_usr_streams_out(const struct adit_usr *u)
{
    return adit_usrsctp_streams_out(u->so);
}

void adit_usr_path(const struct adit_usr *u, struct adit_usr_path *ret_path)
{
    struct adit_usrsctp_path path;

    adit_usrsctp_path(u->so, &path);
    ret_path->cwnd = path.cwnd;
    ret_path->retransmitted = path.retransmitted;
    ret_path->rtt = path.rtt_us * ADIT_US;
    ret_path->srtt = path.srtt_us * ADIT_US;
}
