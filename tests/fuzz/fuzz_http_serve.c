/* fuzz_http_serve.c - what an upstream answers to the provider of the HTTP tunnel. Whatever comes:
 * the far side hears one head, no more body than it promised, and an end only where all of it came.
 * The first byte says what was asked. */
#include <sys/un.h>

#include "app/http_serve.h"
#include "core/unixpath.h"
#include "fuzz/http_ends.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct near_side {
    struct adit_carrier carrier;
    struct adit_exchange x;
    bool open, headed, raw, counted, ended, bodyless, to_head;
    uint64_t left;
    unsigned mood;
};

static struct near_side *near_of(struct adit_exchange *x)
{
    return adit_container_of(x, struct near_side, x);
}

static int on_head(struct adit_exchange *x, const struct adit_http1_head *head, adit_time now)
{
    struct near_side *n = near_of(x);

    (void)now;
    must(n->open && !n->headed && !n->ended && head->status >= 101 && head->status <= 999);
    must(!adit_http1_get(head, "Transfer-Encoding") && !adit_http1_get(head, "Connection"));
    must(adit_http1_count(head, "Content-Length") <= 1);
    for (unsigned i = 0; i < head->count; i++)
        must(!strpbrk(head->fields[i].value, "\r\n"));
    n->headed = head->status == 101 || head->status >= 200;
    n->raw = head->status == 101;
    must(!n->raw || n->mood & 1);
    must(!head->body || !n->to_head);
    n->counted = !head->chunked;
    n->left = head->body ? head->length : 0;
    return 0;
}

static size_t on_room(struct adit_exchange *x)
{
    return near_of(x)->mood & 8 ? 1 : 4096;
}

static int on_body(struct adit_exchange *x, const uint8_t *bytes, size_t n, adit_time now)
{
    struct near_side *s = near_of(x);

    (void)bytes;
    (void)now;
    must(s->open && s->headed && !s->ended && n > 0 && n <= on_room(x));
    must(s->raw || !s->counted || n <= s->left);
    s->left -= s->counted && !s->raw ? n : 0;
    return s->mood & 16 ? -EPIPE : 0;
}

static int on_end(struct adit_exchange *x, const struct adit_http1_field *trailers, unsigned count,
                  adit_time now)
{
    struct near_side *n = near_of(x);

    (void)trailers;
    (void)count;
    (void)now;
    must(n->open && n->headed && !n->ended && (n->raw || !n->counted || n->left == 0));
    n->ended = true;
    return 0;
}

static void on_consumed(struct adit_exchange *x, size_t n, adit_time now)
{
    (void)n;
    (void)now;
    must(near_of(x)->open);
}

static void on_drop(struct adit_exchange *x, const char *text, adit_time now)
{
    (void)text;
    (void)now;
    must(near_of(x)->open);
    near_of(x)->open = false;
}

static const struct adit_carrier_class near_class = { .head = on_head,
                                                      .room = on_room,
                                                      .body = on_body,
                                                      .end = on_end,
                                                      .consumed = on_consumed,
                                                      .drop = on_drop };

static int listen_at(const char *address)
{
    struct sockaddr_un sun;
    int len = adit_unix_addr(&sun, address);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    must(bind(fd, (struct sockaddr *)&sun, (socklen_t)len) == 0 && listen(fd, 8) == 0);
    return fd;
}

static void ask(struct adit_http_serve *s, struct near_side *n, adit_time now)
{
    struct adit_http1_field upgrade[] = { { "Upgrade", "websocket" } };
    struct adit_http1_head head = {
        .method = n->mood & 2 ? "HEAD" : "GET", .target = "/", .reason = "", .minor = 1
    };

    n->open = true;
    n->to_head = n->mood & 2;
    if (n->mood & 1) {
        head.fields = upgrade;
        head.count = 1;
        head.upgrade = true;
    } else if (n->mood & 4) {
        head.method = "POST";
        head.body = head.chunked = true;
        n->to_head = false;
    }
    adit_http_serve_request(s, &n->x, &head, now);
    if (n->open && n->mood & 4 && !(n->mood & 1))
        n->x.ops->body(n->x.arg, (const uint8_t *)"abc", 3, now);
    if (n->open && !(n->mood & 1))
        n->x.ops->end(n->x.arg, NULL, 0, now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int door = -1;
    static char address[64];
    struct near_side n = { .carrier = { .class = &near_class } };
    struct adit_loop *loop;
    struct adit_http_serve *s;
    struct adit_cause cause;
    int fd;

    if (size == 0)
        return 0;
    if (door < 0)
        door = listen_at(own_address(address, "serve"));
    n.mood = data[0];
    n.x.carrier = &n.carrier;
    loop = adit_loop_new();
    s = adit_http_serve_new(
        &(struct adit_http_serve_conf){ .loop = loop, .upstream = address, .head_max = 1024 },
        &cause);
    must(loop && s);
    ask(s, &n, adit_loop_now(loop));
    turn(loop, 3);
    fd = accept(door, NULL, NULL);
    must(fd >= 0);
    say(fd, loop, data + 1, size - 1, data[0] & 64 ? 7 : SIZE_MAX);
    if (n.open && data[0] & 32)
        n.x.ops->failed(n.x.arg, 502, "", adit_loop_now(loop));
    close(fd);
    turn(loop, 3);
    while ((fd = accept(door, NULL, NULL)) >= 0) /* it may have asked again */
        close(fd);
    adit_http_serve_free(s);
    turn(loop, 1);
    must(!n.open);
    adit_loop_free(loop);
    return 0;
}
