#include "sctp/usr.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <usrsctp.h>

#include <usrsctp-extra.h>

#include "base/alloc.h"
#include "base/crc32c.h"

#define HEADER_SIZE 12 /* RFC 9260 section 3.1: ports, tag, checksum */
#define PACKET_MIN  16 /* with one chunk header */

/* Milliseconds. The peer's delayed SACK takes up to 200, so less than 400 would retransmit for
 * nothing; more than 3 s would sleep too long after an outage (docs/decisions.md). */
#define BURST_MAX     32
#define RTO_INITIAL   500
#define RTO_MIN       400
#define RTO_MAX       3000
#define INIT_RTO_MAX  1000
#define INIT_ATTEMPTS 30 /* about half a minute, as long as consent lasts */
#define SACK_DELAY    20

/* The process-wide part. usrsctp is a library of globals; so it is set up for the first
 * association, torn down after the last, and everything that follows from that lives here. */
static struct {
    unsigned users;
    struct adit_usr **slots; /* by address - 1; a slot is used again, never taken back */
    size_t slot_count;
    adit_time epoch, now;
} process;

/* usrsctp's only clock (deps/usrsctp-ours.h). A thousand seconds on, for it takes 0 as "never". */
int adit_usr_gettimeofday(struct timeval *tv, void *tz);

int adit_usr_gettimeofday(struct timeval *tv, void *tz)
{
    adit_time t = process.now - process.epoch + 1000 * ADIT_SEC;

    (void)tz;
    tv->tv_sec = (time_t)(t / ADIT_SEC);
    tv->tv_usec = (suseconds_t)(t % ADIT_SEC / ADIT_US);
    return 0;
}

void adit_usr_enter(adit_time now)
{
    process.now = adit_time_max(process.now, now);
    adit_usrsctp_advance((uint32_t)((process.now - process.epoch) / ADIT_MS));
}

/* ---- packets out ---------------------------------------------------------------------------- */

static int on_packet(void *addr, void *packet, size_t n, uint8_t tos, uint8_t df)
{
    size_t slot = (uintptr_t)addr - 1;
    uint8_t *bytes = packet;

    (void)tos, (void)df;
    if (slot >= process.slot_count || !process.slots[slot] || n < HEADER_SIZE)
        return 0;
    /* RFC 9260 appendix A: computed over zeros, stored least significant byte first. */
    uint32_t crc = adit_crc32c(0, bytes, n);
    for (int i = 0; i < 4; i++)
        bytes[8 + i] = (uint8_t)(crc >> 8 * i);
    process.slots[slot]->send(process.slots[slot]->arg, bytes, n);
    return 0;
}

static bool checksum_right(const uint8_t *bytes, size_t n)
{
    static const uint8_t zeros[4];
    uint32_t crc = adit_crc32c(0, bytes, 8);

    crc = adit_crc32c(crc, zeros, sizeof zeros);
    crc = adit_crc32c(crc, bytes + HEADER_SIZE, n - HEADER_SIZE);
    return bytes[8] == (crc & 255) && bytes[9] == (crc >> 8 & 255) &&
           bytes[10] == (crc >> 16 & 255) && bytes[11] == crc >> 24;
}

/* ---- the process ---------------------------------------------------------------------------- */

static bool process_start(adit_time now)
{
    process.epoch = process.now = now;
    usrsctp_init_nothreads(0, on_packet, NULL);
    if (!adit_usrsctp_ready())
        return false;
    usrsctp_enable_crc32c_offload();
    /* What WebRTC does not need and crashes were found in. */
    usrsctp_sysctl_set_sctp_asconf_enable(0);
    usrsctp_sysctl_set_sctp_auto_asconf(0);
    usrsctp_sysctl_set_sctp_auth_enable(0);
    usrsctp_sysctl_set_sctp_ecn_enable(0);
    usrsctp_sysctl_set_sctp_nrsack_enable(0);
    usrsctp_sysctl_set_sctp_pktdrop_enable(0);
    /* Packets in a row, after a loss is repaired: the library's four cut the window at each pause,
     * and a whole window is more than a small queue on the way holds. */
    usrsctp_sysctl_set_sctp_max_burst_default(BURST_MAX);
    /* Thirty copies of one chunk would be the end, a minute and a half into an outage. */
    usrsctp_sysctl_set_sctp_max_retran_chunk(0);
    usrsctp_sysctl_set_sctp_pr_enable(1);
    usrsctp_sysctl_set_sctp_reconfig_enable(1);
    /* Out of the blue packets come from a peer that forgot: let it hear an ABORT. */
    usrsctp_sysctl_set_sctp_blackhole(0);
    /* SHUTDOWN waits for queued data; how long, the layer above decides. */
    usrsctp_sysctl_set_sctp_shutdown_guard_time_default(86400);
    /* How much may be queued is decided in chan.c, in bytes. */
    usrsctp_sysctl_set_sctp_max_chunks_on_queue(UINT32_MAX);
    return true;
}

