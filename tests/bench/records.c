/* records - what it costs to protect one packet: records written and read by OpenSSL, and by
 * dtls/direct.h, on two ends in one process. Nanoseconds each, a line of JSON; see `make bench`.
 *
 *   records [BYTES [COUNT]] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "dtls/dtls.h"

#define QUEUE 64

struct packet {
    size_t n;
    uint8_t bytes[2048];
};

static struct end {
    struct adit_dtls *dtls;
    struct packet in[QUEUE]; /* for it to read */
    size_t count, received;
} ends[2];

static uint64_t clock_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * ADIT_SEC + (uint64_t)t.tv_nsec;
}

static void on_send(void *arg, const void *bytes, size_t n)
{
    struct end *to = &ends[arg == &ends[0]];

    if (to->count == QUEUE || n > sizeof to->in[0].bytes)
        abort();
    to->in[to->count].n = n;
    memcpy(to->in[to->count++].bytes, bytes, n);
}

static void on_data(void *arg, const void *bytes, size_t n, adit_time now)
{
    struct end *e = arg;

    (void)bytes, (void)n, (void)now;
    e->received++;
}

static void on_event(void *arg, enum adit_dtls_state state, const struct adit_cause *cause)
{
    (void)arg, (void)state;
    if (cause) {
        fprintf(stderr, "records: %s\n", cause->text);
        exit(1);
    }
}

static void read_all(struct end *e)
{
    for (size_t i = 0; i < e->count; i++)
        adit_dtls_feed(e->dtls, e->in[i].bytes, e->in[i].n, 0);
    e->count = 0;
}

static void connect_them(const struct adit_cert *cert)
{
    static const struct adit_dtls_ops ops = { on_send, on_data, on_data, on_event };
    struct adit_fingerprint fp;

    adit_cert_fingerprint(cert, ADIT_HASH_SHA256, &fp);
    for (int i = 0; i < 2; i++) {
        struct adit_dtls_conf conf = { .cert = cert, .client = i == 0, .mtu = 1460 };

        ends[i].dtls = adit_dtls_new(&conf, &ops, &ends[i], 0);
        if (!ends[i].dtls)
            abort();
        adit_dtls_expect(ends[i].dtls, &fp, 1, 0);
    }
    for (int i = 1; i >= 0; i--)
        adit_dtls_start(ends[i].dtls, 0);
    while (ends[0].count || ends[1].count)
        for (int i = 0; i < 2; i++) {
            struct packet copy[QUEUE]; /* what is read is answered at once */
            size_t n = ends[i].count;

            memcpy(copy, ends[i].in, sizeof copy);
            ends[i].count = 0;
            for (size_t k = 0; k < n; k++)
                adit_dtls_feed(ends[i].dtls, copy[k].bytes, copy[k].n, 0);
        }
}

static void measure(const char *series, int (*write)(struct adit_dtls *d, const void *b, size_t n),
                    size_t bytes, size_t count)
{
    uint8_t text[2048] = { 0 };
    uint64_t writing = 0, reading = 0;

    ends[1].received = 0;
    for (size_t i = 0; i < count; i += QUEUE) {
        uint64_t start = clock_ns(), between;

        for (size_t k = 0; k < QUEUE; k++)
            if (write(ends[0].dtls, text, bytes) < 0)
                abort();
        between = clock_ns();
        read_all(&ends[1]);
        writing += between - start;
        reading += clock_ns() - between;
    }
    count = (count + QUEUE - 1) / QUEUE * QUEUE;
    if (ends[1].received != count)
        abort();
    printf("{\"measure\":\"records\",\"series\":\"%s\",\"bytes\":%zu,\"cipher\":\"%s\",\"write_"
           "ns\":%.0f,"
           "\"read_ns\":%.0f}\n",
           series, bytes, adit_dtls_cipher(ends[0].dtls), (double)writing / (double)count,
           (double)reading / (double)count);
}

int main(int argc, char **argv)
{
    size_t bytes = argc > 1 ? (size_t)atoi(argv[1]) : 1400;
    size_t count = argc > 2 ? (size_t)atoi(argv[2]) : 300000;
    struct adit_cert *cert = adit_cert_generate();

    if (bytes < 1 || bytes > 1420 || !cert)
        return 2;
    connect_them(cert);
    for (int i = 0; i < 2; i++)
        if (adit_dtls_start_direct(ends[i].dtls) < 0)
            return 1;
    for (int i = 0; i < 3; i++) {
        measure("OpenSSL's records", adit_dtls_write, bytes, count);
        measure("our records", adit_dtls_write_direct, bytes, count);
    }
    for (int i = 0; i < 2; i++)
        adit_dtls_free(ends[i].dtls);
    adit_cert_free(cert);
    return 0;
}
