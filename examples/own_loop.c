/* own_loop - libadit inside a loop of your own: one descriptor, one time-out, one call.
 *
 * Reads the other side's description from a file as soon as it is there, prints its own, and sends
 * what comes back as it came. Usage: own_loop offer|answer IN OUT, where IN and OUT are files;
 * start one of each with the two names swapped. The offerer sends one message and ends when it has
 * come back. */
#include <adit/adit.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

struct program {
    bool offers, accepted, written, done;
    int status;
    const char *in, *out;
    struct adit_peer *peer;
};

/* Writes under another name first, so that the reader never sees half a description. */
static void write_description(struct program *p)
{
    char text[16384], name[4096];
    FILE *f;

    if (p->written || adit_peer_describe(p->peer, ADIT_FORM_JSON, text, sizeof text) < 0)
        return;
    snprintf(name, sizeof name, "%s.part", p->out);
    f = fopen(name, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0 || rename(name, p->out) != 0)
        perror(p->out);
    p->written = true;
}

static void read_description(struct program *p)
{
    char text[16384];
    struct adit_cause why;
    FILE *f = fopen(p->in, "r");
    size_t n;

    if (!f)
        return; /* not there yet */
    n = fread(text, 1, sizeof text, f);
    fclose(f);
    p->accepted = adit_peer_accept(p->peer, text, n, &why) == 0;
    if (!p->accepted) {
        fprintf(stderr, "own_loop: %s\n", why.text);
        p->done = true;
    }
}

static void on_gathered(struct adit_peer *peer, void *user)
{
    (void)peer;
    write_description(user);
}

static void on_message(struct adit_dc *dc, const void *bytes, size_t n, enum adit_dc_kind kind,
                       void *user)
{
    struct program *p = user;

    if (p->offers) {
        p->status = n == 5 && memcmp(bytes, "hello", 5) == 0 ? 0 : 1;
        adit_peer_close(p->peer);
    } else if (adit_dc_send(dc, bytes, n, kind) < 0) {
        fprintf(stderr, "own_loop: cannot send it back\n");
    }
}

static void on_open(struct adit_dc *dc, void *user)
{
    (void)user;
    if (adit_dc_send(dc, "hello", 5, ADIT_TEXT) < 0)
        fprintf(stderr, "own_loop: cannot send\n");
}

static void on_channel(struct adit_peer *peer, struct adit_dc *dc, void *user)
{
    (void)peer;
    adit_dc_set_callbacks(dc, &(struct adit_dc_callbacks){ .message = on_message }, user);
}

static void on_state(struct adit_peer *peer, enum adit_peer_state state,
                     const struct adit_cause *cause, void *user)
{
    struct program *p = user;

    (void)peer;
    if (state != ADIT_PEER_FAILED && state != ADIT_PEER_CLOSED)
        return;
    p->done = true;
    if (!p->offers && cause->reason == ADIT_REASON_REMOTE)
        p->status = 0; /* the offerer had what it wanted */
}

int main(int argc, char **argv)
{
    struct program p = { .status = 1 };
    struct adit_peer_conf conf = {
        .size = sizeof conf,
        .loopback = true,
        .patient = true,
        .on = { .gathered = on_gathered, .state = on_state, .channel = on_channel },
        .user = &p,
    };
    struct adit_dc_conf channel = ADIT_DC_CONF;
    struct adit_loop *loop = adit_loop_new();
    struct pollfd fd;

    if (argc != 4 || !loop)
        return 2;
    p.offers = strcmp(argv[1], "offer") == 0;
    p.in = argv[2];
    p.out = argv[3];
    p.peer = adit_peer_new(loop, &conf, NULL);
    if (!p.peer)
        return 1;
    if (p.offers) {
        adit_peer_offer(p.peer);
        channel.on = (struct adit_dc_callbacks){ .open = on_open, .message = on_message };
        channel.user = &p;
        if (!adit_dc_open(p.peer, &channel, NULL))
            return 1;
    }
    fd = (struct pollfd){ .fd = adit_loop_fd(loop), .events = POLLIN };
    while (!p.done) {
        int wait_ms = adit_loop_timeout_ms(loop);

        if (!p.accepted && (wait_ms < 0 || wait_ms > 20))
            wait_ms = 20; /* our own business: look for the file again */
        poll(&fd, 1, wait_ms);
        if (adit_loop_process(loop) < 0)
            break;
        if (!p.accepted)
            read_description(&p);
        if (p.accepted && !p.offers)
            write_description(&p);
    }
    adit_peer_free(p.peer);
    adit_loop_free(loop);
    return p.status;
}
