/* impair - a bad wire: carries Ethernet frames between two interfaces of this namespace, late, out
 * of order, twice or not at all. For laboratories, whose kernels need not have netem.
 *
 *   impair HOST-IF ROUTER-IF KEY=VALUE...      until it is killed
 *   impair -t KEY=VALUE...                     only checks the settings
 *
 *   delay=MS jitter=MS   one way, plus or minus uniformly distributed; order is kept
 *   loss=PCT dup=PCT     each frame for itself
 *   reorder=PCT          of the frames leave at once, ahead of the delayed (without delay: 5 ms
 * late) rate=KBIT queue=KB   a bottleneck and what fits before it (64) before frames are dropped
 *   mtu=N                longer IP packets vanish, and no ICMP tells (a black hole)
 *   seed=N               another series of accidents; the same seed gives the same
 *
 * "up." before a key means from host to router only, "down." the other way. ARP and IPv6's
 * housekeeping are delayed but never lost: what is tried out is the path, not the laboratory. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MS        1000000ull /* in the nanoseconds of the clock */
#define HELD_MAX  65536      /* frames under way in one direction */
#define FRAME_MAX (65536 + 64)
#define HEADER    sizeof(struct virtio_net_hdr) /* keeps offloaded checksums what they are */

enum key { DELAY, JITTER, LOSS, DUP, REORDER, RATE, QUEUE, MTU, SEED, N_KEYS };
static const char *const keys[] = { "delay", "jitter", "loss", "dup", "reorder",
                                    "rate",  "queue",  "mtu",  "seed" };

struct frame {
    struct frame *next, *prev;
    uint64_t due;
    size_t len;
    uint8_t bytes[];
};

struct direction {
    double set[N_KEYS];
    struct frame *first, *last; /* by due */
    unsigned held;
    uint64_t last_due, link_free, random;
    int in, out;
};

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 * MS + (uint64_t)t.tv_nsec;
}

/* 0 <= x < 100, from a generator of its own for each direction (xorshift64*) */
static double percent(struct direction *d)
{
    d->random ^= d->random >> 12;
    d->random ^= d->random << 25;
    d->random ^= d->random >> 27;
    return (double)((d->random * 0x2545f4914f6cdd1dull) >> 11) * (100.0 / 9007199254740992.0);
}

static bool setting(struct direction d[2], const char *arg)
{
    const char *eq = strchr(arg, '=');
    int from = 0, to = 1, k = 0;
    double v;
    char *end;

    if (strncmp(arg, "up.", 3) == 0)
        arg += 3, to = 0;
    else if (strncmp(arg, "down.", 5) == 0)
        arg += 5, from = 1;
    while (k < N_KEYS &&
           (!eq || strncmp(arg, keys[k], strlen(keys[k])) != 0 || arg + strlen(keys[k]) != eq))
        k++;
    if (k == N_KEYS)
        return false;
    v = strtod(eq + 1, &end);
    if (end == eq + 1 || *end || !(v >= 0 && v <= 1e9))
        return false;
    for (int i = from; i <= to; i++)
        d[i].set[k] = v;
    return true;
}

static void hold(struct direction *d, const uint8_t *bytes, size_t len, uint64_t due)
{
    struct frame *f = d->held < HELD_MAX ? malloc(sizeof *f + len) : NULL, *after = d->last;

    if (!f)
        return;
    f->due = due;
    f->len = len;
    memcpy(f->bytes, bytes, len);
    while (after && after->due > due)
        after = after->prev;
    f->prev = after;
    f->next = after ? after->next : d->first;
    *(f->prev ? &f->prev->next : &d->first) = f;
    *(f->next ? &f->next->prev : &d->last) = f;
    d->held++;
}

static void release(struct direction *d, uint64_t t)
{
    while (d->first && d->first->due <= t) {
        struct frame *f = d->first;

        d->first = f->next;
        *(d->first ? &d->first->prev : &d->last) = NULL;
        d->held--;
        if (write(d->out, f->bytes, f->len) < 0 && errno == ENETDOWN)
            usleep(1000);
        free(f);
    }
}

/* Neighbour discovery (ICMPv6 133 to 137), and what goes to ff02::/16, as multicast reports do. */
static bool is_housekeeping(const uint8_t *eth)
{
    return (eth[20] == IPPROTO_ICMPV6 && eth[54] >= 133 && eth[54] <= 137) ||
           (eth[38] == 0xff && eth[39] == 0x02);
}

