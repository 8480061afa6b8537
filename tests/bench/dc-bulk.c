/* dc-bulk - one end of a data channel that carries all it can; tests/bench/channel.py runs two.
 *
 *   dc-bulk offer|answer BYTES ordered|unordered
 *
 * One line of JSON for each thing. First the descriptions: ours on stdout, the other side's on
 * stdin. {"open":true} when the channel is. Then each line that comes has the offerer send messages
 * of BYTES from now on, as fast as there is room for them, and the answerer print what has come so
 * far: {"time":SECONDS,"bytes":N,"messages":N}. It ends when stdin does. The channel is reliable.
 * tests/bench/peers has the same in other stacks. */
#include <adit/adit.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_MAX 262144

struct end {
    bool offers, gathered, told, accepted, sending, done;
    size_t size; /* of a message */
    uint64_t bytes, messages;
    struct adit_peer *peer;
    struct adit_dc *dc;
    size_t len; /* of what has come on stdin and is no line yet */
    char line[65536];
};

static void give_up(const char *what)
{
    fprintf(stderr, "dc-bulk: %s\n", what);
    exit(1);
}

static void describe(struct end *e)
{
    char text[16384];

    if (e->told || !e->gathered || (!e->offers && !e->accepted))
        return;
    if (adit_peer_describe(e->peer, ADIT_FORM_JSON, text, sizeof text) < 0)
        give_up("no description");
    puts(text);
    e->told = true;
}

static void send_all(struct end *e)
{
    static const uint8_t message[MESSAGE_MAX];
    int err = 0;

    while (e->sending && err == 0)
        err = adit_dc_send(e->dc, message, e->size, ADIT_BINARY);
    if (err < 0 && err != -EAGAIN)
        give_up(strerror(-err));
}

static void count(struct end *e)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    printf("{\"time\":%.6f,\"bytes\":%" PRIu64 ",\"messages\":%" PRIu64 "}\n",
           (double)t.tv_sec + (double)t.tv_nsec / 1e9, e->bytes, e->messages);
}

static void take_line(struct end *e, size_t len)
{
    struct adit_cause why;

    if (!e->accepted) {
        if (adit_peer_accept(e->peer, e->line, len, &why) < 0)
            give_up(why.text);
        e->accepted = true;
        describe(e);
    } else if (!e->dc) {
        give_up("asked before the channel is open");
    } else if (!e->offers) {
        count(e);
    } else {
        e->sending = true;
        send_all(e);
    }
}

static void take_stdin(struct end *e)
{
    ssize_t n = read(STDIN_FILENO, e->line + e->len, sizeof e->line - e->len);
    char *end;

    if (n <= 0) { /* that is the end, or the line is longer than any is */
        e->done = true;
        return;
    }
    e->len += (size_t)n;
    while ((end = memchr(e->line, '\n', e->len))) {
        take_line(e, (size_t)(end - e->line));
        e->len -= (size_t)(end + 1 - e->line);
        memmove(e->line, end + 1, e->len);
    }
}

/* ---- callbacks ------------------------------------------------------------------------------- */

static void on_gathered(struct adit_peer *peer, void *user)
{
    struct end *e = user;

    (void)peer;
    e->gathered = true;
    describe(e);
}

static void on_open(struct adit_dc *dc, void *user)
{
    struct end *e = user;

    e->dc = dc;
    puts("{\"open\":true}");
}

static void on_message(struct adit_dc *dc, const void *bytes, size_t n, enum adit_dc_kind kind,
                       void *user)
{
    struct end *e = user;

    (void)dc, (void)bytes, (void)kind;
    if (n != e->size)
        give_up("a message of another size came");
    e->bytes += n;
    e->messages++;
}

static void on_writable(struct adit_dc *dc, void *user)
{
    (void)dc;
    send_all(user);
}

static const struct adit_dc_callbacks channel_on = { .open = on_open,
                                                     .message = on_message,
                                                     .writable = on_writable };

static void on_channel(struct adit_peer *peer, struct adit_dc *dc, void *user)
{
    (void)peer;
    adit_dc_set_callbacks(dc, &channel_on, user);
    on_open(dc, user);
}

static void on_state(struct adit_peer *peer, enum adit_peer_state state,
                     const struct adit_cause *cause, void *user)
{
    (void)peer, (void)user;
    if (state == ADIT_PEER_FAILED || state == ADIT_PEER_CLOSED)
        give_up(cause->text);
}

int main(int argc, char **argv)
{
    static struct end e;
    struct adit_peer_conf conf = {
        .size = sizeof conf,
        .patient = true,
        .on = { .gathered = on_gathered, .state = on_state, .channel = on_channel },
        .user = &e,
    };
    struct adit_dc_conf channel = ADIT_DC_CONF;
    struct adit_loop *loop = adit_loop_new();
    struct adit_cause why;

    e.size = argc == 4 ? (size_t)atoi(argv[2]) : 0;
    if (!loop || e.size < 1 || e.size > MESSAGE_MAX) {
        fprintf(stderr, "usage: dc-bulk offer|answer BYTES ordered|unordered\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    e.offers = strcmp(argv[1], "offer") == 0;
    e.peer = adit_peer_new(loop, &conf, &why);
    if (!e.peer)
        give_up(why.text);
    if (e.offers) {
        adit_peer_offer(e.peer);
        channel.label = "bulk";
        channel.unordered = strcmp(argv[3], "unordered") == 0;
        channel.on = channel_on;
        channel.user = &e;
        if (!adit_dc_open(e.peer, &channel, NULL))
            give_up("no channel");
    }
    struct pollfd p[2] = { { .fd = adit_loop_fd(loop), .events = POLLIN },
                           { .fd = STDIN_FILENO, .events = POLLIN } };
    while (!e.done) {
        if (poll(p, 2, adit_loop_timeout_ms(loop)) < 0)
            give_up("poll failed");
        if (p[1].revents)
            take_stdin(&e);
        if (adit_loop_process(loop) < 0)
            give_up("the loop broke");
    }
    adit_peer_free(e.peer);
    adit_loop_free(loop);
    return 0;
}
