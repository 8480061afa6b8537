/* stund - a STUN server for the laboratory: Binding requests (RFC 8489) and what NAT discovery asks
 * of a server (RFC 5780: two addresses, two ports, CHANGE-REQUEST). Nothing else, nothing kept.
 *
 *   stund [--lie KIND] ADDRESS...      IPv4 and IPv6; port 3478, and 3479 on each as well
 *
 * One datagram in, at most one out, sent from the socket the request asked for. The lies are what
 * a broken or hostile server does:
 *   address  a mapped address that is somebody else's     loop   one that is 127.0.0.1 or ::1
 *   id       another transaction id                       error  400 in place of success
 *   noise    a header that promises more than is there    silent nothing at all */
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_ADDRESSES 8
#define COOKIE        0x2112a442

enum lie { TRUTH, ADDRESS, LOOP, ID, ERROR, NOISE, SILENT };
static const char *const lies[] = { "truth", "address", "loop", "id", "error", "noise", "silent" };

struct place {
    struct sockaddr_storage addr;
    socklen_t len;
    int fd;
};

static struct place places[MAX_ADDRESSES * 2]; /* address i: port 3478 at 2i, port 3479 at 2i + 1 */
static int n_places;

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static unsigned get16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

/* RFC 8489 section 14.2: XOR with the cookie, and for IPv6 with the transaction id after it. */
static size_t put_address(uint8_t *p, unsigned type, const struct sockaddr_storage *a,
                          const uint8_t *mask)
{
    const bool v6 = a->ss_family == AF_INET6;
    const size_t len = v6 ? 16 : 4;
    const uint8_t *bytes = v6 ? (const uint8_t *)&((const struct sockaddr_in6 *)a)->sin6_addr
                              : (const uint8_t *)&((const struct sockaddr_in *)a)->sin_addr;
    unsigned port = ntohs(v6 ? ((const struct sockaddr_in6 *)a)->sin6_port
                             : ((const struct sockaddr_in *)a)->sin_port);

    put16(p, type);
    put16(p + 2, (unsigned)(4 + len));
    put16(p + 4, v6 ? 2 : 1);
    put16(p + 6, mask ? port ^ get16(mask) : port);
    for (size_t i = 0; i < len; i++)
        p[8 + i] = bytes[i] ^ (mask ? mask[i] : 0);
    return 8 + len;
}

static void change_to_lie(struct sockaddr_storage *a, enum lie lie)
{
    if (a->ss_family == AF_INET6)
        inet_pton(AF_INET6, lie == LOOP ? "::1" : "2001:db8:bad::1",
                  &((struct sockaddr_in6 *)a)->sin6_addr);
    else
        inet_pton(AF_INET, lie == LOOP ? "127.0.0.1" : "203.0.113.77",
                  &((struct sockaddr_in *)a)->sin_addr);
}

/* CHANGE-REQUEST (RFC 5780 section 7.2): 4 asks for the other address, 2 for the other port. */
static unsigned change_asked(const uint8_t *m, size_t n)
{
    for (size_t at = 20; at + 4 <= n;) {
        size_t len = get16(m + at + 2);

        if (at + 4 + len > n)
            break;
        if (get16(m + at) == 0x0003 && len == 4)
            return m[at + 7];
        at += 4 + ((len + 3) & ~(size_t)3);
    }
    return 0;
}

static void answer(int here, enum lie lie)
{
    uint8_t in[1500], out[128];
    struct sockaddr_storage from, told;
    socklen_t from_len = sizeof from;
    const ssize_t n =
        recvfrom(places[here].fd, in, sizeof in, 0, (struct sockaddr *)&from, &from_len);
    int other = here ^ 2, via = here;
    size_t len = 20;

    if (n < 20 || get16(in) != 0x0001 || get16(in + 4) != COOKIE >> 16 ||
        get16(in + 6) != (COOKIE & 0xffff) || get16(in + 2) != (unsigned)n - 20 || lie == SILENT)
        return;
    if (other >= n_places || places[other].addr.ss_family != from.ss_family)
        other = here;
    if (change_asked(in, (size_t)n) & 4)
        via = other;
    if (change_asked(in, (size_t)n) & 2)
        via ^= 1;

    memcpy(out, in, 20);
    put16(out, 0x0101);
    if (lie == ERROR) {
        put16(out, 0x0111);
        memcpy(out + len, "\x00\x09\x00\x04\x00\x00\x04\x00", 8); /* ERROR-CODE 400, no reason */
        len += 8;
    } else {
        told = from;
        if (lie == ADDRESS || lie == LOOP)
            change_to_lie(&told, lie);
        len += put_address(out + len, 0x0020, &told, in + 4);
        len += put_address(out + len, 0x802c, &places[other ^ 1].addr, NULL);
    }
    put16(out + 2, (unsigned)len - 20 + (lie == NOISE ? 400 : 0));
    if (lie == ID)
        out[19] ^= 1;
    sendto(places[via].fd, out, len, 0, (struct sockaddr *)&from, from_len);
}

static int listen_at(const char *text, uint16_t port)
{
    struct place *p = &places[n_places];
    struct sockaddr_in *v4 = (struct sockaddr_in *)&p->addr;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&p->addr;

    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        p->len = sizeof *v4;
    } else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        p->len = sizeof *v6;
    } else {
        fprintf(stderr, "stund: not an address: %s\n", text);
        return -1;
    }
    p->fd = socket(p->addr.ss_family, SOCK_DGRAM, 0);
    if (p->fd < 0 || bind(p->fd, (struct sockaddr *)&p->addr, p->len) < 0) {
        perror(text);
        return -1;
    }
    n_places++;
    return 0;
}

int main(int argc, char **argv)
{
    struct pollfd fds[MAX_ADDRESSES * 2];
    enum lie lie = TRUTH;
    int arg = 1;

    if (argc > 3 && strcmp(argv[1], "--lie") == 0) {
        for (lie = SILENT; lie > TRUTH && strcmp(argv[2], lies[lie]) != 0;)
            lie--;
        arg = 3;
    }
    if (arg >= argc || argc - arg > MAX_ADDRESSES || (arg == 3 && lie == TRUTH)) {
        fprintf(stderr, "usage: stund [--lie address|loop|id|error|noise|silent] ADDRESS...\n");
        return 2;
    }
    for (; arg < argc; arg++)
        if (listen_at(argv[arg], 3478) < 0 || listen_at(argv[arg], 3479) < 0)
            return 1;
    for (int i = 0; i < n_places; i++)
        fds[i] = (struct pollfd){ .fd = places[i].fd, .events = POLLIN };
    fprintf(stderr, "ready\n");
    while (poll(fds, (nfds_t)n_places, -1) >= 0)
        for (int i = 0; i < n_places; i++)
            if (fds[i].revents)
                answer(i, lie);
    return 1;
}
