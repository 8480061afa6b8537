/* floor - the least that a tunnel in user space can cost: a TUN device, one UDP socket,
 * AES-128-GCM.
 *
 *   floor DEVICE LOCAL PEER PORT [split|alone]
 *
 * No handshake, a key that everybody knows, IPv4 only: a measure, never a tunnel. What the device
 * gives in one read (up to 64 KiB of one flow) is cut anywhere into records of one size, sent with
 * one UDP_SEGMENT, taken with UDP_GRO, and written as one: nobody looks into a packet, nobody
 * computes a checksum. A record lost is a read lost.
 *
 * split: sending and receiving each have a thread. They share nothing, so this is the most that a
 * second core can give a tunnel in this way.
 *
 * alone: one packet in a turn, and what the kernel answers to it in the same one: no system call
 * too many on the way of a ping. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <openssl/evp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tun/vnet.h"

#define NUMBER 8 /* of the record: its nonce */
#define PLACE  4 /* of the record in the read; the upper bit: it is the last */
#define TAG    16
#define RECORD 1400 /* bytes of UDP payload */
#define ROOM   (RECORD - NUMBER - PLACE - TAG)
#define LAST   0x80000000u
#define SEND   44 /* records in one send: at most 64 KiB */
#define READ   (65536 + 64)
#define BUFFER (4 << 20)
#define TURNS  32

static EVP_CIPHER_CTX *sealing, *opening;
static uint64_t number;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static size_t seal(uint8_t *out, const uint8_t *in, size_t n, uint32_t place)
{
    int len;

    number++;
    memcpy(out, &number, NUMBER);
    memcpy(out + NUMBER, &place, PLACE);
    EVP_EncryptInit_ex(sealing, NULL, NULL, NULL, out);
    EVP_EncryptUpdate(sealing, NULL, &len, out, NUMBER + PLACE);
    EVP_EncryptUpdate(sealing, out + NUMBER + PLACE, &len, in, (int)n);
    EVP_EncryptFinal_ex(sealing, out, &len);
    EVP_CIPHER_CTX_ctrl(sealing, EVP_CTRL_AEAD_GET_TAG, TAG, out + NUMBER + PLACE + n);
    return NUMBER + PLACE + n + TAG;
}

/* Bytes, or 0 if it is not one of ours. */
static size_t open_record(uint8_t *out, uint8_t *in, size_t n)
{
    size_t text = n - NUMBER - PLACE - TAG;
    int len;

    EVP_DecryptInit_ex(opening, NULL, NULL, NULL, in);
    EVP_CIPHER_CTX_ctrl(opening, EVP_CTRL_AEAD_SET_TAG, TAG, in + n - TAG);
    EVP_DecryptUpdate(opening, NULL, &len, in, NUMBER + PLACE);
    EVP_DecryptUpdate(opening, out, &len, in + NUMBER + PLACE, (int)text);
    return EVP_DecryptFinal_ex(opening, out, &len) == 1 ? text : 0;
}

static int open_device(const char *name)
{
    struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR };
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);

    snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", name);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0 ||
        ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) < 0)
        die(name);
    return fd;
}

static int open_socket(const char *local, const char *peer, const char *port)
{
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), one = 1, size = BUFFER;

    if (inet_pton(AF_INET, local, &sa.sin_addr) != 1 ||
        bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0 ||
        inet_pton(AF_INET, peer, &sa.sin_addr) != 1 ||
        connect(fd, (struct sockaddr *)&sa, sizeof sa) < 0 ||
        setsockopt(fd, SOL_UDP, UDP_GRO, &one, sizeof one) < 0)
        die("socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
    return fd;
}

static void send_records(int fd, uint8_t *bytes, size_t n)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(uint16_t))];
    } control = { 0 };
    struct iovec v = { bytes, n };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
    uint16_t size = RECORD;

    if (n > RECORD) {
        m.msg_control = control.bytes;
        m.msg_controllen = sizeof control.bytes;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_UDP;
        c->cmsg_type = UDP_SEGMENT;
        c->cmsg_len = CMSG_LEN(sizeof size);
        memcpy(CMSG_DATA(c), &size, sizeof size);
    }
    (void)!sendmsg(fd, &m, 0);
}

static int from_device(int device, int fd)
{
    static uint8_t in[READ], out[SEND * RECORD];
    ssize_t n = read(device, in, sizeof in);
    size_t used = 0;

    for (ssize_t at = 0; at < n; at += ROOM) {
        size_t part = n - at < ROOM ? (size_t)(n - at) : ROOM;
        uint32_t place = (uint32_t)(at / ROOM) | ((size_t)at + part == (size_t)n ? LAST : 0);

        used += seal(out + used, in + at, part, place);
        if (place & LAST || used == sizeof out) {
            send_records(fd, out, used);
            used = 0;
        }
    }
    return n > 0;
}

