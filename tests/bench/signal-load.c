/* signal-load.c - load for `adit signal`: clients that say nothing, and pairs that exchange offers
 * and answers.
 *
 *   signal-load idle HOST PORT N SECONDS PID       N clients of the agent dialect; memory and CPU
 * of PID signal-load pairs HOST PORT N SECONDS [BYTES]  N pairs; exchanges (an offer and its
 * answer) a second
 *
 * Prints one line of JSON. Source addresses are 127.0.0.2 to 127.0.0.9 by turns where HOST is on
 * loopback, for one address has no more ports than 28000. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME_MAX 16384

struct client {
    int fd;
    unsigned number;
    size_t have, frame_len;
    uint8_t in[FRAME_MAX];
    char *frame; /* what it sends to its peer, framed */
};

static struct sockaddr_in server;
static uint64_t exchanges;
static size_t sdp_bytes = 1200;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void read_until(int fd, const char *what)
{
    char text[2048];
    size_t n = 0;

    while (n < sizeof text - 1) {
        ssize_t got = recv(fd, text + n, 1, 0);
        if (got <= 0)
            die("handshake");
        n += (size_t)got;
        text[n] = '\0';
        if (n >= 4 && strcmp(text + n - 4, what) == 0)
            break;
    }
    if (strncmp(text, "HTTP/1.1 101", 12) != 0) {
        fprintf(stderr, "refused: %.*s\n", (int)strcspn(text, "\r"), text);
        exit(1);
    }
}

static int join(unsigned number)
{
    struct sockaddr_in from = { .sin_family = AF_INET };
    char request[512];
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

    if (fd < 0)
        die("socket");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (ntohl(server.sin_addr.s_addr) >> 24 == 127) {
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        from.sin_addr.s_addr = htonl(0x7f000002 + number % 8);
        if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0)
            die("bind");
    }
    if (connect(fd, (struct sockaddr *)&server, sizeof server) < 0)
        die("connect");
    snprintf(request, sizeof request,
             "GET /ws/c%u HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
             number);
    if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
        die("send");
    read_until(fd, "\r\n\r\n");
    return fd;
}

/* ---- idle ------------------------------------------------------------------------------------ */

static double cpu_of(const char *pid)
{
    char path[64], text[1024] = "", *p;
    unsigned long user = 0, kernel = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    f = fopen(path, "r");
    if (!f || !fgets(text, sizeof text, f))
        die(path);
    fclose(f);
    p = strrchr(text, ')');
    sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel);
    return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

static double rss_of(const char *pid)
{
    char path[64], line[256];
    double kib = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%s/status", pid);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmRSS: %lf", &kib) == 1)
            break;
    if (f)
        fclose(f);
    return kib / 1024;
}

/* Answers pings, and nothing else. */
static void pong(int fd)
{
    uint8_t in[256];
    static const uint8_t answer[6] = { 0x8a, 0x80 };

    if (recv(fd, in, sizeof in, MSG_DONTWAIT) > 0 && send(fd, answer, 6, MSG_NOSIGNAL) < 0)
        die("pong");
}

static void idle(unsigned n, double seconds, const char *pid)
{
    struct epoll_event ev = { .events = EPOLLIN }, got[64];
    int ep = epoll_create1(0);
    double before = rss_of(pid), cpu, start, joined = now();

    for (unsigned i = 0; i < n; i++) {
        ev.data.fd = join(i);
        epoll_ctl(ep, EPOLL_CTL_ADD, ev.data.fd, &ev);
    }
    joined = now() - joined;
    cpu = cpu_of(pid);
    start = now();
    while (now() < start + seconds) {
        int count = epoll_wait(ep, got, 64, 200);
        for (int i = 0; i < count; i++)
            pong(got[i].data.fd);
    }
    printf("{\"clients\":%u,\"joins_per_s\":%.0f,\"rss_mib_before\":%.1f,\"rss_mib\":%.1f,"
           "\"kib_per_client\":%.2f,\"idle_cpu_percent\":%.2f}\n",
           n, n / joined, before, rss_of(pid), (rss_of(pid) - before) * 1024 / n,
           100 * (cpu_of(pid) - cpu) / (now() - start));
}

/* ---- pairs ----------------------------------------------------------------------------------- */