static void process_finish(void)
{
    /* Nothing is left to wait for: every socket was closed with an ABORT, and one thread holds no
     * references elsewhere. The timers are run out nevertheless, should one keep an endpoint. */
    for (int seconds = 0; usrsctp_finish() < 0 && seconds < 60; seconds++) {
        process.now += ADIT_SEC;
        adit_usr_enter(process.now);
        adit_usrsctp_run(NULL);
    }
    adit_free(process.slots);
    process.slots = NULL;
    process.slot_count = 0;
}

static void *address_of(const struct adit_usr *u)
{
    return (void *)(uintptr_t)(u->slot + 1);
}

/* Addresses are registered once and used again: taking one back would leave work to usrsctp's
 * iterator thread, which does not run. */
static int take_slot(struct adit_usr *u)
{
    size_t i = 0;

    while (i < process.slot_count && process.slots[i])
        i++;
    if (i == UINT16_MAX)
        return -ENOMEM;
    if (i == process.slot_count) {
        struct adit_usr **more = adit_realloc(process.slots, (i + 1) * sizeof(struct adit_usr *));

        if (!more)
            return -ENOMEM;
        process.slots = more;
        u->slot = (uint16_t)i;
        if (!adit_usrsctp_register(address_of(u))) {
            u->slot = UINT16_MAX;
            return -ENOMEM;
        }
        process.slot_count++;
    }
    u->slot = (uint16_t)i;
    process.slots[i] = u;
    return 0;
}

/* ---- the socket ----------------------------------------------------------------------------- */

static bool set(struct adit_usr *u, int level, int option, const void *value, socklen_t n)
{
    return usrsctp_setsockopt(u->so, level, option, value, n) == 0;
}

static bool configure(struct adit_usr *u, const struct adit_usr_conf *conf)
{
    static const uint16_t events[] = { SCTP_ASSOC_CHANGE, SCTP_SHUTDOWN_EVENT,
                                       SCTP_STREAM_RESET_EVENT, SCTP_PARTIAL_DELIVERY_EVENT };
    const int on = 1, off = 0;
    int send_buffer = INT32_MAX; /* chan.c counts */
    int recv_buffer = (int)conf->recv_buffer;
    /* Closing is never a wait: what must be delivered first is adit_usr_shutdown's business. */
    struct linger linger = { .l_onoff = 1, .l_linger = 0 };
    struct sctp_initmsg init = { .sinit_num_ostreams = conf->streams,
                                 .sinit_max_instreams = conf->streams,
                                 .sinit_max_attempts = INIT_ATTEMPTS,
                                 .sinit_max_init_timeo = INIT_RTO_MAX };
    struct sctp_rtoinfo rto = { .srto_initial = RTO_INITIAL,
                                .srto_max = RTO_MAX,
                                .srto_min = RTO_MIN };
    /* Liveness is consent's business (RFC 7675), so retransmission never gives up by itself. */
    struct sctp_assocparams assoc = { .sasoc_asocmaxrxt = UINT16_MAX, .sasoc_cookie_life = 60000 };
    struct sctp_paddrparams path = { .spp_address.ss_family = AF_CONN,
                                     .spp_flags = SPP_HB_DISABLE | SPP_PMTUD_DISABLE,
                                     .spp_pathmtu = (uint32_t)(conf->mtu - HEADER_SIZE),
                                     .spp_pathmaxrxt = UINT16_MAX };
    struct sctp_sack_info sack = { .sack_delay = SACK_DELAY, .sack_freq = 2 };
    struct sctp_assoc_value reset = { .assoc_id = SCTP_ALL_ASSOC,
                                      .assoc_value = SCTP_ENABLE_RESET_STREAM_REQ };
    bool good;

    good = usrsctp_set_non_blocking(u->so, 1) == 0 &&
           set(u, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer) &&
           set(u, SOL_SOCKET, SO_RCVBUF, &recv_buffer, sizeof recv_buffer) &&
           set(u, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) &&
           set(u, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof on) &&
           set(u, IPPROTO_SCTP, SCTP_EXPLICIT_EOR, &off, sizeof off) &&
           set(u, IPPROTO_SCTP, SCTP_RECVRCVINFO, &on, sizeof on) &&
           set(u, IPPROTO_SCTP, SCTP_INITMSG, &init, sizeof init) &&
           set(u, IPPROTO_SCTP, SCTP_RTOINFO, &rto, sizeof rto) &&
           set(u, IPPROTO_SCTP, SCTP_ASSOCINFO, &assoc, sizeof assoc) &&
           set(u, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path, sizeof path) &&
           set(u, IPPROTO_SCTP, SCTP_DELAYED_SACK, &sack, sizeof sack) &&
           set(u, IPPROTO_SCTP, SCTP_ENABLE_STREAM_RESET, &reset, sizeof reset);
    for (size_t i = 0; i < ADIT_LEN(events); i++) {
        struct sctp_event event = { .se_assoc_id = SCTP_ALL_ASSOC,
                                    .se_type = events[i],
                                    .se_on = 1 };
        good = good && set(u, IPPROTO_SCTP, SCTP_EVENT, &event, sizeof event);
    }
    return good;
}