static void take_record(int device, uint8_t *record, size_t n)
{
    static uint8_t whole[READ];
    static size_t len;
    static uint32_t next = LAST;
    uint32_t place;
    size_t text;

    if (n <= NUMBER + PLACE + TAG)
        return;
    memcpy(&place, record + NUMBER, PLACE);
    if ((place & ~LAST) == 0)
        len = next = 0;
    if ((place & ~LAST) != next || len + n > sizeof whole ||
        !(text = open_record(whole + len, record, n))) {
        next = LAST;
        return;
    }
    len += text;
    next++;
    if (place & LAST) {
        (void)!write(device, whole, len);
        next = LAST;
    }
}

static int from_socket(int device, int fd)
{
    static uint8_t in[READ];
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec v = { in, sizeof in };
    struct msghdr m = { .msg_iov = &v,
                        .msg_iovlen = 1,
                        .msg_control = control.bytes,
                        .msg_controllen = sizeof control.bytes };
    ssize_t n = recvmsg(fd, &m, 0);
    struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
    int size = (int)n;

    if (c && c->cmsg_type == UDP_GRO)
        memcpy(&size, CMSG_DATA(c), sizeof size);
    for (ssize_t at = 0; at < n; at += size)
        take_record(device, in + at, (size_t)(n - at < size ? n - at : size));
    return n > 0;
}

struct ends {
    int device, socket;
};

static void *send_for_ever(void *arg)
{
    const struct ends *e = arg;
    struct pollfd p = { .fd = e->device, .events = POLLIN };

    while (poll(&p, 1, -1) > 0)
        for (int i = 0; i < TURNS && from_device(e->device, e->socket); i++)
            ;
    return NULL;
}

static void *receive_for_ever(void *arg)
{
    const struct ends *e = arg;
    struct pollfd p = { .fd = e->socket, .events = POLLIN };

    while (poll(&p, 1, -1) > 0)
        for (int i = 0; i < TURNS && from_socket(e->device, e->socket); i++)
            ;
    return NULL;
}

static void both_for_ever(const struct ends *e)
{
    struct pollfd p[2] = { { .fd = e->device, .events = POLLIN },
                           { .fd = e->socket, .events = POLLIN } };

    while (poll(p, 2, -1) > 0) {
        for (int i = 0; i < TURNS && from_device(e->device, e->socket); i++)
            ;
        for (int i = 0; i < TURNS && from_socket(e->device, e->socket); i++)
            ;
    }
}

static void one_by_one_for_ever(const struct ends *e)
{
    struct epoll_event device = { .events = EPOLLIN, .data.fd = e->device }, ev;
    struct epoll_event socket = { .events = EPOLLIN, .data.fd = e->socket };
    int fd = epoll_create1(0);

    if (fd < 0 || epoll_ctl(fd, EPOLL_CTL_ADD, e->device, &device) < 0 ||
        epoll_ctl(fd, EPOLL_CTL_ADD, e->socket, &socket) < 0)
        die("epoll");
    while (epoll_wait(fd, &ev, 1, -1) > 0) {
        if (ev.data.fd == e->socket)
            from_socket(e->device, e->socket);
        from_device(e->device, e->socket);
    }
}

int main(int argc, char **argv)
{
    static const uint8_t key[16] = "for measures";
    bool split = argc == 6 && strcmp(argv[5], "split") == 0;
    bool alone = argc == 6 && strcmp(argv[5], "alone") == 0;
    pthread_t sender;

    if (argc != 5 && !split && !alone) {
        fprintf(stderr, "usage: floor DEVICE LOCAL PEER PORT [split|alone]\n");
        return 2;
    }
    struct ends e = { open_device(argv[1]), open_socket(argv[2], argv[3], argv[4]) };

    sealing = EVP_CIPHER_CTX_new();
    opening = EVP_CIPHER_CTX_new();
    if (EVP_EncryptInit_ex(sealing, EVP_aes_128_gcm(), NULL, key, NULL) != 1 ||
        EVP_DecryptInit_ex(opening, EVP_aes_128_gcm(), NULL, key, NULL) != 1)
        return 1;
    if (alone)
        one_by_one_for_ever(&e);
    else if (!split)
        both_for_ever(&e);
    else if (pthread_create(&sender, NULL, send_for_ever, &e) == 0)
        receive_for_ever(&e);
    return 1;
}