static void make_frame(struct client *c)
{
    bool offers = c->number % 2 == 0;
    char *text = malloc(sdp_bytes + 256);
    uint8_t *f;
    size_t n;

    n = (size_t)sprintf(text,
                        "{\"type\":\"%s\",\"from\":\"c%u\",\"to\":\"c%u\",\"sdp\":\"v=0\\r\\n",
                        offers ? "offer" : "answer", c->number, c->number ^ 1);
    for (size_t i = 0; i < sdp_bytes; i++)
        text[n++] = "a=candidate:1 1 udp "[i % 20];
    n += (size_t)sprintf(text + n, "\"}");
    c->frame = malloc(n + 16);
    f = (uint8_t *)c->frame;
    *f++ = 0x81;
    *f++ = 0x80 | 126;
    *f++ = (uint8_t)(n >> 8);
    *f++ = (uint8_t)n;
    memset(f, 0, 4); /* a mask of zeros */
    memcpy(f + 4, text, n);
    c->frame_len = n + 8;
    free(text);
}

static void speak(struct client *c)
{
    size_t sent = 0;

    while (sent < c->frame_len) { /* small, and one at a time: it fits */
        ssize_t n = send(c->fd, c->frame + sent, c->frame_len - sent, MSG_NOSIGNAL);
        if (n < 0)
            die("send");
        sent += (size_t)n;
    }
}

/* An offer is answered; an answer ends an exchange, and the next begins. */
static void hear(struct client *c)
{
    ssize_t n = recv(c->fd, c->in + c->have, sizeof c->in - c->have, MSG_DONTWAIT);
    size_t len, head;

    if (n == 0 || (n < 0 && errno != EAGAIN))
        die("recv");
    c->have += n > 0 ? (size_t)n : 0;
    while (c->have >= 4) {
        head = c->in[1] == 126 ? 4 : 2;
        len = head == 4 ? (size_t)c->in[2] << 8 | c->in[3] : c->in[1];
        if (c->have < head + len)
            return;
        if ((c->in[0] & 15) == 1) {
            exchanges += c->number % 2 == 0;
            speak(c);
        }
        c->have -= head + len;
        memmove(c->in, c->in + head + len, c->have);
    }
}

static void pairs(unsigned n, double seconds, const char *pid)
{
    struct client *all = calloc(2 * n, sizeof *all);
    struct epoll_event ev = { .events = EPOLLIN }, got[64];
    int ep = epoll_create1(0);
    double start, took = 0, cpu = 0;
    uint64_t first;

    for (unsigned i = 0; i < 2 * n; i++) {
        all[i].number = i;
        all[i].fd = join(i);
        make_frame(&all[i]);
        ev.data.ptr = &all[i];
        epoll_ctl(ep, EPOLL_CTL_ADD, all[i].fd, &ev);
    }
    for (unsigned i = 0; i < 2 * n; i += 2)
        speak(&all[i]);
    start = now();
    first = 0;
    while (now() < start + seconds) {
        int count = epoll_wait(ep, got, 64, 100);
        for (int i = 0; i < count; i++)
            hear(got[i].data.ptr);
        if (!first && now() > start + 0.5) { /* warm */
            first = exchanges;
            took = now();
            cpu = cpu_of(pid);
        }
    }
    took = now() - took;
    printf("{\"pairs\":%u,\"sdp_bytes\":%zu,\"exchanges_per_s\":%.0f,"
           "\"exchanges_per_cpu_s\":%.0f}\n",
           n, sdp_bytes, (double)(exchanges - first) / took,
           (double)(exchanges - first) / (cpu_of(pid) - cpu));
}

int main(int argc, char **argv)
{
    struct rlimit l;

    if (argc < 7) {
        fprintf(stderr, "usage: signal-load idle HOST PORT N SECONDS PID\n"
                        "       signal-load pairs HOST PORT N SECONDS PID [BYTES]\n");
        return 2;
    }
    getrlimit(RLIMIT_NOFILE, &l);
    l.rlim_cur = l.rlim_max;
    setrlimit(RLIMIT_NOFILE, &l);
    server.sin_family = AF_INET;
    server.sin_port = htons((uint16_t)atoi(argv[3]));
    if (inet_pton(AF_INET, argv[2], &server.sin_addr) != 1)
        return 2;
    if (strcmp(argv[1], "idle") == 0) {
        idle((unsigned)atoi(argv[4]), atof(argv[5]), argv[6]);
    } else {
        sdp_bytes = argc > 7 ? (size_t)atoi(argv[7]) : sdp_bytes;
        if (sdp_bytes > FRAME_MAX / 2)
            return 2;
        pairs((unsigned)atoi(argv[4]), atof(argv[5]), argv[6]);
    }
    return 0;
}