static struct sockaddr_conn address(const struct adit_usr *u, uint16_t port)
{
    return (struct sockaddr_conn){ .sconn_family = AF_CONN,
                                   .sconn_port = htons(port),
                                   .sconn_addr = address_of(u) };
}

int adit_usr_open(struct adit_usr *u, const struct adit_usr_conf *conf, adit_time now)
{
    struct sockaddr_conn local;

    u->slot = UINT16_MAX;
    u->so = NULL;
    u->starved = false;
    if (process.users++ == 0 && !process_start(now))
        goto fail;
    adit_usr_enter(now);
    if (take_slot(u) < 0)
        goto fail;
    u->so = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);
    local = address(u, conf->local_port);
    if (!u->so || !configure(u, conf) ||
        usrsctp_bind(u->so, (struct sockaddr *)&local, sizeof local) < 0)
        goto fail;
    u->open = true;
    return 0;
fail:
    u->open = true;
    adit_usr_close(u, now);
    return -ENOMEM;
}

void adit_usr_close(struct adit_usr *u, adit_time now)
{
    if (!u->open)
        return;
    u->open = false;
    adit_usr_enter(now);
    if (u->so)
        usrsctp_close(u->so); /* its ABORT still finds the slot */
    u->so = NULL;
    if (u->slot != UINT16_MAX)
        process.slots[u->slot] = NULL;
    if (--process.users == 0)
        process_finish();
}

static bool set_first_rto(struct adit_usr *u, adit_time rto)
{
    uint32_t ms = (uint32_t)(adit_time_min(rto, RTO_MAX * ADIT_MS) / ADIT_MS);
    struct sctp_initmsg init = { .sinit_max_init_timeo = (uint16_t)ms };
    struct sctp_rtoinfo initial = { .srto_initial = ms };

    if (ms > INIT_RTO_MAX && !set(u, IPPROTO_SCTP, SCTP_INITMSG, &init, sizeof init))
        return false;
    return ms <= RTO_INITIAL || set(u, IPPROTO_SCTP, SCTP_RTOINFO, &initial, sizeof initial);
}

int adit_usr_connect(struct adit_usr *u, uint16_t remote_port, adit_time rto, adit_time now)
{
    struct sockaddr_conn remote = address(u, remote_port);

    adit_usr_enter(now);
    if (!set_first_rto(u, rto))
        return -EINVAL;
    if (usrsctp_connect(u->so, (struct sockaddr *)&remote, sizeof remote) == 0 ||
        errno == EINPROGRESS)
        return 0;
    return errno ? -errno : -EIO;
}

void adit_usr_set_mtu(struct adit_usr *u, size_t mtu)
{
    adit_usrsctp_set_mtu(u->so, (uint32_t)mtu);
}

void adit_usr_hurry(struct adit_usr *u, adit_time now)
{
    adit_usr_enter(now);
    adit_usrsctp_hurry(u->so);
}

void adit_usr_shutdown(struct adit_usr *u, adit_time now)
{
    adit_usr_enter(now);
    usrsctp_shutdown(u->so, SHUT_WR);
}

void adit_usr_feed(struct adit_usr *u, const void *bytes, size_t n, adit_time now)
{
    adit_usr_enter(now);
    if (n >= PACKET_MIN && checksum_right(bytes, n))
        usrsctp_conninput(address_of(u), bytes, n, 0);
}

adit_time adit_usr_deadline(const struct adit_usr *u)
{
    uint32_t ms = adit_usrsctp_timeout(u->so);

    if (ms == ADIT_USRSCTP_NEVER)
        return ADIT_NEVER;
    /* The counter shows whole milliseconds: it moves on when the next one is complete. */
    return process.now - (process.now - process.epoch) % ADIT_MS + ms * ADIT_MS;
}

void adit_usr_tick(struct adit_usr *u, adit_time now)
{
    adit_usr_enter(now);
    adit_usrsctp_run(u->so);
}