static void carry(struct direction *d, const uint8_t *bytes, size_t len, uint64_t t)
{
    const uint8_t *eth = bytes + HEADER;
    const size_t n = len - HEADER;
    const unsigned type = (unsigned)eth[12] << 8 | eth[13];
    const bool lab = type == ETH_P_ARP || (type == ETH_P_IPV6 && n >= 55 && is_housekeeping(eth));
    const double *set = d->set;
    uint64_t due = t;

    if (!lab && ((set[MTU] > 0 && (double)n > 14 + set[MTU]) || percent(d) < set[LOSS]))
        return;
    if (set[RATE] > 0) { /* bits per millisecond */
        if (d->link_free < t)
            d->link_free = t;
        if (!lab && (double)(d->link_free - t) / MS * set[RATE] / 8000 > set[QUEUE])
            return;
        d->link_free += (uint64_t)((double)(n + 24) * 8 / set[RATE] * MS);
        due = d->link_free;
    }
    if (!lab && percent(d) < set[REORDER]) {
        hold(d, bytes, len, set[DELAY] > 0 ? due : due + 5 * MS);
    } else {
        double ms = set[DELAY];

        if (!lab) /* whose frames come when they like, and must not shift the series of the seed */
            ms += set[JITTER] * (percent(d) / 50 - 1);
        if (ms > 0)
            due += (uint64_t)(ms * MS);
        if (due < d->last_due)
            due = d->last_due;
        d->last_due = due;
        hold(d, bytes, len, due);
    }
    if (!lab && percent(d) < set[DUP])
        hold(d, bytes, len, due + MS);
}

static int open_interface(const char *name)
{
    const int one = 1, big = 8 << 20, fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
    struct sockaddr_ll a = { .sll_family = AF_PACKET,
                             .sll_protocol = htons(ETH_P_ALL),
                             .sll_ifindex = (int)if_nametoindex(name) };

    if (fd < 0 || !a.sll_ifindex ||
        setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one) < 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) < 0 ||
        bind(fd, (struct sockaddr *)&a, sizeof a) < 0) {
        perror(name);
        exit(1);
    }
    /* in a user namespace FORCE is not allowed: then the machine's limit is the buffer */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
    return fd;
}

static void run(struct direction d[2])
{
    static uint8_t buf[FRAME_MAX];
    struct pollfd fds[2] = { { .fd = d[0].in, .events = POLLIN },
                             { .fd = d[1].in, .events = POLLIN } };

    for (;;) {
        uint64_t t = now(), next = UINT64_MAX;
        struct timespec wait = { 0 };

        for (int i = 0; i < 2; i++) {
            release(&d[i], t);
            if (d[i].first && d[i].first->due < next)
                next = d[i].first->due;
        }
        if (next != UINT64_MAX) {
            wait.tv_sec = (time_t)((next - t) / (1000 * MS));
            wait.tv_nsec = (long)((next - t) % (1000 * MS));
        }
        if (ppoll(fds, 2, next == UINT64_MAX ? NULL : &wait, NULL) < 0) {
            perror("ppoll");
            exit(1);
        }
        t = now();
        for (int i = 0; i < 2; i++)
            for (int k = 0; fds[i].revents && k < 64; k++) {
                ssize_t n = read(d[i].in, buf, sizeof buf);

                if (n < (ssize_t)HEADER + ETH_HLEN)
                    break;
                carry(&d[i], buf, (size_t)n, t);
            }
    }
}

int main(int argc, char **argv)
{
    struct direction d[2] = { { .set[QUEUE] = 64 }, { .set[QUEUE] = 64 } };
    const bool test = argc > 1 && strcmp(argv[1], "-t") == 0;

    if (argc < 3) {
        fprintf(stderr, "usage: impair HOST-IF ROUTER-IF KEY=VALUE... | impair -t KEY=VALUE...\n");
        return 2;
    }
    for (int i = test ? 2 : 3; i < argc; i++)
        if (!setting(d, argv[i])) {
            fprintf(stderr, "impair: bad setting: %s\n", argv[i]);
            return 2;
        }
    if (test)
        return 0;
    for (int i = 0; i < 2; i++)
        d[i].random = ((uint64_t)d[i].set[SEED] * 2 + (uint64_t)i + 1) * 0x9e3779b97f4a7c15ull;
    d[0].in = d[1].out = open_interface(argv[1]);
    d[1].in = d[0].out = open_interface(argv[2]);
    fprintf(stderr, "ready\n");
    run(d);
}
