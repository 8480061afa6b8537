/* fuzz_http_proxy.c - what a client says to the HTTP proxy, and a far side that answers as the
 * first byte says. Whatever comes: no request is whole that was not, and nothing stays behind. */
#include "app/http_proxy_inner.h"
#include "fuzz/http_ends.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One exchange at a time. */
struct far_side {
    struct adit_carrier carrier;
    struct adit_exchange x;
    bool open, ended, answered;
    bool counted; /* so much of the request's body is left: */
    uint64_t left;
    unsigned mood;
    struct adit_task answer;
    struct adit_loop *loop;
};

static struct far_side *far_of(struct adit_exchange *x)
{
    return adit_container_of(x, struct far_side, x);
}

/* What reaches the carrier has one meaning. */
static void check_head(const struct adit_http1_head *head)
{
    must(adit_http1_is_token(head->method, strlen(head->method)));
    must(head->target[0] == '/' || head->target[0] == '*');
    must(!adit_http1_get(head, "Transfer-Encoding") && !adit_http1_get(head, "Connection") &&
         !adit_http1_get(head, "Keep-Alive") && !adit_http1_get(head, "Proxy-Connection") &&
         !adit_http1_get(head, "X-Forwarded-For"));
    must(adit_http1_count(head, "Host") <= 1 && adit_http1_count(head, "Content-Length") <= 1);
    must(head->upgrade || !adit_http1_get(head, "Upgrade"));
    for (unsigned i = 0; i < head->count; i++)
        must(!strpbrk(head->fields[i].value, "\r\n"));
}

static struct adit_exchange *begin(struct adit_carrier *c, const struct adit_http1_head *head,
                                   int *ret_err, adit_time now)
{
    struct far_side *f = adit_container_of(c, struct far_side, carrier);

    (void)now;
    must(!f->open); /* there is one client, and it has one request at a time */
    check_head(head);
    *ret_err = -EAGAIN;
    if (f->mood % 8 == 7)
        return NULL;
    f->open = true;
    f->ended = f->answered = false;
    f->counted = !head->chunked;
    f->left = head->body ? head->length : 0;
    adit_loop_before_sleep(f->loop, &f->answer);
    return &f->x;
}

static size_t room(struct adit_exchange *x)
{
    return far_of(x)->mood & 8 ? 1 : 4096;
}

static int body(struct adit_exchange *x, const uint8_t *bytes, size_t n, adit_time now)
{
    struct far_side *f = far_of(x);

    (void)bytes;
    (void)now;
    must(f->open && !f->ended && n > 0 && n <= room(x));
    if (f->answered && f->mood % 8 == 3) /* raw */
        return 0;
    must(!f->counted || n <= f->left);
    f->left -= f->counted ? n : 0;
    return f->mood & 16 ? -EPIPE : 0;
}

static int end(struct adit_exchange *x, const struct adit_http1_field *trailers, unsigned count,
               adit_time now)
{
    struct far_side *f = far_of(x);

    (void)trailers;
    (void)count;
    (void)now;
    must(f->open && !f->ended);
    must(!f->counted || f->left == 0 || (f->answered && f->mood % 8 == 3));
    f->ended = true;
    return 0;
}

static void consumed(struct adit_exchange *x, size_t n, adit_time now)
{
    (void)n;
    (void)now;
    must(far_of(x)->open);
}

static void drop(struct adit_exchange *x, const char *text, adit_time now)
{
    struct far_side *f = far_of(x);

    (void)text;
    (void)now;
    must(f->open);
    f->open = false;
    adit_task_cancel(&f->answer);
}

static const struct adit_carrier_class far_class = {
    .begin = begin, .room = room, .body = body, .end = end, .consumed = consumed, .drop = drop
};

static void on_answer(struct adit_task *task, adit_time now)
{
    struct far_side *f = adit_container_of(task, struct far_side, answer);
    struct adit_http1_head head = { .method = "", .target = "", .reason = "", .status = 200 };

    if (!f->open)
        return;
    f->answered = true;
    switch (f->mood % 8) {
    case 0:
        head.body = true;
        head.length = 3;
        break;
    case 1:
        head.body = head.chunked = true;
        break;
    case 2:
        head.status = 103;
        break;
    case 3:
        head.status = 101;
        break;
    case 4:
        f->x.ops->failed(f->x.arg, 504, "it failed", now);
        return;
    default:
        return; /* never */
    }
    f->x.ops->head(f->x.arg, &head, now);
    if (f->open && f->mood % 8 != 2)
        f->x.ops->body(f->x.arg, (const uint8_t *)"abc", 3, now);
    if (f->open && f->mood % 8 < 2)
        f->x.ops->end(f->x.arg, NULL, 0, now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const prefix = "/";
    char address[64];
    const char *at = own_address(address, "proxy");
    struct far_side f = { .carrier = { .class = &far_class } };
    const struct adit_addr nobody = { 0 };
    struct adit_http_proxy *p;
    struct adit_cause cause;
    int fd[2];

    if (size == 0)
        return 0;
    f.mood = data[0];
    f.loop = adit_loop_new();
    f.x.carrier = &f.carrier;
    adit_task_init(&f.answer, on_answer);
    p = adit_http_proxy_new(&(struct adit_http_proxy_conf){ .loop = f.loop,
                                                            .listen = &at,
                                                            .listen_count = 1,
                                                            .head_max = 1024,
                                                            .allow = &prefix,
                                                            .allow_count = data[0] >> 5 & 1 },
                            &cause);
    must(p && socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) == 0);
    adit_http_proxy_attach(p, &f.carrier);
    adit_http_conn_accept(p, fd[1], &nobody, adit_loop_now(f.loop));
    say(fd[0], f.loop, data + 1, size - 1, data[0] & 64 ? 7 : SIZE_MAX);
    if (data[0] & 128)
        adit_http_proxy_detach(p, adit_loop_now(f.loop));
    shutdown(fd[0], SHUT_WR);
    turn(f.loop, 3);
    close(fd[0]);
    turn(f.loop, 3);
    adit_http_proxy_free(p);
    turn(f.loop, 1);
    must(!f.open);
    adit_loop_free(f.loop);
    return 0;
}
